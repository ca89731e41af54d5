-- SPDX-License-Identifier: Apache-2.0
--- Where the time of compiled steps goes: `fmprun --profile SCRIPT`, or
--
--   fmp.profile.start()
--   for _ = 1, 20 do step(x, y) end
--   fmp.profile.stop()
--   print(fmp.profile.text())
--
-- Measuring waits for each node before the next begins, so a step takes a little longer.

local figures = require "fmp.ffi.profile"

local M = {}

--- Measures the nodes of all plans that run from now on.
function M.start() figures.switch(true) end

--- Stops measuring; the figures stay.
function M.stop() figures.switch(false) end

--- Forgets the figures, and the plans that they belong to.
function M.clear() figures.clear() end

--- The figures as data: for each plan {runs, seconds, nodes = {...}}, in order of the plans'
-- first runs; nodes in program order as {op, kernel, scope, runs, seconds, flops, bytes}.
-- seconds are of all runs together, flops and bytes of one run; flops 0: not counted by the op.
function M.plans()
  local plans = {}
  for i = 1, figures.plans() do
    local plan = figures.node(i, 0)
    plan.nodes = {}
    for k = 1, math.huge do
      local node = figures.node(i, k)
      if not node then break end
      plan.nodes[k] = node
    end
    plans[i] = plan
  end
  return plans
end

local function rate(work, node)
  return work > 0 and node.seconds > 0 and ("%7.1f"):format(work * node.runs / node.seconds / 1e9)
         or "      -"
end

local function line(node, total)
  return ("%9.3f %6.2f %s %s  %s/%s%s"):format(
    node.seconds / node.runs * 1e3, 100 * node.seconds / total, rate(node.flops, node),
    rate(node.bytes, node), node.op, node.kernel, node.scope ~= "" and "  " .. node.scope or "")
end

local function by_time(a, b) return a.seconds > b.seconds end

-- Nodes with the same op and kernel, summed.
local function by_kernel(nodes)
  local sums, list = {}, {}
  for _, node in ipairs(nodes) do
    local name = node.op .. "/" .. node.kernel
    local sum = sums[name]
    if not sum then
      sum = {op = node.op, kernel = node.kernel, scope = "", runs = node.runs, seconds = 0,
             flops = 0, bytes = 0}
      sums[name], list[#list + 1] = sum, sum
    end
    sum.seconds, sum.flops = sum.seconds + node.seconds, sum.flops + node.flops
    sum.bytes = sum.bytes + node.bytes
  end
  return list
end

local HEAD = "  ms/run      %    GF/s    GB/s  op/kernel"

local function add_table(lines, title, nodes, total)
  table.sort(nodes, by_time)
  lines[#lines + 1] = title
  lines[#lines + 1] = HEAD
  for _, node in ipairs(nodes) do
    if node.runs > 0 then lines[#lines + 1] = line(node, total) end
  end
end

local function add_plan(lines, number, plan)
  if plan.runs == 0 then return end
  lines[#lines + 1] = ("plan %d: %d runs of %.3f ms, %d nodes"):format(
    number, plan.runs, plan.seconds / plan.runs * 1e3, #plan.nodes)
  add_table(lines, "by kernel", by_kernel(plan.nodes), plan.seconds)
  add_table(lines, "by node", plan.nodes, plan.seconds)
end

--- The figures as text: for each plan its kernels and its nodes, the slowest first, with
-- milliseconds a run, share of the run, and billions of operations and bytes a second.
function M.text()
  local lines = {}
  for i, plan in ipairs(M.plans()) do add_plan(lines, i, plan) end
  return #lines > 0 and table.concat(lines, "\n") or "no plan has run"
end

return M
