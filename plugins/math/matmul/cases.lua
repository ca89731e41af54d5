-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
return {
  matmul = function(d)
    local dtype, batch = d.float(), d.int(1, 3)
    local m, k, n = d.int(0, 20), d.int(0, 40), d.int(1, 20)
    local attrs = {transpose_a = d.chance(0.5), transpose_b = d.chance(0.5)}
    local a, b = attrs.transpose_a and {k, m} or {m, k}, attrs.transpose_b and {n, k} or {k, n}
    if d.chance(0.4) then table.insert(a, 1, batch) end
    if d.chance(0.4) then table.insert(b, 1, batch) end
    return {d.tensor(a, dtype), d.tensor(b, dtype)}, attrs
  end,
}
