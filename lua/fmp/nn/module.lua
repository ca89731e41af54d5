-- SPDX-License-Identifier: Apache-2.0
--- What layers, networks and losses are: objects that are called with tensors.
--
--   local Scale = nn.define "Scale"           -- a layer of one's own
--   function Scale:setup(start) self.start = start end       -- Scale(2) calls it
--   function Scale:forward(x)
--     return x * self:parameter("factor", {}, x, nn.init.constant(self.start))
--   end
--
-- A layer that has been added to another has a name there, by default its position. The names
-- are scopes: they appear at the start of error messages ("cifar_fmp/3: conv2d: ..."), in the
-- names of parameters, and in the keys of random draws.

local raw = require "fmp.ffi"
local create = require "fmp.create"
local guard = require "fmp.guard"
local precision = require("fmp.compile").precision
local record = require "fmp.record"
local settings = require "fmp.nn.settings"

local Module = {}
Module.__index = Module

--- Whether a value is a layer, network or loss.
local function is_module(value)
  return type(value) == "table" and type(rawget(value, "children")) == "table"
         and type(value.forward) == "function"
end

-- -- calling -----------------------------------------------------------------

local function note_shape(self, first, ...)
  if raw.is_tensor(first) then self.output_shape = raw.shape(first) end
  return first, ...
end

local function forward(self, ...) return note_shape(self, self:forward(...)) end

local function call_in_scope(self, ...)
  if self.name then return record.scope(self.name, forward, self, ...) end
  return forward(self, ...)
end

-- The parameters that the current outermost call has made, {module =, name =}.
local made

-- Their sizes come from this call's inputs: if it fails, the next call may bring others.
local function end_call(ok)
  local list = made
  made = nil
  if ok then return end
  for i = #list, 1, -1 do
    local held = list[i].module.held
    held[list[i].name] = nil
    table.remove(held) -- the name, added last
  end
end

local function call(self, ...)
  if made then return call_in_scope(self, ...) end
  made = {}
  return guard.call(end_call, call_in_scope, self, ...)
end

local function check_first(x)
  if not raw.is_tensor(x) then raw.fail("build: expected a tensor, got %s", type(x)) end
end

--- Makes the parameters for inputs like these, by a call whose results are discarded, so
-- that the sizes are known before the first step. Returns the module.
function Module:build(...)
  check_first((...))
  local training = self.training
  self:evaluate()
  guard.call(function() self:train(training) end, record.record, self, ...)
  self.built = true
  return self
end

-- -- parameters --------------------------------------------------------------

-- Parameters stay f32 even if a bf16 computation has lowered their layer's input.
local function type_for(x)
  return x.dtype == "bf16" and precision() == "bf16" and "f32" or x.dtype
end

local function make_parameter(name, shape, x, initialise, fans)
  return record.scope(name, function()
    local t = create.parameter(initialise(shape, type_for(x), fans):to(x.device))
    t.name = raw.scope_path()
    return t
  end)
end

--- This module's own parameter of that name. On first use it is made by initialise(shape,
-- dtype, fans), with x's type and on x's device, outside any recording or trace.
-- fans: {into =, out_of =}, how many inputs and outputs meet in an element.
function Module:parameter(name, shape, x, initialise, fans)
  local t = self.held[name]
  if not t then
    t = record.outside(make_parameter, name, shape, x, initialise, fans)
    self.held[name] = t
    self.held[#self.held + 1] = name
    if made then made[#made + 1] = {module = self, name = name} end
  end
  return t
end

local function visit(self, path, found, seen)
  if seen[self] then return found end
  seen[self] = true
  for _, name in ipairs(self.held) do
    found[#found + 1] = {name = path .. name, tensor = self.held[name]}
  end
  for _, child in ipairs(self.children) do visit(child, path .. child.name .. "/", found, seen) end
  return found
end

--- All parameters made so far, a list of {name = "3/weight", tensor =}.
function Module:named_parameters() return visit(self, "", {}, {}) end

--- The same without names: a list of tensors.
function Module:parameters()
  local list = {}
  for i, each in ipairs(self:named_parameters()) do list[i] = each.tensor end
  return list
end

-- -- structure ---------------------------------------------------------------

--- Adds layers, in order. A layer without a name is named by its position. Returns the module.
function Module:add(...)
  for i = 1, select("#", ...) do
    local child = select(i, ...)
    if not is_module(child) then
      raw.fail("%s:add: expected a layer as argument %d, got %s", self.kind, i,
               type(child) == "table" and "a table that is not one" or type(child))
    end
  end
  for _, child in ipairs {...} do
    self.children[#self.children + 1] = child
    child.name = child.name or tostring(#self.children)
  end
  return self
end

--- Switches to training (on = nil or true) or evaluation, which matters to Dropout. A compiled
-- function has a plan for each. Returns the module.
function Module:train(on)
  self.training = on ~= false
  for _, child in ipairs(self.children) do child:train(on) end
  return self
end

--- The same as train(false).
function Module:evaluate() return self:train(false) end

--- A table of layers, shapes and parameter counts, as text. Sizes are known after the
-- first use.
function Module:summary() return require("fmp.nn.summary").text(self) end

guard.methods(Module, "layer", is_module)

local function to_text(self) return self.kind .. self.label end

-- -- classes -----------------------------------------------------------------

local function new(class, ...)
  local self = setmetatable({children = {}, held = {}, training = true,
                             label = settings.text((...))}, class)
  self:setup(...)
  return self
end

function Module.setup() end

--- A new class of modules. Its objects are made by calling it, which calls setup().
local function define(kind)
  local class = setmetatable({kind = kind, __call = call, __tostring = to_text},
                             {__index = Module, __call = new})
  class.__index = class
  return class
end

return {define = define, is_module = is_module}
