-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
return {
  fill = function(d)
    return {}, {shape = d.shape(0, 4, 7), value = d.value(), dtype = d.any()}
  end,
  fill_like = function(d)
    return {d.tensor(d.shape(0, 4, 7), d.any())}, {value = d.value()}
  end,
}
