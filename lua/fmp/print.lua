-- SPDX-License-Identifier: Apache-2.0
--- Tensors as text: type, shape and device, then the values, aligned, long ones shortened.

local raw = require "fmp.ffi"
local numbers = require "fmp.numbers"
local system = require "fmp.system"

local M = {}

-- Tensors of more elements than this show the first and last EDGE of rows and columns, and
-- the first and last of the dimensions before these.
local WHOLE, EDGE = 200, 3

--- Type, shape and device: "f32 [2,3] cpu:0".
function M.header(t)
  return ("%s [%s] %s"):format(t.dtype, table.concat(t.shape, ","), t.device)
end

-- -- which elements ----------------------------------------------------------

-- Indices of a dimension that are shown; 0 stands for "...".
local function shown(shape, depth, shorten)
  local size, list = shape[depth], {}
  local edge = depth > #shape - 2 and EDGE or 1
  if shorten and size > 2 * edge + 1 then
    for i = 1, edge do list[i], list[edge + 1 + i] = i, size - edge + i end
    list[edge + 1] = 0
  else
    for i = 1, size do list[i] = i end
  end
  return list
end

-- Calls visit(index) for each element that is shown, index from 1, row by row.
local function each_shown(shape, shorten, visit)
  local function walk(depth, offset)
    if depth > #shape then return visit(offset + 1) end
    for _, i in ipairs(shown(shape, depth, shorten)) do
      if i > 0 then walk(depth + 1, offset * shape[depth] + i - 1) end
    end
  end
  walk(1, 0)
end

local function read_shown(t, shape, shorten)
  local dtype, bytes, values = raw.dtype(t), raw.bytes(t), {}
  each_shown(shape, shorten, function(i) values[#values + 1] = raw.number_at(bytes, i, dtype) end)
  return values
end

-- -- numbers as text ---------------------------------------------------------

local function is_finite(v) return v == v and math.abs(v) ~= math.huge end

-- One format for all: whole numbers without decimals; else with enough decimals for four digits
-- of the largest, or in powers of ten where that takes too many characters or shows too little.
local function format_of(values, dtype)
  local whole, most, least = true, 0, math.huge
  for _, v in ipairs(values) do
    if is_finite(v) then
      whole = whole and v % 1 == 0
      most = math.max(most, math.abs(v))
      if v ~= 0 then least = math.min(least, math.abs(v)) end
    end
  end
  if whole and (most < 1e9 or not numbers.is_float(dtype)) then return "%.0f" end
  if most >= 1e5 or most < 1e-3 or least < 1e-4 and most >= 1e3 then return "%.4e" end
  return most >= 0.1 and "%.4f" or most >= 0.01 and "%.5f" or "%.6f"
end

-- How many zeros at the end may be left out: none if the text is not the exact number.
local function spare_zeros(v, text)
  if math.abs(tonumber(text) - v) > 1e-6 * math.abs(v) then return 0 end
  return #text:match "0*$"
end

-- Texts of equal width. Trailing zeros that all of them have are left out.
local function texts_of(values, dtype)
  local format, texts, width = format_of(values, dtype), {}, 0
  for i, v in ipairs(values) do
    texts[i] = is_finite(v) and format:format(v) or v ~= v and "nan" or v > 0 and "inf" or "-inf"
  end
  local spare = format:find "f$" and math.max(tonumber(format:match "%d") - 1, 0) or 0
  for i, v in ipairs(values) do
    if is_finite(v) then spare = math.min(spare, spare_zeros(v, texts[i])) end
  end
  for i, v in ipairs(values) do
    if is_finite(v) then texts[i] = texts[i]:sub(1, #texts[i] - spare) end
    width = math.max(width, #texts[i])
  end
  for i, text in ipairs(texts) do texts[i] = (" "):rep(width - #text) .. text end
  return texts, width
end

-- -- layout ------------------------------------------------------------------

-- The innermost dimension, on several lines if need be.
local function join_row(parts, depth, width)
  local room = math.max(1, math.floor((system.columns() - depth - 1) / (width + 1)))
  local lines = {}
  for i = 1, #parts, room do
    lines[#lines + 1] = table.concat(parts, " ", i, math.min(i + room - 1, #parts))
  end
  return table.concat(lines, "\n" .. (" "):rep(depth))
end

local function layout(shape, shorten, texts, width)
  local next_text = 0
  local function block(depth)
    if depth > #shape then
      next_text = next_text + 1
      return texts[next_text]
    end
    local parts = {}
    for i, index in ipairs(shown(shape, depth, shorten)) do
      parts[i] = index == 0 and "..." or block(depth + 1)
    end
    if depth == #shape then return "[" .. join_row(parts, depth, width) .. "]" end
    local between = ("\n"):rep(#shape - depth) .. (" "):rep(depth)
    return "[" .. table.concat(parts, between) .. "]"
  end
  return block(1)
end

local function body(t)
  local shape = t.shape
  -- One without elements may have any number of rows.
  local size = raw.size(t)
  local shorten = size > WHOLE or size == 0
  local texts, width = texts_of(read_shown(t, shape, shorten), raw.dtype(t))
  return layout(shape, shorten, texts, width)
end

-- A single number: with the digits that an f32 has, whole numbers with all of theirs.
local function number_text(v)
  return (v % 1 == 0 and math.abs(v) < 2 ^ 53 and "%.0f" or "%.7g"):format(v)
end

local absent = {[1] = "no value while tracing", [2] = "emptied"}

--- The text that tostring() and the prompt show.
function M.text(t)
  local why = absent[raw.state(t)]
  if why then return M.header(t) .. " (" .. why .. ")" end
  if t.rank == 0 then return M.header(t) .. " " .. number_text(raw.item(t)) end
  return M.header(t) .. "\n" .. body(t)
end

return M
