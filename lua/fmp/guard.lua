-- SPDX-License-Identifier: Apache-2.0
--- Calls that must be undone whatever happens, and checks of options.

local raw = require "fmp.ffi"

local M = {}

local function settle(finish, ok, ...)
  finish(ok, ...)
  if not ok then error((...), 0) end -- the message already has its position
  return ...
end

--- Returns f(...). First calls finish(true, results...), or finish(false, message) if f
-- failed, and then passes the failure on unchanged.
function M.call(finish, f, ...)
  return settle(finish, pcall(f, ...))
end

--- Fails unless f can be called.
function M.callable(what, f)
  local metatable = getmetatable(f)
  if type(f) == "function" or type(metatable) == "table" and metatable.__call then return end
  raw.fail("%s: expected a function, got %s", what, type(f))
end

--- Fails if options has a key that is not in `known`, a table from names to defaults;
-- returns a table with all of them. false as a default: none.
function M.options(what, options, known)
  options = options or {}
  if type(options) ~= "table" then
    raw.fail("%s: expected a table of options, got %s", what, type(options))
  end
  for name in pairs(options) do
    if known[name] == nil then
      local names = {}
      for each in pairs(known) do names[#names + 1] = each end
      table.sort(names)
      raw.fail("%s: no option '%s'; there are: %s", what, tostring(name),
               table.concat(names, ", "))
    end
  end
  local filled = {}
  for name, default in pairs(known) do
    filled[name] = options[name]
    if filled[name] == nil then filled[name] = default end
  end
  return filled
end

return M
