-- SPDX-License-Identifier: Apache-2.0
--- Times training steps of the paper's networks on drawn inputs:
--
--   fmprun scripts/bench/train_step.lua --net mnist --steps 20
--
-- A step is what fmp.fit does with a batch: one compiled function with the network, the
-- loss, the gradients, the update by Nesterov momentum and the count of wrong answers,
-- and the reading of its two numbers. Each step is timed alone; the median is the last line,
-- "median 61.2 ms, 1634 images/s". Waiting for data, which real training may do, is left out.
--
-- With --shapes yes nothing is run: the network is printed as lines "conv BATCH SIZE CHANNELS
-- FILTERS KERNEL POOLED", POOLED 0 where no pooling follows, and "linear INPUTS OUTPUTS". From
-- these the other programs of this directory build the same network in other frameworks.
local fmp = require "fmp"
local stats = require "fmp.stats"
local system = require "fmp.system"

local networks = fmp.networks

-- Widths and batches for steps of some 100 ms on two cores; the other frameworks use the same.
local usual = {mnist = {width = 32, batch = 100}, cifar = {width = 16, batch = 32}}

local opt = fmp.args({
  summary = "Times training steps of the paper's networks on drawn inputs.",
  options = {
    {"net", "mnist", "which network", choices = {"mnist", "cifar"}},
    {"width", nil, "filters of the first layer (mnist: 32, cifar: 16)", type = "integer", min = 1},
    {"batch", false, "examples in a batch (mnist: 100, cifar: 32)", type = "integer", min = 1},
    {"steps", 20, "steps that are timed", min = 1},
    {"warmup", 3, "steps before them, the first of which makes the plan", min = 1},
    {"precision", "f32", "of convolutions and matrix products", choices = {"f32", "bf16"}},
    {"winograd", "exact", "transforms in convolutions", choices = {"exact", "fast", "off"}},
    {"rewrites", true, "apply rewrites; no: ops as written"},
    {"shapes", false, "print the network's layers instead"},
  },
}, ...)

local paper = networks.paper[opt.net]
local width, batch = opt.width or usual[opt.net].width, opt.batch or usual[opt.net].batch

local function print_shapes()
  local list = networks.convolutions{width = width, layers = paper.layers, ratio = paper.ratio,
                                     channels = paper.channels}
  for _, c in ipairs(list) do
    print(("conv %d %d %d %d %d %d"):format(batch, c.size, c.channels, c.filters, c.kernel,
                                         c.pooled or 0))
  end
  print(("linear %d %d"):format(list[#list].filters, paper.classes))
end

-- The network, built for x.
local function make_network()
  local net, sizes = networks.fmp{
    name = opt.net .. "_fmp", width = width, layers = paper.layers, ratio = paper.ratio,
    classes = paper.classes, mode = paper.mode, winograd = opt.winograd,
  }
  -- Small, since pooling takes maxima, which makes noise grow from layer to layer.
  local x = fmp.randn{batch, sizes.input, sizes.input, paper.channels} * 0.1
  return net:build(x):train(), x
end

local function make_step(net)
  local criterion = fmp.nn.CrossEntropy()
  -- A rate so small that the loss of random labels stays finite for any number of steps.
  local optimizer = fmp.optim.SGD{lr = 1e-3, momentum = 0.9, nesterov = true}
  -- f32 is compile's default.
  local precision = opt.precision ~= "f32" and opt.precision or nil
  return fmp.compile(function(x, y)
    local output = net(x)
    local loss = criterion(output, y)
    optimizer:step(loss)
    return loss, criterion:wrong(output, y)
  end, {precision = precision, rewrites = opt.rewrites})
end

-- One step; milliseconds and the loss.
local function timed(step, x, y)
  local before = system.seconds()
  local loss, wrong = step(x, y)
  local value = loss:item()
  wrong:item()
  return (system.seconds() - before) * 1e3, value
end

local function measure()
  local net, x = make_network()
  local classes = paper.classes
  local y = fmp.rand{batch}:mul(classes):cast{dtype = "i64"}
  local step, times, value = make_step(net), {}
  for _ = 1, opt.warmup do timed(step, x, y) end
  for i = 1, opt.steps do times[i], value = timed(step, x, y) end
  table.sort(times)
  local ms = stats.median(times)
  print(("%s: width %d, batch %d, %s, rewrites %s, %d threads; loss %.4f"):format(
    opt.net, width, batch, opt.precision, opt.rewrites and "on" or "off", fmp.threads(), value))
  print(("fastest %.1f ms, slowest %.1f ms of %d"):format(times[1], times[#times], #times))
  print(("median %.1f ms, %.0f images/s"):format(ms, batch / ms * 1e3))
end

if opt.shapes then print_shapes() else measure() end
