-- SPDX-License-Identifier: Apache-2.0
-- fmp.compile(f, {precision = "bf16"}): what is cast, what is not, and how accurate it is.
local fmp = require "fmp"
local batches = require "tests.lua.batches"
local fails = require "tests.lua.fails"
local shell = require "tests.lua.shell"
local nn, ops, optim = fmp.nn, fmp.ops, fmp.optim

local bf16 = {precision = "bf16"}

local function count(text, pattern)
  local _, n = text:gsub(pattern, "")
  return n
end

-- A convolution network of each kind of layer, from one seed.
local function network()
  fmp.seed(3)
  local net = nn.Sequential("low", nn.Conv2d{8, kernel = 2}, nn.LeakyReLU(0.3), nn.MaxPool{2},
                            nn.Conv2d{12, kernel = 2}, nn.ReLU(), nn.AvgPool{2},
                            nn.Conv2d{16, kernel = 2}, nn.Tanh(), nn.Flatten(), nn.Linear(4))
  return net:build(fmp.zeros{1, 12, 12, 2})
end

-- One with the poolings of the paper's.
local function fmp_network()
  fmp.seed(3)
  local function pool(out)
    return nn.FractionalMaxPool{out, mode = "random", window = "fixed", overlapping = true,
                                per = "sample"}
  end
  local net = nn.Sequential("low_fmp", nn.Conv2d{8, kernel = 2}, nn.LeakyReLU(0.333), pool(7),
                            nn.Conv2d{12, kernel = 2}, nn.LeakyReLU(0.333), pool(4),
                            nn.Conv2d{16, kernel = 2}, nn.LeakyReLU(0.333), pool(2),
                            nn.Flatten(), nn.Linear(4))
  return net:build(fmp.zeros{1, 12, 12, 2})
end

-- Images whose class is the quadrant that is lighter.
local function batch(seed, n)
  fmp.seed(seed)
  local x, labels, rows = fmp.randn{n, 12, 12, 2}:flat(), {}, 12 * 2
  for i = 0, n - 1 do
    local class = (i * 7 + seed) % 4
    labels[i + 1] = class
    for r = 0, 5 do
      for c = 1, rows / 2 do
        local row, column = r + (class >= 2 and 6 or 0), c + (class % 2) * rows / 2
        local at = i * 12 * rows + row * rows + column
        x[at] = x[at] + 1
      end
    end
  end
  return fmp.from_flat(x, {n, 12, 12, 2}, "f32"), fmp.tensor(labels, {dtype = "i32"})
end

-- Losses of training, and the network.
local function train(steps, options, make, lr)
  local net, criterion = (make or network)(), nn.CrossEntropy()
  local sgd, losses = optim.SGD{lr = lr or 0.05, momentum = 0.9}, {}
  local step = fmp.compile(function(x, y)
    local loss = criterion(net(x), y)
    sgd:step(loss)
    return loss
  end, options)
  for i = 1, steps do losses[i] = step(batch(i % 5 + 1, 16)):item() end
  return losses, net, step
end

