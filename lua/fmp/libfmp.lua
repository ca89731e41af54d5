-- SPDX-License-Identifier: Apache-2.0
--- Where an installation has its parts, and the engine's library with its declarations: for
-- fmp.ffi, which wraps it.

local ffi = require "ffi"

local M = {}

-- This file is <prefix>/share/fmp/lua/fmp/libfmp.lua.
local source = debug.getinfo(1, "S").source
local lua_root = source:match("^@(.*)fmp/libfmp%.lua$") or "./"
local share = lua_root:match("^(.*)lua/$") or lua_root .. "../"
local prefix = share:match("^(.*)share/fmp/$") or share .. "../../"

--- The directories <prefix>/share/fmp/ and the one of Lua's modules, with their slashes.
M.share, M.lua_root = share, lua_root

local triplets = {x64 = "x86_64-linux-gnu/", arm64 = "aarch64-linux-gnu/"}

-- The engine that is in the process already: fmprun, and programs that embed Lua, are linked with
-- it. A library of another name would be a second engine, with ops, memory and Ctrl-C of its own.
local function engine_of_process(symbol)
  if pcall(function() return ffi.C[symbol] end) then return ffi.C end
end

-- The library must outlive this Lua state: its plugins and their threads stay loaded.
local RTLD_NOW_NODELETE = 0x1002

-- The library as it lies in a build tree, an installation, or Debian's multiarch directories.
local function load_library()
  local tried = {}
  for _, directory in ipairs {"lib/", "lib/" .. (triplets[ffi.arch] or ""), "lib64/"} do
    local path = prefix .. directory .. "libfmp.so"
    local ok, library = pcall(ffi.load, path)
    if ok then
      ffi.C.dlopen(path, RTLD_NOW_NODELETE)
      return library
    end
    tried[#tried + 1] = tostring(library)
  end
  error("libfmp.so could not be loaded:\n  " .. table.concat(tried, "\n  "), 0)
end

-- A header as a cdef: without lines that start with '#', and without what is C++ only.
local function declarations(path)
  local file, why = io.open(path)
  if not file then error("the engine's declarations are missing: " .. why, 0) end
  local lines, skipping = {}, false
  for line in file:lines() do
    if line:find "^#ifdef __cplusplus" then
      skipping = true
    elseif skipping and line:find "^#endif" then
      skipping = false
    elseif not skipping and not line:find "^#" then
      lines[#lines + 1] = line
    end
  end
  file:close()
  return table.concat(lines, "\n")
end

-- Test runners load modules anew for each file, but a cdef can be made only once.
if not pcall(ffi.typeof, "fmp_spec") then
  ffi.cdef(declarations(share .. "cdef/types.h"))
  ffi.cdef(declarations(share .. "cdef/api.h"))
  ffi.cdef "void *dlopen(const char *path, int mode);"
end

--- libfmp as an FFI library, found in the process by a function that it exports, or loaded.
function M.open(symbol) return engine_of_process(symbol) or load_library() end

local function is_file(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- The file of a module of this library, such as "fmp.optim"; nil if there is none.
function M.module_file(name)
  local stem = lua_root .. name:gsub("%.", "/")
  for _, path in ipairs {stem .. ".lua", stem .. "/init.lua"} do
    if is_file(path) then return path end
  end
end

return M
