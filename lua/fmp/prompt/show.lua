-- SPDX-License-Identifier: Apache-2.0
--- Values as the prompt shows them.

local raw = require "fmp.ffi"
local is_module = require("fmp.nn.module").is_module
local print_tensor = require "fmp.print"
local system = require "fmp.system"

local M = {}

-- Limits: levels; fields of a table, of tables in it, and of all together.
local MOST_DEPTH, MOST_FIELDS, MOST_INNER, MOST_ITEMS = 3, 100, 20, 300
local MOST_BYTES = 1000

-- -- single values -----------------------------------------------------------

local escapes = {["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\"}

local function escape(c) return escapes[c] or ("\\%d"):format(c:byte()) end

local function string_text(text)
  local rest = #text - MOST_BYTES
  local part = rest > 0 and text:sub(1, MOST_BYTES) or text
  local quoted = '"' .. part:gsub('[%c"\\]', escape) .. '"'
  return rest > 0 and ("%s... (%d bytes)"):format(quoted, #text) or quoted
end

--- A function's parameters: "(x, y, ...)".
function M.parameters(f)
  local info, names = debug.getinfo(f, "u"), {}
  for i = 1, info.nparams do names[i] = debug.getlocal(f, i) end
  if info.isvararg then names[#names + 1] = "..." end
  return "(" .. table.concat(names, ", ") .. ")"
end

local function function_text(f)
  local builtin = debug.getinfo(f, "S").what == "C"
  return builtin and "builtin function" or "function" .. M.parameters(f)
end

local function tostring_safely(value)
  local ok, text = pcall(tostring, value)
  return ok and text or "<tostring fails: " .. tostring(text) .. ">"
end

local function is_op(value)
  return rawget(value, "schema") ~= nil and rawget(value, "handle") ~= nil
end

local function is_class(value)
  return type(rawget(value, "kind")) == "string" and rawget(value, "__index") == value
end

-- The name of a module that has been required.
local function module_name(value)
  for name, loaded in pairs(package.loaded) do
    if loaded == value then return name end
  end
end

-- Tables that have a name or a text of their own, in one line; nil for others.
local function object_text(value)
  if raw.is_tensor(value) then return print_tensor.header(value) end
  if is_op(value) then return "op " .. value.name .. value.schema end
  if is_class(value) then return "class " .. value.kind end
  local metatable = getmetatable(value)
  if type(metatable) == "table" and metatable.__tostring then return tostring_safely(value) end
end

local function scalar_text(value)
  if type(value) == "string" then return string_text(value) end
  if type(value) == "function" then return function_text(value) end
  return tostring_safely(value)
end

-- -- tables ------------------------------------------------------------------

local rank = {number = 1, string = 2}

local function precedes(a, b)
  local kind_a, kind_b = rank[type(a)] or 3, rank[type(b)] or 3
  if kind_a ~= kind_b then return kind_a < kind_b end
  if kind_a < 3 then return a < b end
  return tostring_safely(a) < tostring_safely(b)
end

-- Keys after the list part, in order.
local function other_keys(value, n)
  local keys = {}
  for key in next, value do
    local listed = type(key) == "number" and key % 1 == 0 and key >= 1 and key <= n
    if not listed then keys[#keys + 1] = key end
  end
  table.sort(keys, precedes)
  return keys
end

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. (type(key) == "table" and object_text(key) or scalar_text(key)) .. "]"
end

local function list_length(value)
  local n = 0
  while rawget(value, n + 1) ~= nil do n = n + 1 end
  return n
end

local value_text

-- Texts of the fields, at most so many, and how many are left.
local function field_texts(value, state, depth)
  local n = list_length(value)
  local keys, texts = other_keys(value, n), {}
  local total = n + #keys
  for i = 1, math.min(total, depth == 0 and MOST_FIELDS or MOST_INNER) do
    state.items = state.items + 1
    if state.items > MOST_ITEMS then break end
    local key = keys[i - n]
    if i <= n then
      texts[i] = value_text(value[i], state, depth + 1)
    else
      texts[i] = key_text(key) .. " = " .. value_text(rawget(value, key), state, depth + 1)
    end
  end
  return texts, total - #texts
end

-- Short texts, as many on a line as fit; a line for each longer one.
local function fill_lines(texts, room)
  local lines, long = {}, true
  for _, text in ipairs(texts) do
    local last = lines[#lines]
    local is_long = #text > 20 or text:find "\n" ~= nil
    if not long and not is_long and #last + #text + 2 < room then
      lines[#lines] = last .. ", " .. text
    else
      lines[#lines + 1] = text
    end
    long = is_long
  end
  return lines
end

-- On one line if it fits.
local function join_fields(texts, depth)
  local line, indent = "{" .. table.concat(texts, ", ") .. "}", ("  "):rep(depth)
  local room = system.columns() - #indent
  if #line < room and not line:find "\n" then return line end
  local lines = fill_lines(texts, room - 2)
  return "{\n  " .. indent .. table.concat(lines, ",\n  " .. indent) .. "\n" .. indent .. "}"
end

local function table_text(value, state, depth)
  if state.open[value] then return "<the same again>" end
  if next(value) == nil then return "{}" end
  local name = depth > 0 and module_name(value)
  if name then return "module " .. name end
  if depth == MOST_DEPTH then return "{...}" end
  state.open[value] = true
  local texts, left = field_texts(value, state, depth)
  state.open[value] = nil
  if left > 0 then texts[#texts + 1] = ("... %d more"):format(left) end
  return join_fields(texts, depth)
end

function value_text(value, state, depth)
  if type(value) ~= "table" then return scalar_text(value) end
  return object_text(value) or table_text(value, state, depth)
end

-- -- for the prompt ----------------------------------------------------------

--- One value as text. Tensors with their elements, networks with all their layers.
function M.value(value)
  if raw.is_tensor(value) then return tostring_safely(value) end
  if type(value) == "table" and is_module(value) and not is_class(value) then
    return value:summary()
  end
  return value_text(value, {open = {}, items = 0}, 0)
end

--- n values: on one line if each has a single line, else each on lines of its own.
function M.values(n, ...)
  local texts = {}
  for i = 1, n do texts[i] = M.value((select(i, ...))) end
  local line = table.concat(texts, ", ")
  if #line < system.columns() and not line:find "\n" then return line end
  return table.concat(texts, "\n")
end

return M
