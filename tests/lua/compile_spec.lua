-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"

local exact = {rewrites = false}

-- A little of everything: broadcasting, views, reductions, a product.
local function mixed(x, w, b)
  local y = x:matmul(w) + b
  local z = y:relu() * 0.5 - y:exp():log()
  return z, z:transpose():reshape{shape = {-1}}, (z * z):mean{axes = 1}
end

describe("compile", function()
  it("equals eager bit for bit", function()
    fmp.seed(1)
    local w, b = fmp.randn{5, 7}, fmp.randn{7}
    local compiled = fmp.compile(mixed, exact)
    for _, n in ipairs {1, 2, 17, 64} do
      local x = fmp.randn{n, 5}
      local eager, got = {mixed(x, w, b)}, {compiled(x, w, b)}
      assert.equal(#eager, #got)
      for i = 1, #eager do
        assert.same(eager[i].shape, got[i].shape)
        assert.equal(eager[i]:bytes(), got[i]:bytes())
      end
    end
    assert.equal(4, compiled.plans)
  end)

  it("equals a recorded training step bit for bit", function()
    local function run(wrap)
      fmp.seed(5)
      local w = fmp.parameter(fmp.randn{6, 3})
      local optimizer = fmp.optim.SGD{lr = 0.1, momentum = 0.9, nesterov = true}
      local function step(x, y)
        local loss = x:matmul(w):cross_entropy(y)
        optimizer:step(loss)
        return loss
      end
      local trained, bytes = wrap(step), {}
      local labels = fmp.tensor({0, 1, 2, 1}, {dtype = "i32"})
      for i = 1, 5 do
        local x = fmp.from_flat({i, 2, 3, 4, 5, 6, 1, 2, 3, 4, i, 6, 6, 5, i, 3, 2, 1, 1, 1, 1, i,
                                 1, 1}, {4, 6})
        bytes[i] = trained(x, labels):bytes() .. w:bytes()
      end
      return bytes
    end
    local eager = run(function(step) return function(...) return fmp.record(step, ...) end end)
    local compiled = run(function(step) return fmp.compile(step, exact) end)
    assert.same(eager, compiled)
    assert.are_not.equal(eager[1], eager[5])
  end)

  it("equals recorded steps of a network bit for bit, its draws too", function()
    local function run(wrap)
      local nn = fmp.nn
      local net = nn.Sequential "net"
      net:add(nn.Conv2d{6, kernel = 3, padding = "same"}, nn.LeakyReLU(0.1),
              nn.FractionalMaxPool{6, per = "sample"}, nn.Conv2d{5, kernel = 2}, nn.Tanh(),
              nn.AvgPool{2}, nn.Dropout(0.3), nn.Flatten(), nn.Linear(4))
      fmp.seed(9)
      local x, criterion, optimizer = fmp.randn{7, 9, 9, 3}, nn.CrossEntropy(), fmp.optim.Adam()
      local labels, bytes = fmp.tensor({0, 1, 2, 3, 2, 1, 0}, {dtype = "i32"}), {}
      net:build(x)
      fmp.seed(10)
      local step = wrap(function(images, y)
        local loss = criterion(net(images), y)
        optimizer:step(loss)
        return loss
      end)
      for i = 1, 4 do
        bytes[i] = step(x, labels):bytes()
        for _, w in ipairs(net:parameters()) do bytes[i] = bytes[i] .. w:bytes() end
      end
      return bytes
    end
    local recorded = run(function(f) return function(...) return fmp.record(f, ...) end end)
    local compiled = run(function(f) return fmp.compile(f, exact) end)
    for i = 1, 4 do assert.is_true(recorded[i] == compiled[i], "step " .. i) end
    assert.is_false(recorded[1] == recorded[4])
    -- and run after run
    assert.same(compiled, run(function(f) return fmp.compile(f, exact) end))
  end)

  it("makes one plan for each batch size, none for another number", function()
    local w = fmp.parameter(fmp.randn{4, 2})
    local optimizer = fmp.optim.SGD{}
    local step = fmp.compile(function(x, lr)
      local loss = x:matmul(w):square():mean()
      optimizer:step(loss, lr)
      return loss
    end)
    for round = 1, 3 do
      for _, n in ipairs {2, 3, 8} do step(fmp.ones{n, 4}, 0.1 / round) end
    end
    assert.equal(3, step.plans)
    assert.equal(3, step.cached)
  end)

  it("sees a new learning rate without a new plan", function()
    local w = fmp.parameter(fmp.tensor({0}))
    local optimizer = fmp.optim.SGD{lr = 1}
    local step = fmp.compile(function() optimizer:step(w:sum()) end)
    step()
    assert.equal(-1, w:item())
    optimizer:set_lr(0.25)
    step()
    assert.equal(-1.25, w:item())
    assert.equal(1, step.plans)
    local fixed = fmp.compile(function() optimizer:step(w:sum(), 0.5) end)
    fails("a number as lr would never change", fixed)
    assert.equal("run", fmp.mode())
  end)

  it("counts Adam's steps in plans as in recordings", function()
    local function run(wrap)
      local w = fmp.parameter(fmp.tensor({1, -1}))
      local optimizer = fmp.optim.Adam{lr = 0.1}
      local step = wrap(function(x) optimizer:step((w * w * x):sum()) end)
      for i = 1, 5 do step(fmp.tensor({i, 2 * i})) end
      return w:bytes()
    end
    local recorded = run(function(f) return function(...) return fmp.record(f, ...) end end)
    assert.equal(recorded, run(function(f) return fmp.compile(f, exact) end))
  end)

  it("draws what a recording draws, for the same seed and step", function()
    local function f(x)
      local y = fmp.scope("noise", function() return x + fmp.randn(x.shape) end)
      return y, fmp.rand{3}
    end
    local compiled, x = fmp.compile(f, exact), fmp.zeros{4, 5}
    local seen = {}
    for _, way in ipairs {function() return fmp.record(f, x) end,
                          function() return compiled(x) end} do
      fmp.seed(11)
      local list = {}
      for i = 1, 3 do
        local y, u = way()
        list[i] = y:bytes() .. u:bytes()
      end
      seen[#seen + 1] = list
    end
    assert.same(seen[1], seen[2])
    assert.are_not.equal(seen[1][1], seen[1][2])
  end)

  it("refuses to read a value while tracing", function()
    local function reads(x) return x * x:sum():item() end
    local message = fails("trac", fmp.compile(reads), fmp.ones{2})
    assert.truthy(message:find("compile_spec.lua:", 1, true), message)
    assert.equal("run", fmp.mode())
    assert.truthy(message)
  end)

  it("shows tensors without values while tracing", function()
    local text
    fmp.compile(function(x) text = tostring(x) return x + 1 end)(fmp.ones{2})
    assert.truthy(text:find("f32 [2]", 1, true) and text:find("no value while tracing", 1, true))
  end)

  it("takes tensors and numbers, and returns tensors", function()
    local identity = fmp.compile(function(x) return x * 1 end)
    fails("argument 1 is a string", identity, "x")
    fails("argument 2 is nothing", identity, fmp.ones{1}, nil)
    fails("result 1 is nothing", fmp.compile(function() return nil end))
    fails("result 2 is a string", fmp.compile(function(x) return x, "x" end), fmp.ones{1})
    fails("result 1 is a number", fmp.compile(function() return 1 end))
    assert.equal(0, select("#", fmp.compile(function() end)()))
    assert.equal(2.5, identity(2.5):item())
    fails("expected a function, got nil", fmp.compile)
    fails("no option 'rewrite'", fmp.compile, function() end, {rewrite = false})
    assert.equal("run", fmp.mode())
  end)

  it("passes errors of the function on, and can be called again", function()
    local broken = true
    local f = fmp.compile(function(x)
      if broken then error("not yet") end
      return x + 1
    end)
    local message = fails("not yet", f, fmp.ones{1})
    assert.truthy(message:find("compile_spec.lua:%d+: not yet$"), message)
    broken = false
    assert.equal(2, f(fmp.ones{1}):item())
    assert.equal(1, f.plans)
  end)

  it("holds a bounded number of plans, and drops the one used least recently", function()
    local traces = 0
    local f = fmp.compile(function(x) traces = traces + 1 return x + 1 end, {bound = 3})
    local function call(n) return f(fmp.ones{n}) end
    for n = 1, 3 do call(n) end
    call(1)
    call(4) -- drops 2
    assert.equal(3, f.cached)
    call(1)
    call(3)
    assert.equal(4, traces)
    call(2)
    assert.equal(5, traces)
    f:clear()
    assert.equal(0, f.cached)
    assert.same({2, 2}, call(2):flat())
  end)

  it("makes another plan when a value changes that the trace depended on", function()
    local mode, other = {factor = 2}, {shift = 1}
    local f = fmp.compile(function(x)
      if fmp.depends_on(mode, "factor") == 3 then x = x + fmp.depends_on(other, "shift") end
      return x * mode.factor
    end)
    local x = fmp.ones{1}
    assert.equal(2, f(x):item())
    mode.factor = 3
    assert.equal(6, f(x):item())
    other.shift = 2
    assert.equal(9, f(x):item())
    other.shift = 1
    assert.equal(6, f(x):item())
    assert.equal(3, f.plans)
  end)

  it("makes another plan for another type, and for a forced kernel", function()
    local f = fmp.compile(function(x) return x + x end)
    f(fmp.ones{2})
    f(fmp.ones{2, dtype = "f64"})
    fmp.kernel("ref")
    f(fmp.ones{2})
    fmp.kernel(nil)
    f(fmp.ones{2})
    assert.equal(3, f.plans)
  end)

  it("is simply called inside of a recording or another compiled function", function()
    local inner = fmp.compile(function(x, k) return x * k end)
    local outer = fmp.compile(function(x) return inner(x, 3) + 1 end)
    assert.same({4, 4}, outer(fmp.ones{2}):flat())
    local x = fmp.ones{2}
    assert.same({3, 3}, (fmp.grad(function(a) return inner(a, 3):sum() end, x)):flat())
    assert.equal(0, inner.plans)
  end)

  it("holds tensors from outside by reference", function()
    local scale = fmp.tensor(2)
    local f = fmp.compile(function(x) return x * scale end)
    assert.equal(2, f(fmp.ones{1}):item())
    scale:assign(5)
    assert.equal(5, f(fmp.ones{1}):item())
    assert.equal(1, f.plans)
  end)

  it("returns inputs and repeated results as tensors of their own", function()
    local f = fmp.compile(function(x) local y = x + 1 return x, y, y end)
    local x = fmp.ones{2}
    local a, b, c = f(x)
    assert.same({{1, 1}, {2, 2}, {2, 2}}, {a:flat(), b:flat(), c:flat()})
    b:assign(9)
    assert.same({1, 1}, x:flat())
  end)

  it("gives gradients, with rewrites as without, to rounding", function()
    fmp.seed(2)
    local x, w = fmp.randn{3, 4}, fmp.randn{4, 2}
    local function both(a, b)
      local loss = a:matmul(b):tanh():sum()
      local d = fmp.gradients(loss, {a, b})
      return d[1], d[2]
    end
    local expected = fmp.grad(function(a, b) return a:matmul(b):tanh():sum() end, {x, w})
    for _, rewrites in ipairs {true, false} do
      local got = {fmp.compile(both, {rewrites = rewrites})(x, w)}
      for i = 1, 2 do
        local e, g = expected[i]:flat(), got[i]:flat()
        for k = 1, #e do assert.is_true(math.abs(e[k] - g[k]) <= 1e-5) end
      end
    end
  end)

  it("explains its plans", function()
    local f = fmp.compile(function(x) return x:exp() end)
    f(fmp.ones{2, 3})
    assert.truthy(f:text():find("exp", 1, true))
    assert.truthy(tostring(f):find("1 plans made, 1 held", 1, true))
  end)
end)
