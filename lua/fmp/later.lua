-- SPDX-License-Identifier: Apache-2.0
--- fmp.later(t, ...): numbers that are read without waiting for the device.
--
--   local loss, wrong = step(x, y)
--   local figures = fmp.later(loss, wrong)
--   step(next_x, next_y)          -- the device goes on meanwhile
--   print(unpack(figures:wait())) -- waits for the two numbers, not for the second step
--
-- The tensors have one element each and are on one device. Where work is done at once, so is the
-- reading. wait() returns a list of numbers, and may be called again; an error that the device has
-- found by then is raised there.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"

local Items = raw.Items
Items.__index = Items

--- The numbers, in order.
function Items:wait() return raw.items_wait(self) end

function Items.__tostring(items) return ("%d numbers on their way"):format(items.n) end

guard.methods(Items, "numbers")

return function(...)
  local n = select("#", ...)
  for i = 1, n do
    local t = select(i, ...)
    if not raw.is_tensor(t) then raw.fail("later: expected a tensor, got %s", raw.describe(t)) end
  end
  return raw.items_read({...}, n)
end
