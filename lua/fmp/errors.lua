-- SPDX-License-Identifier: Apache-2.0
--- Error messages: which line of the user's script led to a failure, what came instead of what
-- was expected, and the check for whole numbers.

local libfmp = require "fmp.libfmp"

local M = {}

--- What the `source` of a frame begins with if it is a file of this library.
M.own_prefix = "@" .. libfmp.lua_root .. "fmp/"

--- Whether a frame's `source` is a file of this library.
function M.is_own(file) return file:sub(1, #M.own_prefix) == M.own_prefix end

-- "script.lua:12: " of the innermost frame that is not this library's; "" if there is none.
local function where()
  for level = 2, math.huge do
    local frame = debug.getinfo(level, "Sl")
    if not frame then return "" end
    if frame.currentline > 0 and not M.is_own(frame.source) then
      return frame.short_src .. ":" .. frame.currentline .. ": "
    end
  end
end

--- Raises a message at the line of the user's script that led here.
function M.raise(text) error(where() .. text, 0) end

--- The same, formatted.
function M.fail(format, ...) M.raise(select("#", ...) > 0 and format:format(...) or format) end

-- -- what came ---------------------------------------------------------------

local function with_article(noun) return (noun:find "^[aeiou]" and "an " or "a ") .. noun end

--- What a value is: "a tensor", "nothing", "a string". Classes have a `__name`.
function M.describe(value)
  local class = getmetatable(value)
  local name = type(class) == "table" and rawget(class, "__name")
  return value == nil and "nothing" or with_article(type(name) == "string" and name or type(value))
end

--- Fails because a method was called on something other than an object of its class.
function M.wrong_self(object, class_name, method)
  M.fail("expected %s, got %s; methods are called with a colon, x:%s()", with_article(class_name),
         M.describe(object), method or "name")
end

--- A value as users write it: numbers with all their digits, 'strings'; else what it is.
function M.shown(value)
  if type(value) == "string" then return "'" .. value .. "'" end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) ~= "number" then return value == nil and "none" or M.describe(value) end
  if value % 1 == 0 and math.abs(value) < 1e21 then return ("%.0f"):format(value) end
  local short = ("%.14g"):format(value)
  return (tonumber(short) == value or value ~= value) and short or ("%.17g"):format(value)
end

--- Fails unless value is a string; returns it.
function M.text(what, value)
  return type(value) == "string" and value or M.fail("expected %s, got %s", what, M.shown(value))
end

-- -- whole numbers -----------------------------------------------------------

-- Above this, doubles cannot hold every whole number.
local WHOLE_END = 2 ^ 53

--- Whether a value is a whole number from low to high.
function M.is_whole(value, low, high)
  return type(value) == "number" and value % 1 == 0 and value >= low and value <= high
end

--- Fails unless value is a whole number from low to high or, without a high, below 2^53; returns
-- it. Checked while it is still a Lua number: conversions to C integers wrap around silently.
function M.whole(what, name, value, low, high)
  local last = high or WHOLE_END - 1
  if M.is_whole(value, low, last) then return value end
  local is_bounded = high or type(value) == "number" and value > last
  return M.fail("%s: expected %sa whole number from %s%s, got %s", what,
                name and name .. " as " or "", M.shown(low),
                is_bounded and " to " .. M.shown(last) or "", M.shown(value))
end

return M
