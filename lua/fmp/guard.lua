-- SPDX-License-Identifier: Apache-2.0
--- Calls that must be followed by others whatever happens, and checks of options.

local errors = require "fmp.errors"
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

-- -- methods -----------------------------------------------------------------

-- The functions that wrap() has replaced, by their replacements.
local originals = setmetatable({}, {__mode = "k"})

local function wrap(f, class_name, name, is_object)
  local function method(self, ...)
    if not is_object(self) then errors.wrong_self(self, class_name, name) end
    return f(self, ...)
  end
  originals[method] = f
  return method
end

--- Makes the methods that a class has now refuse to be called on anything but its objects:
-- values for which is_object(value) is true, by default those whose metatable is the class.
function M.methods(class, class_name, is_object)
  is_object = is_object or function(value) return getmetatable(value) == class end
  class.__name = class_name
  for name, f in pairs(class) do
    if type(f) == "function" and name:sub(1, 2) ~= "__" then
      class[name] = wrap(f, class_name, name, is_object)
    end
  end
end

--- The function as its file defines it: for documentation.
function M.original(f) return originals[f] or f end

-- -- checks ------------------------------------------------------------------

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
