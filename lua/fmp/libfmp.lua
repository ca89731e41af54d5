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

-- The library as it lies in a build tree, an installation, or Debian's multiarch directories.
local function load_library()
  local tried = {}
  for _, directory in ipairs {"lib/", "lib/" .. (triplets[ffi.arch] or ""), "lib64/"} do
    local path = prefix .. directory .. "libfmp.so"
    local ok, library = pcall(ffi.load, path)
    if ok then return library, path end
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

local library, library_path = load_library()

--- libfmp, as LuaJIT's ffi.load gives it.
M.C = library

-- The library must outlive this Lua state: its plugins and their threads stay loaded.
local RTLD_NOW_NODELETE = 0x1002
ffi.C.dlopen(library_path, RTLD_NOW_NODELETE)

return M
