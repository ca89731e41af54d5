-- SPDX-License-Identifier: Apache-2.0
--- fmp: tensors, ops, gradients and compiled functions for Lua.
--
--   local fmp = require "fmp"
--   local x = fmp.randn{8, 36, 36, 3}
--   print(x:leaky_relu{slope = 0.1}:mean():item())
--
-- Other modules of the directory lua/fmp (fmp.optim, ...) are loaded at first use.

local raw = require "fmp.ffi"

raw.plugin_load_default()

local create = require "fmp.create"
local device = require "fmp.device"
local random = require "fmp.random"
local record = require "fmp.record"
local resource = require "fmp.resource"
local tensor = require "fmp.tensor"

local M = {
  ops = require "fmp.ops",
  plugin = require "fmp.plugin",
  compile = require("fmp.compile").compile,
  depends_on = require("fmp.compile").depends_on,

  tensor = create.tensor,
  from_flat = create.from_flat,
  from_bytes = create.from_bytes,
  zeros = create.zeros,
  ones = create.ones,
  full = create.full,
  randn = create.randn,
  rand = create.rand,
  permutation = create.permutation,
  parameter = create.parameter,
  is_tensor = tensor.is,

  record = record.record,
  grad = record.grad,
  gradients = record.gradients,
  outside = record.outside,
  scope = record.scope,
  mode = record.mode,

  device = device.device,
  devices = device.devices,
  threads = device.threads,
  wait = device.wait,
  kernel = device.kernel,
  autotune = device.autotune,

  seed = random.seed,
  random_state = random.state,

  open = resource.open,
  resources = resource.kinds,
}

--- The engine's version.
M.version = raw.version()

--- Bytes of tensors and of the engine's own objects that are held now.
function M.live_bytes() return raw.live_bytes() end

return setmetatable(M, {
  __index = function(module, name)
    local path = "fmp." .. tostring(name)
    if not raw.module_file(path) then return nil end
    local loaded = require(path)
    rawset(module, name, loaded)
    return loaded
  end,
})
