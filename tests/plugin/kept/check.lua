-- SPDX-License-Identifier: Apache-2.0
-- What the plugin "kept" must be able to do in every engine of this major ABI version.
local fmp = require "fmp"

local function expect(condition, what) if not condition then error("FAILED: " .. what, 2) end end

local function same(t, want)
  local got = t:flat()
  for i = 1, #want do if got[i] ~= want[i] then return false end end
  return #got == #want
end

local x = fmp.tensor {1, -2, 3}
expect(same(fmp.ops.kept_scale(x, {factor = 2}), {2, -4, 6}), "values")
expect(not pcall(fmp.ops.kept_scale, x), "an attribute without a default must be given")
expect(same(fmp.compile(function(v) return fmp.ops.kept_scale(v, {factor = 3}) end)(x), {3, -6, 9}),
       "compiled")
local function loss(v) return fmp.ops.kept_scale(v, {factor = 2}):sum() end
local ok, why = pcall(fmp.grad, loss, {x})
expect(not ok and tostring(why):find("no gradient", 1, true), "no gradient: " .. tostring(why))

local there = x:to "kept"
expect(there.device == "kept:0", "the device: " .. tostring(there.device))
expect(same(fmp.ops.kept_scale(there, {factor = 2}):to "cpu", {2, -4, 6}), "on the device")

fmp.open("kept_nothing", {}):close()

local twice = fmp.compile(function(v) return -(-v) + 1 end)
expect(same(twice(x), {2, -1, 4}), "rewritten values")
expect(not twice:text():find("neg [", 1, true), "rewritten: " .. twice:text())
print "ok"
