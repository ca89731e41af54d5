-- SPDX-License-Identifier: Apache-2.0
-- A call that failed has changed nothing: what worked before works afterwards.
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local shell = require "tests.lua.shell"
local nn, optim = fmp.nn, fmp.optim

local function image(c, dtype) return fmp.zeros{1, 6, 6, c, dtype = dtype} end

-- Layers that make parameters: what is refused, and what is then taken.
local layers = {
  {"Conv2d, groups", function() return nn.Conv2d{8, kernel = 3, groups = 2} end, image(3),
   image(4)},
  {"Conv2d, too small an image", function() return nn.Conv2d{2, kernel = 3} end,
   fmp.zeros{1, 2, 2, 5}, image(3)},
  {"Conv2d, no channels", function() return nn.Conv2d{2, kernel = 3} end, image(0), image(2)},
  {"Conv2d, init that fails at first", function()
    local calls = 0
    return nn.Conv2d{2, kernel = 3, init = function(shape, dtype, fans)
      calls = calls + 1
      if calls == 1 then error("not yet") end
      return nn.init.he()(shape, dtype, fans)
    end}
  end, image(3), image(4)},
  {"Linear, behind one that fails", function()
    return nn.Sequential("net", nn.Flatten(), nn.Linear(4), nn.Op("reshape", {shape = {2, 2}}))
  end, fmp.zeros{3, 5}, fmp.zeros{1, 7}},
  {"Sequential, whose last layer refuses", function()
    return nn.Sequential("net", nn.Conv2d{4, kernel = 1}, nn.Conv2d{2, kernel = 1, groups = 1},
                         nn.MaxPool{5}, nn.Flatten(), nn.Linear(2))
  end, fmp.zeros{1, 3, 3, 3}, image(4)},
  {"Sequential in Sequential", function()
    return nn.Sequential("outer", nn.Sequential("inner", nn.Conv2d{4, kernel = 1}), nn.Linear(2))
  end, image(3), nil},
}

-- How a layer may be called.
local ways = {
  {"eager", function(net, x) return net(x) end},
  {"recorded", function(net, x) return fmp.record(net, x) end},
  {"compiled", function(net, x) return fmp.compile(function(y) return net(y) end)(x) end},
  {"built", function(net, x) return net:build(x) end},
}

describe("a call that failed leaves as it was:", function()
  for _, row in ipairs(layers) do
    for _, way in ipairs(ways) do
      it(("a layer (%s, %s)"):format(row[1], way[1]), function()
        local net = row[2]()
        fails("", way[2], net, row[3])
        assert.same({}, net:parameters())
        assert.is_nil(net.built)
        assert.is_true(net.training)
        if row[4] then
          way[2](net, row[4])
          assert.is_true(#net:parameters() > 0)
        end
      end)
    end
  end

  it("a layer that has its parameters already", function()
    local net = nn.Sequential("net", nn.Conv2d{4, kernel = 1}, nn.MaxPool{3}, nn.Flatten(),
                              nn.Linear(2))
    local y = net(image(3)):bytes()
    local before = net:parameters()
    fails("", net, fmp.zeros{1, 2, 2, 3})
    fails("", net, image(4))
    assert.same(before, net:parameters())
    assert.equal(y, net(image(3)):bytes())
  end)

  it("a network that is added to", function()
    local net = nn.Sequential("net")
    local layer = nn.ReLU()
    fails("expected a layer as argument 3", net.add, net, layer, nn.ReLU(), "x")
    assert.equal(0, #net.children)
    assert.is_nil(layer.name)
  end)

  it("an optimizer whose step fails", function()
    for _, make in ipairs {optim.Adam, optim.SGD} do
      local function trained(disturb)
        local w = fmp.parameter(fmp.tensor{1, 2})
        local optimizer = make{lr = 0.1}
        local function step(lr)
          fmp.record(function() optimizer:step((w * w):sum(), lr) end)
        end
        step()
        if disturb then
          fails("expected lr as a number", step, "x")
          fails("", step, fmp.tensor{1, 2, 3})
          fails("", step, fmp.tensor(1, {dtype = "i32"}))
          fails("expected lr", optimizer.set_lr, optimizer, "x")
        end
        step()
        return w:bytes()
      end
      assert.equal(trained(false), trained(true))
    end
  end)

  it("a compiled function", function()
    local w = fmp.parameter(fmp.tensor{1, 2})
    local optimizer = optim.Adam{lr = 0.1}
    local broken = true
    local step = fmp.compile(function(x)
      local loss = (w * x):sum()
      optimizer:step(loss)
      if broken then error "broken" end
      return loss
    end)
    for _ = 1, 3 do fails("broken", step, fmp.ones{2}) end
    assert.same({1, 2}, w:flat())
    assert.equal(0, step.cached)
    assert.equal("run", fmp.mode())
    broken = false
    step(fmp.ones{2})
    -- Adam's first step is lr long, whatever the gradient.
    assert.is_true(math.abs(w:flat()[1] - 0.9) < 1e-5)
  end)

  it("settings of the whole", function()
    local seed, threads, device = fmp.random_state(), fmp.threads(), fmp.device()
    fails("", fmp.random_state, {seed = 5, step = -1})
    fails("", fmp.random_state, {seed = 5})
    fails("", fmp.seed, -1)
    fails("", fmp.threads, 0)
    fails("", fmp.device, "no_such")
    fails("", fmp.autotune, 5)
    fails("", fmp.kernel, {})
    assert.same(seed, fmp.random_state())
    assert.equal(threads, fmp.threads())
    assert.equal(device, fmp.device())
  end)

  it("a tensor that is assigned to", function()
    local t = fmp.tensor({1, 2, 3}, {dtype = "i32"})
    fails("", t.assign, t, {1, 2})
    fails("", t.assign, t, {4, 5, 6.5})
    fails("", t.assign, t, {4, 5, "x"})
    fails("", t.assign, t, fmp.tensor{4, 5, 6})
    assert.same({1, 2, 3}, t:flat())
  end)

  it("data sets and their batches", function()
    local directory, remove = shell.scratch()
    shell.write(directory .. "/r.bin", ("\1\2"):rep(10))
    local set = fmp.data.records{files = directory .. "/r.bin", label_bytes = 1, height = 1,
                                 width = 1, channels = 1, classes = 10}
    fails("", set.take, set, 0)
    fails("", set.batch, set, {0})
    assert.equal(10, set:size())
    local batches = set:batch{3, epochs = 2}
    batches:next()
    local state = batches:state()
    fails("", batches.restore, batches, "nonsense")
    fails("", batches.restore, batches, 5)
    fails("", batches.seek, batches, -1)
    assert.same({0, 1}, {batches:position()})
    assert.equal(state, batches:state())
    batches:close()
    remove()
  end)

  it("a directory that drawn images do not fit in", function()
    local directory, remove = shell.scratch()
    local output, status = shell.shell(("cd %s && ulimit -f 8 && %s/../../bin/fmprun -e %s"):format(
      directory, require("fmp.ffi").share,
      shell.quote('fmp.data.drawn.write("d", "cifar", 20, 20, 1)')))
    assert.equal(1, status)
    assert(output:find("File too large", 1, true), output)
    assert.equal("", (shell.shell("ls " .. directory .. "/d")))
    remove()
  end)
end)
