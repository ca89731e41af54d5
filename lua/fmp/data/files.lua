-- SPDX-License-Identifier: Apache-2.0
--- Finding the files of a known data set in a directory.

local raw = require "fmp.ffi"
local system = require "fmp.system"

local M = {}

local MOST_PARTS = 99

-- Paths of the parts 1, 2, ... that a name with one * stands for. A part that is missing
-- between others is an error: training would silently use less data.
local function parts(what, dir, pattern)
  local found = {}
  for i = 1, MOST_PARTS do
    local path = dir .. "/" .. pattern:gsub("%*", tostring(i))
    if system.exists(path) then
      if i > 1 and not found[i - 1] then
        raw.fail("%s: '%s' is there, but part %d is not", what, path, i - 1)
      end
      found[i] = path
    end
  end
  return found
end

local function matching(what, dir, pattern)
  if pattern:find("*", 1, true) then return parts(what, dir, pattern) end
  local path = dir .. "/" .. pattern
  return {system.exists(path) and path or nil}
end

--- The first of the layouts {pattern =, ...} that has files in dir, and their paths. If
-- there is none, fails and says what was looked for.
function M.first(what, dir, layouts)
  local tried = {}
  for i, layout in ipairs(layouts) do
    local found = matching(what, dir, layout.pattern)
    if #found > 0 then return layout, found end
    tried[i] = layout.pattern
  end
  raw.fail("%s: no data in '%s': looked for %s", what, dir, table.concat(tried, ", or "))
end

return M
