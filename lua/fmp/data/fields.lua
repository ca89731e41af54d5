-- SPDX-License-Identifier: Apache-2.0
--- What the examples of a source have: a list of fields {name =, dtype =, shape =, doc =}, where a
-- dimension of -1 differs from example to example.

local nearest = require "fmp.nearest"
local ops = require "fmp.ops"
local raw = require "fmp.ffi"
local record = require "fmp.record"

local M = {}

-- -- asking a source ---------------------------------------------------------

-- Columns of the specs that source_info gives.
local DTYPE, RANK = 1, 2

local function shape_of(row) return {unpack(row, RANK + 1, RANK + row[RANK])} end

-- A tensor of texts, each followed by a zero byte, as a list of strings.
local function texts_of(bytes)
  local characters, list = {}, {}
  for i, byte in ipairs(bytes:flat()) do characters[i] = string.char(byte) end
  for text in table.concat(characters):gmatch("(%Z*)%z") do list[#list + 1] = text end
  return list
end

local function read(reader)
  local count, specs, texts = ops.source_info({source = reader})
  local fields, words = {}, texts_of(texts)
  for i, row in ipairs(specs:totable()) do
    fields[i] = {name = words[2 * i - 1], doc = words[2 * i],
                 dtype = raw.dtype_name(row[DTYPE]), shape = shape_of(row)}
  end
  return fields, count:item()
end

--- The fields of a resource that is a source, and how many examples it has. Evaluated at once,
-- also while a function is traced.
function M.read(reader) return record.outside(read, reader) end

-- -- as text -----------------------------------------------------------------

local function spec_text(field)
  return ("%s [%s]"):format(field.dtype, table.concat(field.shape, ","))
end

--- "image u8 [32,32,3], label i32 []".
function M.text(fields)
  local list = {}
  for i, field in ipairs(fields) do list[i] = field.name .. " " .. spec_text(field) end
  return table.concat(list, ", ")
end

-- -- finding -----------------------------------------------------------------

local function names_of(fields)
  local names = {}
  for i, field in ipairs(fields) do names[i] = field.name end
  return names
end

--- The field of that name.
function M.find(what, fields, name)
  for _, field in ipairs(fields) do
    if field.name == name then return field end
  end
  if type(name) ~= "string" then
    raw.fail("%s: expected the name of a field, got %s", what, raw.describe(name))
  end
  local near = nearest(name, names_of(fields))
  return raw.fail("%s: no field '%s'%s; there are %s", what, name,
                  near and (", did you mean '%s'?"):format(near) or "", M.text(fields))
end

local function is_image(field)
  return field.dtype == "u8" and #field.shape == 3 and field.shape[3] ~= -1
end

-- The field that is meant if none is named: 'image', or else the first field of images.
local function default_image(what, fields)
  local first
  for _, field in ipairs(fields) do
    if is_image(field) and (field.name == "image" or not first) then first = field end
  end
  return first or raw.fail("%s: expected a field of images, u8 [h,w,c]; there are %s", what,
                           M.text(fields))
end

--- The fields of images that are meant by a name, a list of names, or nil.
function M.images(what, fields, names)
  if names == nil then return {default_image(what, fields)} end
  local found = {}
  if type(names) == "table" and #names == 0 then
    raw.fail("%s: expected names of fields, got none", what)
  end
  for i, name in ipairs(type(names) == "table" and names or {names}) do
    found[i] = M.find(what, fields, name)
    if not is_image(found[i]) then
      raw.fail("%s: expected '%s' as images u8 [h,w,c], got %s", what, name, spec_text(found[i]))
    end
  end
  return found
end

return M
