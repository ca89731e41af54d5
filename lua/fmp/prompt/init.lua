-- SPDX-License-Identifier: Apache-2.0
--- The prompt of fmprun: reads Lua, runs it, and shows the values. On a terminal it edits
-- lines, completes names, keeps a history, and goes on after errors and Ctrl-C. In a pipe it
-- prints values and nothing else, and the first error ends it with status 1.

local failure = require "fmp.failure"
local input = require "fmp.prompt.input"
local raw = require "fmp.ffi"
local show = require "fmp.prompt.show"
local system = require "fmp.system"
local terminal = require "fmprun.terminal"

local M = {}

local PROMPT, CONTINUATION = "> ", ">> "
-- Commands that take longer show how long.
local LONG_SECONDS = 1

-- -- names -------------------------------------------------------------------

local preset = {nn = true, ops = true, optim = true, data = true}

-- What is assigned goes to the globals, where modules and scripts find it.
local function furnish(environment)
  local hidden = {[input.KEEP] = input.keeper(environment), [input.PASS] = input.pass}
  local function look_up(_, name)
    local value = _G[name]
    if value == nil and preset[name] then value = require("fmp")[name] end
    if value == nil then return hidden[name] end
    return value
  end
  return setmetatable(environment, {__index = look_up, __newindex = _G})
end

-- -- errors ------------------------------------------------------------------

local function line_text(self, frame)
  local text = frame.file == "stdin" and self.lines[frame.line]
  local place = frame.file .. ":" .. frame.line
  return text and place .. ": " .. text:match "^%s*(.-)%s*$" or place
end

-- An error that was caught and raised again has lost the frame of the line that it names.
local function with_origin(text, frames)
  local line = tonumber(text:match "^stdin:(%d+): ")
  for _, frame in ipairs(frames) do
    if not line or frame.file == "stdin" and frame.line == line then return frames end
  end
  return line and {{file = "stdin", line = line}, unpack(frames)} or frames
end

-- The user's lines that led to an error; none if that is only the line just typed.
local function places(self, frames)
  if #frames == 1 and frames[1].file == "stdin" and self.first == #self.lines then return "" end
  local lines = {}
  for i, frame in ipairs(frames) do lines[i] = "\n  " .. line_text(self, frame) end
  return table.concat(lines)
end

local function is_interrupted(text)
  return text == "interrupted" or text:find("[: ]interrupted$") ~= nil
end

local function report(self, message, frames)
  local text = tostring(message)
  -- In a pipe as for scripts: line numbers are those of the input.
  if not self.interactive then return failure.report(failure.describe(message, frames)) end
  if is_interrupted(text) then
    print "\ninterrupted" -- behind the ^C that the terminal shows
  else
    local places_text = places(self, with_origin(text, frames))
    print("error: " .. text:gsub("^stdin:%d+: ", "") .. places_text)
  end
end

local function call_interruptibly(f, handler) return terminal.call(handler, f) end

-- Runs f so that Ctrl-C stops it, reports what fails, and puts the engine in order.
-- Returns whether it succeeded.
local function protected(self, f)
  local call = self.interactive and call_interruptibly or xpcall
  local ok, message, frames = failure.call(call, f)
  if not ok then
    raw.settle()
    report(self, message, frames)
  end
  io.stdout:flush()
  return ok
end

-- -- running -----------------------------------------------------------------

local function time_text(seconds)
  if seconds < 1e-3 then return ("%.3g us"):format(seconds * 1e6) end
  if seconds < 1 then return ("%.3g ms"):format(seconds * 1e3) end
  return ("%.2f s"):format(seconds)
end

local function finish(self, started, timed, n, ...)
  if timed then raw.device_wait() end
  local seconds = system.seconds() - started
  if n > 0 then
    print(show.values(n, ...))
    if (...) ~= nil then rawset(self.environment, "_", (...)) end
  end
  if timed or self.interactive and seconds > LONG_SECONDS then
    print("(" .. time_text(seconds) .. ")")
  end
end

local function count(...) return select("#", ...), ... end

