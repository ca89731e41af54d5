-- SPDX-License-Identifier: Apache-2.0
--- Resources: stateful things that plugins open, and ops take as attributes.

local raw = require "fmp.ffi"
local attrs = require "fmp.attrs"
local guard = require "fmp.guard"

local Resource = raw.Resource
Resource.__index = Resource

--- Everything that the resource needs to continue from here, as a string.
function Resource:save() return raw.resource_save(self) end

--- Continues from what save() gave. If that fails, the resource stays as it was.
function Resource:restore(saved)
  if type(saved) ~= "string" then
    raw.fail("restore: expected a string from save(), got %s", type(saved))
  end
  raw.resource_restore(self, saved)
  return self
end

--- Gives the resource up now rather than at the next collection. Ops of plans that hold
-- it keep it open.
function Resource:close() raw.resource_close(self) end

--- The kind of resource: the name it was opened with.
function Resource:kind() return raw.resource_name(self) end

function Resource:__tostring()
  return self.handle and "resource " .. self:kind() or "closed resource"
end

guard.methods(Resource, "resource")

local M = {}

-- Kinds of the attributes of a kind of resource; empty if there is no such kind, which the
-- engine will report.
local function attribute_kinds(name)
  for _, kind in ipairs(raw.resource_kinds()) do
    if kind.name == name then return attrs.kinds(kind.attrs) end
  end
  return {}
end

local function after(_, ...) return ... end

--- Opens a resource: r = fmp.open("record_reader", {files = "data/*.bin"}).
function M.open(name, values)
  if type(name) ~= "string" then raw.fail("open: expected a name, got %s", type(name)) end
  local array, n, anchors = attrs.pack(values or {}, attribute_kinds(name))
  return after(anchors, raw.resource_open(name, array, n))
end

--- All kinds of resource: a list of {name =, doc =, plugin =, attrs =}.
function M.kinds() return raw.resource_kinds() end

return M
