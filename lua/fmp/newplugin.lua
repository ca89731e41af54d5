-- SPDX-License-Identifier: Apache-2.0
--- fmprun new-plugin: writes a plugin with one op, its test and its build, from the
-- templates below share/fmp/templates/plugin. The templates are a working plugin whose
-- op is called swish; its name is replaced wherever it stands.

local ffi = require "ffi"
local raw = require "fmp.ffi"

if not pcall(function() return ffi.C.mkdtemp end) then
  ffi.cdef [[
    int mkdir(const char *path, unsigned int mode);
    char *mkdtemp(char *template_text);
    int rename(const char *from, const char *to);
    int remove(const char *path);
    int access(const char *path, int mode);
    char *strerror(int number);
  ]]
end
local C = ffi.C

local M = {}

local TEMPLATE_NAME = "swish"

-- What every plugin gets, and the source in its language.
local common = {"CMakeLists.txt", "README.md", "test/swish_test.lua"}
local sources = {c = "src/swish.c", cxx = "src/swish.cpp"}

-- The common templates are written for C; what to replace in them for C++.
local for_cxx = {["LANGUAGES C)"] = "LANGUAGES CXX)", ["src/swish.c"] = "src/swish.cpp"}

-- Keywords of C and Lua: the generated files use the op's name in both.
local reserved = {}
for word in ([[auto break case char const continue default do double else enum extern float
    for goto if inline int long register restrict return short signed sizeof static struct
    switch typedef union unsigned void volatile while
    and elseif end false function in local nil not or repeat then true until]]):gmatch "%S+" do
  reserved[word] = true
end

local function check_name(name)
  if not name:find "^%a[%w_]*$" or reserved[name] then
    error(("new-plugin: expected a name of letters, digits and _, not a word of C or Lua, got '%s'")
          :format(name), 0)
  end
end

local function warn(format, ...)
  io.stderr:write("new-plugin: ", format:format(...), "\n")
end

-- With a taken name of an op the new plugin would be refused, and with a plugin's name it would
-- be loaded instead of that.
local function warn_taken(name)
  raw.plugin_load_default()
  for _, plugin in ipairs(raw.plugins()) do
    if plugin.name == name then
      warn("the name '%s' is taken by an installed plugin, which this one would replace: choose "
           .. "another", name)
    end
  end
  for _, each in ipairs {name, name .. "_back"} do
    if raw.has_op(each) then
      warn("the name '%s' is taken by an op of plugin '%s': choose another, or register the op "
           .. "with a prefix, as 'acme.%s'", each, raw.op(each).plugin, each)
    end
  end
end

local function fail_io(what, path)
  local why = ffi.string(C.strerror(ffi.errno()))
  error(("new-plugin: cannot %s %s: %s"):format(what, path, why), 0)
end

local function make_directory(path, made)
  if C.mkdir(path, 493) ~= 0 then fail_io("make", path) end -- 0755
  made[#made + 1] = path
end

local function read_template(file)
  local path = raw.share .. "templates/plugin/" .. file
  local input, why = io.open(path)
  if not input then error("new-plugin: the templates are missing: " .. why, 0) end
  local text = input:read "*a"
  input:close()
  return text
end

local function write_file(path, text, made)
  local output, why = io.open(path, "w")
  if not output then error("new-plugin: " .. why, 0) end
  made[#made + 1] = path
  local ok, problem = output:write(text)
  if not output:close() or not ok then
    error("new-plugin: " .. tostring(problem or "cannot write " .. path), 0)
  end
end

local function replace_plain(text, from, to)
  return (text:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%"))))
end

local function adapt(text, name, language)
  if language == "cxx" then
    for from, to in pairs(for_cxx) do text = replace_plain(text, from, to) end
  end
  return replace_plain(text, TEMPLATE_NAME, name)
end

local function write_tree(root, name, language, made)
  make_directory(root, made)
  for _, part in ipairs {"/src", "/test"} do make_directory(root .. part, made) end
  local path = root .. "/" .. replace_plain(sources[language], TEMPLATE_NAME, name)
  write_file(path, replace_plain(read_template(sources[language]), TEMPLATE_NAME, name), made)
  for _, file in ipairs(common) do
    path = root .. "/" .. replace_plain(file, TEMPLATE_NAME, name)
    write_file(path, adapt(read_template(file), name, language), made)
  end
end

-- A new directory beside the target, so that the rename stays on one file system.
local function temporary_beside(target)
  local template = target .. ".XXXXXX"
  local buffer = ffi.new("char[?]", #template + 1, template)
  if C.mkdtemp(buffer) == nil then fail_io("make a directory beside", target) end
  return ffi.string(buffer)
end

local function remove_all(made)
  for i = #made, 1, -1 do C.remove(made[i]) end
end

--- Writes plugin `name` into a directory (default: one of its name), which must not
-- exist; in C++17 if cxx, else in C. All of it or nothing. Returns the directory.
function M.write(name, directory, cxx)
  check_name(name)
  local target = (directory or name):gsub("(.)/+$", "%1")
  warn_taken(name)
  if C.access(target, 0) == 0 then
    error(("new-plugin: %s exists already"):format(target), 0)
  end
  local temporary = temporary_beside(target)
  local made = {temporary}
  local ok, why = pcall(write_tree, temporary .. "/new", name, cxx and "cxx" or "c", made)
  if ok and C.rename(temporary .. "/new", target) ~= 0 then
    ok, why = pcall(fail_io, "rename to", target)
  end
  remove_all(ok and {temporary} or made)
  if not ok then error(why, 0) end
  return target
end

return M
