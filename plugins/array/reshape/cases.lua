-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.

-- The factors of n in some order, n = 0 as it is.
local function shape_of(d, n)
  if n == 0 then return {d.int(0, 4), 0} end
  local shape = {}
  while #shape < 5 and n > 1 do
    local factor = d.int(1, n)
    while n % factor ~= 0 do factor = factor - 1 end
    shape[#shape + 1], n = factor, n / factor
  end
  shape[#shape + 1] = n
  return shape
end

return {
  reshape = function(d)
    local x = d.tensor(d.shape(0, 4, 6), d.any())
    local shape = shape_of(d, x.size)
    if x.size > 0 and d.chance(0.4) then shape[d.int(1, #shape)] = -1 end
    return {x}, {shape = shape}
  end,
  reshape_like = function(d)
    local x = d.tensor(d.shape(0, 4, 6), d.any())
    return {x, d.tensor(shape_of(d, x.size), d.any())}
  end,
}
