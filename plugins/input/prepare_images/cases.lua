-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
return {
  prepare_images = function(d)
    local shape = {d.int(1, 3), d.int(1, 12), d.int(1, 12), d.int(1, 3)}
    return {d.tensor(shape, "u8")},
           {scale = d.pick{1, 1 / 128}, shift = d.pick{0, -1}, stretch = d.pick{0, 0.2},
            flip = d.pick{0, 0.5}, skew = d.pick{0, 0.2}, translate = d.int(0, 3),
            field = d.chance(0.5) and {d.int(1, 16), d.int(1, 16)} or nil}
  end,
}
