-- SPDX-License-Identifier: Apache-2.0
--- The name that was probably meant.

-- Levenshtein distance with one row.
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local changed = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + changed)
    end
  end
  return row[#b]
end

--- The nearest of a list of names; nil if none is near.
return function(name, names)
  local best, least = nil, math.floor(#name / 3) + 2
  for _, candidate in ipairs(names) do
    local d = distance(name:lower(), candidate:lower())
    if d < least then best, least = candidate, d end
  end
  return best
end
