-- SPDX-License-Identifier: Apache-2.0
-- What the specs of the ops over many parameters share: sets of tensors of mixed shapes,
-- updated by one op and, for comparison, one by one.
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local M = {}

-- Mixed ranks and sizes, whole vector registers and odd ends, empty ones among them.
M.shapes = {{3}, {}, {0}, {5, 7}, {64}, {1, 0, 2}, {129}, {2, 3, 2, 2}, {1}}

-- Enough for several threads, whose stretches begin and end within tensors.
M.many = {{3}, {8192}, {0}, {3, 9001}, {5, 7}, {9001}, {1}}

function M.vector(list, dtype) return fmp.from_flat(list, {#list}, dtype) end

--- Fails unless t has the expected numbers to within tol of their size, or of 1.
function M.check(expected, t, tol)
  for i, got in ipairs(t:flat()) do
    if math.abs(expected[i] - got) > tol * math.max(1, math.abs(expected[i])) then
      error(("element %d: expected %.17g, got %.17g"):format(i, expected[i], got), 0)
    end
  end
end

--- Makes one tensor for each shape and member: groups[k][member]. members: list of
-- {low =, high =}; absent[i]: member i is nil.
function M.groups(shapes, dtype, members, absent)
  local groups = {}
  for k, shape in ipairs(shapes) do
    groups[k] = {}
    for i, range in ipairs(members) do
      if not (absent and absent[i]) then
        groups[k][i] = optest.random(shape, {dtype = dtype, low = range.low, high = range.high,
                                             seed = 10 * k + i})
      end
    end
  end
  return groups
end

--- Calls op(first..., group 1..., group 2..., attrs).
function M.call(op, first, groups, n_members, attrs)
  local list, n = {}, 0
  local function add(value) n = n + 1; list[n] = value end
  for _, value in ipairs(first) do add(value) end
  for _, group in ipairs(groups) do
    for i = 1, n_members do add(group[i]) end
  end
  add(attrs or {})
  return op(unpack(list, 1, n))
end

--- The values of all members of all groups, equal strings for equal bits.
function M.bytes(groups, n_members)
  local parts = {}
  for _, group in ipairs(groups) do
    for i = 1, n_members do parts[#parts + 1] = group[i] and group[i]:bytes() or "none" end
  end
  return parts
end

--- Runs f with each number of threads; returns its results as a list.
function M.on_threads(counts, f)
  local before, found = fmp.threads(), {}
  for i, count in ipairs(counts) do
    fmp.threads(count)
    found[i] = f()
  end
  fmp.threads(before)
  return found
end

return M
