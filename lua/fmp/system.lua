-- SPDX-License-Identifier: Apache-2.0
--- What scripts need from the operating system and Lua does not offer.

local ffi = require "ffi"

-- Test runners load modules anew for each file, but a cdef can be made only once.
if not pcall(ffi.typeof, "struct fmp_timespec") then
  ffi.cdef [[
    struct fmp_timespec { long seconds, nanoseconds; };
    struct fmp_winsize { unsigned short rows, columns, width, height; };
    int ioctl(int descriptor, unsigned long request, ...);
    int clock_gettime(int clock, struct fmp_timespec *now);
    int isatty(int descriptor);
    int mkdir(const char *path, unsigned int mode);
    int access(const char *path, int mode);
    int getpid(void);
    char *strerror(int number);
    struct fmp_dirent {
      uint64_t number; int64_t offset; unsigned short length; unsigned char kind; char name[256];
    };
    void *opendir(const char *path);
    struct fmp_dirent *fmp_readdir(void *directory) __asm__("readdir");
    int closedir(void *directory);
  ]]
end

local M = {}

local CLOCK_MONOTONIC = 1
local now = ffi.new "struct fmp_timespec"

--- Seconds since some moment, on a clock that nobody sets.
function M.seconds()
  ffi.C.clock_gettime(CLOCK_MONOTONIC, now)
  return tonumber(now.seconds) + tonumber(now.nanoseconds) * 1e-9
end

--- Whether a descriptor, 0 for input and 1 for output, is a terminal.
function M.is_terminal(descriptor) return ffi.C.isatty(descriptor) == 1 end

--- Whether what is printed goes to a terminal that can return to the start of a line.
function M.is_screen() return M.is_terminal(1) and os.getenv "TERM" ~= "dumb" end

local TIOCGWINSZ = 0x5413
local window = ffi.new "struct fmp_winsize"

--- The terminal's width in columns; 80 where it does not say.
function M.columns()
  if ffi.C.ioctl(1, TIOCGWINSZ, window) == 0 and window.columns > 0 then return window.columns end
  return tonumber(os.getenv "COLUMNS") or 80
end

--- The number of this process.
function M.process() return ffi.C.getpid() end

local EEXIST = 17

-- Makes one directory; true if it exists afterwards, or else nil and why not.
local function make_one(path)
  if ffi.C.mkdir(path, 511) == 0 or ffi.errno() == EEXIST then return true end
  return nil, path .. ": " .. ffi.string(ffi.C.strerror(ffi.errno()))
end

--- Makes a directory and those above it that are missing; true, or nil and why not: the first
-- failure, as it makes all others fail.
function M.make_directory(path)
  local at, reason = 1, nil
  while true do
    local slash = path:find("/", at + 1, true)
    local ok, why = make_one(path:sub(1, (slash or 0) - 1))
    reason = reason or why
    if not slash then return ok, reason end
    at = slash
  end
end

--- The names in a directory except "." and "..", in order; nil if it cannot be read.
function M.list(path)
  local directory, names = ffi.C.opendir(path), {}
  if directory == nil then return nil end
  while true do
    local entry = ffi.C.fmp_readdir(directory)
    if entry == nil then break end
    local name = ffi.string(entry.name)
    if name ~= "." and name ~= ".." then names[#names + 1] = name end
  end
  ffi.C.closedir(directory)
  table.sort(names)
  return names
end

--- Whether a path is a directory that can be read.
function M.is_directory(path)
  local directory = ffi.C.opendir(path)
  if directory ~= nil then ffi.C.closedir(directory) end
  return directory ~= nil
end

local READ_OK, ENOENT, ENOTDIR = 4, 2, 20

--- Whether there is such a file or directory, readable or not. It is not opened: a FIFO would
-- wait for its other end.
function M.exists(path)
  if ffi.C.access(path, 0) == 0 then return true end
  return ffi.errno() ~= ENOENT and ffi.errno() ~= ENOTDIR
end

--- Whether a file or directory can be read.
function M.is_readable(path) return ffi.C.access(path, READ_OK) == 0 end

return M
