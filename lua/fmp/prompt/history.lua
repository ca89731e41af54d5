-- SPDX-License-Identifier: Apache-2.0
--- Entries of earlier sessions, in a file, one per line; newlines and backslashes in them are
-- written \n and \\. FMP_HISTORY names the file; if it is empty, none is kept; if it is not set,
-- the file is fmp/history in XDG_STATE_HOME.

local system = require "fmp.system"

local M = {}

local LIMIT_BYTES = 2 ^ 20

local function encode(entry) return (entry:gsub("\\", "\\\\"):gsub("\n", "\\n")) end

local function decode(line)
  return (line:gsub("\\(.)", function(c) return c == "n" and "\n" or c end))
end

-- A path from the environment; by XDG's rules a relative one counts as none.
local function state_directory()
  local given, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if given and given:sub(1, 1) == "/" then return given end
  return home and home ~= "" and home .. "/.local/state" or nil
end

-- The file; nil and why there can be none, or nil alone if none is wanted.
local function find_file()
  local given = os.getenv "FMP_HISTORY"
  if given then return given ~= "" and given or nil end
  local directory = state_directory()
  if not directory then return nil, "HOME is not set" end
  local ok, why = system.make_directory(directory .. "/fmp")
  if not ok then return nil, why end
  return directory .. "/fmp/history"
end

local History = {}
History.__index = History

-- Said once: the prompt works without a history.
local function give_up(self, why)
  self.path = nil
  if why then io.stderr:write("fmprun: the history is not kept: ", why, "\n") end
end

--- Adds an entry, unless it is the same as the last.
function History:add(entry)
  if entry == self.last or not entry:find "%S" then return end
  self.last = entry
  self.terminal.remember(entry)
  if not self.path then return end
  local ok, why = self.terminal.keep(self.path, encode(entry) .. "\n", LIMIT_BYTES)
  if not ok then give_up(self, why) end
end

--- The history of a terminal, with what the file has.
function M.open(terminal)
  local path, why = find_file()
  local self = setmetatable({terminal = terminal, path = path}, History)
  if not path then
    give_up(self, why)
    return self
  end
  local lines
  lines, why = terminal.recall(path, LIMIT_BYTES)
  if not lines then give_up(self, why) end
  for line in (lines or ""):gmatch "[^\n]+" do
    self.last = decode(line)
    terminal.remember(self.last)
  end
  return self
end

return M
