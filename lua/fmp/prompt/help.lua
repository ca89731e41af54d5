-- SPDX-License-Identifier: Apache-2.0
--- What `?` and `?NAME` print.

local doc = require "fmp.doc"
local help = require "fmp.help"
local nearest = require "fmp.nearest"
local raw = require "fmp.ffi"
local show = require "fmp.prompt.show"

local M = {}

local overview = [[
EXPRESSION       its values are shown, and the first is kept in _
STATEMENTS       as many lines as they need; locals become globals when the entry has run
?NAME            explains a name: ?fmp.fit, ?nn.Conv2d, ?conv2d, ?x.shape
:time CODE       runs it and shows how long it took
:quit            leaves, as Ctrl-D does; :help shows this

Tab completes names, fields, methods, attributes in the braces of a call, and files in quotes.
Ctrl-C stops what runs, or clears the line; Ctrl-\ ends the program. Ctrl-R searches the history.

fmp, nn, ops, optim and data are there. Modules:
]]

--- What `?` alone says.
function M.overview()
  local lines, width = {}, 0
  for _, module in ipairs(doc.modules()) do width = math.max(width, #module.name) end
  for i, module in ipairs(doc.modules()) do
    lines[i] = ("  ?%-" .. width .. "s  %s"):format(module.name, doc.summary(module.text))
  end
  return overview .. table.concat(lines, "\n")
end

-- -- finding what is meant ---------------------------------------------------

local function field(value, name)
  local ok, found = pcall(function() return value[name] end)
  if ok then return found end
end

-- The value of "a.b:c" in an environment, or nil.
local function resolve(path, environment)
  local value = environment
  for name in path:gmatch "[%w_]+" do
    value = field(value, name)
    if value == nil then return nil end
  end
  return value
end

local function is_op(value)
  return type(value) == "table" and rawget(value, "schema") and rawget(value, "handle")
end

local function is_public_table(value)
  return type(value) == "table" and not raw.is_tensor(value)
end

-- Names of all that is documented: "fmp.optim.SGD".
local function public_names()
  local names = {}
  for _, module in ipairs(doc.modules()) do
    names[#names + 1] = module.name
    local value = resolve(module.name, {fmp = require "fmp"})
    if is_public_table(value) and module.name ~= "fmp.ops" then
      for key in pairs(value) do names[#names + 1] = module.name .. "." .. tostring(key) end
    end
  end
  table.sort(names)
  return names
end

-- The public name that ends with what was asked for: "SGD" is "fmp.optim.SGD".
local function find_public(name)
  for _, each in ipairs(public_names()) do
    if each:sub(-#name - 1) == "." .. name then return each end
  end
end

local function op_named(name)
  for _, each in ipairs(raw.op_names()) do
    if each == name then return require("fmp.ops")[name] end
  end
end

-- -- texts -------------------------------------------------------------------

-- What a module has, and what it loads when it is first used: names in order.
local function member_names(value, path)
  local found, names = {}, {}
  for name in pairs(value) do found[name] = type(name) == "string" end
  for _, module in ipairs(doc.modules()) do
    local parent, name = module.name:match "^(.*)%.([^.]+)$"
    if parent == path then found[name] = true end
  end
  for name, wanted in pairs(found) do
    if wanted and doc.find(path .. "." .. name) then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- One line for each documented field of a module.
local function member_lines(value, path)
  local names, lines, width = member_names(value, path), {}, 0
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for i, name in ipairs(names) do
    local text = doc.find(path .. "." .. name).text
    lines[i] = ("  %-" .. width .. "s  %s"):format(name, doc.summary(text))
  end
  return #lines > 0 and "\n\n" .. table.concat(lines, "\n") or ""
end

local function is_module_name(path)
  for _, module in ipairs(doc.modules()) do
    if module.name == path then return true end
  end
  return false
end

local function full_name(path) return path:find "^fmp%f[%W]" and path or find_public(path) end

local function documented(path, found, value)
  local head = found.params and path .. found.params .. "\n" or ""
  local name = full_name(path)
  local members = name and is_public_table(value) and is_module_name(name)
                  and name ~= "fmp.ops" and member_lines(value, name) or ""
  return head .. found.text .. members
end

local function of_value(path, value)
  if is_op(value) then return help.op(value) end
  local public = full_name(path)
  local found = doc.of(value) or public and doc.find(public)
  if found then return documented(path, found, value) end
end

local function describe(path, value)
  local text = raw.is_tensor(value) and require("fmp.print").header(value) or show.value(value)
  if text:find "\n" then return path .. " is a " .. type(value) .. " without documentation" end
  return path .. " is " .. text
end

local function not_found(path, environment)
  local names = {}
  for _, name in ipairs(raw.op_names()) do
    for _, before in ipairs {"", "ops.", "fmp.ops."} do names[#names + 1] = before .. name end
  end
  for _, name in ipairs(public_names()) do
    names[#names + 1] = name:gsub("^fmp%.", "")
    names[#names + 1], names[#names + 2] = name, name:match "[^.]+$"
  end
  for name in pairs(_G) do names[#names + 1] = tostring(name) end
  for name in pairs(environment) do names[#names + 1] = tostring(name) end
  local guess = nearest(path, names) or nearest(path:match "[^.]*$", names)
  return ("nothing is known about '%s'%s"):format(path, guess and "; did you mean " .. guess .. "?"
                                               or "; ? gives an overview")
end

--- The text for `?name`: of an op, of what has a documentation comment, of any value.
function M.text(name, environment)
  if name == "" then return M.overview() end
  local path = name:gsub("%s", ""):gsub(":", ".")
  local value = path:find "^[%a_][%w_.]*$" and resolve(path, environment)
  if value == false then value = nil end
  local text = value ~= nil and of_value(path, value)
  if text then return text end
  local op = op_named(path)
  if op then return help.op(op) end
  local public = find_public(path)
  if public then return of_value(public, resolve(public, {fmp = require "fmp"})) end
  if value ~= nil then return describe(path, value) end
  return not_found(path, environment)
end

return M
