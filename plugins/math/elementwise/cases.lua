-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like. Ops whose
-- inputs all have one type and broadcast need no entry.
return {
  where = function(d)
    local shape, dtype = d.shape(0, 4, 9), d.number()
    return {d.tensor(d.repeating(shape), "u8"), d.tensor(d.repeating(shape), dtype),
            d.tensor(shape, dtype)}
  end,
  keep_if = function(d)
    local shape = d.shape(0, 4, 9)
    return {d.tensor(d.repeating(shape), "u8"), d.tensor(shape, d.number())}
  end,
  drop_if = function(d)
    local shape = d.shape(0, 4, 9)
    return {d.tensor(shape, "u8"), d.tensor(d.repeating(shape), d.number())}
  end,
}
