-- SPDX-License-Identifier: Apache-2.0
--- Tensors as text: type, shape and device, then the values, aligned, long ones shortened.

local raw = require "fmp.ffi"

local M = {}

-- Tensors of more elements than this show the first and last EDGE of each dimension.
local WHOLE, EDGE = 200, 3

local function header(t)
  return ("%s [%s] %s"):format(t.dtype, table.concat(t.shape, ","), t.device)
end

-- Indices of a dimension that are shown; 0 stands for "...".
local function shown(size, shorten)
  local list = {}
  for i = 1, size do
    if not shorten or size <= 2 * EDGE + 1 or i <= EDGE or i > size - EDGE then
      list[#list + 1] = i
    elseif i == EDGE + 1 then
      list[#list + 1] = 0
    end
  end
  return list
end

local function is_whole(list)
  for i = 1, #list do
    local v = list[i]
    if v % 1 ~= 0 or math.abs(v) >= 1e6 then return false end
  end
  return true
end

-- Walks the shown elements; visit(index) makes the text of one.
local function layout(shape, shorten, visit)
  local strides, stride = {}, 1
  for d = #shape, 1, -1 do strides[d], stride = stride, stride * shape[d] end
  local function block(depth, offset)
    if depth > #shape then return visit(offset + 1) end
    local parts = {}
    for _, i in ipairs(shown(shape[depth], shorten)) do
      parts[#parts + 1] = i == 0 and "..." or block(depth + 1, offset + (i - 1) * strides[depth])
    end
    local inner = depth == #shape and " " or ("\n"):rep(#shape - depth) .. (" "):rep(depth)
    return "[" .. table.concat(parts, inner) .. "]"
  end
  return block(1, 0)
end

local function body(t)
  local values, shape = t:flat(), t.shape
  local shorten = #values > WHOLE
  local visible = {}
  layout(shape, shorten, function(i) visible[#visible + 1] = values[i]; return "" end)
  local format, width, texts = is_whole(visible) and "%.0f" or "%.5g", 0, {}
  for i, value in ipairs(visible) do
    texts[i] = format:format(value)
    width = math.max(width, #texts[i])
  end
  local next_text = 0
  return layout(shape, shorten, function()
    next_text = next_text + 1
    return (" "):rep(width - #texts[next_text]) .. texts[next_text]
  end)
end

local absent = {[1] = "no value while tracing", [2] = "emptied"}

--- The text that tostring() and the prompt show.
function M.text(t)
  local why = absent[raw.state(t)]
  if why then return header(t) .. " (" .. why .. ")" end
  if t.rank == 0 then return header(t) .. " " .. body(t) end
  return header(t) .. "\n" .. body(t)
end

return M
