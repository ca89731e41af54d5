-- SPDX-License-Identifier: Apache-2.0
--- fmp.plugin: plugins, shared objects that bring ops, kernels, devices and resources. Those
-- of the installation and of FMP_PLUGIN_PATH are loaded by require "fmp".

local raw = require "fmp.ffi"

local M = {}

--- Loads one plugin by its path. Loading it again does nothing.
function M.load(path)
  if type(path) ~= "string" then raw.fail("plugin.load: expected a path, got %s", type(path)) end
  raw.plugin_load(path)
end

--- All plugins: a list of {name =, version =, summary =, path =, abi =}.
function M.list() return raw.plugins() end

return M
