-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
return {
  fmp_regions = function(d)
    local shape = {d.int(1, 3), d.int(4, 16), d.int(4, 16), d.int(1, 3)}
    local attrs = {out = {d.int(1, 4), d.int(1, 4)}, mode = d.pick{"random", "pseudorandom"},
                   window = d.pick{"boundaries", "fixed"}, per = d.pick{"batch", "sample"},
                   sequence = d.pick{"tensorflow", "paper", "graham"}, pool = {1, 1}}
    if attrs.mode == "pseudorandom" and d.chance(0.3) then attrs.u = {0.25, 0.75} end
    return {d.tensor(shape, d.number())}, attrs
  end,
}
