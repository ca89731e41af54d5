-- SPDX-License-Identifier: Apache-2.0
--- Lua tables {name = value} as the fmp_attr arrays that ops and resources take.
-- Only conversion happens here. Whether an attribute exists, is missing, or is in its
-- range is the engine's to say, from the same table of attributes.

local ffi = require "ffi"
local raw = require "fmp.ffi"

local M = {}

-- FMP_ATTR_*; plus LIST for a list of each.
local BOOL, I64, F64, STRING, DTYPE, RESOURCE, LIST = 1, 2, 3, 4, 5, 6, 16
local I64_LIMIT = 2 ^ 63

local element = {
  [BOOL] = "int32_t[?]", [I64] = "int64_t[?]", [F64] = "double[?]",
  [STRING] = "const char *[?]", [DTYPE] = "uint32_t[?]",
}

-- The kind that a Lua value has by itself, or as an attribute of kind `wanted`.
local function kind_of(name, value, wanted)
  local kind = type(value)
  if kind == "boolean" then return BOOL end
  if kind == "string" then return wanted == DTYPE and DTYPE or STRING end
  if kind == "number" then
    local whole = value % 1 == 0 and value >= -I64_LIMIT and value < I64_LIMIT
    return (wanted == F64 or not whole) and F64 or I64
  end
  if raw.is_resource(value) then return RESOURCE end
  return raw.fail("attribute %s: expected a boolean, number, string, resource or list, got %s",
                  name, raw.is_tensor(value) and "a tensor" or kind)
end

local function plain(kind, value)
  if kind == BOOL then return value and 1 or 0 end
  if kind == DTYPE then return raw.dtype_number(value) end
  return value
end

local function set_scalar(attr, name, value, wanted)
  local kind = kind_of(name, value, wanted)
  attr.kind = kind
  if kind == F64 then
    attr.value.f = value
  elseif kind == STRING then
    attr.value.s = value
  elseif kind == RESOURCE then
    attr.value.resource = raw.resource_handle(value)
  else
    attr.value.i = plain(kind, value)
  end
end

-- One kind for all elements: f64 if any number has a fraction.
local function list_kind(name, list, wanted)
  local kind
  for i = 1, #list do
    local own = kind_of(name, list[i], wanted)
    if kind and own ~= kind and kind + own ~= I64 + F64 then
      raw.fail("attribute %s: expected a list of one type, got %s after %s", name,
               type(list[i]), type(list[1]))
    end
    kind = kind and math.max(kind, own) or own
  end
  return kind or (wanted == 0 and I64 or wanted)
end

local function set_list(attr, name, list, wanted, anchors)
  local kind = list_kind(name, list, wanted)
  if not element[kind] then raw.fail("attribute %s: a list cannot hold resources", name) end
  local items = ffi.new(element[kind], #list)
  for i = 1, #list do items[i - 1] = plain(kind, list[i]) end
  anchors[#anchors + 1] = items
  attr.kind = LIST + kind
  attr.value.list.items, attr.value.list.count = items, #list
end

-- Used again by each call; the engine copies what it keeps.
local room, scratch = 16, ffi.new("fmp_attr[16]")

local function scratch_of(n)
  if n > room then
    room = 2 * n
    scratch = ffi.new("fmp_attr[?]", room)
  end
  return scratch
end

local function count(values)
  local n = 0
  for name in pairs(values) do
    if type(name) ~= "string" then
      raw.fail("attributes are given by name, as in {name = value}; got {[%s] = ...}",
               tostring(name))
    end
    n = n + 1
  end
  return n
end

--- Converts values, {name = value}; kinds tells the kind number of each known name.
-- Returns an array, its length, and what must stay referenced while the array is used.
function M.pack(values, kinds)
  local n = count(values)
  local array, i, anchors = scratch_of(n), 0, {values}
  for name, value in pairs(values) do
    local attr, kind = array[i], kinds[name] or 0
    attr.name, attr.reserved = name, 0
    if type(value) == "table" and getmetatable(value) == nil then
      set_list(attr, name, value, kind % LIST, anchors)
    else
      set_scalar(attr, name, value, kind % LIST)
    end
    i = i + 1
  end
  return array, n, anchors
end

--- The table of kinds that pack takes, from rows {name =, kind =}.
function M.kinds(rows)
  local kinds = {}
  for _, row in ipairs(rows) do kinds[row.name] = row.kind end
  return kinds
end

return M
