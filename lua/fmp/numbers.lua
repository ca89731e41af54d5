-- SPDX-License-Identifier: Apache-2.0
--- Lua numbers to the bytes of each data type. The way back is raw.numbers.

local ffi = require "ffi"
local raw = require "fmp.ffi"

local M = {}

local float_slot, word_slot = ffi.new("float[1]"), ffi.new("uint32_t[1]")

local function bits_of(value)
  float_slot[0] = value
  ffi.copy(word_slot, float_slot, 4)
  return word_slot[0]
end

-- The bits of an f32, rounded to odd: what is inexact gets an odd last bit, so that rounding
-- again gives what rounding once would have given.
local function odd_bits_of(value)
  local bits = bits_of(value)
  local back = tonumber(float_slot[0])
  if back == value then return bits end
  if math.abs(back) > math.abs(value) then bits = bits - 1 end
  return bits % 2 == 0 and bits + 1 or bits
end

-- bf16 is the upper half of an f32: round to nearest, ties to even; a NaN stays one.
local function bf16_encode(value)
  if value ~= value then return 0x7FC0 end
  local bits = odd_bits_of(value)
  local low, high = bits % 0x10000, math.floor(bits / 0x10000)
  local up = low > 0x8000 or (low == 0x8000 and high % 2 == 1)
  return up and high + 1 or high
end

local function round_even(value)
  local floor = math.floor(value)
  local rest = value - floor
  if rest > 0.5 or (rest == 0.5 and floor % 2 == 1) then return floor + 1 end
  return floor
end

-- f16: sign, 5 bits of exponent (bias 15), 10 of mantissa. A mantissa that rounds up to
-- 1024 carries into the exponent by itself.
local function f16_encode(value)
  if value ~= value then return 0x7E00 end
  local sign = (value < 0 or 1 / value < 0) and 0x8000 or 0
  value = math.abs(value)
  if value >= 65520 then return sign + 0x7C00 end
  if value < 2 ^ -14 then return sign + round_even(value * 2 ^ 24) end
  local mantissa, exponent = math.frexp(value) -- value = mantissa 2^exponent, mantissa in [.5,1)
  return sign + (exponent + 14) * 1024 + round_even((2 * mantissa - 1) * 1024)
end

-- element: what a buffer holds. low, high: the range of whole numbers.
local codecs = {
  f32 = {element = "float"},
  f64 = {element = "double"},
  bf16 = {element = "uint16_t", encode = bf16_encode},
  f16 = {element = "uint16_t", encode = f16_encode},
  u8 = {element = "uint8_t", low = 0, high = 255},
  i32 = {element = "int32_t", low = -2 ^ 31, high = 2 ^ 31 - 1},
  i64 = {element = "int64_t", low = -2 ^ 53, high = 2 ^ 53},
}

local function codec_of(dtype)
  local name = raw.dtype_name(dtype)
  return codecs[name] or raw.fail("%s cannot be read or written from Lua", name)
end

local function check_number(value, codec, dtype)
  if type(value) ~= "number" then
    raw.fail("expected numbers, got %s", type(value))
  end
  if codec.low and (value % 1 ~= 0 or value < codec.low or value > codec.high) then
    raw.fail("expected whole numbers from %.0f to %.0f for %s, got %s", codec.low, codec.high,
             raw.dtype_name(dtype), raw.shown(value))
  end
end

--- Whether numbers of this type have a fraction.
function M.is_float(dtype) return codec_of(dtype).low == nil end

--- list[1..n] as a buffer; returns it and its size in bytes.
function M.pack(list, n, dtype)
  local codec = codec_of(dtype)
  local buffer = ffi.new(codec.element .. "[?]", n)
  local encode = codec.encode
  for i = 1, n do
    local value = list[i]
    check_number(value, codec, dtype)
    buffer[i - 1] = encode and encode(value) or value
  end
  return buffer, n * raw.dtype_size(dtype)
end

return M
