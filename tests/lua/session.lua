-- SPDX-License-Identifier: Apache-2.0
--- The session of docs/session.txt: what is seen when docs/session.in is typed at the prompt.
-- In it <Tab>, <Ctrl-C> and <Ctrl-D> are keys; a line ends with Return unless with one of
-- the last two. After a change:
--
--   build/bin/fmprun -e 'io.write(require("tests.lua.session")())' > docs/session.txt

local pty = require "tests.lua.pty"
local raw = require "fmp.ffi"

local COLUMNS = 96

-- The prompt that stands behind a line once all is printed, > or >>.
local function wait_for_prompt(p)
  p:match "\n>>?$"
end

local function type_line(p, line)
  if line == "<Ctrl-D>" then return p:type "\4" end
  local interrupted
  line, interrupted = line:gsub("<Ctrl%-C>$", "")
  for part, tab in line:gmatch "([^<]*)(<?T?a?b?>?)" do
    p:type(part .. (tab == "<Tab>" and "\t" or tab))
  end
  p:type "\r"
  if interrupted > 0 then
    p:wait(line .. "\n") -- what is not drawn yet when Ctrl-C comes is thrown away
    p:wait_until_running()
    p:type "\3"
  end
  wait_for_prompt(p)
end

--- Types the session; returns the screen as text.
return function()
  local p = pty.start({raw.share .. "../../bin/fmprun"}, {
    columns = COLUMNS, environment = {TERM = "xterm", FMP_HISTORY = "", FMP_LOG = false},
  })
  wait_for_prompt(p)
  for line in io.lines "docs/session.in" do type_line(p, line) end
  local status = p:finish()
  assert(status == 0, ("status %s: %s"):format(status, p:text()))
  return p:text()
end
