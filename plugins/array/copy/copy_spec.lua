-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local DTYPES = {"f32", "f64", "bf16", "f16", "u8", "i32", "i64"}

-- Values 0 ... 199, which every type holds exactly.
local function numbers(shape, dtype)
  local n, values = 1, {}
  for _, size in ipairs(shape) do n = n * size end
  for i = 1, n do values[i] = i * 37 % 200 end
  return fmp.from_flat(values, shape, "i32"):cast{dtype = dtype}
end

local function strides_of(shape)
  local strides, step = {}, 1
  for i = #shape, 1, -1 do
    strides[i] = step
    step = step * shape[i]
  end
  return strides
end

-- The flat values of x with dimensions in another order, by index arithmetic.
local function permuted(values, shape, axes)
  local strides, result = strides_of(shape), {}
  local function walk(depth, offset)
    if depth > #axes then
      result[#result + 1] = values[offset + 1]
      return
    end
    for i = 0, shape[axes[depth]] - 1 do walk(depth + 1, offset + i * strides[axes[depth]]) end
  end
  walk(1, 0)
  return result
end

local ORDERS = {
  {{7}, {1}}, {{16, 16}, {2, 1}}, {{33, 47}, {2, 1}}, {{3, 100}, {2, 1}}, {{100, 3}, {2, 1}},
  {{5, 17, 18}, {1, 3, 2}}, {{5, 17, 18}, {3, 1, 2}}, {{5, 17, 18}, {2, 3, 1}},
  {{5, 17, 18}, {3, 2, 1}}, {{5, 17, 18}, {2, 1, 3}}, {{2, 9, 8, 3}, {1, 4, 2, 3}},
  {{2, 3, 9, 8}, {1, 3, 4, 2}}, {{2, 3, 4, 5}, {4, 3, 2, 1}}, {{4, 1, 5, 1}, {3, 2, 1, 4}},
  {{2, 2, 2, 2, 2, 2, 2, 2}, {8, 1, 7, 2, 6, 3, 5, 4}},
}

describe("copy", function()
  for _, dtype in ipairs(DTYPES) do
    it("copies any order of dimensions of " .. dtype, function()
      for _, order in ipairs(ORDERS) do
        local shape, axes = order[1], order[2]
        local x = numbers(shape, dtype)
        local y = x:transpose{axes = axes}:copy()
        assert.equal(dtype, y.dtype)
        local values = x:cast{dtype = "f64"}:flat()
        assert.same(permuted(values, shape, axes), y:cast{dtype = "f64"}:flat())
      end
    end)
  end

  it("copies steps, and numbers, and nothing", function()
    local x = numbers({6, 7, 5}, "f32")
    for _, box in ipairs{{}, {step = {2, 3, 2}}, {start = {1, 1, 1}, size = {4, 5, 3}},
                         {start = {5}},
                         {start = {0, 0, 4}}, {size = {0}}, {step = {5, 1, 4}}} do
      local y = x:slice(box)
      local plain = y:reshape{shape = {-1}}:flat()
      assert.same(plain, y:copy():flat())
      assert.same(y:transpose():transpose():flat(), y:copy():flat())
    end
    assert.equal(3, fmp.tensor(3):copy():item())
  end)

  it("gives the same on one and on more threads", function()
    local threads, x = fmp.threads(), optest.random({3, 300, 301}, {dtype = "f32"})
    local function both(axes)
      fmp.threads(1)
      local one = x:transpose{axes = axes}:copy():bytes()
      fmp.threads(math.max(2, threads))
      return one, x:transpose{axes = axes}:copy():bytes()
    end
    for _, axes in ipairs{{1, 2, 3}, {1, 3, 2}, {3, 2, 1}, {2, 1, 3}} do
      local one, more = both(axes)
      assert.is_true(one == more)
    end
    fmp.threads(threads)
  end)

  it("is a copy: the original changes alone", function()
    local w, g = fmp.ones{3}, fmp.ones{3}
    local before = w:copy()
    fmp.ops.sgd(w, nil, g, 1)
    assert.same({1, 1, 1}, before:flat())
    assert.same({0, 0, 0}, w:flat())
  end)

  it("keeps NaN, infinities and the sign of zero", function()
    local x = fmp.tensor{0/0, 1/0, -1/0, -0.0}
    assert.is_true(x:bytes() == x:copy():bytes())
  end)

  it("differentiates", function()
    optest.gradient{op = "copy", inputs = {optest.random{2, 3}}}
  end)
end)
