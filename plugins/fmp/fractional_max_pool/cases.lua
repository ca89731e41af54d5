-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

-- Positions that rise from 0 to n, not always to the end.
local function positions(d, n, count)
  local list = d.order(n)
  for i = count, n do list[i] = nil end
  list[#list + 1] = 0
  table.sort(list)
  return list
end

local function sequences(d, images, n, count)
  local each = d.chance(0.3) and images or 1
  local list = {}
  for i = 1, each do list[i] = positions(d, n, count) end
  return fmp.tensor(each > 1 and list or list[1], {dtype = "i32"})
end

local function pooling(d)
  local shape = {d.int(1, 3), d.int(5, 14), d.int(5, 14), d.pick{1, 2, 3, 8, 17, 33}}
  local attrs = {overlapping = d.chance(0.5), slope = d.pick{1, 1, 0, 0.333, 2}}
  local high, wide = shape[2], shape[3]
  if d.chance(0.3) then
    attrs.window, attrs.pool = "fixed", {d.int(1, 3), d.int(1, 3)}
    high, wide = high - attrs.pool[1], wide - attrs.pool[2]
  end
  local rows = sequences(d, shape[1], high, d.int(2, high))
  local cols = sequences(d, shape[1], wide, d.int(2, wide))
  return d.tensor(shape, d.float()), rows, cols, attrs
end

return {
  fractional_max_pool = function(d)
    local x, rows, cols, attrs = pooling(d)
    return {x, rows, cols}, attrs
  end,
  fractional_max_pool_back = function(d)
    local x, rows, cols, attrs = pooling(d)
    local y, argmax = fmp.ops.fractional_max_pool(x, rows, cols, d.with(attrs, {outputs = 2}))
    return {d.tensor(y.shape, y.dtype), argmax, rows, cols, x, attrs.slope ~= 1 and y or nil,
            n = 6}, attrs
  end,
}
