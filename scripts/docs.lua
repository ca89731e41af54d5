-- SPDX-License-Identifier: Apache-2.0
-- The reference pages, from what plugins registered and from doc comments:
--   fmprun scripts/docs.lua            writes docs/ops.md and docs/lua.md, and puts the session
--                                      that docs/session.txt records into README.md
--   fmprun scripts/docs.lua --check    says which of them are out of date; status 1 if any is
-- Run from the tree's root, with the plugins of the tree and no others.

local fmp = require "fmp"
local doc = require "fmp.doc"
local raw = require "fmp.ffi"

-- -- small things ------------------------------------------------------------

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function code(text) return "`" .. text .. "`" end

local function indented(text) return (("\n" .. text):gsub("\n([^\n])", "\n    %1"):sub(2)) end

local function cell(text) return (text:gsub("|", "\\|"):gsub("\n", " ")) end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

-- -- docs/ops.md -------------------------------------------------------------

-- "same|valid|explicit" as three words, a range as it is.
local function allowed(row)
  if not row.allowed then return "" end
  return (code(row.allowed):gsub("|", "`, `"))
end

local function attributes(rows)
  if #rows == 0 then return nil end
  local lines = {"| attribute | type | default | allowed | |", "|---|---|---|---|---|"}
  for _, row in ipairs(rows) do
    local default = row.default and code(row.default) or "must be given"
    lines[#lines + 1] = ("| %s | %s | %s | %s | %s |"):format(
      code(row.name), row.type, cell(default), cell(allowed(row)), cell(row.doc or ""))
  end
  return table.concat(lines, "\n")
end

-- "cpu: ref (f32 f64)". References alone: the other kernels and their types depend on the
-- processor, and the page must not.
local function kernels(op)
  local by_backend = {}
  for backend, name, dtypes in op.kernels:gmatch "([%w_]+)/([%w_]+) priority 0([%w ]*) %(" do
    by_backend[backend] = ("%s (%s)"):format(name, dtypes:sub(2))
  end
  local texts = {}
  for i, backend in ipairs(sorted_keys(by_backend)) do
    texts[i] = ("%s: %s"):format(backend, by_backend[backend])
  end
  return table.concat(texts, "; ")
end

