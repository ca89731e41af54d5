-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

local function sigmoid(x) return 1 / (1 + math.exp(-x)) end

-- What each op is, in Lua; `back` is d(loss)/dx from dy and y.
local leaky = {slope = 0.2}
local family = {
  {op = "relu", y = function(x) return math.max(x, 0) end,
   back = function(dy, y) return y > 0 and dy or 0 end},
  {op = "leaky_relu", attrs = leaky, y = function(x) return x > 0 and x or 0.2 * x end,
   back = function(dy, y) return y > 0 and dy or 0.2 * dy end},
  {op = "sigmoid", y = sigmoid, back = function(dy, y) return dy * y * (1 - y) end},
  {op = "tanh", y = math.tanh, back = function(dy, y) return dy * (1 - y * y) end},
}

local function near(expected, got, tol)
  return math.abs(expected - got) <= tol * math.max(1, math.abs(expected))
end

local function size_of(shape)
  local n = 1
  for _, d in ipairs(shape) do n = n * d end
  return n
end

-- Around the vector width, and around the grain of the parallel loop.
local shapes = {{}, {1}, {3}, {4}, {17}, {0}, {2, 0, 3}, {5, 7}, {2, 3, 4, 5}, {16384}, {16385},
                {3, 20000}}

describe("activation", function()
  optest.vectors(optest.here())

  for _, row in ipairs(family) do
    local op = ops[row.op]

    it(row.op .. " is its formula for every shape and type", function()
      for _, dtype in ipairs{"f32", "f64"} do
        local tol = dtype == "f32" and 1e-6 or 1e-14
        for _, shape in ipairs(shapes) do
          local x = optest.random(shape, {dtype = dtype, low = -4, high = 4})
          local y = op(x, row.attrs or {})
          assert.same(x.shape, y.shape)
          assert.equal(dtype, y.dtype)
          local xs, ys = x:flat(), y:flat()
          assert.equal(size_of(shape), #ys)
          for i = 1, #xs do
            if not near(row.y(xs[i]), ys[i], tol) then
              assert.equal(row.y(xs[i]), ys[i], ("element %d of %d"):format(i, #xs))
            end
          end
        end
      end
    end)

    it(row.op .. "_back is its formula", function()
      for _, shape in ipairs(shapes) do
        local dy = optest.random(shape, {low = -2, high = 2, seed = 2})
        local y = op(optest.random(shape, {low = -3, high = 3}), row.attrs or {})
        local dx = ops[row.op .. "_back"](dy, y, row.attrs or {}):flat()
        local dys, ys = dy:flat(), y:flat()
        for i = 1, #ys do
          if not near(row.back(dys[i], ys[i]), dx[i], 1e-14) then
            assert.equal(row.back(dys[i], ys[i]), dx[i], ("element %d of %d"):format(i, #ys))
          end
        end
      end
    end)

    it(row.op .. " computes in bf16, rounding once", function()
      for _, n in ipairs{1, 7, 8, 15, 16, 17, 1000, 40000} do
        local x = optest.random({n}, {low = -3, high = 3})
        local dy = optest.random({n}, {low = -2, high = 2, seed = 2})
        local y = op(x, row.attrs or {})
        optest.bf16{op = row.op, inputs = {x}, attrs = row.attrs}
        optest.bf16{op = row.op .. "_back", inputs = {dy, y}, attrs = row.attrs}
      end
      local odd = fmp.tensor{0 / 0, 1 / 0, 1e30, -1e30}
      local y = op(ops.cast(odd, {dtype = "bf16"}), row.attrs or {}):flat()
      assert.is_true(y[1] ~= y[1])
      assert.is_true(y[2] == y[2] and y[3] == y[3] and y[4] == y[4])
    end)

    it(row.op .. " has the gradient that differences give", function()
      for _, shape in ipairs{{}, {11}, {3, 4}, {2, 3, 2, 2}} do
        local x = optest.random(shape, {low = -3, high = 3, apart = 1e-3})
        optest.gradient{op = row.op, inputs = {x}, attrs = row.attrs}
      end
    end)

    it(row.op .. " keeps NaN and does not overflow", function()
      for _, dtype in ipairs{"f32", "f64"} do
        local y = op(fmp.tensor({0 / 0, 1e30, -1e30}, {dtype = dtype}), row.attrs or {}):flat()
        assert.is_true(y[1] ~= y[1])
        assert.is_true(y[2] == y[2] and y[3] == y[3])
      end
    end)

    it(row.op .. " gives the same bits on any number of threads", function()
      local x = optest.random({3, 20000}, {dtype = "f32", low = -4, high = 4})
      local before = fmp.threads()
      fmp.threads(1)
      local one = op(x, row.attrs or {}):flat()
      fmp.threads(2)
      local two = op(x, row.attrs or {}):flat()
      fmp.threads(before)
      assert.same(one, two)
    end)

    it(row.op .. " refuses what has no activation", function()
      local wrong = fmp.tensor({1, 2}, {dtype = "i32"})
      optest.fails{op = row.op, inputs = {wrong}, attrs = row.attrs,
                   match = "expected x of f32, f64 or bf16, got i32 [2]"}
      optest.fails{op = row.op .. "_back", inputs = {fmp.zeros{3}, fmp.zeros{2}},
                   attrs = row.attrs, match = "expected dy of y's shape f32 [2], got f32 [3]"}
      optest.fails{op = row.op .. "_back", inputs = {fmp.zeros{2, dtype = "f64"}, fmp.zeros{2}},
                   attrs = row.attrs, match = "expected dy of y's type: f32 [2], got f64 [2]"}
      optest.fails{op = row.op, inputs = {fmp.zeros{2}}, attrs = {slop = 1},
                   match = "no attribute 'slop'"}
    end)
  end

  for _, rectifier in ipairs{"relu", "leaky_relu"} do
    it(rectifier .. " gives the reference's bits with every kernel for bf16", function()
      for _, n in ipairs{1, 15, 16, 17, 31, 33, 1000, 40000} do
        local x = optest.random({n}, {low = -3, high = 3}):cast{dtype = "bf16"}
        local dy = optest.random({n}, {low = -2, high = 2, seed = 2}):cast{dtype = "bf16"}
        optest.kernels{op = rectifier, inputs = {x}, tol = 0}
        optest.kernels{op = rectifier .. "_back", inputs = {dy, x}, tol = 0}
      end
    end)
  end

  it("leaky_relu takes slopes from 0 up", function()
    local x = fmp.tensor{-2, -0.5, 0, 0.5, 2}
    for _, slope in ipairs{0, 0.333, 1, 3} do
      local y = ops.leaky_relu(x, {slope = slope}):flat()
      for i, v in ipairs(x:flat()) do
        assert.is_true(near(v > 0 and v or slope * v, y[i], 1e-6))
      end
    end
    assert.same(ops.relu(x):flat(), ops.leaky_relu(x, {slope = 0}):flat())
    for _, slope in ipairs{-0.1, -1e-300, 0 / 0} do
      optest.fails{op = "leaky_relu", inputs = {x}, attrs = {slope = slope},
                   match = "attribute 'slope'"}
    end
  end)

  it("has at 0 the gradient of the negative side, as PyTorch has", function()
    local dy, y = fmp.tensor{4, 4, 4}, fmp.tensor{-1, 0, 1}
    assert.same({0, 0, 4}, ops.relu_back(dy, y):flat())
    assert.same({1, 1, 4}, ops.leaky_relu_back(dy, y, {slope = 0.25}):flat())
  end)

  it("runs in place in a plan, with the bits of one op after the other", function()
    local function chain(x)
      local y = ops.tanh(ops.leaky_relu(ops.sigmoid(ops.relu(x)), leaky))
      return ops.tanh_back(y, y)
    end
    local x = optest.random({50, 41}, {dtype = "f32"})
    assert.same(chain(x):flat(), fmp.compile(chain)(x):flat())
  end)
end)
