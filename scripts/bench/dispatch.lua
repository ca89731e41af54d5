-- SPDX-License-Identifier: Apache-2.0
--- What it costs to run an op, apart from what the op computes:
--
--   fmprun scripts/bench/dispatch.lua
--
-- - An eager op: a + b of 4 numbers from Lua, in a loop that LuaJIT has compiled. Once with
--   t:free(), which is what reference counting does in Python, and once leaving the results to
--   Lua's collector, as scripts do.
-- - A node of a replayed plan: chains of adds of 4 numbers, each of the sum before, of one
--   length and of twice that. The difference of their times is that of the additional
--   nodes alone: what a call costs anyway (inputs, outputs, memory, Lua) drops out. Also on the
--   device "null", whose kernels return at once: what is left is the node without its
--   kernel. On cpu the figure includes 4 additions, and is an upper bound.
--
-- Medians over rounds that take everything in turn. The last lines are for programs:
-- "eager_us 1.2", "eager_collected_us 1.3", "node_ns 50" (null), "node_cpu_ns 60".
local fmp = require "fmp"
local stats = require "fmp.stats"
local system = require "fmp.system"

local opt = fmp.args({
  summary = "Times the dispatch of an eager op, and of a node of a plan.",
  options = {
    {"rounds", 15, "runs of each, of which the median is shown", min = 1},
    {"calls", 20000, "eager ops in a run", min = 1},
    {"nodes", 1000, "nodes of the shorter chain", min = 1},
    {"replays", 20, "replays of a plan in a run", min = 1},
    -- Threads have nothing to do here, and waking them would be measured.
    {"threads", 1, "threads to compute with", min = 1},
  },
}, ...)

-- Seconds that f takes.
local function seconds(f, ...)
  local before = system.seconds()
  f(...)
  return system.seconds() - before
end

-- -- eager ops ---------------------------------------------------------------

local function add_and_free(a, b, calls)
  for _ = 1, calls do (a + b):free() end
end

local function add(a, b, calls)
  local c
  for _ = 1, calls do c = a + b end
  return c
end

-- -- plans -------------------------------------------------------------------

-- x + y + y + ... with `nodes` sums, no two of which are equal.
local function chain(nodes)
  return fmp.compile(function(x, y)
    for _ = 1, nodes do x = x + y end
    return x
  end)
end

local function replay(f, x, y)
  for _ = 1, opt.replays do f(x, y):free() end
end

-- A function that measures nanoseconds a node on a device.
local function node_timer(device)
  fmp.device(device)
  local x, y = fmp.zeros{4}, fmp.zeros{4}
  local short, long = chain(opt.nodes), chain(2 * opt.nodes)
  for _, f in ipairs{short, long} do f(x, y):free() end -- makes the plan
  return function()
    local difference = seconds(replay, long, x, y) - seconds(replay, short, x, y)
    return difference / (opt.replays * opt.nodes) * 1e9
  end
end

-- -- rounds ------------------------------------------------------------------

local a, b = fmp.tensor{1, 2, 3, 4}, fmp.tensor{5, 6, 7, 8}
local home = fmp.device()

-- In the order in which they run and are printed.
local measures = {
  {"eager_us", "eager add of 4 numbers, freed at once", "us", function()
    return seconds(add_and_free, a, b, opt.calls) / opt.calls * 1e6
  end},
  {"eager_collected_us", "eager add of 4 numbers, left to the collector", "us", function()
    return seconds(add, a, b, opt.calls) / opt.calls * 1e6
  end},
  {"node_ns", "node of a plan without its kernel (null)", "ns", node_timer "null"},
  {"node_cpu_ns", "node of a plan with its kernel (" .. home .. ")", "ns", node_timer(home)},
}
fmp.device(home)

local results = {}
for i = 1, #measures do results[i] = {} end
for round = 0, opt.rounds do -- the first, number 0, warms up
  for i, measure in ipairs(measures) do results[i][round] = measure[4]() end
end

for i, measure in ipairs(measures) do
  print(("%-46s %8.3f %s"):format(measure[2], stats.median(results[i]), measure[3]))
end
for i, measure in ipairs(measures) do
  print(("%s %.4f"):format(measure[1], stats.median(results[i])))
end
