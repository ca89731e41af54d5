-- SPDX-License-Identifier: Apache-2.0
--- What the specs of the kernels "winograd" share.
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops, random = fmp.ops, optest.random

local M = {}

function M.has_kernel() return ops.conv2d.kernels:find("cpu/winograd", 1, true) ~= nil end

M.with_kernel = optest.with_kernel

M.directions = {
  forward = function(x, w, b, _, attrs) return ops.conv2d(x, w, b, attrs or {}) end,
  back_data = function(x, w, _, dy, attrs) return ops.conv2d_back_data(dy, w, x, attrs or {}) end,
  back_weights = function(x, w, _, dy, attrs)
    return ops.conv2d_back_weights(x, dy, w, attrs or {})
  end,
}

--- Kernels of one tile, and its size.
M.tiles = {
  winograd_f1 = {m = 1, m_x = 1}, winograd_f2 = {m = 2, m_x = 2},
  winograd_f3 = {m = 3, m_x = 3}, winograd_f3x1 = {m = 3, m_x = 1},
  winograd_f4 = {m = 4, m_x = 4}, winograd_f5 = {m = 5, m_x = 5},
}

function M.doubles(t) return t:cast{dtype = "f64"} end

--- Of x, w, b, dy, some of which may be nil.
function M.doubles_of(given)
  local exact = {}
  for i = 1, 4 do exact[i] = given[i] and M.doubles(given[i]) end
  return exact
end

--- ||y - expected|| / ||expected||
function M.relative_error(y, expected)
  local difference = M.doubles(y) - expected
  local size = (expected * expected):sum():item()
  return math.sqrt((difference * difference):sum():item() / math.max(size, 1e-300))
end

--- {x, w, b, dy}
function M.arrays(n, height, width, ic, oc, attrs, dtype)
  local x = random({n, height, width, ic}, {dtype = dtype})
  local w, b = random({oc, 2, 2, ic}, {dtype = dtype, seed = 2}), random({oc}, {dtype = dtype})
  local y = M.with_kernel("ref", ops.conv2d, fmp.zeros{n, height, width, 1},
                          fmp.zeros{oc, 2, 2, 1}, attrs)
  return {x, w, b, random(y.shape, {dtype = dtype, seed = 3})}
end

--- A direction's result for {x, w, b, dy}, by the named kernel or by the one that is chosen.
function M.run(kernel, name, given, attrs)
  return M.with_kernel(kernel, M.directions[name], given[1], given[2], given[3], given[4], attrs)
end

--- The kernel that a direction's op is given for these arrays.
function M.kernel_of(direction, given, attrs)
  local compiled = fmp.compile(function()
    return direction(given[1], given[2], given[3], given[4], attrs)
  end, {rewrites = false})
  compiled()
  return compiled:text():match "%[cpu:0/([%w_]+)%]"
end

return M
