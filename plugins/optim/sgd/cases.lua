-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local function options(d)
  local attrs = {momentum = d.pick{0, 0.9}, weight_decay = d.pick{0, 0.01}}
  attrs.nesterov = attrs.momentum > 0 and d.chance(0.5)
  return attrs, d.pick{"f32", "f64"}, d.whole({}, d.pick{"f32", "f64"}, 0, 2)
end

return {
  sgd = function(d)
    local attrs, dtype, lr = options(d)
    local shape = d.shape(0, 3, 9)
    local m = attrs.momentum > 0 and d.tensor(shape, dtype) or nil
    return {d.tensor(shape, dtype), m, d.tensor(shape, dtype), lr, n = 4}, attrs
  end,
  sgd_all = function(d)
    local attrs, dtype, lr = options(d)
    local inputs = {lr, n = 1}
    for _ = 1, d.int(1, 4) do
      local shape, at = d.shape(0, 3, 9), inputs.n
      inputs[at + 1], inputs[at + 3] = d.tensor(shape, dtype), d.tensor(shape, dtype)
      inputs[at + 2] = attrs.momentum > 0 and d.tensor(shape, dtype) or nil
      inputs.n = at + 3
    end
    return inputs, attrs
  end,
}
