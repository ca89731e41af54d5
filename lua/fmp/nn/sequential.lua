-- SPDX-License-Identifier: Apache-2.0
--- Layers one after another.

local raw = require "fmp.ffi"
local Sequential = require("fmp.nn.module").define "Sequential"

--- Sequential "name", Sequential("name", layers...) or Sequential(); see :add(layers...).
function Sequential:setup(name, ...)
  if name ~= nil and type(name) ~= "string" then
    raw.fail("Sequential: expected a name before the layers, got %s", type(name))
  end
  self.name, self.label = name, name and ' "' .. name .. '"' or ""
  self:add(...)
end

function Sequential:forward(x)
  for _, layer in ipairs(self.children) do x = layer(x) end
  return x
end

return Sequential
