-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

local function box(d, shape)
  local start, size, step = {}, {}, {}
  for i, n in ipairs(shape) do
    start[i], step[i] = d.int(0, n), d.int(1, 3)
    size[i] = d.chance(0.3) and -1 or d.int(0, math.ceil((n - start[i]) / step[i]))
  end
  return {start = start, size = size, step = step}
end

return {
  slice = function(d)
    local x = d.tensor(d.shape(1, 4, 7), d.any())
    return {x}, box(d, x.shape)
  end,
  slice_back = function(d)
    local x = d.tensor(d.shape(1, 4, 7), d.any())
    local attrs = box(d, x.shape)
    local y = fmp.ops.slice(x, attrs)
    return {d.tensor(y.shape, y.dtype), x}, attrs
  end,
}
