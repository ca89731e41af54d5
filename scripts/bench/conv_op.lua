-- SPDX-License-Identifier: Apache-2.0
--- Times the 2x2 convolutions of the paper's networks alone, forward and both gradients, with
-- and without transforms:
--
--   fmprun scripts/bench/conv_op.lua --net cifar
--
-- The network's layers except the first, whose images need no gradient. "off" is oneDNN's direct
-- kernels; "exact" and "fast" use transforms where conv2d's option `winograd` allows them and
-- they are estimated to be faster. Medians of rounds that run the three in turn. Each is a
-- compiled step, whose memory is kept from run to run.
--
-- The last lines, sums over the layers, are for programs: "conv_ms forward OFF EXACT FAST".
local fmp = require "fmp"
local stats = require "fmp.stats"
local system = require "fmp.system"

local networks, ops = fmp.networks, fmp.ops

local usual = {mnist = {width = 32, batch = 100}, cifar = {width = 16, batch = 32}}

local opt = fmp.args({
  summary = "Times the 2x2 convolutions of the paper's networks alone.",
  options = {
    {"net", "mnist", "which network", choices = {"mnist", "cifar"}},
    {"width", nil, "filters of the first layer (mnist: 32, cifar: 16)", type = "integer", min = 1},
    {"batch", false, "examples (mnist: 100, cifar: 32)", type = "integer", min = 1},
    {"rounds", 7, "runs of each, of which the median is shown", min = 1},
  },
}, ...)

local paper = networks.paper[opt.net]
local width, batch = opt.width or usual[opt.net].width, opt.batch or usual[opt.net].batch

local modes = {"off", "exact", "fast"}
local directions = {"forward", "back_data", "back_weights"}

-- Reduced to one element, since a step allocates memory for its result.
local function corner(t) return ops.slice(t, {start = {0}, size = {1, 1, 1, 1}}) end

local call = {
  forward = function(x, w, _, attrs) return ops.conv2d(x, w, nil, attrs) end,
  back_data = function(x, w, dy, attrs) return ops.conv2d_back_data(dy, w, x, attrs) end,
  back_weights = function(x, w, dy, attrs) return ops.conv2d_back_weights(x, dy, w, attrs) end,
}

local function timed_ms(step, ...)
  local before = system.seconds()
  local result = step(...)
  local ms = (system.seconds() - before) * 1e3
  result:free()
  return ms
end

-- {off = ms, exact = ms, fast = ms} of one direction.
local function measure(direction, x, w, dy)
  local steps, times, figures = {}, {}, {}
  for _, mode in ipairs(modes) do
    local attrs = {winograd = mode}
    steps[mode] = fmp.compile(function(a, b, c) return corner(call[direction](a, b, c, attrs)) end)
    steps[mode](x, w, dy) -- makes the plan
    times[mode] = {}
  end
  for round = 1, opt.rounds do
    for _, mode in ipairs(modes) do times[mode][round] = timed_ms(steps[mode], x, w, dy) end
  end
  for _, mode in ipairs(modes) do
    figures[mode] = stats.median(times[mode])
    steps[mode]:clear()
  end
  return figures
end

-- 2 for each multiply-add of a direct convolution.
local function flops(c)
  return 2 * 4 * batch * (c.size - 1) ^ 2 * c.channels * c.filters
end

local function line(c, direction, figures)
  local columns = {}
  for i, mode in ipairs(modes) do
    columns[i] = ("%s %7.2f ms %4.0f GF/s"):format(mode, figures[mode],
                                                  flops(c) / figures[mode] / 1e6)
  end
  return ("%2d x %2d x %3d -> %3d %-12s  %s"):format(c.size, c.size, c.channels, c.filters,
                                                  direction, table.concat(columns, "  "))
end

local sums = {}
for _, direction in ipairs(directions) do sums[direction] = {off = 0, exact = 0, fast = 0} end

local list = networks.convolutions{width = width, layers = paper.layers, ratio = paper.ratio,
                                   channels = paper.channels}
print(("%s, width %d, batch %d, f32, %d threads; GF/s of direct multiplications"):format(
  opt.net, width, batch, fmp.threads()))
for i, c in ipairs(list) do
  if i > 1 and c.kernel == 2 then
    local x = fmp.randn{batch, c.size, c.size, c.channels}
    local w = fmp.randn{c.filters, 2, 2, c.channels}
    local dy = fmp.randn{batch, c.size - 1, c.size - 1, c.filters}
    for _, direction in ipairs(directions) do
      local figures = measure(direction, x, w, dy)
      for _, mode in ipairs(modes) do
        sums[direction][mode] = sums[direction][mode] + figures[mode]
      end
      print(line(c, direction, figures))
    end
    for _, t in ipairs{x, w, dy} do t:free() end
  end
end
for _, direction in ipairs(directions) do
  local sum = sums[direction]
  print(("conv_ms %s %.3f %.3f %.3f"):format(direction, sum.off, sum.exact, sum.fast))
end
