-- SPDX-License-Identifier: Apache-2.0
--- What the size of a program costs: each of these should take twice as long where there is twice
-- as much to do.
--
--   fmprun scripts/bench/plan_size.lua
--
-- - Recording constants: x + c, with a new c each time, which is freed after its use.
-- - Tracing ops: a chain x = x + y, of which nothing is run.
-- - Planning that chain.
-- - Planning a loss that sums terms, with its gradient: all terms live at the same time.
-- - Planning with rewrites: a relu ahead of max_pools over single elements, which it changes
--   places with, one after the other. No rewrite but the first is possible before the one ahead
--   of it.
--
-- Shown is the processor's time, the least of some rounds, for n, 2n and 4n of them, and the power
-- of n by which it grew at the last doubling: 1 is linear, 2 the square. The last lines are for
-- programs: "constants_ms 4000 14.8", for each of the three sizes.
local fmp = require "fmp"
local raw = require "fmp.ffi"

local opt = fmp.args({
  summary = "Times recording, tracing and planning by the size of the program.",
  options = {
    {"n", 5000, "the smallest size", min = 1},
    {"rounds", 3, "runs of each, of which the fastest counts", min = 1},
    -- Nothing is computed here that threads could share.
    {"threads", 1, "threads to compute with", min = 1},
  },
}, ...)

-- Milliseconds of the processor that f(...) takes, and what it returns.
local function timed(f, ...)
  local before = os.clock()
  local result = f(...)
  return (os.clock() - before) * 1e3, result
end

-- -- programs: f(x, n), traced or recorded ------------------------------------

local function constants(x, n)
  for i = 1, n do
    local c = fmp.tensor{i}
    x = x + c
    c:free()
  end
  return x
end

local function chain(x, n)
  local y = x
  for _ = 1, n do y = y + x end
  return y
end

local function terms(x, n)
  local loss = x:sum()
  for i = 1, n do loss = loss + (x * i):square():sum() end
  return fmp.gradients(loss, {x})[1]
end

local function rewrites(x, n)
  local y = x:reshape{shape = {1, 2, 2, 1}}:relu()
  for _ = 1, n do y = y:max_pool{window = {1, 1}} end
  return y
end

-- -- what is timed: each returns milliseconds ---------------------------------

local x = fmp.tensor{1, 2, 3, 4}

local function record(f, n)
  return (timed(fmp.record, f, x, n))
end

local function trace(f, n)
  local inputs = raw.trace_begin({x}, 1, true, false)
  local ms = timed(f, inputs[1], n)
  raw.trace_abort()
  return ms
end

-- Without the trace, but with all that follows it.
local function plan(f, n)
  local inputs = raw.trace_begin({x}, 1, true, false)
  local output = f(inputs[1], n)
  return (timed(raw.trace_end, {output}, 1))
end

-- In the order in which they run and are printed.
local measures = {
  {"constants_ms", "recording constants", record, constants},
  {"trace_ms", "tracing ops", trace, chain},
  {"chain_ms", "planning a chain", plan, chain},
  {"terms_ms", "planning a sum of terms", plan, terms},
  {"rewrites_ms", "planning with rewrites", plan, rewrites},
}

-- The least of some rounds. What earlier ones have left is not to be collected meanwhile.
local function least(measure, n)
  local best = math.huge
  for _ = 1, opt.rounds do
    collectgarbage()
    collectgarbage()
    best = math.min(best, measure[3](measure[4], n))
  end
  return best
end

local sizes = {opt.n, 2 * opt.n, 4 * opt.n}
local results = {}
print(("%-26s %9d %9d %9d  ms"):format("n =", unpack(sizes)))
for i, measure in ipairs(measures) do
  local ms = {}
  for k, n in ipairs(sizes) do ms[k] = least(measure, n) end
  local power = math.log(ms[3] / ms[2]) / math.log(2)
  print(("%-26s %9.1f %9.1f %9.1f  n^%.1f"):format(measure[2], ms[1], ms[2], ms[3], power))
  results[i] = ms
end
for i, measure in ipairs(measures) do
  for k, n in ipairs(sizes) do print(("%s %d %.3f"):format(measure[1], n, results[i][k])) end
end
