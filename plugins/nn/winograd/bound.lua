-- SPDX-License-Identifier: Apache-2.0
--- Bounds on the errors of convolutions by F(m, 2), derived from the points alone, as transforms.h
-- explains. Nothing here is measured, and no number is taken from the kernels.

local M = {}

local UNIT = 2 ^ -24 -- the relative error of one rounding in f32
local POINTS = {0, 1, -1, 2, -2} -- and infinity

-- -- matrices ----------------------------------------------------------------

-- Coefficients, from the constant on, of the product of (x - root).
local function polynomial(roots)
  local c = {1}
  for _, root in ipairs(roots) do
    table.insert(c, 1, 0)
    for i = 1, #c - 1 do c[i] = c[i] - root * c[i + 1] end
  end
  return c
end

-- Lagrange's interpolation at m points and infinity: bt [m+1][m+1], g [m+1][2], at [m][m+1].
local function matrices(m)
  local points, bt, g, at = {unpack(POINTS, 1, m)}, {}, {}, {}
  for f, point in ipairs(points) do
    local others, scale = {}, 1
    for _, other in ipairs(points) do
      if other ~= point then
        table.insert(others, other)
        scale = scale * (point - other)
      end
    end
    bt[f], g[f] = polynomial(others), {1 / scale, point / scale}
    bt[f][m + 1] = 0
  end
  bt[m + 1], g[m + 1] = polynomial(points), {0, 1}
  for i = 1, m do
    at[i] = {}
    for f, point in ipairs(points) do at[i][f] = point ^ (i - 1) end
    at[i][m + 1] = i == m and 1 or 0
  end
  return {bt = bt, g = g, at = at}
end

local function magnitudes(a)
  local result = {}
  for r, row in ipairs(a) do
    result[r] = {}
    for c, x in ipairs(row) do result[r][c] = math.abs(x) end
  end
  return result
end

local function transposed(a)
  local result = {}
  for c = 1, #a[1] do
    result[c] = {}
    for r = 1, #a do result[c][r] = a[r][c] end
  end
  return result
end

-- Additions in the longest row.
local function additions(a)
  local most = 0
  for _, row in ipairs(a) do
    local terms = 0
    for _, x in ipairs(row) do terms = terms + (x ~= 0 and 1 or 0) end
    most = math.max(most, terms - 1)
  end
  return most
end

-- Of each p: magnitudes of what transforms inputs, weights, outputs, output gradients and
-- weight gradients, and how many additions that takes.
local transforms = {}
for p = 1, #POINTS do
  local of = matrices(p)
  local t = {input = magnitudes(of.bt), weight = magnitudes(of.g), output = magnitudes(of.at)}
  t.output_gradient, t.weight_gradient = transposed(t.output), transposed(t.weight)
  t.additions = {}
  for _, what in ipairs{"input", "weight", "output", "output_gradient", "weight_gradient"} do
    t.additions[what] = additions(t[what])
  end
  t.of = of
  transforms[p] = t
end

--- Sum over f of AT[i][f] G[f][k] BT[f][j], as a function of i, k, j from 1; of magnitudes if
-- `magnitude`.
function M.coefficient(m, magnitude)
  local of, abs = transforms[m].of, magnitude and math.abs or function(x) return x end
  return function(i, k, j)
    local sum = 0
    for f = 1, m + 1 do sum = sum + abs(of.at[i][f] * of.g[f][k] * of.bt[f][j]) end
    return sum
  end
end

--- By how much an axis of F(m, 2) magnifies the largest input: 1 without transforms.
function M.growth(m)
  local most, of = 0, M.coefficient(m, true)
  for i = 1, m do
    for k = 1, 2 do
      local sum = 0
      for j = 1, m + 1 do sum = sum + of(i, k, j) end
      most = math.max(most, sum)
    end
  end
  return most
end

-- -- roundings ---------------------------------------------------------------

-- One for each addition; up to F3 all factors are powers of two, which round nothing. Beyond,
-- one more for the products of each transform, and one for the weights' fractions.
local function roundings(m, p, names)
  local n = m > 3 and #names + 1 or 0
  for _, what in ipairs(names) do n = n + transforms[p].additions[what] end
  return n
end

--- Of an output of a tile, beside those of its channels.
function M.roundings(tile)
  local names = {"input", "weight", "output"}
  return roundings(tile.m, tile.m, names) + roundings(tile.m, tile.m_x, names)
