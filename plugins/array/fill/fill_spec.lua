-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local DTYPES = {"f32", "f64", "bf16", "f16", "u8", "i32", "i64"}

describe("fill", function()
  it("fills every type and shape", function()
    for _, dtype in ipairs(DTYPES) do
      for _, shape in ipairs{{}, {1}, {0}, {3, 5}, {2, 0, 3}, {40001}} do
        local y = fmp.ops.fill{shape = shape, value = 7, dtype = dtype}
        assert.equal(dtype, y.dtype)
        assert.same(shape, y.shape)
        local others = 0
        for _, value in ipairs(y:cast{dtype = "f64"}:flat()) do
          if value ~= 7 then others = others + 1 end
        end
        assert.equal(0, others)
      end
    end
  end)

  it("fills with f32 zeros by default", function()
    local y = fmp.ops.fill{shape = {2}}
    assert.equal("f32", y.dtype)
    assert.same({0, 0}, y:flat())
  end)

  it("converts the value as cast does", function()
    for _, value in ipairs{0, -1, 0.7, -0.7, 300, 1e10, -1e10, 1e300, 1/0, -1/0, 0/0, 1 + 2^-8} do
      for _, dtype in ipairs(DTYPES) do
        local expected = fmp.tensor({value}, {dtype = "f64"}):cast{dtype = dtype}:bytes()
        assert.is_true(expected == fmp.ops.fill{shape = {1}, value = value, dtype = dtype}:bytes())
        assert.is_true(expected == fmp.zeros{1, dtype = dtype}:fill_like{value = value}:bytes())
      end
    end
  end)

  it("fills like a tensor of any strides", function()
    local like = fmp.zeros{3, 4}:transpose():slice{step = {2}}
    assert.same({{5, 5, 5}, {5, 5, 5}}, like:fill_like{value = 5}:totable())
  end)

  it("is constant: gradients pass it by", function()
    local x = fmp.tensor{1, 2}
    local dx = fmp.record(function()
      return fmp.gradients((x:fill_like{value = 3} * x):sum(), {x})[1]
    end)
    assert.same({3, 3}, dx:flat())
  end)

  it("refuses hostile shapes", function()
    optest.fails{op = "fill", attrs = {shape = {-1}}, match = "shape"}
    optest.fails{op = "fill", attrs = {shape = {1, 1, 1, 1, 1, 1, 1, 1, 1}},
                 match = "at most 8 dimensions, got 9"}
    optest.fails{op = "fill", attrs = {shape = {2^32, 2^32}}, match = "shape"}
    optest.fails{op = "fill", match = "shape"}
  end)
end)
