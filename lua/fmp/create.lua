-- SPDX-License-Identifier: Apache-2.0
--- New tensors. The type is f32 unless `dtype` is given, the device the default one unless
-- `device` is.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"
local nested = require "fmp.nested"
local numbers = require "fmp.numbers"
local ops = require "fmp.ops"

local M = {}

-- dtype_size bytes for each element of shape, filled from a list.
local function from_list(list, shape, options)
  local dtype = raw.dtype_number(options.dtype)
  local buffer, bytes = numbers.pack(list, #list, dtype)
  return raw.tensor_from(options.device, dtype, shape, buffer, bytes)
end

local placement = {dtype = "f32", device = false}

local function placed(what, options)
  options = guard.options(what, options, placement)
  options.device = options.device or nil
  return options
end

--- A tensor from a number or from lists in lists:
--   fmp.tensor({{1, 2}, {3, 4}}, {dtype = "f64", device = "cpu:0"})
function M.tensor(values, options)
  options = placed("tensor", options)
  local shape = nested.shape(values)
  return from_list(nested.flatten("tensor", values, shape), shape, options)
end

local function elements(shape)
  local n = 1
  for i = 1, #shape do n = n * shape[i] end
  return n
end

local function check_shape(what, shape)
  if type(shape) ~= "table" then
    raw.fail("%s: expected a list of dimensions, got %s", what, type(shape))
  end
  for i = 1, #shape do raw.whole(what, "dimension " .. i, shape[i], 0) end
end

--- A tensor from a flat list of numbers, row-major: from_flat({1, 2, 3, 4}, {2, 2}, "f32").
function M.from_flat(list, shape, dtype, device)
  check_shape("from_flat", shape)
  if type(list) ~= "table" or #list ~= elements(shape) then
    raw.fail("from_flat: expected a list of %s numbers for [%s], got %s",
             raw.shown(elements(shape)), table.concat(shape, ","),
             type(list) == "table" and #list or type(list))
  end
  return from_list(list, shape, {dtype = dtype or "f32", device = device})
end

--- A tensor from a string of bytes, row-major, as t:bytes() gives it:
-- from_bytes(bytes, {2, 2}, "f32").
function M.from_bytes(bytes, shape, dtype, device)
  check_shape("from_bytes", shape)
  if type(bytes) ~= "string" then
    raw.fail("from_bytes: expected a string, got %s", type(bytes))
  end
  return raw.tensor_from(device, raw.dtype_number(dtype or "f32"), shape, bytes, #bytes)
end

-- Splits {2, 3, dtype = "f64", ...} into {2, 3} and its options, checked against `known`.
local function split(what, layout, known)
  check_shape(what, layout)
  local shape, options = {}, {}
  for key, value in pairs(layout) do
    (type(key) == "number" and shape or options)[key] = value
  end
  return shape, guard.options(what, options, known)
end

local function on_device(t, device)
  return device and t:to(device) or t
end

local function filled(what, layout, value)
  local shape, options = split(what, layout, placement)
  local t = ops.fill({shape = shape, value = value, dtype = options.dtype})
  return on_device(t, options.device)
end

--- Zeros: fmp.zeros{2, 3, dtype = "f64", device = "cpu:0"}.
function M.zeros(layout) return filled("zeros", layout, 0) end

--- Ones: fmp.ones{2, 3}, with the options of zeros.
function M.ones(layout) return filled("ones", layout, 1) end

--- One value in every place: fmp.full({2, 3}, 0.5).
function M.full(layout, value)
  if type(value) ~= "number" then raw.fail("full: expected a number, got %s", type(value)) end
  return filled("full", layout, value)
end

local function drawn(what, op, layout, known)
  local shape, options = split(what, layout, known)
  local device = options.device
  options.device, options.shape = nil, shape
  return on_device(ops[op](options), device)
end

--- Normal draws: fmp.randn{2, 3, mean = 0, stddev = 1, dtype = "f32"}.
function M.randn(layout)
  return drawn("randn", "normal", layout,
               {dtype = "f32", device = false, mean = 0, stddev = 1})
end

--- Uniform draws from [low, high): fmp.rand{2, 3, low = 0, high = 1, dtype = "f32"}.
function M.rand(layout)
  return drawn("rand", "uniform", layout, {dtype = "f32", device = false, low = 0, high = 1})
end

--- A random order of 0 .. n-1, as i64 [n].
function M.permutation(n) return ops.permutation({n = n}) end

--- Marks a tensor as a parameter, which optimizers look for; returns it.
function M.parameter(t)
  if not raw.is_tensor(t) then raw.fail("parameter: expected a tensor, got %s", type(t)) end
  raw.set_parameter(t, true)
  return t
end

return M
