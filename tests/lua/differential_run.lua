-- SPDX-License-Identifier: Apache-2.0
-- fmprun tests/lua/differential_run.lua FIRST [COUNT]: cases of differential.lua, one for each
-- seed from FIRST on; tells what differs, how many, and of which ops. From the tree's root.
package.path = "./?.lua;" .. package.path
local differential = require "tests.lua.differential"

local first, count = tonumber(arg[1]), tonumber(arg[2] or 1)
if not first or not count then
  io.stderr:write "differential_run: expected a seed and, perhaps, how many\n"
  os.exit(2)
end

local failures, of = 0, {}
local begun = os.time()
for seed = first, first + count - 1 do
  local ok, message = pcall(differential.check, seed)
  if not ok then
    failures = failures + 1
    local what = differential.what(seed)
    of[what] = (of[what] or 0) + 1
    print(message)
    io.stdout:flush()
  end
  if seed % 50 == 0 then collectgarbage() end
end
for what, n in pairs(of) do print(("%s: %d"):format(what, n)) end
print(("%d cases, %d differ, %d s"):format(count, failures, os.difftime(os.time(), begun)))
if failures > 0 then os.exit(1) end
