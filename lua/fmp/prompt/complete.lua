-- SPDX-License-Identifier: Apache-2.0
--- Completion of what is being typed: names, fields, methods, attributes in the braces of a
-- call, commands, and files in quotes. Looks values up, and calls nothing.

local doc = require "fmp.doc"
local raw = require "fmp.ffi"
local system = require "fmp.system"

local M = {}

local MOST_LISTED = 200

-- -- where the cursor is -----------------------------------------------------

local closes = {["("] = ")", ["{"] = "}", ["["] = "]"}

-- Goes through a text up to the cursor. Returns the quote and the beginning of a string that
-- has not ended, or nil; and the brackets that are open, {kind =, at =}, the innermost last.
local function scan(text)
  local open, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at)
    if c == '"' or c == "'" then
      local last = at + 1
      while last <= #text and text:sub(last, last) ~= c do
        last = last + (text:sub(last, last) == "\\" and 2 or 1)
      end
      if last > #text then return c, at + 1, open end
      at = last
    elseif text:sub(at, at + 1) == "--" then
      at = text:find("\n", at, true) or #text
    elseif closes[c] then
      open[#open + 1] = {kind = c, at = at}
    elseif #open > 0 and closes[open[#open].kind] == c then
      open[#open] = nil
    end
    at = at + 1
  end
  return nil, nil, open
end

-- -- looking values up -------------------------------------------------------

local function field(value, key)
  local ok, found = pcall(function() return value[key] end)
  if ok then return found end
end

-- The value of "a.b[1].c" before a dot, colon or bracket; nil if it is not that simple.
local function value_of(path, environment)
  local name, rest = path:match "^([%a_][%w_]*)(.*)$"
  if not name then return nil end
  local value = field(environment, name)
  while rest ~= "" and value ~= nil do
    local key, after = rest:match "^[.:]([%a_][%w_]*)(.*)$"
    if not key then
      key, after = rest:match "^%[(%d+)%](.*)$"
      key = tonumber(key)
    end
    if not key then return nil end
    value, rest = field(value, key), after
  end
  return value
end

-- The chain of names that ends a text: "x = fmp.ops.con" gives "fmp.ops.con".
local function last_chain(text) return text:match "([%a_][%w_.:%[%]]*)$" or "" end

-- -- names of fields ---------------------------------------------------------

local function is_op(value)
  return type(value) == "table" and rawget(value, "schema") ~= nil
         and rawget(value, "handle") ~= nil
end

local function add_keys(names, value)
  for key in next, value do
    if type(key) == "string" then names[key] = true end
  end
end

local function add_list(names, list)
  for _, name in ipairs(list) do names[name] = true end
end

-- Also the fields that a table inherits.
local function add_fields(names, value)
  local seen = {}
  while type(value) == "table" and not seen[value] do
    seen[value] = true
    add_keys(names, value)
    local metatable = getmetatable(value)
    value = type(metatable) == "table" and metatable.__index
  end
end

-- Modules that are loaded when they are first used: "optim" in fmp.
local function add_modules(names, value)
  for _, module in ipairs(doc.modules()) do
    local parent, name = module.name:match "^(.*)%.([^.]+)$"
    if parent == "fmp" and value == package.loaded.fmp then names[name] = true end
  end
end

local function fields_of(value)
  local names = {}
  if raw.is_tensor(value) then
    add_list(names, require("fmp.tensor").members())
    add_list(names, raw.op_names())
  elseif type(value) == "string" then
    add_keys(names, string)
  elseif type(value) == "table" then
    if value == package.loaded["fmp.ops"] then add_list(names, raw.op_names()) end
    local metatable = getmetatable(value)
    if type(metatable) == "table" and metatable.names then -- the ops of a vendor
      return add_list(names, metatable.names(value)) or names
    end
    add_fields(names, value)
    add_modules(names, value)
  end
  return names
end

local function is_callable(value)
  local metatable = getmetatable(value)
  return type(value) == "function" or type(metatable) == "table" and metatable.__call ~= nil
end

local function methods_of(value)
  local names = fields_of(value)
  for name in pairs(names) do
    if not is_callable(field(value, name)) then names[name] = nil end
  end
  return names
end

local keywords = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local",
  "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

local function global_names(environment)
  local names = {}
  add_keys(names, environment)
  add_keys(names, _G)
  add_list(names, keywords)
  add_list(names, {"nn", "ops", "optim", "data"})
  return names
end

-- -- candidates --------------------------------------------------------------

-- Names that begin with what was typed, in order; those with _ only where it was typed.
local function matching(names, typed)
  local list = {}
  for name in pairs(names) do
    local hidden = name:sub(1, 1) == "_" and typed == ""
    if name:sub(1, #typed) == typed and not hidden and name:find "^[%a_][%w_]*$" then
      list[#list + 1] = name
    end
  end
  table.sort(list)
  return list
end

local function name_candidates(text, environment)
  local path, mark, typed = text:match "([%a_][%w_.:%[%]]*)([.:])([%w_]*)$"
  if not path then
    typed = text:match "[%w_]*$"
    return {typed = typed, list = matching(global_names(environment), typed)}
  end
  local value = value_of(path, environment)
  local names = value == nil and {} or mark == ":" and methods_of(value) or fields_of(value)
  return {typed = typed, list = matching(names, typed)}
end

-- Options are told in a comment by "name =", as in "Conv2d{out, kernel = 3, ...}", or by
-- lines that begin with names, as in "  epochs, steps   when to end".
local function options_of(value)
  local found, names = doc.of(value), {}
  local text = found and found.text or ""
  for name in text:gmatch "%f[%w_]([%a_][%w_]*)%s*=%f[^=]" do names[name] = true end
  for listed in ("\n" .. text):gmatch "\n  ([%a_][%w_, ]-)  " do
    for name in listed:gmatch "[%w_]+" do names[name] = true end
  end
  return names
end

local function attributes_of(value)
  if not is_op(value) then return options_of(value) end
  local names = {}
  for _, row in ipairs(value.attrs) do names[row.name] = true end
  return names
end

-- What is called with the innermost brace among its arguments: f{ or f(x, {.
local function called_at(text, open, environment)
  local n = #open
  if n == 0 or open[n].kind ~= "{" then return nil end
  local at = open[n].at
  local path = last_chain(text:sub(1, at - 1):gsub("%s+$", ""))
  if path == "" and n > 1 and open[n - 1].kind == "(" then
    path = last_chain(text:sub(1, open[n - 1].at - 1):gsub("%s+$", ""))
  end
  return path ~= "" and value_of(path, environment) or nil
end

-- Names of attributes where one may stand: behind { or a comma.
local function attribute_candidates(text, open, environment)
  local before, typed = text:match "^(.-)([%a_]?[%w_]*)$"
  if not before:find "[{,]%s*$" then return nil end
  local called = called_at(text, open, environment)
  local list = called ~= nil and matching(attributes_of(called), typed) or {}
  if #list > 0 then return {typed = typed, list = list, behind = " = "} end
end

local function file_candidates(typed, quote)
  local directory, name = typed:match "^(.*/)([^/]*)$"
  directory, name = directory or "", name or typed
  local list = {}
  for _, each in ipairs(system.list(directory == "" and "." or directory) or {}) do
    local hidden = each:sub(1, 1) == "." and name:sub(1, 1) ~= "."
    if each:sub(1, #name) == name and not hidden then
      list[#list + 1] = each .. (system.is_directory(directory .. each) and "/" or "")
    end
  end
  return {typed = name, list = list, behind = quote, unless = "/"}
end

local function word_candidates(text)
  local typed = text:match "^%s*:(%w*)$"
  return typed and {typed = typed, list = matching({help = 1, quit = 1, time = 1}, typed)}
end

local function help_candidates(text, environment)
  local name = text:match "^%s*%?%s*([%w_.:]*)$"
  if not name then return nil end
  local found = name_candidates(name, environment)
  if not name:find "[.:]" then
    local names = {}
    add_list(names, found.list)
    add_list(names, matching(fields_of(require "fmp.ops"), name))
    found.list = matching(names, name)
  end
  return found
end

local function candidates(text, environment)
  local quote, from, open = scan(text)
  if quote then return file_candidates(text:sub(from), quote) end
  return word_candidates(text) or help_candidates(text, environment)
         or attribute_candidates(text, open, environment) or name_candidates(text, environment)
end

-- -- the answer --------------------------------------------------------------

local function common_start(list)
  local start = list[1]
  for i = 2, #list do
    while list[i]:sub(1, #start) ~= start do start = start:sub(1, -2) end
  end
  return start
end

-- In columns, read downwards.
local function columns(list)
  local n, width = math.min(#list, MOST_LISTED), 0
  for i = 1, n do width = math.max(width, #list[i] + 2) end
  local across = math.max(1, math.floor(system.columns() / width))
  local rows, lines = math.ceil(n / across), {}
  for row = 1, rows do
    local cells = {}
    for i = row, n, rows do cells[#cells + 1] = list[i] .. (" "):rep(width - #list[i]) end
    lines[row] = table.concat(cells):gsub("%s+$", "")
  end
  if n < #list then lines[#lines + 1] = ("... %d more"):format(#list - n) end
  return table.concat(lines, "\n")
end

--- For a text up to the cursor: what to insert there, and what to list below it, either
-- of which may be empty.
function M.answer(text, environment)
  if not text:match "[^\n]*$":find "%S" then return "  ", "" end
  local found = candidates(text, environment)
  if #found.list == 0 then return "", "" end
  local start = common_start(found.list)
  local insert = start:sub(#found.typed + 1)
  if #found.list == 1 then
    local ends = found.unless and start:sub(-1) == found.unless
    return insert .. (not ends and found.behind or ""), ""
  end
  return insert, insert == "" and columns(found.list) or ""
end

return M
