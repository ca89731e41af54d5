-- SPDX-License-Identifier: Apache-2.0
-- Run by plain luajit: the library needs no fmprun.
--   LUA_PATH='<prefix>/share/fmp/lua/?.lua;<prefix>/share/fmp/lua/?/init.lua;;' luajit smoke.lua

local fmp = require "fmp"

local x, w = fmp.tensor({{1, 2}, {3, 4}}), fmp.parameter(fmp.ones{2, 1})
local optimizer = fmp.optim.SGD{lr = 0.5}
local step = fmp.compile(function(input)
  local loss = input:matmul(w):sum()
  optimizer:step(loss)
  return loss
end)

assert(step(x):item() == 10)
assert(table.concat(w:flat(), " ") == "-1 -2") -- gradient: column sums 4 and 6, halved

local ok, message = pcall(function() return x + fmp.zeros{3} end)
assert(not ok and message:find("smoke.lua:%d+: add: "), message)

print "smoke: ok"
