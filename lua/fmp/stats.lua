-- SPDX-License-Identifier: Apache-2.0
--- Statistics of a list of numbers.

local M = {}

--- The median of a list that is not empty. The list is not changed.
function M.median(list)
  local sorted = {}
  for i, value in ipairs(list) do sorted[i] = value end
  table.sort(sorted)
  local n = #sorted
  return (sorted[math.floor((n + 1) / 2)] + sorted[math.floor(n / 2) + 1]) / 2
end

return M
