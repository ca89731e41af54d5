-- SPDX-License-Identifier: Apache-2.0
--- How an error is reported: its message, and how the user's own code got there.

local raw = require "fmp.ffi"

local M = {}

-- A recursion without end has thousands of frames, all alike.
local MOST_FRAMES = 8

--- Frames from `level` on that are not the library's, the innermost first, at most a few: a
-- list of {file = "script.lua", line = 3}.
function M.frames(level)
  local frames = {}
  for l = level + 1, math.huge do
    local frame = debug.getinfo(l, "Sl")
    if not frame or #frames == MOST_FRAMES then return frames end
    if frame.currentline > 0 and not raw.is_own(frame.source) then
      frames[#frames + 1] = {file = frame.short_src, line = frame.currentline}
    end
  end
end

--- A handler for xpcall: the message, and a line for each frame that the message does not
-- already name. nil stays nil.
function M.describe(message)
  if message == nil then return nil end
  local text, lines = tostring(message), {}
  for _, frame in ipairs(M.frames(2)) do
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
