-- SPDX-License-Identifier: Apache-2.0
--- fmp.ops: every registered op as a callable object, fmp.ops.NAME, made from its definition
-- when it is first asked for.
--
--   y = fmp.ops.conv2d(x, w, b, {stride = 2})    inputs, then attributes by name
--   y = fmp.ops.conv2d(x, w, nil)                nil: an optional input that is absent
--   y = fmp.ops.concat(a, b, c, {axis = 1})      "(xs...) -> (y)": any number
--   fmp.ops.sgd_all(lr, w1, m1, g1, w2, m2, g2)  "(lr, w!..., m?!..., g...) -> ()": in turn
--   y, argmax = fmp.ops.max_pool(x, {window = 2, outputs = 2})
--   y = fmp.ops.acme.mish(x)                     the op "acme.mish", of a vendor
--
-- A number among the inputs becomes a rank-0 tensor of the first tensor's type, and so does an
-- argument of a compiled function that was a number.
-- The results are the outputs that the schema does not mark as optional; `outputs = n`
-- among the attributes asks for the first n instead.
-- print(fmp.ops.conv2d) shows an op's schema, attributes and documentation. Its fields:
-- name, schema, doc, plugin, inputs, outputs, attrs, differentiable, kernels (a text).

local raw = require "fmp.ffi"
local attrs = require "fmp.attrs"
local guard = require "fmp.guard"
local numbers = require "fmp.numbers"

local Op = {}
local ops -- by name

-- Kernels may be added by later plugins, so they are asked for each time.
function Op:__index(key)
  if key == "kernels" then return raw.op_kernels(self.handle) end
  return Op[key]
end

function Op:__tostring() return require("fmp.help").op(self) end

-- How many outputs there are up to the last required one.
local function required_outputs(outputs)
  for i = #outputs, 1, -1 do
    if not outputs[i].optional then return i end
  end
  return 0
end

local function define(name)
  local op = raw.op(name)
  op.kinds = attrs.kinds(op.attrs)
  op.results = required_outputs(op.outputs)
  -- An op that has an attribute of this name keeps it, and always gives all outputs.
  op.counts_outputs = op.kinds.outputs == nil
  if not op.counts_outputs then op.results = op.n_out end
  return setmetatable(op, Op)
end

-- Takes {outputs = n} out of a table of attributes, which stays as it was.
local function split_outputs(op, values)
  if not op.counts_outputs or values.outputs == nil then return values, op.results end
  local n, rest = raw.whole(op.name, "outputs", values.outputs, 0, op.n_out), {}
  for name, value in pairs(values) do
    if name ~= "outputs" then rest[name] = value end
  end
  return rest, n
end

local function first_that(is, inputs, n)
  for i = 1, n do
    if is(inputs[i]) then return inputs[i] end
  end
end

local F32, F64 = raw.dtype_number "f32", raw.dtype_number "f64"

local function number_tensor(op, i, value, like)
  local dtype = like and raw.dtype(like) or F32
  if value % 1 ~= 0 and not numbers.is_float(dtype) then
    raw.fail("%s: input %d: expected a whole number beside %s, got %s", op.name, i,
             raw.dtype_name(dtype), raw.shown(value))
  end
  return raw.tensor_number(like, dtype, value)
end

-- A number of a compiled function's, which is f64, in the type of a tensor beside it.
local function adapted(op, i, number, like)
  local dtype = raw.dtype(like)
  if dtype == F64 then return number end
  local name = raw.dtype_name(dtype)
  if not numbers.is_float(dtype) then
    raw.fail("%s: input %d: expected a tensor beside %s, got a number that is an argument of a "
             .. "compiled function", op.name, i, name)
  end
  return ops.cast(number, {dtype = name})
end