describe("precision bf16", function()
  it("trains along with f32, with rewrites and without", function()
    local f32 = train(40)
    for _, rewrites in ipairs{true, false} do
      local low, net = train(40, {precision = "bf16", rewrites = rewrites})
      local differ = false
      for i = 1, 40 do -- bf16 has 8 bits; a loss is a mean of many roundings
        assert.near(f32[i], low[i], 0.02 + 0.05 * f32[i], "step " .. i)
        differ = differ or f32[i] ~= low[i]
      end
      assert.is_true(differ)
      assert.is_true(low[40] < 0.5 * low[1])
      for _, w in ipairs(net:parameters()) do assert.equal("f32", w.dtype) end
    end
  end)

  it("trains along with f32 through fractional max pooling", function()
    local steps, lr = 60, 0.001 -- so small that roundings do not lead far away
    local f32, low = train(steps, nil, fmp_network, lr), train(steps, bf16, fmp_network, lr)
    for i = 1, steps do assert.near(f32[i], low[i], 0.02 + 0.03 * f32[i], "step " .. i) end
    assert.is_true(low[steps] < 0.5 * low[1])
  end)

  -- How often each op but casts is in a compiled function.
  local function ops_of(text)
    local counts = {}
    for op in text:gmatch("([%w_]+) %[" .. fmp.device() .. "/") do
      if op ~= "cast" then counts[op] = (counts[op] or 0) + 1 end
    end
    return counts
  end

  it("casts no image on its way through the paper's networks, and rewrites as f32", function()
    for _, mode in ipairs{"random", "pseudorandom"} do
      local function text(options)
        local net, sizes = fmp.networks.fmp{name = "paper", width = 4, layers = 3,
                                            ratio = 2 ^ (1 / 2), classes = 4, mode = mode}
        local x, y = fmp.randn{2, sizes.input, sizes.input, 1}, fmp.tensor({1, 3}, {dtype = "i32"})
        local criterion, sgd = nn.CrossEntropy(), optim.SGD{lr = 0.05}
        net:build(x):train()
        local step = fmp.compile(function(images, labels)
          local loss = criterion(net(images), labels)
          sgd:step(loss)
          return loss
        end, options)
        step(x, y)
        return step:text()
      end
      local low = text(bf16)
      -- Filters are captured and the first images are input; all other images are in the arena.
      assert.equal(0, count(low, ": cast %[[^%]]*%] %(%w+ %[%d+,%d+,%d+,%d+%] arena"), low)
      assert.equal(3, count(low, ": fractional_max_pool %[[^%]]*%] %(bf16 [^\n]*%-> %(bf16 "))
      assert.equal(3, count(low, ": fractional_max_pool_back %[[^%]]*%] %(bf16 [^\n]*%-> %(bf16 "))
      assert.same(ops_of(text()), ops_of(low))
      -- One activation is left behind each of the last two convolutions, which nothing pools.
      assert.equal(2, ops_of(low).leaky_relu_back)
    end
  end)

  it("casts each parameter once in a step, and none without", function()
    local _, net, step = train(1, bf16)
    local of_parameters = "cast %[[^%]]*%] %(f32 [^%s]+ captured%) %-> %(bf16 "
    -- All but the bias of nn.Linear, which is added to a product.
    assert.equal(#net:parameters() - 1, count(step:text(), of_parameters))
    local _, _, plain = train(1)
    assert.equal(0, count(plain:text(), "bf16"))
  end)

  it("gives filters their gradients in f32, unrounded", function()
    local x, w = fmp.randn{8, 9, 9, 4}, fmp.parameter(fmp.randn{6, 2, 2, 4})
    local b = fmp.parameter(fmp.randn{6})
    local weights = fmp.randn{8, 8, 8, 6}
    local function f(input)
      return unpack(fmp.gradients((ops.conv2d(input, w, b) * weights):sum(), {w, b}))
    end
    local low = fmp.compile(f, bf16)
    local dw, db = low(x)
    assert.equal("f32", dw.dtype)
    assert.equal("f32", db.dtype)
    assert.equal(1, count(low:text(), "conv2d_back_weights[^\n]*%-> %(f32 "))
    -- Some gradient needs more than bf16's 8 bits.
    local function is_rounded(t)
      local rounded = t:cast{dtype = "bf16"}:cast{dtype = "f32"}
      return ops.equal(t, rounded):cast{dtype = "f32"}:sum():item() == t.size
    end
    assert.is_false(is_rounded(dw))
    assert.is_false(is_rounded(db))
    local exact_w, exact_b = fmp.compile(f)(x)
    for _, pair in ipairs{{exact_w, dw}, {exact_b, db}} do
      local largest = pair[1]:abs():max():item()
      assert.near(0, (pair[1] - pair[2]):abs():max():item(), 0.01 * largest)
    end
  end)

  it("adds up in f32 the gradients of a parameter that is used twice", function()
    local x, w = fmp.randn{16, 16}, fmp.parameter(fmp.randn{16, 16})
    local dw = fmp.compile(function(a)
      return fmp.gradients(a:matmul(w):matmul(w):sum(), {w})[1]
    end, bf16)(x)
    local exact = fmp.compile(function(a)
      return fmp.gradients(a:matmul(w):matmul(w):sum(), {w})[1]
    end)(x)
    assert.equal("f32", dw.dtype)
    local largest = exact:abs():max():item()
    assert.near(0, (exact - dw):abs():max():item(), 0.03 * largest)
  end)

  it("returns f32, but for what the function itself cast", function()
    local x, w = fmp.randn{2, 6, 6, 3}, fmp.randn{4, 2, 2, 3}
    local low_x = x:cast{dtype = "bf16"}
    local seen
    local function f(a, given)
      local y = ops.conv2d(a, w):relu()
      seen = y.dtype
      return y, y:reshape{shape = {2, -1}}, y:sum(), y:cast{dtype = "bf16"},
             given:relu(), given, a:cast{dtype = "bf16"}:relu()
    end
    local results = {fmp.compile(f, bf16)(x, low_x)}
    local types = {}
    for i, y in ipairs(results) do types[i] = y.dtype end
    assert.equal("bf16", seen)
    assert.same({"f32", "f32", "f32", "bf16", "bf16", "bf16", "bf16"}, types)
    assert.same(results[1]:flat(), results[2]:flat())
    assert.same(results[1]:flat(), results[4]:flat())
  end)

  it("gives gradients the type of what they belong to", function()
    local x, low_w = fmp.randn{4, 4}, fmp.randn{4, 4}:cast{dtype = "bf16"}
    local dx, dy, dw = fmp.compile(function(a, w)
      local y = a:matmul(w) -- bf16
      local loss = (y * y):sum()
      return unpack(fmp.gradients(loss, {a, y, w}))
    end, bf16)(x, low_w)
    assert.same({"f32", "f32", "bf16"}, {dx.dtype, dy.dtype, dw.dtype})
  end)

  it("follows its inputs, and goes to f32 where they differ or bf16 is not computed", function()
    local x, w = fmp.randn{5, 6}, fmp.randn{6, 7}
    local types = {}
    local function f(a)
      local y = a:matmul(w)
      types.neg, types.add, types.scaled = y:neg().dtype, (y + y).dtype, (y * 2).dtype
      types.mixed, types.softmax = (y + a:sum()).dtype, y:softmax().dtype
      types.max, types.argmax = y:max().dtype, y:argmax().dtype
      types.where = ops.where(ops.greater(y, 0), y, y:neg()).dtype
      return y:max()
    end
    local compiled = fmp.compile(f, bf16)
    compiled(x)
    assert.same({neg = "bf16", add = "bf16", scaled = "bf16", mixed = "f32", softmax = "f32",
                 max = "bf16", argmax = "i64", where = "bf16"}, types)
    fmp.compile(f)(x)
    assert.equal("f32", types.neg)
  end)

  it("leaves f64 as it is", function()
    local x, w = fmp.randn{5, 6, dtype = "f64"}, fmp.randn{6, 7, dtype = "f64"}
    local function f(a) return a:matmul(w):relu() end
    assert.same(fmp.compile(f)(x):bytes(), fmp.compile(f, bf16)(x):bytes())
    fails("expected b of a's type", fmp.compile(function(a)
      return a:matmul(fmp.randn{6, 7})
    end, bf16), x)
  end)

  it("pools before activations, as in f32", function()
    local x, w = fmp.randn{2, 9, 9, 3}, fmp.randn{4, 2, 2, 3}
    local function f(a)
      return ops.max_pool(ops.conv2d(a, w):leaky_relu{slope = 0.3}, {window = 2})
    end
    local with = fmp.compile(f, bf16)
    local without = fmp.compile(f, {precision = "bf16", rewrites = false})
    assert.same(without(x):flat(), with(x):flat())
    assert.truthy(with:text():find("max_pool.*leaky_relu"))
    assert.truthy(without:text():find("leaky_relu.*max_pool"))
  end)

  it("makes layers of f32 at their first use, and drops what f32 would drop", function()
    local net = nn.Sequential("late", nn.Conv2d{6, kernel = 2}, nn.ReLU(), nn.Dropout(0.5),
                              nn.Conv2d{3, kernel = 2}, nn.Flatten(), nn.Linear(2))
    local x = fmp.randn{2, 5, 5, 1}
    fmp.compile(function(a) return net(a) end, bf16)(x)
    for _, w in ipairs(net:parameters()) do assert.equal("f32", w.dtype) end
    local drop = nn.Dropout(0.5)
    local function dropped(options)
      fmp.seed(11)
      return fmp.compile(function(a) return drop(ops.matmul(a, fmp.ones{8, 8})) end,
                         options)(fmp.ones{50, 8})
    end
    assert.same(dropped(nil):flat(), dropped(bf16):flat())
  end)

  it("evaluates and fits", function()
    local list = {}
    for i = 1, 6 do list[i] = {batch(i, 16)} end
    local data = batches(list)
    local net = network()
    local history = fmp.fit{net = net, loss = nn.CrossEntropy(), train = data, test = data,
                            optim = optim.SGD{lr = 0.05, momentum = 0.9}, epochs = 6,
                            progress = "none", log = function() end, precision = "bf16"}
    assert.is_true(history[6].loss < 0.5 * history[1].loss)
    local low = fmp.evaluate{net = net, data = data, precision = "bf16"}
    assert.near(history[6].test_loss, low.loss, 1e-6)
    assert.near(fmp.evaluate{net = net, data = data}.loss, low.loss, 0.02)
  end)

  it("is refused where it cannot be", function()
    fails('compile: expected precision "f32" or "bf16", got f16', fmp.compile, print,
          {precision = "f16"})
    fails('evaluate: expected precision "f32" or "bf16", got 16', fmp.evaluate,
          {net = network(), data = {epoch = print}, precision = 16})
    fails('evaluate: expected compile = true with precision "bf16"', fmp.evaluate,
          {net = network(), data = {epoch = print}, precision = "bf16", compile = false})
    fails("expected x of f32 or f64, got bf16 [1,5,5,1]", nn.Conv2d{2, kernel = 2},
          fmp.zeros{1, 5, 5, 1}:cast{dtype = "bf16"})
  end)

  describe("where no kernel gains from it", function()
    local script = [[
      local fmp = require "fmp"
      local x, w = fmp.zeros{1, 4, 4, 2}, fmp.zeros{2, 2, 2, 2}
      for _ = 1, 2 do
        local f = fmp.compile(function(a)
          return fmp.ops.conv2d(a, w):conv2d(w)
        end, {precision = arg[1]})
        print(f(x).dtype)
      end]]
    local directory, remove

    setup(function()
      directory, remove = shell.scratch()
      local file = assert(io.open(directory .. "/script.lua", "w"))
      file:write(script)
      file:close()
    end)
    teardown(function() remove() end)

    it("warns once and runs", function()
      local output, status = shell.fmprun(directory, "FMP_SIMD=avx2", "script.lua", "bf16")
      assert.equal(0, status, output)
      local warning = "warning: conv2d has no fast kernel for bf16 on " .. fmp.device()
      assert.equal(1, count(output, warning))
      assert.equal(2, count(output, "f32\n"))
    end)

    it("says nothing where cores compute in bf16", function()
      local _, status = shell.shell "grep -qw avx512_bf16 /proc/cpuinfo"
      if status ~= 0 then return pending "the cores have no AVX512_BF16" end
      assert.equal("f32\nf32\n", (shell.fmprun(directory, "FMP_SIMD=avx512", "script.lua", "bf16")))
    end)

    it("says nothing in f32, nor where the kernel was chosen by name", function()
      assert.equal("f32\nf32\n", (shell.fmprun(directory, "FMP_SIMD=avx2", "script.lua", "f32")))
      assert.equal("f32\nf32\n",
                   (shell.fmprun(directory, "FMP_KERNEL=ref", "script.lua", "bf16")))
    end)
  end)
end)
