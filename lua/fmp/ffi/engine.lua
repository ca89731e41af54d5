-- SPDX-License-Identifier: Apache-2.0
--- The engine's functions, api.h, and what becomes of their failures.

local ffi = require "ffi"
local errors = require "fmp.errors"
local libfmp = require "fmp.libfmp"

local C = libfmp.open "fmp_version"

local M = {C = C}

--- Raises the failure of an engine's function, at the line of the user's script.
function M.check(status)
  if status == 0 then return end
  -- fmprun also stops Lua by a hook: this error is enough.
  if status == C.FMP_EINTERRUPTED then debug.sethook() end
  local text = ffi.string(C.fmp_last_error())
  errors.raise(text ~= "" and text or ffi.string(C.fmp_status_name(status)))
end

return M
