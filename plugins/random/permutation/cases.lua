-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
return {
  permutation = function(d) return {}, {n = d.int(0, 50)} end,
}
