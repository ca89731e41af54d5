-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local function counting(shape)
  local n, values = 1, {}
  for _, size in ipairs(shape) do n = n * size end
  for i = 1, n do values[i] = i end
  return fmp.from_flat(values, shape)
end

describe("reshape", function()
  optest.vectors(optest.here())

  it("differentiates", function()
    local x = optest.random({2, 3, 4})
    optest.gradient{op = "reshape", inputs = {x}, attrs = {shape = {0, -1}}}
    optest.gradient{op = "reshape_like", inputs = {x, optest.random{4, 6}}, wrt = {1}}
  end)

  it("keeps row-major order for strides that are no view of the new shape", function()
    local x = counting{2, 3, 4}
    for _, axes in ipairs{{1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}} do
      local y = x:transpose{axes = axes}
      for _, shape in ipairs{{24}, {4, 6}, {2, 2, 3, 2}, {3, 8}, {1, 24, 1}, {6, 4}, {12, 2}} do
        assert.same(y:flat(), y:reshape{shape = shape}:flat())
        assert.same(shape, y:reshape{shape = shape}.shape)
      end
    end
  end)

  it("sees through slices", function()
    local x = counting{4, 6, 5}
    for _, box in ipairs{{start = {1}}, {start = {0, 2}}, {start = {0, 0, 1}, size = {-1, -1, 3}},
                         {step = {2}}, {step = {1, 3}}, {start = {3, 5, 4}}, {size = {0}}} do
      local y = x:slice(box)
      local n = #y:flat()
      assert.same(y:flat(), y:reshape{shape = {0, 0, 0}}:flat())
      if n > 0 then assert.same(y:flat(), y:reshape{shape = {n}}:flat()) end
      assert.same(y:flat(), y:reshape{shape = {0, -1}}:flat())
    end
  end)

  it("takes a 0 as it is where only that fits an empty tensor", function()
    for _, case in ipairs{{{0}, {0}, {0}}, {{4, 0}, {0}, {0}}, {{2, 0}, {0, 3}, {0, 3}},
                          {{0, 3}, {3, 0}, {3, 0}}, {{0}, {5, 0}, {5, 0}},
                          {{2, 0, 3}, {0, 0, 7}, {2, 0, 7}}, {{2, 0}, {0, 5, 0}, {0, 5, 0}},
                          {{3, 0}, {0, -1}, {3, 0}}, {{0, 3}, {0, 4}, {0, 4}}} do
      local x = fmp.parameter(fmp.zeros(case[1]))
      assert.same(case[3], x:reshape{shape = case[2]}.shape)
      local dx = fmp.grad(function(a) return a:reshape{shape = case[2]}:sum() end, x)
      assert.same(case[1], dx.shape)
    end
    for _, case in ipairs{{{2, 3}, {3, 0}}, {{2, 3}, {0}}, {{0}, {5, 0, -1}}, {{4, 0}, {3}},
                          {{0, 3}, {0, 4, -1}}} do
      optest.fails{op = "reshape", inputs = {fmp.zeros(case[1])}, attrs = {shape = case[2]},
                   match = "expected"}
    end
  end)

  it("leaves the batch open", function()
    local flatten = fmp.compile(function(x) return x:reshape{shape = {0, -1}} end)
    for _, n in ipairs{2, 5, 1} do
      assert.same({n, 12}, flatten(fmp.zeros{n, 3, 4}).shape)
    end
  end)

  local x = fmp.zeros{2, 3, 4}
  for name, case in pairs{
    ["another number of elements"] = {{5, 5},
                                      "expected a shape for the 24 elements of f32 [2,3,4]"},
    ["a rest that does not divide"] = {{5, -1}, "got one for multiples of 5"},
    ["two open sizes"] = {{-1, -1}, "expected at most one -1 in shape"},
    ["a size below -1"] = {{-2}, "shape"},
    ["keeping a dimension that x lacks"] = {{2, 3, 4, 0}, "a dimension 4 to keep"},
    ["more than 2^63 elements"] = {{2^62, 4}, "at most 2^63 elements"},
    ["too many dimensions"] = {{1, 1, 1, 1, 1, 1, 1, 1, 24}, "at most 8 dimensions, got 9"},
  } do
    it("refuses " .. name, function()
      optest.fails{op = "reshape", inputs = {x}, attrs = {shape = case[1]}, match = case[2]}
    end)
  end

  it("refuses a like of another size", function()
    optest.fails{op = "reshape_like", inputs = {x, fmp.zeros{5}},
                 match = "expected x of as many elements as like: f32 [5], got f32 [2,3,4]"}
  end)
end)
