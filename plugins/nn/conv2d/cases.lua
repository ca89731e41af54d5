-- SPDX-License-Identifier: Apache-2.0
-- For tests/lua/differential.lua: what calls of the ops in this directory look like.
local fmp = require "fmp"

-- Shapes that oneDNN computes wrongly by weights: uxlfoundation/oneDNN#6035.
local function is_broken(attrs, kernel, channels)
  local strided = attrs.stride[1] > 1 or attrs.stride[2] > 1
  return strided and kernel[1] == 1 and kernel[2] == 1 and channels < 16
end

local function convolution(d)
  local kernel, groups = {d.int(1, 4), d.int(1, 4)}, d.pick{1, 1, 1, 2, 3}
  if d.mode == "special" then groups = 1 end
  if d.chance(0.3) then kernel = {2, 2} end
  local ic, oc = groups * d.pick{1, 2, 3, 5, 8, 16}, groups * d.pick{1, 2, 3, 8, 17}
  local attrs = {stride = d.chance(0.6) and {1, 1} or d.list(2, 1, 3), groups = groups,
                 padding = d.pick{"valid", "same"}, dilation = d.chance(0.8) and {1, 1} or
                 d.list(2, 1, 2), winograd = "exact"}
  if d.chance(0.3) then attrs.padding, attrs.pads = "explicit", d.list(4, 0, 3) end
  -- A transformed tile spreads what is no number, and errs relative to its largest, beside
  -- zeros too.
  if d.mode ~= "plain" then attrs.winograd = "off" end
  local shape = {d.int(1, 3), d.int(8, 13), d.int(8, 13), ic}
  if is_broken(attrs, kernel, ic) then attrs.stride = {1, 1} end
  -- Processors take denormals of bf16 for zeros in products, and oneDNN pads channels with zeros
  -- that make NaN of infinity, those of bf16 and those of groups.
  local dtype = d.mode == "special" and d.pick{"f32", "f64"} or d.float()
  return d.tensor(shape, dtype), {oc, kernel[1], kernel[2], ic / groups}, attrs
end

return {
  conv2d = function(d)
    local x, w, attrs = convolution(d)
    -- With slope 0 kernels may make 0 of what is no number.
    if d.chance(0.3) then attrs.slope = d.pick{0.333, 2, d.mode ~= "special" and 0 or 0.1} end
    local b = d.chance(0.5) and d.tensor({w[1]}, x.dtype) or nil
    return {x, d.tensor(w, x.dtype), b, n = 3}, attrs
  end,
  conv2d_back_data = function(d)
    local x, w, attrs = convolution(d)
    w = d.tensor(w, x.dtype)
    local y = fmp.ops.conv2d(x, w, nil, attrs)
    return {d.tensor(y.shape, y.dtype), w, x}, attrs
  end,
  conv2d_back_weights = function(d)
    local x, w, attrs = convolution(d)
    w = d.tensor(w, x.dtype)
    local y = fmp.ops.conv2d(x, w, nil, attrs)
    return {x, d.tensor(y.shape, y.dtype), w}, attrs
  end,
}
