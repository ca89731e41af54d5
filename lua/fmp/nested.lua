-- SPDX-License-Identifier: Apache-2.0
--- Lists in lists of numbers, as people write tensors, from and to flat lists.

local raw = require "fmp.ffi"

local M = {}

--- The shape of lists in lists, read along their first elements.
function M.shape(values)
  local shape = {}
  while type(values) == "table" do
    shape[#shape + 1] = #values
    values = values[1]
  end
  return shape
end

-- "element [2][3]", or "all" at the top.
local function place(path)
  if #path == 0 then return "all of it" end
  return "element [" .. table.concat(path, "][") .. "]"
end

local function describe(value)
  if raw.is_tensor(value) then return "a tensor" end
  return type(value) == "table" and "a list of " .. #value or "a " .. type(value)
end

local function append(what, flat, values, shape, path)
  local depth = #path + 1
  if depth > #shape then
    if type(values) ~= "number" then
      raw.fail("%s: expected a number as %s, got %s", what, place(path), describe(values))
    end
    flat[#flat + 1] = values
    return
  end
  if type(values) ~= "table" or raw.is_tensor(values) or #values ~= shape[depth] then
    raw.fail("%s: expected a list of %d as %s, got %s", what, shape[depth], place(path),
             describe(values))
  end
  for i = 1, shape[depth] do
    path[depth] = i
    append(what, flat, values[i], shape, path)
  end
  path[depth] = nil
end

--- All numbers of lists in lists in row-major order; fails where they are not of `shape`.
function M.flatten(what, values, shape)
  local flat = {}
  append(what, flat, values, shape, {})
  return flat
end

local function folded(flat, shape, depth, position)
  if depth > #shape then return flat[position], position + 1 end
  local list = {}
  for i = 1, shape[depth] do
    list[i], position = folded(flat, shape, depth + 1, position)
  end
  return list, position
end

--- The inverse of flatten; the number itself for an empty shape.
function M.fold(flat, shape)
  return (folded(flat, shape, 1, 1))
end

return M
