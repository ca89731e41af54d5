-- SPDX-License-Identifier: Apache-2.0
--- fmprun's prompt on a pseudo-terminal, in a scratch directory that is also its home.

local pty = require "tests.lua.pty"
local raw = require "fmp.ffi"
local sh = require "tests.lua.shell"

local M = {fmprun = raw.share .. "../../bin/fmprun"}

local remove, session

--- To be called around all tests of a block, and after each.
function M.setup() M.scratch, remove = sh.scratch() end
function M.teardown() remove() end
function M.after_each()
  if session then session:kill() end
  session = nil
end

--- A program on a terminal, with the environment that the prompt has; options as for pty.
function M.start_program(words, options)
  options = options or {}
  local environment = {TERM = "xterm", HOME = M.scratch, FMP_HISTORY = M.scratch .. "/history",
                       XDG_STATE_HOME = false, NO_COLOR = false}
  for name, value in pairs(options.environment or {}) do environment[name] = value end
  session = pty.start(words, {directory = M.scratch, environment = environment,
                              columns = options.columns})
  return session
end

--- fmprun with these arguments.
function M.start(words, options)
  return M.start_program({M.fmprun, unpack(words or {})}, options)
end

--- The same, at its first prompt.
function M.started(...)
  local p = M.start(...)
  p:prompt()
  return p
end

--- Leaves by Ctrl-D.
function M.leave(p)
  p:type "\4"
  local status = p:finish()
  assert(status == 0, ("status %s: %s"):format(status, p:text()))
end

function M.write(name, text)
  local file = assert(io.open(M.scratch .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return name
end

function M.read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

function M.contains(text, part)
  assert(text:find(part, 1, true), ("expected '%s' in: %s"):format(part, text))
end

function M.lacks(text, part)
  assert(not text:find(part, 1, true), ("did not expect '%s' in: %s"):format(part, text))
end

return M
