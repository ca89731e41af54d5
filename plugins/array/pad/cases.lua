-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

local function border(d, rank)
  return {before = d.list(d.int(0, rank), 0, 3), after = d.list(d.int(0, rank), 0, 3)}
end

return {
  pad = function(d)
    local x = d.tensor(d.shape(1, 4, 6), d.any())
    local attrs = border(d, #x.shape)
    attrs.value = d.value()
    return {x}, attrs
  end,
  pad_back = function(d)
    local x = d.tensor(d.shape(1, 4, 6), d.any())
    local attrs = border(d, #x.shape)
    local y = fmp.ops.pad(x, attrs)
    return {d.tensor(y.shape, y.dtype), x}, attrs
  end,
}
