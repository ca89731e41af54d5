-- SPDX-License-Identifier: Apache-2.0
--- The generator: draws depend on a seed, a step that each recording or run of a plan
-- advances, the scope and ordinal of the op, and the element, and on nothing else.

local raw = require "fmp.ffi"

local M = {}

--- Starts the generator anew from a seed.
function M.seed(seed)
  raw.random_seed(seed)
end

--- The generator's state, {seed =, step =}. With such a table sets it first.
function M.state(state)
  if state ~= nil then
    if type(state) ~= "table" then raw.fail("random_state: expected a table") end
    raw.random_set(state.seed, state.step)
  end
  local seed, step = raw.random_get()
  return {seed = seed, step = step}
end

return M
