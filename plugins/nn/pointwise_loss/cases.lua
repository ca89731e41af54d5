-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

local cases = {}

for _, op in ipairs{"mse", "sigmoid_cross_entropy"} do
  cases[op .. "_back"] = function(d)
    local shape, dtype = d.shape(0, 3, 9, 1), d.float()
    local x, z = d.tensor(shape, dtype), d.tensor(shape, dtype)
    local attrs = {reduction = d.pick{"mean", "sum", "none"}, outputs = 2}
    local loss = fmp.ops[op](x, z, {reduction = attrs.reduction})
    return {x, z, d.tensor(loss.shape, loss.dtype)}, attrs
  end
end

return cases
