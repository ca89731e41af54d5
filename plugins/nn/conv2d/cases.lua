-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like. All numbers
-- are finite: oneDNN pads channels with zeros, which make NaN of a neighbour's infinity.
local fmp = require "fmp"

local function convolution(d)
  local kernel, groups = {d.int(1, 4), d.int(1, 4)}, d.pick{1, 1, 1, 2, 3}
  if d.chance(0.3) then kernel = {2, 2} end
  local ic, oc = groups * d.pick{1, 2, 3, 5, 8, 16}, groups * d.pick{1, 2, 3, 8, 17}
  local attrs = {stride = d.chance(0.6) and {1, 1} or d.list(2, 1, 3), groups = groups,
                 padding = d.pick{"valid", "same"}, dilation = d.chance(0.8) and {1, 1} or
                 d.list(2, 1, 2), winograd = "exact"}
  if d.chance(0.3) then attrs.padding, attrs.pads = "explicit", d.list(4, 0, 3) end
  -- A transformed tile errs relative to its largest number, beside zeros too.
  if d.mode ~= "plain" then attrs.winograd = "off" end
  local shape = {d.int(1, 3), d.int(8, 13), d.int(8, 13), ic}
  local w = {oc, kernel[1], kernel[2], ic / groups}
  -- Processors take denormals of bf16 for zeros in products.
  local dtype = d.mode == "special" and d.pick{"f32", "f64"} or d.float()
  return d.finite(shape, dtype), w, attrs
end

return {
  conv2d = function(d)
    local x, w, attrs = convolution(d)
    if d.chance(0.3) then attrs.slope = d.pick{0.333, 2, 0} end
    local b = d.chance(0.5) and d.finite({w[1]}, x.dtype) or nil
    return {x, d.finite(w, x.dtype), b, n = 3}, attrs
  end,
  conv2d_back_data = function(d)
    local x, w, attrs = convolution(d)
    w = d.finite(w, x.dtype)
    local y = fmp.ops.conv2d(x, w, nil, attrs)
    return {d.finite(y.shape, y.dtype), w, x}, attrs
  end,
  conv2d_back_weights = function(d)
    local x, w, attrs = convolution(d)
    w = d.finite(w, x.dtype)
    local y = fmp.ops.conv2d(x, w, nil, attrs)
    return {x, d.finite(y.shape, y.dtype), w}, attrs
  end,
}
