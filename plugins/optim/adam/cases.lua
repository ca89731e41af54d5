-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local function options(d)
  local attrs = {beta1 = d.pick{0, 0.9}, beta2 = d.pick{0, 0.999}, epsilon = d.pick{1e-8, 0.1},
                 weight_decay = d.pick{0, 0.01}, decoupled = d.chance(0.5)}
  return attrs, d.pick{"f32", "f64"}, d.whole({}, d.pick{"f32", "f64"}, 0, 2),
         d.whole({}, d.pick{"f32", "f64", "i32", "i64"}, 1, 1000)
end

-- w, m, v, which is not negative, and g.
local function group(d, dtype)
  local shape = d.shape(0, 3, 9)
  return d.tensor(shape, dtype), d.tensor(shape, dtype), d.tensor(shape, dtype):square(),
         d.tensor(shape, dtype)
end

return {
  adam = function(d)
    local attrs, dtype, lr, step = options(d)
    local w, m, v, g = group(d, dtype)
    return {w, m, v, g, lr, step}, attrs
  end,
  adam_all = function(d)
    local attrs, dtype, lr, step = options(d)
    local inputs = {lr, step}
    for _ = 1, d.int(1, 4) do
      for _, t in ipairs{group(d, dtype)} do inputs[#inputs + 1] = t end
    end
    return inputs, attrs
  end,
}
