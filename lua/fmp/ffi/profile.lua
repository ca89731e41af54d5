-- SPDX-License-Identifier: Apache-2.0
--- The engine's profiles.

local about = require "fmp.about"
local engine = require "fmp.ffi.engine"

local C = engine.C

local M = {}

function M.switch(on) C.fmp_profile(on and 1 or 0) end
function M.clear() C.fmp_profile_clear() end
function M.plans() return C.fmp_profile_plans() end

--- Figures of node `node` of the plan, both counted from 1; node 0: of its runs as a whole.
-- nil beyond the last node.
function M.node(plan, node)
  local figures = about.sized("fmp_profile_node")
  local status = C.fmp_profile_get(plan - 1, node - 1, figures)
  if status == C.FMP_END then return nil end
  engine.check(status)
  return about.profile_node(figures)
end

return M
