-- SPDX-License-Identifier: Apache-2.0
--- Options of layers: one thing by position, the rest by name.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"

local M = {}

--- Options from a value or table: Conv2d{32, kernel = 2} with first = "out" is the same as
-- {out = 32, kernel = 2}. known: names and defaults, as guard.options wants them.
function M.take(what, given, known, first)
  if type(given) ~= "table" then given = {given} end
  local named = {}
  for key, value in pairs(given) do
    if key == 1 and first then key = first end
    if named[key] ~= nil then raw.fail("%s: %s is given twice", what, key) end
    named[key] = value
  end
  return guard.options(what, named, known)
end

--- Fails unless value is a whole number from `least` up, to `most` if that is given; returns
-- it. A value of false means that none was given.
function M.whole(what, name, value, least, most)
  return raw.whole(what, name, value or nil, least, most)
end

--- Fails unless value is a number; returns it.
function M.number(what, name, value)
  if type(value) ~= "number" then
    raw.fail("%s: expected %s as a number, got %s", what, name,
             value and tostring(value) or "none")
  end
  return value
end

local function text_of(value)
  if type(value) == "number" then return ("%.6g"):format(value) end
  if type(value) == "string" then return value end
  if type(value) == "boolean" then return tostring(value) end
  if type(value) == "table" and getmetatable(value) == nil then
    local parts = {}
    for i, each in ipairs(value) do parts[i] = text_of(each) or "..." end
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  return nil
end

--- A constructor's argument as it was written: "{32, kernel = 2}"; "" for none. Leaves out
-- what is the same as in `defaults`.
function M.text(given, defaults)
  if given == nil then return "" end
  if type(given) ~= "table" then return "(" .. (text_of(given) or "...") .. ")" end
  local parts, named = {}, {}
  for i, value in ipairs(given) do parts[i] = text_of(value) or "..." end
  for name, value in pairs(given) do
    local text = type(name) == "string" and text_of(value)
    local usual = defaults and defaults[name] == value
    if text and not usual then named[#named + 1] = name .. " = " .. text end
  end
  table.sort(named)
  for _, text in ipairs(named) do parts[#parts + 1] = text end
  return "{" .. table.concat(parts, ", ") .. "}"
end

return M