-- The tensor for an input that is not a plain tensor.
local function converted(op, i, value, inputs, n)
  local like = first_that(raw.is_typed, inputs, n)
  if type(value) == "number" then
    local number = not like and first_that(raw.is_number, inputs, n)
    local t = number_tensor(op, i, value, like or number)
    return number and raw.as_number(t) or t
  elseif raw.is_number(value) then
    return like and adapted(op, i, value, like) or value
  end
  return raw.fail("%s: input %d: expected a tensor or a number, got %s", op.name, i,
                  raw.describe(value))
end

-- Turns numbers into tensors, all at once: none must take its type from another one's tensor.
local function convert_inputs(op, inputs, n)
  local changed
  for i = 1, n do
    local value = inputs[i]
    if value ~= nil and not raw.is_typed(value) then
      changed = changed or {}
      changed[i] = converted(op, i, value, inputs, n)
    end
  end
  for i, tensor in pairs(changed or {}) do inputs[i] = tensor end
end

-- A result computed only from a compiled function's numbers is such a number, too.
local function is_of_numbers(inputs, n)
  return first_that(raw.is_number, inputs, n) and not first_that(raw.is_typed, inputs, n)
end

local function as_numbers(first, ...)
  if first == nil then return first, ... end
  return raw.dtype(first) == F64 and raw.as_number(first) or first, as_numbers(...)
end

local function is_attributes(value)
  return type(value) == "table" and getmetatable(value) == nil
end

-- What the engine reads must stay referenced until its call has returned.
local function after(_, ...) return ... end

--- Calls the op on inputs[1..n], a list with nil for what is absent, which it may change:
-- for lists that are too long for arguments.
function Op:apply(inputs, n, values)
  convert_inputs(self, inputs, n)
  if not values then
    if is_of_numbers(inputs, n) then
      return as_numbers(raw.emit(self.handle, nil, 0, inputs, n, self.results))
    end
    return raw.emit(self.handle, nil, 0, inputs, n, self.results)
  end
  local given, n_out = split_outputs(self, values)
  local array, n_attr, anchors = attrs.pack(given, self.kinds)
  return after(anchors, raw.emit(self.handle, array, n_attr, inputs, n, n_out))
end

-- One or two tensors and nothing else.
local function is_plain(n, a, b)
  return n <= 2 and raw.is_typed(a) and (n == 1 or raw.is_typed(b))
end

function Op:__call(...)
  local n, a, b = select("#", ...), ...
  if is_plain(n, a, b) then return raw.emit_plain(self.handle, a, b, self.results) end
  local inputs = {...}
  local last = inputs[n]
  if not is_attributes(last) then return self:apply(inputs, n) end
  inputs[n] = nil
  return self:apply(inputs, n - 1, last)
end

guard.methods(Op, "op")

-- -- vendors -----------------------------------------------------------------

-- An object that stands for all names with a vendor's prefix: {prefix = "acme."}.
local Vendor = {}

local function names_of(vendor)
  local prefix, names = rawget(vendor, "prefix"), {}
  for _, name in ipairs(raw.op_names()) do
    if name:sub(1, #prefix) == prefix then names[#names + 1] = name:sub(#prefix + 1) end
  end
  return names
end

Vendor.names = names_of -- for completion

function Vendor:__index(name)
  if type(name) ~= "string" then raw.fail("expected the name of an op, got %s", type(name)) end
  return ops[rawget(self, "prefix") .. name]
end

function Vendor:__tostring()
  return ("ops of %s: %s"):format(self.prefix:sub(1, -2), table.concat(names_of(self), ", "))
end

-- The vendor of that name; nil if no op has its prefix.
local function vendor(name)
  local made = setmetatable({prefix = name .. "."}, Vendor)
  if #names_of(made) > 0 then return made end
end

ops = setmetatable({}, {
  __index = function(all, name)
    if type(name) ~= "string" then raw.fail("expected the name of an op, got %s", type(name)) end
    local found = not raw.has_op(name) and vendor(name) or define(name)
    rawset(all, name, found)
    return found
  end,
})

return ops
