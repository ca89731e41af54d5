-- SPDX-License-Identifier: Apache-2.0
--- A program on a pseudo-terminal, driven as a person would: type, wait for what is seen.
-- What the program writes is drawn on a screen of lines, so that tests see text and no
-- control codes. Nothing sleeps for a fixed time: every wait is for something.

local ffi = require "ffi"

if not pcall(ffi.typeof, "struct pty_poll") then
  ffi.cdef [[
    struct pty_poll { int descriptor; short wanted, seen; };
    struct pty_size { unsigned short rows, columns, width, height; };
    int pty_forkpty(int *master, char *name, const void *mode, const struct pty_size *size)
      __asm__("forkpty");
    int pty_poll(struct pty_poll *list, unsigned long n, int milliseconds) __asm__("poll");
    ssize_t pty_read(int descriptor, void *buffer, size_t n) __asm__("read");
    ssize_t pty_write(int descriptor, const void *buffer, size_t n) __asm__("write");
    int pty_execv(const char *path, const char *const *words) __asm__("execv");
    int pty_setenv(const char *name, const char *value, int over) __asm__("setenv");
    int pty_unsetenv(const char *name) __asm__("unsetenv");
    int pty_chdir(const char *path) __asm__("chdir");
    int pty_kill(int process, int number) __asm__("kill");
    int pty_waitpid(int process, int *status, int options) __asm__("waitpid");
    int pty_close(int descriptor) __asm__("close");
    int pty_ioctl(int descriptor, unsigned long request, ...) __asm__("ioctl");
    int pty_tcgetattr(int descriptor, void *settings) __asm__("tcgetattr");
    void pty_exit(int status) __asm__("_exit");
  ]]
end

local C = ffi.C
local SIGKILL, WNOHANG, POLLIN = 9, 1, 1
local LONG_SECONDS = 60 -- nothing takes so long: a failure, not a threshold

-- forkpty is in libc since glibc 2.34, before in libutil.
local function find_forkpty()
  if pcall(function() return C.pty_forkpty end) then return C end
  return ffi.load "util"
end

-- -- the screen --------------------------------------------------------------

local Screen = {}
Screen.__index = Screen

local function new_screen() return setmetatable({lines = {{}}, row = 1, column = 1}, Screen) end

function Screen:put(c)
  local line = self.lines[self.row]
  for i = #line + 1, self.column - 1 do line[i] = " " end
  line[self.column] = c
  self.column = self.column + 1
end

function Screen:newline()
  self.row = self.row + 1
  self.lines[self.row] = self.lines[self.row] or {}
end

local function erase(line, from)
  for i = #line, from, -1 do line[i] = nil end
end

