-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

local function pooling(d)
  local window = {d.int(1, 4), d.int(1, 4)}
  local attrs = {window = window, stride = d.list(2, 1, 4), padding = d.pick{"valid", "same"}}
  if d.chance(0.3) then
    attrs.padding = "explicit"
    attrs.pads = {d.int(0, window[1] - 1), d.int(0, window[1] - 1), d.int(0, window[2] - 1),
                  d.int(0, window[2] - 1)}
  end
  local channels = d.pick{1, 2, 3, 8, 17, 33}
  local shape = {d.int(1, 3), d.int(window[1], 11), d.int(window[2], 11), channels}
  return d.tensor(shape, d.float()), attrs
end

return {
  max_pool = function(d)
    local x, attrs = pooling(d)
    return {x}, attrs
  end,
  max_pool_back = function(d)
    local x, attrs = pooling(d)
    local y, argmax = fmp.ops.max_pool(x, d.with(attrs, {outputs = 2}))
    return {d.tensor(y.shape, y.dtype), argmax, x}, attrs
  end,
}
