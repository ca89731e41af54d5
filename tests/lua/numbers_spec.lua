-- SPDX-License-Identifier: Apache-2.0
-- Lua converts numbers exactly as the engine's cast does, to the bit.
local fmp = require "fmp"

-- Middles between neighbours of a format, and the doubles next to them.
local function boundaries(mantissa, exponents)
  local list = {}
  for _, exponent in ipairs(exponents) do
    local unit = 2 ^ (exponent - mantissa)
    for _, steps in ipairs {0, 1, 2, 5, 2 ^ mantissa - 2, 2 ^ mantissa - 1} do
      local middle = 2 ^ exponent + (steps + 0.5) * unit
      for _, value in ipairs {middle, middle * (1 - 2 ^ -53), middle * (1 + 2 ^ -52)} do
        list[#list + 1], list[#list + 2] = value, -value
      end
    end
  end
  for _, value in ipairs {0, -0, 2 ^ -1074, 1e300, -1e300, 1 / 0, -1 / 0} do
    list[#list + 1] = value
  end
  return list
end

describe("numbers", function()
  for dtype, list in pairs {bf16 = boundaries(7, {-126, -1, 0, 5, 100, 127}),
                            f16 = boundaries(10, {-14, -1, 0, 5, 15})} do
    it("become " .. dtype .. " as cast makes it of f64", function()
      local cast = fmp.from_flat(list, {#list}, "f64"):cast{dtype = dtype}
      local made = fmp.from_flat(list, {#list}, dtype)
      for i, value in ipairs(cast:flat()) do
        assert.equal(value, made:flat()[i], ("%.17g"):format(list[i]))
      end
    end)
  end
end)
