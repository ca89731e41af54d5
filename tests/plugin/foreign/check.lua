-- SPDX-License-Identifier: Apache-2.0
-- conv2d on the device "acme.chip" against the same on the default device.
local fmp = require "fmp"

fmp.seed(1)

local function worst(a, b)
  local x, y, most = a:flat(), b:flat(), 0
  for i = 1, #x do most = math.max(most, math.abs(x[i] - y[i])) end
  return most
end

local cases = {
  {},
  {stride = {2, 1}},
  {padding = "same"},
  {padding = "same", stride = {2, 3}},
  {padding = "explicit", pads = {1, 0, 2, 1}},
  {dilation = {2, 1}, padding = "same"},
  {groups = 2},
  {slope = 0.25},
}

for number, attrs in ipairs(cases) do
  local groups = attrs.groups or 1
  local x, w, b = fmp.randn{2, 7, 8, 4}, fmp.randn{6, 3, 2, 4 / groups}, fmp.randn{6}
  local here = fmp.ops.conv2d(x, w, b, attrs)
  local there = fmp.ops.conv2d(x:to "acme.chip", w:to "acme.chip", b:to "acme.chip", attrs)
  assert(there.device == "acme.chip:0", "it did not run there")
  local error_of_case = worst(here, there:to "cpu")
  assert(error_of_case < 1e-4, ("case %d differs by %g"):format(number, error_of_case))
  local bare = fmp.ops.conv2d(x:to "acme.chip", w:to "acme.chip", nil, attrs):to "cpu"
  assert(worst(fmp.ops.conv2d(x, w, nil, attrs), bare) < 1e-4, "without a bias")
end
print(#cases .. " cases agree")
