-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local function along(inputs)
  return function(d)
    local shape, dtype, list = d.shape(1, 4, 9), d.float(), {}
    local axis = d.int(1, #shape)
    for i = 1, inputs do list[i] = d.tensor(shape, dtype) end
    return list, {axis = d.chance(0.5) and axis or axis - #shape - 1}
  end
end

return {
  softmax = along(1), softmax_back = along(2), log_softmax = along(1), log_softmax_back = along(2),
}
