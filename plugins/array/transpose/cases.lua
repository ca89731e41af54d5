-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
return {
  transpose = function(d)
    local x = d.tensor(d.shape(0, 5, 6), d.any())
    return {x}, {axes = d.chance(0.2) and {} or d.order(#x.shape)}
  end,
}
