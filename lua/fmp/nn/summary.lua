-- SPDX-License-Identifier: Apache-2.0
--- A network as a table of text: layers, output shapes, numbers of parameters.

local M = {}

-- The first dimension is the batch, which may differ from call to call.
local function shape_text(shape)
  if not shape then return "?" end
  local sizes = {}
  for i, size in ipairs(shape) do sizes[i] = i == 1 and "n" or tostring(size) end
  return "[" .. table.concat(sizes, ",") .. "]"
end

local function grouped(n)
  local text, more = tostring(n), 1
  while more > 0 do text, more = text:gsub("^(%d+)(%d%d%d)", "%1,%2") end
  return text
end

local function own_count(module)
  local n = 0
  for _, name in ipairs(module.held) do n = n + module.held[name].size end
  return n
end

-- Rows {layer, output, parameters} of what is below a module; returns their sum. The parameters
-- of a layer that appears twice are counted once.
local function add_rows(rows, module, path, seen)
  local total = seen[module] and 0 or own_count(module)
  seen[module] = true
  if #module.children == 0 or total > 0 then
    rows[#rows + 1] = {path .. tostring(module), shape_text(module.output_shape),
                       total > 0 and grouped(total) or ""}
  end
  for _, child in ipairs(module.children) do
    total = total + add_rows(rows, child, path .. child.name .. " ", seen)
  end
  return total
end

-- A terminal's usual width: a table whose lines wrap cannot be read.
local COLUMNS = 80

-- Where there is no room, the layer's text is shortened and the figures are not.
local function widths(rows)
  local width = {0, 0, 0}
  for _, row in ipairs(rows) do
    for i = 1, 3 do width[i] = math.max(width[i], #row[i]) end
  end
  width[1] = math.min(width[1], math.max(COLUMNS - width[2] - width[3] - 4, 20))
  return width
end

local function cut(text, width)
  return #text <= width and text or text:sub(1, width - 3) .. "..."
end

--- The table of a module and all below it.
function M.text(module)
  local rows = {{"layer", "output", "parameters"}}
  local total = add_rows(rows, module, "", {})
  rows[#rows + 1] = {module.name or "all", "", grouped(total)}
  local width, lines = widths(rows), {}
  local format = ("%%-%ds  %%-%ds  %%%ds"):format(width[1], width[2], width[3])
  for i, row in ipairs(rows) do
    lines[i] = format:format(cut(row[1], width[1]), row[2], row[3]):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

return M
