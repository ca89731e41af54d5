-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

local function close(expected, got, tol)
  assert.equal(#expected, #got)
  for i = 1, #expected do
    if math.abs(expected[i] - got[i]) > tol then assert.equal(expected[i], got[i]) end
  end
end

-- Every shape with every axis, as many dimensions as there may be.
local function each_axis(visit)
  local shapes = {{1}, {9}, {3, 4}, {1, 6}, {6, 1}, {2, 3, 4}, {2, 1, 3, 2},
                  {1, 2, 1, 2, 1, 2, 1, 3}}
  for _, shape in ipairs(shapes) do
    for axis = 1, #shape do visit(shape, axis) end
  end
end

describe("softmax", function()
  optest.vectors(optest.here())

  it("sums to 1 along its axis, whatever is added to all of x", function()
    each_axis(function(shape, axis)
      local x = optest.random(shape, {low = -5, high = 5})
      local y = ops.softmax(x, {axis = axis})
      for _, sum in ipairs(ops.sum(y, {axes = axis}):flat()) do
        assert.is_true(math.abs(sum - 1) < 1e-14)
      end
      close(y:flat(), ops.softmax(x + 300, {axis = axis}):flat(), 1e-12)
      close(y:flat(), ops.softmax(x, {axis = axis - #shape - 1}):flat(), 0)
    end)
  end)

  it("is the same along any axis once that is moved last", function()
    each_axis(function(shape, axis)
      local x = optest.random(shape, {low = -5, high = 5})
      local axes = {}
      for i = 1, #shape do axes[i] = i end
      axes[axis], axes[#shape] = #shape, axis
      for _, name in ipairs{"softmax", "log_softmax"} do
        local moved = ops.transpose(ops[name](ops.transpose(x, {axes = axes})), {axes = axes})
        close(moved:flat(), ops[name](x, {axis = axis}):flat(), 0)
      end
    end)
  end)

  it("has log_softmax as its logarithm", function()
    each_axis(function(shape, axis)
      local x = optest.random(shape, {low = -5, high = 5})
      close(ops.log(ops.softmax(x, {axis = axis})):flat(),
            ops.log_softmax(x, {axis = axis}):flat(), 1e-12)
    end)
  end)

  it("is documented for -inf, +inf and NaN", function()
    local inf = 1 / 0
    local rows = {{-inf, 0, 0}, {-inf, -inf, -inf}, {inf, 0, 0}, {0 / 0, 0, 0}}
    for _, dtype in ipairs{"f32", "f64"} do
      local y = ops.softmax(fmp.tensor(rows, {dtype = dtype})):totable()
      assert.same({0, 0.5, 0.5}, y[1])
      assert.equal(-inf, ops.log_softmax(fmp.tensor(rows, {dtype = dtype})):totable()[1][1])
      for r = 2, 4 do
        for k = 1, 3 do assert.is_true(y[r][k] ~= y[r][k]) end
      end
    end
  end)

  it("takes tensors without elements", function()
    for _, shape in ipairs{{0}, {0, 3}, {3, 0}, {2, 0, 4}} do
      for _, name in ipairs{"softmax", "log_softmax"} do
        for axis = 1, #shape do
          local y = ops[name](fmp.zeros(shape), {axis = axis})
          assert.same(shape, y.shape)
        end
      end
    end
  end)

  for _, name in ipairs{"softmax", "log_softmax"} do
    it(name .. " has the gradient that differences give", function()
      each_axis(function(shape, axis)
        optest.gradient{op = name, inputs = {optest.random(shape, {low = -2, high = 2})},
                        attrs = {axis = axis}}
      end)
    end)

    it(name .. " gives the same bits on any number of threads and in a plan", function()
      local x = optest.random({700, 33}, {dtype = "f32", low = -3, high = 3})
      local before = fmp.threads()
      fmp.threads(1)
      local one = ops[name](x):flat()
      fmp.threads(2)
      local two = ops[name](x):flat()
      fmp.threads(before)
      assert.same(one, two)
      local function chain(v) return ops[name .. "_back"](v, ops[name](v * 2)) end
      assert.same(chain(x):flat(), fmp.compile(chain)(x):flat())
    end)

    it(name .. " refuses what it cannot normalise", function()
      local x = fmp.zeros{2, 3}
      local function fails(input, attrs, match)
        optest.fails{op = name, inputs = {input}, attrs = attrs, match = match}
      end
      fails(fmp.tensor(1), {}, "expected x of rank 1 or more, got f32 []")
      for _, axis in ipairs{0, 3, 8, -3, -8} do
        fails(x, {axis = axis},
              "expected axis 1 to 2 or -2 to -1 for f32 [2,3], got " .. axis)
      end
      for _, axis in ipairs{9, -9} do fails(x, {axis = axis}, "attribute 'axis'") end
      fails(x, {axes = 1}, "no attribute 'axes'")
      fails(fmp.zeros{2, dtype = "i32"}, {}, "expected x of f32, f64 or bf16, got i32 [2]")
      optest.fails{op = name .. "_back", inputs = {fmp.zeros{3, 2}, x},
                   match = "expected dy of y's shape f32 [2,3], got f32 [3,2]"}
    end)
  end

  it("computes bf16 in f64 and rounds once", function()
    local x = optest.random({4, 9, 3}, {low = -6, high = 6})
    local dy = optest.random({4, 9, 3}, {seed = 2})
    for axis = 1, 3 do
      for _, op in ipairs{"softmax", "log_softmax"} do
        optest.bf16{op = op, inputs = {x}, attrs = {axis = axis}}
        local y = fmp.ops[op](x, {axis = axis})
        optest.bf16{op = op .. "_back", inputs = {dy, y}, attrs = {axis = axis}}
      end
    end
  end)
end)
