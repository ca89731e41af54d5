-- SPDX-License-Identifier: Apache-2.0
--- fmp.nn.init: initial values of parameters. An initialiser is a function of (shape, dtype,
-- fans); fans.into and fans.out_of count the inputs and outputs that meet in a filter.

local ops = require "fmp.ops"
local settings = require "fmp.nn.settings"

local M = {}

--- Normal with standard deviation sqrt(2 / ((1 + slope^2) fan_in)), which keeps the
-- variance through leaky rectifiers of that slope: he{slope = 0}.
function M.he(options)
  local slope = settings.take("init.he", options, {slope = 0}, "slope").slope
  settings.number("init.he", "slope", slope)
  return function(shape, dtype, fans)
    local stddev = math.sqrt(2 / ((1 + slope ^ 2) * math.max(fans.into, 1)))
    return ops.normal({shape = shape, dtype = dtype, stddev = stddev})
  end
end

local function symmetric(shape, dtype, bound)
  return ops.uniform({shape = shape, dtype = dtype, low = -bound, high = bound})
end

--- Uniform within gain * sqrt(6 / (fan_in + fan_out)): glorot{gain = 1}.
function M.glorot(options)
  local gain = settings.take("init.glorot", options, {gain = 1}, "gain").gain
  settings.number("init.glorot", "gain", gain)
  return function(shape, dtype, fans)
    return symmetric(shape, dtype, gain * math.sqrt(6 / math.max(fans.into + fans.out_of, 1)))
  end
end

--- Uniform from -bound to bound: uniform{0.05}.
function M.uniform(options)
  local bound = settings.take("init.uniform", options, {bound = false}, "bound").bound
  settings.number("init.uniform", "bound", bound)
  return function(shape, dtype) return symmetric(shape, dtype, bound) end
end

--- Normal, restricted to two standard deviations around the mean:
-- truncated_normal{0.1}, truncated_normal{stddev = 0.1, mean = 0}.
function M.truncated_normal(options)
  options = settings.take("init.truncated_normal", options, {stddev = false, mean = 0}, "stddev")
  settings.number("init.truncated_normal", "stddev", options.stddev)
  return function(shape, dtype)
    return ops.truncated_normal({shape = shape, dtype = dtype, mean = options.mean,
                                 stddev = options.stddev})
  end
end

--- One number everywhere: constant(0).
function M.constant(value)
  settings.number("init.constant", "the value", value)
  return function(shape, dtype)
    return ops.fill({shape = shape, value = value, dtype = dtype})
  end
end

--- Zeros, the initial value of biases.
M.zeros = M.constant(0)

return M
