-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

local function loss(d)
  local shape = d.shape(2, 3, 9, 1)
  local logits, classes = d.tensor(shape, d.float()), shape[#shape]
  local attrs = {reduction = d.pick{"mean", "sum", "none"}}
  if d.chance(0.3) then return logits, d.whole(shape, logits.dtype, 0, 1), attrs end
  shape[#shape] = nil
  return logits, d.whole(shape, d.pick{"i32", "i64"}, 0, classes - 1), attrs
end

return {
  cross_entropy = function(d)
    local logits, labels, attrs = loss(d)
    return {logits, labels}, attrs, {1}
  end,
  cross_entropy_back = function(d)
    local logits, labels, attrs = loss(d)
    local y = fmp.ops.cross_entropy(logits, labels, attrs)
    return {logits, labels, d.tensor(y.shape, y.dtype)}, attrs
  end,
}
