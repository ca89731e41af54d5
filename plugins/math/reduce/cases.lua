-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

-- Some of a rank's axes, each from either end.
local function axes(d, rank)
  local list = d.order(rank)
  for i = d.int(0, rank) + 1, rank do list[i] = nil end
  for i = 1, #list do
    if d.chance(0.3) then list[i] = list[i] - rank - 1 end
  end
  return {axes = list, keep = d.chance(0.4)}
end

-- Few outputs of many elements and many of few, beside small ones.
local function operand(d, dtype, least)
  local shape = d.chance(0.2) and {d.int(1, 3), d.int(200, 3000)} or d.shape(0, 4, 9)
  for i = 1, #shape do shape[i] = math.max(shape[i], least or 0) end
  return d.tensor(d.chance(0.1) and {shape[2] or 1, shape[1] or 1} or shape, dtype)
end

local function reduction(types, least)
  return function(d)
    local x = operand(d, d[types](), least)
    return {x}, axes(d, #x.shape)
  end
end

return {
  sum = reduction("number"),
  mean = reduction("float", 1),
  max = reduction("number", 1),
  min = reduction("number", 1),
  argmax = function(d)
    local shape = d.shape(1, 4, 9, 1)
    local axis = d.int(1, #shape)
    return {d.tensor(shape, d.number())}, {axis = d.chance(0.5) and axis or axis - #shape - 1}
  end,
  sum_to = function(d)
    local x = operand(d, d.float())
    return {x, d.tensor(d.repeating(x.shape), d.number())}
  end,
  broadcast_like = function(d)
    local like, dtype = operand(d, d.number()), d.number()
    if d.chance(0.5) then return {d.tensor(d.repeating(like.shape), dtype), like} end
    local attrs = axes(d, #like.shape)
    if #attrs.axes == 0 then attrs.axes = nil end
    local y = fmp.ops.sum(like, attrs)
    if not attrs.axes and not attrs.keep then attrs = {} end
    return {d.tensor(y.shape, dtype), like}, attrs
  end,
  mean_back = function(d)
    local x = operand(d, d.number(), 1)
    local y = fmp.ops.sum(x, axes(d, #x.shape))
    return {d.tensor(y.shape, d.float()), x}
  end,
  extreme_back = function(d)
    local x = operand(d, d.float(), 1)
    local attrs = axes(d, #x.shape)
    local y = fmp.ops[d.pick{"max", "min"}](x, attrs)
    return {x, y, d.tensor(y.shape, y.dtype)}, attrs
  end,
}