-- Control sequences: ESC [ number letter.
local sequences = {
  A = function(s, n) s.row = math.max(1, s.row - n) end,
  B = function(s, n) for _ = 1, n do s:newline() end end,
  C = function(s, n) s.column = s.column + n end,
  D = function(s, n) s.column = math.max(1, s.column - n) end,
  G = function(s, n) s.column = n end,
  K = function(s) erase(s.lines[s.row], s.column) end,
  J = function(s)
    erase(s.lines[s.row], s.column)
    for row = s.row + 1, #s.lines do s.lines[row] = nil end
  end,
  P = function(s, n)
    for _ = 1, n do
      if s.lines[s.row][s.column] then table.remove(s.lines[s.row], s.column) end
    end
  end,
  ["@"] = function(s, n)
    for _ = 1, n do
      if s.lines[s.row][s.column] then table.insert(s.lines[s.row], s.column, " ") end
    end
  end,
}

local controls = {
  ["\r"] = function(s) s.column = 1 end,
  ["\n"] = function(s) s:newline() end,
  ["\b"] = function(s) s.column = math.max(1, s.column - 1) end,
  ["\t"] = function(s) s.column = s.column + 8 - (s.column - 1) % 8 end,
}

-- Draws bytes; returns those of a sequence that is not complete yet.
function Screen:draw(bytes)
  local at = 1
  while at <= #bytes do
    local c = bytes:sub(at, at)
    if c == "\27" then
      local number, letter, after = bytes:match("^%[%??([%d;]*)([%a@])()", at + 1)
      if not letter then return bytes:sub(at) end
      if sequences[letter] then sequences[letter](self, tonumber(number) or 1) end
      at = after
    else
      if controls[c] then controls[c](self) elseif c >= " " then self:put(c) end
      at = at + 1
    end
  end
  return ""
end

function Screen:text()
  local lines = {}
  for i, line in ipairs(self.lines) do lines[i] = table.concat(line):gsub("%s+$", "") end
  return table.concat(lines, "\n")
end

-- -- the program -------------------------------------------------------------

local Pty = {}
Pty.__index = Pty

local M = {}

local function exec(words, options)
  local list = ffi.new("const char *[?]", #words + 1)
  for i, word in ipairs(words) do list[i - 1] = word end
  if options.directory then C.pty_chdir(options.directory) end
  C.pty_unsetenv "COLUMNS"
  C.pty_unsetenv "LINES"
  for name, value in pairs(options.environment or {}) do
    if value then C.pty_setenv(name, value, 1) else C.pty_unsetenv(name) end
  end
  C.pty_execv(words[1], list)
  C.pty_exit(127)
end

--- Starts words on a terminal. options: environment, {NAME = value or false}; directory;
-- columns.
function M.start(words, options)
  options = options or {}
  local master = ffi.new "int[1]"
  local size = ffi.new("struct pty_size", {40, options.columns or 100})
  local process = find_forkpty().pty_forkpty(master, nil, nil, size)
  assert(process >= 0, "no pseudo-terminal")
  if process == 0 then exec(words, options) end
  return setmetatable({process = process, master = master[0], screen = new_screen(), rest = "",
                       raw = {}, from = 1}, Pty)
end

local buffer = ffi.new "char[4096]"
local settings = ffi.new "unsigned int[64]" -- a struct termios; its fourth word is c_lflag
local LOCAL_FLAGS, ICANON = 3, 2

local function is_editing(self)
  C.pty_tcgetattr(self.master, settings)
  return bit.band(settings[LOCAL_FLAGS], ICANON) == 0
end

-- Draws what there is, after waiting for it; false at the end of it.
local function draw_more(self, milliseconds)
  local poll = ffi.new("struct pty_poll", {self.master, POLLIN, 0})
  if C.pty_poll(poll, 1, milliseconds) <= 0 then return true end
  local n = tonumber(C.pty_read(self.master, buffer, 4096))
  if n <= 0 then return false end
  local bytes = ffi.string(buffer, n)
  self.raw[#self.raw + 1] = bytes
  self.rest = self.screen:draw(self.rest .. bytes)
  return true
end

--- What is on the screen behind what the last wait has found.
function Pty:unseen() return self.screen:text():sub(self.from) end

--- All that was ever drawn, as text.
function Pty:text() return self.screen:text() end

--- All that was written, with its control codes.
function Pty:bytes() return table.concat(self.raw) end

function Pty:type(keys)
  while #keys > 0 do
    local n = tonumber(C.pty_write(self.master, keys, #keys))
    assert(n > 0, "the terminal takes no more")
    keys = keys:sub(n + 1)
  end
end

local TIOCSWINSZ = 0x5414

--- Gives the terminal another width; the program gets a signal.
function Pty:resize(columns)
  C.pty_ioctl(self.master, TIOCSWINSZ, ffi.new("struct pty_size", {40, columns}))
end

--- Waits until plain text is on the screen behind what was found before; returns what stands
-- between the two. Fails after so many seconds.
function Pty:wait(text, seconds)
  local last = os.time() + (seconds or LONG_SECONDS)
  while true do
    local unseen = self:unseen()
    local first, behind = unseen:find(text, 1, true)
    if first then
      self.from = self.from + behind
      return unseen:sub(1, first - 1)
    end
    if not draw_more(self, 1000) or os.time() > last then
      error(("waited for '%s' in vain; unseen: %s\nall: %s"):format(text, unseen, self:text()), 2)
    end
  end
end

--- Waits until the program has taken the line and gives the terminal its usual ways.
function Pty:wait_until_running()
  local last = os.time() + LONG_SECONDS
  while is_editing(self) do
    draw_more(self, 10)
    assert(os.time() <= last, "the program takes no line")
  end
end

--- Waits until what is behind the last find matches a pattern.
function Pty:match(pattern)
  local last = os.time() + LONG_SECONDS
  while not ("\n" .. self:unseen()):find(pattern) do
    if not draw_more(self, 1000) or os.time() > last then
      error(("waited for '%s' in vain; unseen: %s"):format(pattern, self:unseen()), 2)
    end
  end
  self.from = #self:text() + 1
end

--- Waits until the prompt stands alone at the end of the screen; returns what stands before it.
function Pty:prompt(mark)
  mark = mark or "> "
  mark = "\n" .. mark:gsub("%s+$", "")
  local last = os.time() + LONG_SECONDS
  while true do
    local unseen = "\n" .. self:unseen()
    if unseen:sub(-#mark) == mark then
      self.from = #self.screen:text() + 1
      return unseen:sub(2, -#mark - 1)
    end
    if not draw_more(self, 1000) or os.time() > last then
      error(("waited for the prompt '%s' in vain; unseen: %s"):format(mark, unseen), 2)
    end
  end
end

--- Types a line and waits for the next prompt; returns what was printed between.
function Pty:line(text, mark)
  self:type(text .. "\r")
  self:wait(text:match "[^\n]*$")
  return (self:prompt(mark):gsub("^ *\n", ""))
end

--- Waits for the end; returns the exit status, or nil and the number of the signal.
function Pty:finish()
  local status, last = ffi.new "int[1]", os.time() + LONG_SECONDS
  while draw_more(self, 1000) do
    if os.time() > last then break end
  end
  while C.pty_waitpid(self.process, status, WNOHANG) == 0 do
    if os.time() > last then C.pty_kill(self.process, SIGKILL) end
    C.pty_poll(nil, 0, 10)
  end
  C.pty_close(self.master)
  self.process = nil
  local number = bit.band(status[0], 127)
  if number == 0 then return bit.band(bit.rshift(status[0], 8), 255) end
  return nil, number
end

--- Ends it however it stands.
function Pty:kill()
  if not self.process then return end
  C.pty_kill(self.process, SIGKILL)
  self:finish()
end

return M
