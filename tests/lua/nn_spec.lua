-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local raw = require "fmp.ffi"
local nn, ops = fmp.nn, fmp.ops

local function flat(t) return t:flat() end

describe("nn.Sequential", function()
  local net

  before_each(function()
    fmp.seed(1)
    net = nn.Sequential "small"
    net:add(nn.Conv2d{4, kernel = 3}, nn.LeakyReLU(0.333), nn.MaxPool{2}, nn.Flatten(),
            nn.Linear(5))
  end)

  it("infers the sizes of inputs at the first use", function()
    assert.same({}, net:parameters())
    local y = net(fmp.randn{2, 8, 8, 3})
    assert.same({2, 5}, y.shape)
    local shapes = {}
    for i, each in ipairs(net:named_parameters()) do
      shapes[i] = each.name .. " " .. table.concat(each.tensor.shape, ",")
      assert.is_true(each.tensor.is_parameter)
    end
    assert.same({"1/weight 4,3,3,3", "1/bias 4", "5/weight 5,36", "5/bias 5"}, shapes)
    assert.equal("small/1/weight", net:parameters()[1].name)
  end)

  it("takes batches of any size, compiled as well", function()
    local compiled = fmp.compile(function(x) return net(x) end, {rewrites = false})
    for _, n in ipairs {1, 3, 7} do
      local x = fmp.randn{n, 8, 8, 2}
      assert.equal(net(x):bytes(), compiled(x):bytes())
    end
  end)

  it("names the layer in messages", function()
    local deep = nn.Sequential "cifar_fmp"
    deep:add(nn.Flatten(), nn.ReLU(), nn.Conv2d{3, kernel = 2})
    fails("cifar_fmp/3: conv2d: expected x [n,h,w,c], got f32 [50,2700]", deep,
          fmp.zeros{50, 30, 30, 3})
    net(fmp.zeros{1, 8, 8, 3})
    fails("small/1: conv2d: expected w", net, fmp.zeros{1, 8, 8, 2})
    fails("small/5: matmul: ", net, fmp.zeros{1, 10, 8, 3})
  end)

  it("refuses what is no layer", function()
    fails("Sequential:add: expected a layer as argument 2, got number", net.add, net,
          nn.ReLU(), 3)
    fails("expected a name before the layers, got table", nn.Sequential, {})
  end)

  it("sums up its layers", function()
    assert.truthy(net:summary():find("1 Conv2d{4, kernel = 3}  ?", 1, true))
    net:build(fmp.randn{2, 8, 8, 3})
    local text = net:summary()
    assert.truthy(text:find("1 Conv2d{4, kernel = 3}  [n,6,6,4]         112", 1, true), text)
    assert.truthy(text:find("small%s+297\n?$"), text)
  end)

  it("train again after a build that failed", function()
    local fresh = nn.Sequential("net", nn.Conv2d{4, kernel = 3})
    fails("net/1: conv2d", fresh.build, fresh, fmp.zeros{2, 8})
    assert.is_true(fresh.training)
    assert.is_true(fresh.children[1].training)
    assert.is_nil(fresh.built)
  end)

  it("counts a layer that stands in two places once", function()
    local shared = nn.Linear(4)
    local twice = nn.Sequential("twice", shared, nn.ReLU(), shared):build(fmp.zeros{1, 4})
    assert.equal(2, #twice:parameters())
    assert.truthy(twice:summary():find("twice%s+20$"))
  end)

  it("is the same for the same seed, and another for another", function()
    local function values(seed)
      fmp.seed(seed)
      local fresh = nn.Sequential("same", nn.Linear(4), nn.Linear(4)):build(fmp.zeros{1, 4})
      local parameters = fresh:parameters()
      assert.are_not.same(flat(parameters[1]), flat(parameters[3]))
      return flat(parameters[1])
    end
    assert.same(values(3), values(3))
    assert.are_not.same(values(3), values(4))
  end)

  it("draws each unnamed layer's weights on their own", function()
    local x, a, b = fmp.ones{1, 4}, nn.Linear(4), nn.Linear(4)
    assert.are_not.equal(a(x):bytes(), b(x):bytes())
  end)
end)

describe("layers", function()
  it("convolve as the op does", function()
    local x = fmp.randn{2, 6, 5, 4}
    local layer = nn.Conv2d{6, kernel = {3, 2}, stride = 2, padding = 1, groups = 2}
    local y = layer(x)
    local weight, bias = unpack(layer:parameters())
    assert.same({6, 3, 2, 2}, weight.shape)
    local expected = ops.conv2d(x, weight, bias, {stride = 2, groups = 2, padding = "explicit",
                                                  pads = {1, 1, 1, 1}})
    assert.equal(expected:bytes(), y:bytes())
    assert.equal(1, #nn.Conv2d({6, kernel = 1, bias = false}):build(x):parameters())
  end)

  it("convolve by the transforms that they are allowed", function()
    local x = fmp.randn{8, 17, 17, 64}
    local function with(winograd)
      fmp.seed(3)
      return nn.Conv2d{96, kernel = 2, winograd = winograd}(x)
    end
    local direct, fast = with "off", with "fast"
    assert.near(0, (direct - fast):abs():max():item(), 1e-4)
    fails("winograd", with, "slow")
    if ops.conv2d.kernels:find("cpu/winograd", 1, true) then
      assert.are_not.equal(direct:bytes(), fast:bytes())
    end
  end)

  it("are linear maps", function()
    local layer = nn.Linear{3, init = function(shape)
      return fmp.from_flat({1, 2, 3, 4, 5, 6}, shape)
    end}
    assert.same({{5, 11, 17}}, layer(fmp.tensor{{1, 2}}):totable())
  end)

  it("apply activations and pools", function()
    local x = fmp.tensor{{-2, 1}}
    assert.same({{0, 1}}, nn.ReLU()(x):totable())
    assert.same({{-1, 1}}, nn.LeakyReLU(0.5)(x):totable())
    assert.near(math.tanh(1), nn.Tanh()(x):flat()[2], 1e-6)
    assert.near(1 / (1 + math.exp(-1)), nn.Sigmoid()(x):flat()[2], 1e-6)
    local image = fmp.from_flat({1, 2, 3, 4}, {1, 2, 2, 1})
    assert.equal(4, nn.MaxPool{2}(image):item())
    assert.equal(2.5, nn.AvgPool{2}(image):item())
    assert.same({1, 4}, nn.Flatten()(image).shape)
  end)

  it("can be any op", function()
    assert.same({{1, 2}}, nn.Op("transpose", {axes = {2, 1}})(fmp.tensor{{1}, {2}}):totable())
    fails("did you mean 'transpose'?", nn.Op, "transpos")
  end)

  it("can be one's own", function()
    local Scale = nn.define "Scale"
    function Scale:setup(start) self.start = start end
    function Scale:forward(x)
      return x * self:parameter("factor", {}, x, nn.init.constant(self.start))
    end
    local net = nn.Sequential("own", Scale(3), nn.ReLU())
    assert.same({6}, net(fmp.tensor{2}):totable())
    assert.equal("own/1/factor", net:parameters()[1].name)
    assert.equal("Scale(3)", tostring(net.children[1]))
  end)

  it("refuse options that they do not have or that cannot be", function()
    fails("Conv2d: no option 'kernl'", nn.Conv2d, {3, kernl = 2})
    fails("Conv2d: expected the number of filters as a whole number from 1, got none",
          nn.Conv2d, {kernel = 2})
    fails("Conv2d: expected kernel as a whole number from 1, got none", nn.Conv2d, {3})
    fails("Conv2d: expected kernel as a number or {height, width}, got a list of 3", nn.Conv2d,
          {3, kernel = {2, 2, 2}})
    fails("Conv2d: out is given twice", nn.Conv2d, {3, out = 3, kernel = 2})
    fails("Linear: expected the number of outputs as a whole number from 1, got 0.5",
          nn.Linear, 0.5)
    fails("Dropout: expected p in [0, 1), got 1", nn.Dropout, 1)
    fails("ReLU takes no argument", nn.ReLU, 0.1)
    fails("linear: expected x of f32 or f64, got u8 [1,2]", nn.Linear(2),
          fmp.zeros{1, 2, dtype = "u8"})
  end)

  it("have gradients", function()
    fmp.seed(2)
    local net = nn.Sequential("f64", nn.Conv2d{2, kernel = 2}, nn.Tanh(), nn.AvgPool{2},
                              nn.Flatten(), nn.Linear(3)):evaluate()
    local x = fmp.randn{2, 5, 5, 2, dtype = "f64"}
    local labels = fmp.tensor({2, 0}, {dtype = "i32"})
    local function loss() return nn.CrossEntropy()(net(x), labels) end
    net(x)
    for _, w in ipairs(net:parameters()) do
      local gradient, values, h = fmp.grad(loss, {w})[1]:flat(), w:flat(), 1e-5
      for i = 1, #values, 3 do
        local function at(delta)
          local moved = {unpack(values)}
          moved[i] = moved[i] + delta
          w:assign(fmp.from_flat(moved, w.shape, "f64"):totable())
          return loss():item()
        end
        assert.near((at(h) - at(-h)) / (2 * h), gradient[i], 1e-7)
        at(0)
      end
    end
  end)
end)

describe("nn.Dropout", function()
  it("drops a share p, and keeps the mean, while training", function()
    fmp.seed(3)
    local values = nn.Dropout(0.25)(fmp.ones{100, 100}):flat()
    local dropped = 0
    for _, value in ipairs(values) do
      assert.is_true(value == 0 or math.abs(value - 1 / 0.75) < 1e-6)
      if value == 0 then dropped = dropped + 1 end
    end
    -- Four standard deviations of a binomial count.
    assert.near(2500, dropped, 4 * math.sqrt(10000 * 0.25 * 0.75))
  end)

  it("does nothing while evaluating", function()
    local x = fmp.ones{10}
    local net = nn.Sequential("d", nn.Dropout(0.9)):evaluate()
    assert.equal(x:bytes(), net(x):bytes())
    assert.are_not.equal(x:bytes(), net:train()(x):bytes())
  end)

  it("draws anew in each run of a plan", function()
    local dropout = nn.Dropout(0.5)
    local compiled = fmp.compile(function(x) return dropout(x) end)
    local x = fmp.ones{100}
    assert.are_not.equal(compiled(x):bytes(), compiled(x):bytes())
  end)

  it("has a plan for training and one for evaluating", function()
    local net = nn.Sequential("d", nn.Dropout(0.5))
    local compiled = fmp.compile(function(x) return net(x) end)
    local x = fmp.ones{100}
    for _ = 1, 3 do
      assert.are_not.equal(x:bytes(), compiled(x):bytes())
      net:evaluate()
      assert.equal(x:bytes(), compiled(x):bytes())
      net:train()
    end
    assert.equal(2, compiled.plans)
  end)

  it("passes gradients where it kept", function()
    local y
    local dropout = nn.Dropout(0.5)
    local dx = fmp.grad(function(x) y = dropout(x):sum() return y end, fmp.ones{64})
    local kept = 0
    for _, value in ipairs(dx:flat()) do
      assert.is_true(value == 0 or value == 2)
      kept = kept + value
    end
    assert.is_true(kept > 0 and kept < 128)
  end)
end)

describe("nn.FractionalMaxPool", function()
  it("gives the size that is asked for", function()
    local x = fmp.randn{2, 25, 20, 3}
    assert.same({2, 18, 18, 3}, nn.FractionalMaxPool{18}(x).shape)
    assert.same({2, 18, 14, 3}, nn.FractionalMaxPool{{18, 14}, overlapping = true}(x).shape)
    assert.same({2, 19, 15, 3}, nn.FractionalMaxPool{ratio = 1.26}(x).shape)
    assert.same({2, 12, 16, 3}, nn.FractionalMaxPool{ratio = {2, 1.25}}(x).shape)
    assert.same({2, 18, 18, 3},
                nn.FractionalMaxPool{18, window = "fixed", mode = "pseudorandom"}(x).shape)
    assert.same({2, 18, 18, 3}, nn.FractionalMaxPool{18, per = "sample"}(x).shape)
  end)

  it("draws anew in each run, evaluating too, and takes regions that were drawn", function()
    fmp.seed(4)
    local x, layer = fmp.randn{1, 40, 40, 1}, nn.FractionalMaxPool{29}:evaluate()
    local compiled = fmp.compile(function(z) return layer(z) end)
    assert.are_not.equal(compiled(x):bytes(), compiled(x):bytes())
    assert.are_not.equal(layer(x):bytes(), layer(x):bytes())
    local rows, cols = ops.fmp_regions(x, {out = {29, 29}})
    assert.equal(layer(x, rows, cols):bytes(), layer(x, rows, cols):bytes())
  end)

  it("refuses what cannot be, and names the layer", function()
    fails("expected either the output's size or a ratio", nn.FractionalMaxPool, {})
    fails("expected either the output's size or a ratio", nn.FractionalMaxPool, {3, ratio = 2})
    for _, ratio in ipairs {0, -1, 0.5, 1 / 0} do
      fails(("FractionalMaxPool: expected ratio of 1 or more, got %g"):format(ratio),
            nn.FractionalMaxPool, {ratio = ratio})
    end
    fails("expected ratio as a number, got x", nn.FractionalMaxPool, {ratio = "x"})
    fails("expected ratio as a number or {height, width}, got a list of 3", nn.FractionalMaxPool,
          {ratio = {2, 2, 2}})
    for _, out in ipairs {0, -1, 2.5, "x"} do
      fails("FractionalMaxPool: expected out as a whole number from 1, got " .. raw.shown(out),
            nn.FractionalMaxPool, {out})
    end
    fails("expected out as a number or {height, width}, got a list of 1", nn.FractionalMaxPool,
          {{3}})
    fails("expected 1 to 8 windows along the image's height of 8, got 0",
          nn.FractionalMaxPool{ratio = 9}, fmp.zeros{1, 8, 8, 1})
    fails("no option 'overlaping'", nn.FractionalMaxPool, {3, overlaping = true})
    local net = nn.Sequential("pools", nn.FractionalMaxPool{9})
    fails("pools/1: ", net, fmp.zeros{1, 8, 8, 1})
    fails("pools/1: fractional_max_pool: expected x [n,h,w,c], got f32 [8,8]", net,
          fmp.zeros{8, 8})
  end)
end)

describe("nn.fmp_sizes", function()
  it("gives the paper's networks", function()
    assert.same({25, 17, 11, 7, 4, 2, input = 36}, nn.fmp_sizes{layers = 6, ratio = 2 ^ (1 / 2)})
    assert.same({74, 58, 45, 35, 27, 21, 16, 12, 9, 6, 4, 2, input = 94},
                nn.fmp_sizes{layers = 12, ratio = 2 ^ (1 / 3)})
  end)

  -- (width n C2 - FMP) layers - C2 - C1 - output, with as many parameters as the paper's code.
  it("gives the paper's networks their parameters", function()
    local function millions(width, layers, ratio, channels, classes)
      local sizes, net = nn.fmp_sizes{layers = layers, ratio = ratio}, nn.Sequential "paper"
      for i, out in ipairs(sizes) do
        net:add(nn.Conv2d{width * i, kernel = 2}, nn.FractionalMaxPool{out})
      end
      net:add(nn.Conv2d{width * (layers + 1), kernel = 2},
              nn.Conv2d{width * (layers + 2), kernel = 1}, nn.Flatten(), nn.Linear(classes))
      net:build(fmp.zeros{1, sizes.input, sizes.input, channels})
      local count = 0
      for _, w in ipairs(net:parameters()) do count = count + w.size end
      return count / 1e6
    end
    assert.near(0.52, millions(32, 6, 2 ^ (1 / 2), 1, 10), 0.005)
    assert.near(3.18, millions(32, 12, 2 ^ (1 / 3), 3, 10), 0.005)
    assert.near(12.8, millions(64, 12, 2 ^ (1 / 3), 3, 100), 0.05)
  end)

  it("ends at one pixel and shrinks in each layer", function()
    for layers = 1, 14 do
      for _, ratio in ipairs {1.05, 1.26, 1.5, 1.9} do
        for kernel = 1, 3 do
          local sizes = nn.fmp_sizes{layers = layers, ratio = ratio, kernel = kernel}
          local size = sizes.input
          for _, out in ipairs(sizes) do
            size = size - kernel + 1
            assert.is_true(out < size and 2 * out >= size)
            size = out
          end
          assert.equal(1, size - kernel + 1)
        end
      end
    end
  end)

  it("refuses a ratio that does not shrink", function()
    fails("fmp_sizes: expected ratio above 1, got 1", nn.fmp_sizes, {layers = 3, ratio = 1})
    fails("fmp_sizes: expected layers as a whole number from 1 to 65535, got none", nn.fmp_sizes,
          {ratio = 2})
    fails("fmp_sizes: expected an input of at most 65535 pixels, got 152917 from 8 layers of "
          .. "ratio 4", nn.fmp_sizes, {layers = 8, ratio = 4})
    fails("fmp_sizes: expected an input of at most 65535 pixels, got inf from 2 layers",
          nn.fmp_sizes, {layers = 2, ratio = 1e200})
  end)
end)

describe("nn.init", function()
  local function moments(t)
    local sum, squares, most, values = 0, 0, 0, t:flat()
    for _, value in ipairs(values) do
      sum, squares, most = sum + value, squares + value ^ 2, math.max(most, math.abs(value))
    end
    return sum / #values, math.sqrt(squares / #values), most
  end

  it("has the spreads that the formulas say", function()
    fmp.seed(5)
    local fans = {into = 50, out_of = 150}
    local cases = {
      {nn.init.he(), math.sqrt(2 / 50)},
      {nn.init.he{slope = 1}, math.sqrt(1 / 50)},
      {nn.init.glorot(), math.sqrt(2 / 200), math.sqrt(6 / 200)},
      {nn.init.uniform{0.3}, 0.3 / math.sqrt(3), 0.3},
      {nn.init.truncated_normal{0.1}, 0.08796, 0.2},
    }
    for _, case in ipairs(cases) do
      local mean, spread, most = moments(case[1]({100, 200}, "f32", fans))
      assert.near(0, mean, 0.02 * case[2])
      assert.near(case[2], spread, 0.02 * case[2])
      if case[3] then assert.is_true(most <= case[3]) end
    end
  end)
end)

describe("nn.init refuses", function()
  it("what is no number", function()
    fails("init.he: expected slope as a number, got x", nn.init.he, "x")
    fails("init.glorot: expected gain as a number, got x", nn.init.glorot, {gain = "x"})
    fails("init.uniform: expected bound as a number, got none", nn.init.uniform)
    fails("init.truncated_normal: expected stddev as a number, got none", nn.init.truncated_normal)
  end)
end)

describe("losses", function()
  it("are the ops", function()
    local x, labels = fmp.randn{4, 3}, fmp.tensor({0, 1, 2, 1}, {dtype = "i32"})
    assert.equal(ops.cross_entropy(x, labels):item(), nn.CrossEntropy()(x, labels):item())
    assert.equal(ops.mse(x, x * 2, {reduction = "sum"}):item(),
                 nn.MSE{reduction = "sum"}(x, x * 2):item())
    local z = ops.cast(ops.greater(x, 0), {dtype = "f32"})
    assert.equal(ops.sigmoid_cross_entropy(x, z):item(), nn.SigmoidCrossEntropy()(x, z):item())
  end)

  it("count what is wrong", function()
    local scores = fmp.tensor{{1, 2, 0}, {3, 1, 2}, {0, 0, 1}}
    local loss = nn.CrossEntropy()
    for _, dtype in ipairs {"i32", "i64"} do
      assert.equal(1, loss:wrong(scores, fmp.tensor({1, 1, 2}, {dtype = dtype})):item())
    end
    assert.equal(2, loss:wrong(scores, fmp.tensor{{0, 1, 0}, {0, 1, 0}, {1, 0, 0}}):item())
  end)
end)
