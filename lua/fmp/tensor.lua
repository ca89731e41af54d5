-- SPDX-License-Identifier: Apache-2.0
--- Tensors: their fields and methods, and arithmetic.
--
--   t.shape    list of dimensions     t.dtype   "f32"       t.rank, t.size   numbers
--   t.device   "cpu:0"                t.name    its name or nil (can be set)
--   t:item() t:totable() t:flat() t:bytes()                 values as Lua sees them
--   t:to(device) t:assign(values) t:free()
--   t + u  t - u  t * u  t / u  t ^ u  -t                   ops; a number broadcasts
--   t:relu(), t:sum({axes = 1}) ...                         fmp.ops.NAME(t, ...)
--
-- Comparisons are ops (fmp.ops.less ...); == tells whether two variables hold one object.

local raw = require "fmp.ffi"
local numbers = require "fmp.numbers"
local ops = require "fmp.ops"
local nested = require "fmp.nested"

local Tensor = raw.Tensor
local methods, properties = {}, {}

function properties.shape(t) return raw.shape(t) end
function properties.rank(t) return raw.rank(t) end
function properties.size(t) return raw.size(t) end
function properties.device(t) return raw.device(t) end
function properties.dtype(t) return raw.dtype_name(raw.dtype(t)) end
function properties.name(t) return raw.name(t) end
function properties.is_parameter(t) return raw.is_parameter(t) end

--- The one element of a tensor of size 1, as a number.
function methods:item() return raw.item(self) end

--- All elements in row-major order, as a flat list.
function methods:flat() return raw.numbers(self) end

--- All elements as lists in lists, as fmp.tensor takes them; a number for rank 0.
function methods:totable()
  return nested.fold(raw.numbers(self), raw.shape(self))
end

--- All elements as a string of bytes, row-major: equal strings are equal bit for bit.
function methods:bytes()
  return require("ffi").string(raw.bytes(self))
end

local function describe(t) return t.dtype .. " [" .. table.concat(t.shape, ",") .. "]" end

local function copy_from(self, source)
  if describe(self) ~= describe(source) then
    raw.fail("assign: expected %s, got %s", describe(self), describe(source))
  end
  raw.write(self, raw.bytes(source))
  return self
end

--- Overwrites all elements, with one number, with lists in lists of the tensor's shape, or
-- with another tensor of its shape and type. At once, even in a recording or trace: for
-- variables. Returns the tensor.
function methods:assign(values)
  local n, list = raw.size(self), {}
  if raw.is_tensor(values) then return copy_from(self, values) end
  if type(values) == "number" then
    for i = 1, n do list[i] = values end
  else
    list = nested.flatten("assign", values, raw.shape(self))
  end
  raw.write(self, numbers.pack(list, n, raw.dtype(self)))
  return self
end

--- The same values on another device; the tensor itself if it is there already.
function methods:to(device) return raw.to_device(self, device) end

--- Gives up the memory at once. Using the tensor afterwards is an error.
function methods:free() raw.empty(self) end

-- Keys that libraries look up in any table are not ops.
local function is_probe(key) return key:sub(1, 1) == "_" end

function Tensor:__index(key)
  local method = methods[key]
  if method then return method end
  local property = properties[key]
  if property then return property(self) end
  if type(key) ~= "string" then
    raw.fail("a tensor has no element [%s]: use t:totable() or fmp.ops.slice", tostring(key))
  end
  return not is_probe(key) and ops[key] or nil
end

function Tensor:__newindex(key, value)
  if key ~= "name" then raw.fail("a tensor has no field '%s' to set", tostring(key)) end
  raw.set_name(self, value)
end

function Tensor:__tostring() return require("fmp.print").text(self) end

-- -- arithmetic --------------------------------------------------------------

-- Looked up when used: an op may be registered later.
function Tensor.__add(a, b) return ops.add(a, b) end
function Tensor.__sub(a, b) return ops.sub(a, b) end
function Tensor.__mul(a, b) return ops.mul(a, b) end
function Tensor.__div(a, b) return ops.div(a, b) end
function Tensor.__pow(a, b) return ops.pow(a, b) end
function Tensor.__unm(a) return ops.neg(a) end

for name, f in pairs(Tensor) do raw.Number[name] = f end

local M = {}

--- Whether a value is a tensor.
function M.is(value) return raw.is_tensor(value) end

--- The names of a tensor's fields and methods besides those of ops, for completion.
function M.members()
  local names = {}
  for name in pairs(methods) do names[#names + 1] = name end
  for name in pairs(properties) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return M