local function run_chunk(self, chunk, timed)
  setfenv(chunk, self.environment)
  return protected(self, function()
    local started = system.seconds()
    finish(self, started, timed, count(chunk()))
  end)
end

local function run_lua(self, text, timed)
  local chunk, why = input.compile(text, self.first)
  if chunk then return run_chunk(self, chunk, timed) end
  if why == "incomplete" then why = "stdin:" .. #self.lines .. ": the input ends too early" end
  report(self, why, {})
  return false
end

-- -- commands ----------------------------------------------------------------

local commands = {}

function commands.help()
  print(require("fmp.prompt.help").overview())
  return true
end

function commands.quit(self)
  self.left = true
  return true
end

function commands.time(self, text)
  if not text:find "%S" then
    print "usage: :time EXPRESSION"
    return false
  end
  return run_lua(self, text, true)
end

local function run_command(self, name, rest)
  if commands[name] then return commands[name](self, rest) end
  report(self, ("no command :%s; there are :help, :quit, :time"):format(name), {})
  return false
end

local function run_help(self, name)
  return protected(self, function()
    print(require("fmp.prompt.help").text(name, self.environment))
  end)
end

-- -- reading -----------------------------------------------------------------

local function read_line(self, prompt)
  if self.interactive then return terminal.read(prompt) end
  return io.read "*l"
end

local function kind_of(text)
  local command, rest = text:match "^%s*:(%w*)%s*(.*)$"
  if command then return "command", command, rest end
  local name = text:match "^%s*%?%s*(.-)%s*$"
  if name then return "help", name end
  return "lua"
end

-- Whether a text needs no further line.
local function is_complete(self, text)
  local kind, name, rest = kind_of(text)
  if kind == "command" and name == "time" and rest:find "%S" then text = rest
  elseif kind ~= "lua" then return true end
  return select(2, input.compile(text, self.first)) ~= "incomplete"
end

-- One entry, of as many lines as it needs; nil at the end of input, false where Ctrl-C
-- has cleared it.
local function read_entry(self)
  local text = read_line(self, PROMPT)
  while text and not is_complete(self, text) do
    self.pending = text
    local line = read_line(self, CONTINUATION)
    self.pending = nil
    if line == nil and not self.interactive then return text end
    text = line and text .. "\n" .. line
  end
  return text
end

local function note_lines(self, text)
  self.first = #self.lines + 1
  for line in (text .. "\n"):gmatch "(.-)\n" do self.lines[#self.lines + 1] = line end
end

local function run_entry(self, text)
  note_lines(self, text)
  if not text:find "%S" then return true end
  if self.history then self.history:add(text) end
  local kind, name, rest = kind_of(text)
  if kind == "command" then return run_command(self, name, rest) end
  if kind == "help" then return run_help(self, name) end
  return run_lua(self, text)
end

-- Runs entries until the end of input; in a pipe until the first failure. Returns the exit status.
local function loop(self)
  while not self.left do
    self.first = #self.lines + 1
    local text = read_entry(self)
    if text == nil then
      if self.interactive then print() end
      break
    end
    if text and not run_entry(self, text) and not self.interactive then return 1 end
  end
  return 0
end

-- -- the session -------------------------------------------------------------

local function greet()
  print(("fmp %s on %s. ? shows help, ?NAME explains a name, Ctrl-D leaves."):format(
    raw.version(), raw.device_default()))
end

local function open_terminal(self)
  local complete = require "fmp.prompt.complete"
  terminal.open(function(before)
    local text = self.pending and self.pending .. "\n" .. before or before
    return complete.answer(text, self.environment)
  end)
  self.history = require("fmp.prompt.history").open(terminal)
end

--- Runs a session, after `before()` if that is given, and returns the exit status.
-- environment: where names are looked up first.
function M.run(environment, before)
  -- lines: all that was typed; first: where the entry at hand begins in them.
  local self = {environment = furnish(environment), lines = {}, first = 1,
                interactive = system.is_terminal(0) and system.is_terminal(1)}
  if self.interactive then
    open_terminal(self)
    greet()
  end
  local ok = not before or protected(self, before)
  local status = not ok and not self.interactive and 1 or loop(self)
  terminal.close()
  return status
end

return M
