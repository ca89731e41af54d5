-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

local function parts(d)
  local shape, dtype, list = d.shape(1, 4, 6), d.any(), {}
  local axis = d.int(1, #shape)
  for i = 1, d.int(1, 4) do
    shape[axis] = d.int(0, 5)
    list[i] = d.tensor(shape, dtype)
  end
  return list, {axis = d.chance(0.5) and axis or axis - #shape - 1}
end

return {
  concat = parts,
  concat_back = function(d)
    local list, attrs = parts(d)
    local inputs = {unpack(list)}
    inputs[#inputs + 1] = attrs
    local whole = fmp.ops.concat(unpack(inputs))
    attrs.index = d.int(0, #list - 1)
    return {d.tensor(whole.shape, whole.dtype), unpack(list)}, attrs
  end,
}