end

-- n roundings at the most, each by a factor of 1 + UNIT at the most.
local function gamma(n) return n * UNIT / (1 - n * UNIT) end

-- -- tiles -------------------------------------------------------------------

-- Tiles along an axis of `out` outputs: {first = from 0, p =}.
local function tiles_of(out, m)
  local list = {}
  for first = 0, out - 1, m do
    list[#list + 1] = {first = first, p = math.min(m, out - first)}
  end
  return list
end

-- ay x axT of a square x; both flat, row by row.
local function both(ay, ax, x)
  local half, result = {}, {}
  for r = 0, #ay[1] - 1 do
    for _, row in ipairs(ax) do
      local sum = 0
      for i = 1, #row do sum = sum + row[i] * x[r * #row + i] end
      half[#half + 1] = sum
    end
  end
  for _, row in ipairs(ay) do
    for c = 1, #ax do
      local sum = 0
      for i = 1, #row do sum = sum + row[i] * half[(i - 1) * #ax + c] end
      result[#result + 1] = sum
    end
  end
  return result
end

-- The magnitudes of a tensor [n, h, w, c].
local function image_of(t)
  local flat = t:flat()
  for i, x in ipairs(flat) do flat[i] = math.abs(x) end
  return {flat = flat, high = t.shape[2], wide = t.shape[3], channels = t.shape[4]}
end

-- One channel of high x wide pixels from (row, column) on, zero outside; all from 0.
local function square_of(x, high, wide, image, row, column, channel)
  local square = {}
  for r = row, row + high - 1 do
    for c = column, column + wide - 1 do
      local inside = r >= 0 and r < x.high and c >= 0 and c < x.wide
      local at = ((image * x.high + r) * x.wide + c) * x.channels + channel + 1
      square[#square + 1] = inside and x.flat[at] or 0
    end
  end
  return square
end

-- Of a tile's pixels from (row, column) on the transformed magnitudes, for each channel.
local function transformed(what, x, ty, tx, image, row, column)
  local ay, ax, list = transforms[ty.p][what], transforms[tx.p][what], {}
  for c = 0, x.channels - 1 do
    list[c] = both(ay, ax, square_of(x, #ay[1], #ax[1], image, row, column, c))
  end
  return list
end

-- fill(image, tile down, tile across) for all tiles.
local function each_tile(n, high, wide, tile, fill)
  for image = 0, n - 1 do
    for _, ty in ipairs(tiles_of(high, tile.m)) do
      for _, tx in ipairs(tiles_of(wide, tile.m_x)) do fill(image, ty, tx) end
    end
  end
end

-- make(p_y, p_x), once for each.
local function once_for_each(make)
  local made = {}
  return function(p_y, p_x)
    local key = p_y * 16 + p_x
    made[key] = made[key] or make(p_y, p_x)
    return made[key]
  end
end

-- -- bounds ------------------------------------------------------------------

-- The error that one tile's outputs of one channel may have, in units of roundings.
local function tile_bound(ty, tx, inputs, weights)
  local products = {}
  for f = 1, (ty.p + 1) * (tx.p + 1) do
    local sum = 0
    for i = 0, #inputs do sum = sum + inputs[i][f] * weights[i][f] end
    products[f] = sum
  end
  return both(transforms[ty.p].output, transforms[tx.p].output, products)
end

-- The transformed magnitudes of taps(o, i), which are flat.
local function transformed_weights(p_y, p_x, taps, to, from)
  local list, gy, gx = {}, transforms[p_y].weight, transforms[p_x].weight
  for o = 0, to - 1 do
    list[o] = {}
    for i = 0, from - 1 do list[o][i] = both(gy, gx, taps(o, i)) end
  end
  return list
end

-- Forward and by data: `before` zeros ahead of x's first pixel; taps(o, i) are the magnitudes of
-- the weights as they are applied; shape [n, h, w, to] of the result. A flat list.
local function bound_of_outputs(tile, input, before, taps, shape)
  local x, result, names = image_of(input), {}, {"input", "weight", "output"}
  local n, high, wide, to = unpack(shape)
  local weights = once_for_each(function(p_y, p_x)
    return transformed_weights(p_y, p_x, taps, to, x.channels)
  end)
  each_tile(n, high, wide, tile, function(image, ty, tx)
    local factor = gamma(x.channels + roundings(tile.m, ty.p, names) +
                         roundings(tile.m, tx.p, names))
    local inputs = transformed("input", x, ty, tx, image, ty.first - before, tx.first - before)
    for o = 0, to - 1 do
      for i, value in ipairs(tile_bound(ty, tx, inputs, weights(ty.p, tx.p)[o])) do
        local row, column = ty.first + math.floor((i - 1) / tx.p), tx.first + (i - 1) % tx.p
        result[((image * high + row) * wide + column) * to + o + 1] = factor * value
      end
    end
  end)
  return result
end

-- By weights: the magnitudes that are added up for one shape of tiles, [o][i] flat by frequency.
local function add_products(sums, inputs, outputs)
  for o = 0, #outputs do
    sums[o] = sums[o] or {}
    for i = 0, #inputs do
      local sum, a, b = sums[o][i] or {}, inputs[i], outputs[o]
      for f = 1, #a do sum[f] = (sum[f] or 0) + a[f] * b[f] end
      sums[o][i] = sum
    end
  end
end

-- Adds what tiles of p_y x p_x sum to, times factor, to all weights' bounds.
local function add_weight_gradients(result, p_y, p_x, sums, factor)
  local gy, gx = transforms[p_y].weight_gradient, transforms[p_x].weight_gradient
  for o = 0, #sums do
    for i = 0, #sums[o] do
      for tap, value in ipairs(both(gy, gx, sums[o][i])) do
        local at = (o * 4 + tap - 1) * (#sums[o] + 1) + i + 1
        result[at] = (result[at] or 0) + factor * value
      end
    end
  end
end

-- All tiles' products are added up, at most one rounding for each.
local function bound_of_weights(tile, input, gradient)
  local x, dy = image_of(input), image_of(gradient)
  local names = {"input", "output_gradient", "weight_gradient"}
  local tiles, all, result = 0, {}, {}
  local sums_of = once_for_each(function(p_y, p_x)
    all[#all + 1] = {p_y = p_y, p_x = p_x, sums = {}}
    return all[#all].sums
  end)
  each_tile(gradient.shape[1], dy.high, dy.wide, tile, function(image, ty, tx)
    tiles = tiles + 1
    add_products(sums_of(ty.p, tx.p), transformed("input", x, ty, tx, image, ty.first, tx.first),
                 transformed("output_gradient", dy, ty, tx, image, ty.first, tx.first))
  end)
  local factor = gamma(tiles + roundings(tile.m, tile.m, names) +
                       roundings(tile.m, tile.m_x, names))
  for _, of in ipairs(all) do add_weight_gradients(result, of.p_y, of.p_x, of.sums, factor) end
  return result
end

-- Of a filter and a channel, of w [oc, 2, 2, ic].
local function taps_of(w)
  local flat, ic = w:flat(), w.shape[4]
  return function(filter, channel)
    local taps = {}
    for tap = 1, 4 do taps[tap] = math.abs(flat[(filter * 4 + tap - 1) * ic + channel + 1]) end
    return taps
  end
end

--- For a direction and a tile {m =, m_x =}: a flat list of the error that each element of the
-- result may have. Without padding; by data a kernel of size 2 needs 1 zero before dy.
M.bounds = {
  forward = function(tile, x, w, dy) return bound_of_outputs(tile, x, 0, taps_of(w), dy.shape) end,
  back_data = function(tile, x, w, dy)
    local taps = taps_of(w)
    return bound_of_outputs(tile, dy, 1, function(o, i)
      local t = taps(i, o)
      return {t[4], t[3], t[2], t[1]}
    end, x.shape)
  end,
  back_weights = function(tile, x, _, dy) return bound_of_weights(tile, x, dy) end,
}

--- The set of outputs, along an axis of `out`, that pixel `at` affects; `before` zeros come first.
-- In a tile of which it is the first or last pixel it affects only the output that it also affects
-- without transforms; in any other tile that has it, it affects all outputs.
function M.reach(out, m, at, before)
  local set = {}
  for _, tile in ipairs(tiles_of(out, m)) do
    local j = at + before - tile.first
    if j == 0 then set[tile.first] = true end
    if j == tile.p then set[tile.first + tile.p - 1] = true end
    for i = 0, tile.p - 1 do
      if j > 0 and j < tile.p then set[tile.first + i] = true end
    end
  end
  return set
end

return M
