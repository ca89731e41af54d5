-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local function draws(low, high)
  return function(d)
    local attrs, inputs = {[low] = d.int(-3, 3), [high] = d.int(4, 9)}, {n = 1}
    if d.chance(0.5) then attrs.dtype = d.float() end
    if d.chance(0.5) then
      inputs[1] = d.tensor(d.shape(0, 3, 9), attrs.dtype and d.number() or d.float())
    else
      attrs.shape = d.shape(0, 3, 9)
    end
    return inputs, attrs
  end
end

return {
  uniform = draws("low", "high"),
  normal = draws("mean", "stddev"),
  truncated_normal = draws("mean", "stddev"),
}