local function gradient(op)
  if not op.differentiable then return "Not differentiable." end
  local names = {}
  for name in (op.gradient_ops or ""):gmatch "%S+" do names[#names + 1] = code(name) end
  if #names == 0 then return "Differentiable." end
  table.sort(names)
  return ("Gradient by %s."):format(table.concat(names, ", "))
end

local function op_section(op)
  local parts = {"### " .. op.name, indented(op.name .. op.schema .. "\n\n" .. op.doc)}
  parts[#parts + 1] = attributes(op.attrs)
  local how = op.alias and "Needs no kernel: another view of its input." or
              ("Reference kernel: %s."):format(kernels(op))
  parts[#parts + 1] = gradient(op) .. " " .. how
  return table.concat(parts, "\n\n")
end

local function resource_section(kind)
  local parts = {"### " .. kind.name .. " (resource)", indented(kind.doc)}
  parts[#parts + 1] = attributes(kind.attrs)
  return table.concat(parts, "\n\n")
end

-- {plugin = {name = text of its section}}
local function sections()
  local plugins = {}
  local function add(plugin, key, text)
    plugins[plugin] = plugins[plugin] or {}
    plugins[plugin][key] = text
  end
  for _, name in ipairs(require("fmp.ffi").op_names()) do
    local op = fmp.ops[name]
    add(op.plugin, name, op_section(op))
  end
  for _, kind in ipairs(fmp.resources()) do
    add(kind.plugin, kind.name .. " resource", resource_section(kind))
  end
  return plugins
end

local function plugin_summaries()
  local summaries = {}
  for _, plugin in ipairs(fmp.plugin.list()) do summaries[plugin.name] = plugin.summary end
  return summaries
end

local function ops_page()
  local plugins, summaries = sections(), plugin_summaries()
  local page = {[[
# Ops and resources

Written by `build/bin/fmprun scripts/docs.lua` from the definitions that the plugins register;
edit those. `fmprun ops NAME` shows the same for any op, including those of other plugins, with
all kernels for it on your processor; this page names the reference kernels only.

Marks in a schema: `?` may be absent, `!` is written in place, `~` only the shape is used,
`...` any number of inputs. Images are [n,h,w,c], weights [out,h,w,in]. In Lua:
`y = fmp.ops.NAME(inputs..., {attribute = value})`.]]}
  for _, plugin in ipairs(sorted_keys(plugins)) do
    page[#page + 1] = ("## %s\n\n%s"):format(plugin, summaries[plugin] or "")
    for _, key in ipairs(sorted_keys(plugins[plugin])) do page[#page + 1] = plugins[plugin][key] end
  end
  return table.concat(page, "\n\n") .. "\n"
end

-- -- docs/lua.md -------------------------------------------------------------

-- Objects that modules return, and the files that define their methods.
local objects = {
  {"Tensors", "tensor", prefix = "t", file_text = true},
  {"Compiled functions", "compile", class = "Compiled", prefix = "f"},
  {"Layers, networks and losses", "nn/module", class = "Module", prefix = "net"},
  {"Optimizers", "optim", class = "Optimizer", prefix = "optimizer"},
  {"Data sets", "data/set", class = "Set", prefix = "set", file_text = true},
  {"Batches", "data/batches", class = "Batches", prefix = "batches"},
  {"Resources", "resource", class = "Resource", prefix = "r"},
}

local function lua_file(name)
  return raw.module_file("fmp." .. name:gsub("/", "."))
end

local function entry_section(name, entry)
  return ("### %s\n\n%s"):format(name .. (entry.params or ""), indented(entry.text))
end

local function value_of(path)
  local value = fmp
  for name in path:gmatch "%.([%w_]+)" do value = value[name] end
  return value
end

-- Modules load others at first use, so their fields depend on what has run before: only
-- functions and classes are listed, and every module by itself.
local function is_listed(value, name, modules)
  if modules[name] then return false end
  return type(value) == "function" or type(value) == "table" and rawget(value, "kind") ~= nil
end

local function module_section(page, module, modules)
  page[#page + 1] = ("## %s\n\n%s"):format(module.name, indented(module.text))
  local value = value_of(module.name)
  if type(value) ~= "table" then return end
  for _, key in ipairs(sorted_keys(value)) do
    local field, name = value[key], module.name .. "." .. key
    local entry = is_listed(field, name, modules) and (doc.of(field) or doc.find(name))
    if entry then page[#page + 1] = entry_section(name, entry) end
  end
end

local function object_section(page, object)
  local file = doc.file(lua_file(object[2]))
  page[#page + 1] = "## " .. object[1]
  if object.file_text then page[#page + 1] = indented(file.text) end
  for _, entry in ipairs(file.entries) do
    local class, method = (entry.name or ""):match "^([%w_]+):(%a[%w_]*)$"
    if class == (object.class or "methods") then
      page[#page + 1] = entry_section(object.prefix .. ":" .. method, entry)
    end
  end
end

local function lua_page()
  local page = {[[
# Lua reference

Written by `build/bin/fmprun scripts/docs.lua` from the comments in `lua/fmp`; edit those. At the
prompt `?name` shows the same. Ops are in [ops.md](ops.md).]]}
  local modules = {}
  for _, module in ipairs(doc.modules()) do modules[module.name] = true end
  for _, module in ipairs(doc.modules()) do module_section(page, module, modules) end
  for _, object in ipairs(objects) do object_section(page, object) end
  return table.concat(page, "\n\n") .. "\n"
end

-- -- README.md ---------------------------------------------------------------

local function readme_page()
  local readme, session = read "README.md", read "docs/session.txt"
  if not session then return readme end
  local block = "\n```console\n" .. session:gsub("%s+$", "") .. "\n```\n\n"
  local from, to = "(<!%-%- session[^\n]*\n)", "(<!%-%- end of session)"
  return (readme:gsub(from .. ".-" .. to, function(a, b) return a .. block .. b end))
end

-- -- writing and comparing ---------------------------------------------------

local pages = {
  ["docs/lua.md"] = lua_page, ["docs/ops.md"] = ops_page, ["README.md"] = readme_page,
}

local function write(path, text)
  local file, why = io.open(path, "wb")
  if not file then error(why, 0) end
  local ok
  ok, why = file:write(text)
  if ok then ok, why = file:close() end
  if not ok then error(path .. ": " .. why, 0) end
  print("wrote " .. path)
end

-- The first line that differs, for the message.
local function first_difference(old, new)
  local line = 0
  local next_old, next_new = (old .. "\n"):gmatch "(.-)\n", (new .. "\n"):gmatch "(.-)\n"
  repeat
    line = line + 1
    local a, b = next_old(), next_new()
    if a ~= b then return line, a or "(end)", b or "(end)" end
  until not a
end

local function is_current(path, text)
  local old = read(path) or ""
  if old == text then return true end
  local line, has, expected = first_difference(old, text)
  print(("%s:%d: has '%s', expected '%s'"):format(path, line, has, expected))
  return false
end

local function main(option)
  if option and option ~= "--check" then error("usage: docs.lua [--check]", 0) end
  local current = true
  for _, path in ipairs(sorted_keys(pages)) do
    local text = pages[path]()
    if option then
      current = is_current(path, text) and current
    else
      write(path, text)
    end
  end
  if not current then error("the reference is not up to date; run: fmprun scripts/docs.lua", 0) end
end

main(...)
