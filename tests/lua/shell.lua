-- SPDX-License-Identifier: Apache-2.0
--- fmprun as a child process, in a scratch directory of its own.

local raw = require "fmp.ffi"

local M = {}

--- The path of fmprun.
M.program = raw.share .. "../../bin/fmprun"

function M.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- Runs a shell command; returns what it printed, on both streams, and its exit status.
function M.shell(command)
  local pipe = io.popen("{ " .. command .. " ; } 2>&1; echo \"[status $?]\"")
  local text = pipe:read "*a"
  pipe:close()
  local output, status = text:match "^(.*)%[status (%d+)%]\n$"
  return output, tonumber(status)
end

--- A new directory, and a function that removes it.
function M.scratch()
  local path = M.shell("mktemp -d"):match "%S+"
  return path, function() M.shell("rm -rf " .. M.quote(path)) end
end

--- All bytes of a file.
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read "*a"
  file:close()
  return bytes
end

--- Makes a file of these bytes.
function M.write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

--- Runs fmprun in a directory, as shell() does; environment: "NAME=value ...".
function M.fmprun(directory, environment, ...)
  local words = {}
  for i, word in ipairs {...} do words[i] = M.quote(tostring(word)) end
  return M.shell(("cd %s && %s %s %s"):format(M.quote(directory), environment, M.quote(M.program),
                                              table.concat(words, " ")))
end

return M
