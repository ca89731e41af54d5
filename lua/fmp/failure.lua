-- SPDX-License-Identifier: Apache-2.0
--- How an error is reported: its message, and how the user's own code got there.

local errors = require "fmp.errors"
local frames = require "fmprun.frames"

local M = {}

frames.leave_out(errors.own_prefix)

local function with_frames(ok, ...)
  if ok then return ok, ... end
  return ok, (...), frames.last()
end

--- Calls f by `call`, which takes a function and a handler as xpcall does. Returns true and what f
-- returns; or false, what it raised, and the frames that are not the library's, the innermost
-- first, at most a few: a list of {file = "script.lua", line = 3}.
function M.call(call, f) return with_frames(call(f, frames.catch)) end

--- The message, and a line for each frame that the message does not already name.
function M.describe(message, places)
  local text, lines = tostring(message), {}
  for _, frame in ipairs(places) do
    local place = frame.file .. ":" .. frame.line
    if text:sub(1, #place) ~= place then lines[#lines + 1] = "\n  called from " .. place end
  end
  return text .. table.concat(lines)
end

--- Writes a message to stderr, after everything that has been printed.
function M.report(text)
  io.stdout:flush()
  io.stderr:write("fmprun: ", text, "\n")
end

return M
