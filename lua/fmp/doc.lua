-- SPDX-License-Identifier: Apache-2.0
--- Documentation as it stands in the sources: a comment that begins with three dashes, and
-- goes on with two, right above what it is about. The prompt's help and the reference are
-- made from it.
--
-- The first such comment of a file is about the file. It begins with the name by which users
-- reach the module ("fmp.optim: ..."), or else the module is not meant for them.

local guard = require "fmp.guard"
local raw = require "fmp.ffi"
local system = require "fmp.system"

local M = {}

-- -- reading a file ----------------------------------------------------------

-- What a line declares: pattern, and which of its captures are name and parameters.
local declarations = {
  {"^%s*local%s+function%s+([%w_]+)%s*(%b())", 1, 2},
  {"^%s*function%s+([%w_.:]+)%s*(%b())", 1, 2},
  {"^%s*return%s+function%s*(%b())", nil, 1},
  {"^%s*local%s+([%w_]+)%s*=%s*function%s*(%b())", 1, 2},
  {"^%s*([%w_.]+)%s*=%s*function%s*(%b())", 1, 2},
  {'^%s*local%s+[%w_]+%s*=%s*[%w_.]+%s*%(?%s*"([%w_]+)"', 1}, -- local Op = define "Op"
  {'^%s*[%w_.]+%s*%(?%s*"([%w_]+)"', 1},                      -- layer("MaxPool", ...)
  {"^%s*local%s+([%w_]+)%s*=", 1},
  {"^%s*([%w_.]+)%s*=", 1},
}

local function declaration(line)
  for _, row in ipairs(declarations) do
    local found = {line:match(row[1])}
    if found[1] then return row[2] and found[row[2]] or nil, row[3] and found[row[3]] end
  end
end

local function is_comment(line) return line ~= nil and line:find "^%s*%-%-" ~= nil end
local function is_doc(line) return line:find "^%s*%-%-%-%s" or line:find "^%s*%-%-%-$" end

-- The text of comment lines first..last from the first with three dashes on, or nil.
local function comment_text(lines, first, last)
  local text
  for i = first, last do
    if text or is_doc(lines[i]) then
      text = text or {}
      text[#text + 1] = lines[i]:gsub("^%s*%-%-%-? ?", "", 1)
    end
  end
  return text and table.concat(text, "\n")
end

local function read_lines(path)
  local file = io.open(path)
  if not file then return {} end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  return lines
end

--- What a file documents: {text = about the file, entries = {{name = "M.of", params =
-- "(value)", text =, line = of the declaration}, ...}}, in order. name is as in the source,
-- nil for a function that the file returns.
function M.parse(lines)
  local parsed, first = {entries = {}}, nil
  for i = 1, #lines + 1 do
    if is_comment(lines[i]) then
      first = first or i
    elseif first then
      local text = comment_text(lines, first, i - 1)
      if text and not parsed.text and #parsed.entries == 0 then
        parsed.text = text
      elseif text and lines[i] then
        local name, params = declaration(lines[i])
        table.insert(parsed.entries, {name = name, params = params, text = text, line = i})
      end
      first = nil
    end
  end
  return parsed
end

local files = {}

--- The same for the file at a path; empty if it cannot be read.
function M.file(path)
  files[path] = files[path] or M.parse(read_lines(path))
  return files[path]
end

-- -- from values to their documentation --------------------------------------

local function last_part(name) return name and name:match "[%w_]+$" end

local function entry_at(path, line)
  for _, entry in ipairs(M.file(path).entries) do
    if entry.line == line then return entry end
  end
end

local function entry_named(path, name)
  for _, entry in ipairs(M.file(path).entries) do
    if last_part(entry.name) == name then return entry end
  end
end

local function source_of(f)
  f = guard.original(f)
  local info = type(f) == "function" and debug.getinfo(f, "S")
  if not info or info.what == "C" or info.source:sub(1, 1) ~= "@" then return nil end
  return info.source:sub(2), info.linedefined
end

local function of_function(f)
  local path, line = source_of(f)
  return path and entry_at(path, line)
end

-- The file of a module that has been required, by what it returned.
local function file_of_module(value)
  for name, loaded in pairs(package.loaded) do
    if loaded == value and (name == "fmp" or name:find "^fmp%.") then
      return raw.module_file(name)
    end
  end
end

-- A class of layers, by its constructor, or by its name where that serves several.
local function of_class(class)
  local setup = rawget(class, "setup")
  local path = source_of(setup) or source_of(rawget(class, "forward"))
  local entry = of_function(setup) or path and entry_named(path, class.kind)
  return entry and {text = entry.text}
end

local function is_class(value)
  return type(rawget(value, "kind")) == "string" and rawget(value, "__index") == value
end

-- The text of a module's file and, if the module can be called, of that call.
local function of_module(value, path)
  local metatable = type(value) == "table" and getmetatable(value)
  local call = of_function(metatable and metatable.__call or value)
  local text = M.file(path).text
  if call then text = (text and text .. "\n\n" or "") .. call.text end
  return text and {text = text, params = call and call.params:gsub("^%(_, ", "(") or nil}
end

-- A layer is documented by its class.
local function of_layer(value)
  local metatable = getmetatable(value)
  if type(metatable) == "table" and is_class(metatable) then return of_class(metatable) end
end

--- What is documented of a function, a module, a class of layers or a layer: {text =,
-- params = "(f, options)" or nil, ...}, or nil.
function M.of(value)
  local kind = type(value)
  if kind ~= "function" and kind ~= "table" then return nil end
  if kind == "table" and is_class(value) then return of_class(value) end
  local path = file_of_module(value)
  if path then return of_module(value, path) end
  if kind == "function" then return of_function(value) end
  return of_layer(value)
end

-- -- from names --------------------------------------------------------------

-- Goes down from the module fmp; returns the value and what holds it.
local function resolve(path)
  local value, holder
  for name in path:gmatch "[%w_]+" do
    if not holder and value == nil then
      value = name == "fmp" and require "fmp" or nil
    else
      holder = value
      local ok, field = pcall(function() return holder[name] end)
      value = ok and field or nil
    end
    if value == nil then return nil, holder end
  end
  return value, holder
end

--- The documentation of a full name, "fmp.optim.SGD". That of a field that is not a function
-- is found by the field's line in the file of its module.
function M.find(path)
  local value, holder = resolve(path)
  local found = value ~= nil and M.of(value)
  if found then return found end
  local file = type(holder) == "table" and file_of_module(holder)
  return file and entry_named(file, last_part(path)) or nil
end

local root = debug.getinfo(1, "S").source:match "^@(.*)fmp/doc%.lua$" or "./"

local function add_modules(list, directory)
  for _, name in ipairs(system.list(root .. directory) or {}) do
    local path = directory .. "/" .. name
    if name:find "%.lua$" then
      local text = M.file(root .. path).text
      local public = text and (text:match "^(fmp):" or text:match "^fmp%.[%w_.]*[%w_]")
      if public then list[#list + 1] = {name = public, path = root .. path, text = text} end
    elseif not name:find(".", 1, true) then
      add_modules(list, path)
    end
  end
  return list
end

--- The modules that are meant for users: a list of {name = "fmp.optim", path =, text =}, in
-- order of name.
function M.modules()
  local list = add_modules({}, "fmp")
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- The first statement of a text, on one line, without the name that it may begin with.
function M.summary(text)
  local line = text:gsub("\n\n.*", ""):gsub("%s+", " "):gsub("^fmp[^ ]-: ", "")
  local last = line:find "[^.][.:] " or line:find "[^.][.:]$"
  return last and line:sub(1, last) or line
end

return M
