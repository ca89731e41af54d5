-- SPDX-License-Identifier: Apache-2.0
--- Trains (width n C2 - FMP ratio) layers - C2 - C1 - output on CIFAR-10 or CIFAR-100 in
-- their binary form: 2x2 convolutions of width, 2 width, ... filters, each followed by
-- fractional max pooling, until one pixel is left. Without --data it trains on drawn shapes.
local fmp = require "fmp"
local nn, data, optim = fmp.nn, fmp.data, fmp.optim
local paper = fmp.networks.paper.cifar

local opt = fmp.args({
  summary = "Trains a fractional-max-pooling network on CIFAR-10 or CIFAR-100. Without --data "
            .. "it draws shapes, and uses a network that learns them in minutes.",
  options = {
    {"data", nil, "directory of the .bin files; not given: drawn shapes"},
    {"epochs", false, "passes over the training data (250; shapes: 12)", type = "integer"},
    {"width", nil, "filters of the first layer (64; shapes: 24)", type = "integer", min = 1},
    {"layers", nil, "convolutions with pooling (12; shapes: 6)", type = "integer", min = 1},
    {"ratio", nil, "ratio by which each pooling shrinks (1.26; shapes: 1.414)", type = "number",
     min = 0},
    {"classes", nil, "20: the coarse labels of CIFAR-100; not given: what the files have",
     type = "integer", choices = {"10", "20", "100"}},
    {"mode", paper.mode, "steps of the regions", choices = {"random", "pseudorandom"}},
    {"overlapping", true, "regions share rows and columns with the next"},
    {"window", nil, "fixed: 2x2 pixels, which overlap; not given: fixed if overlapping",
     choices = {"boundaries", "fixed"}},
    {"per", "sample", "regions are drawn for each of these", choices = {"batch", "sample"}},
    {"tests", 1, "passes over the test data at the end, whose probabilities are summed", min = 1},
    {"lr", 0.02, "the highest learning rate; falls by a cosine"},
    {"max-norm", 5, "gradients of a greater norm are scaled down to this one; 0: none are",
     type = "number", min = 0},
    {"dropout", 0, "rate in the last layer; it falls to none in the first", type = "number",
     min = 0, max = 0.99},
    {"augment", false, "distort the training images"},
    {"precision", "f32", "type that convolutions compute in", choices = {"f32", "bf16"}},
    {"winograd", "exact", "transforms that convolutions may use: those that lose little accuracy, "
                          .. "all, none", choices = {"exact", "fast", "off"}},
  },
}, ...)

-- The paper's network, or one that can be trained in a few minutes.
local usual = opt.data and {epochs = 250, width = paper.width, layers = paper.layers,
                          ratio = paper.ratio}
              or {epochs = 12, width = 24, layers = 6, ratio = 2 ^ (1 / 2)}
for name, value in pairs(usual) do opt[name] = opt[name] or value end

if opt.window == "fixed" and not opt.overlapping then
  error "--window fixed: its regions always overlap, but --overlapping says no"
end
local directory = opt.data or fmp.data.drawn.default "cifar"

print((opt.data and "data: " or "no --data: drawn shapes in ") .. directory)

local labels = opt.classes == 20 and "coarse" or "fine"
local train = data.cifar{directory, "train", labels = labels}
local test = data.cifar{directory, "test", labels = labels}
if opt.classes and train.classes ~= opt.classes then
  error(("--classes %d: the files have %d"):format(opt.classes, train.classes))
end

local net, sizes = fmp.networks.fmp{
  name = "cifar_fmp", width = opt.width, layers = opt.layers, ratio = opt.ratio,
  classes = train.classes,
  mode = opt.mode, window = opt.window, overlapping = opt.overlapping, per = opt.per,
  dropout = opt.dropout, winograd = opt.winograd,
}

local function prepare(set) -- 32x32 bytes, centred on a field of zeros of the network's size
  return set:scale(1 / 128, -1):center{sizes.input, sizes.input}
end
train, test = prepare(train), prepare(test)
if opt.augment then -- shifted as far as the field goes, up to the paper's 16 pixels
  local margin = math.max(math.floor((sizes.input - 32) / 2), 0)
  train = train:augment{translate = math.min(margin, 16)}
end

print(net:build(fmp.zeros{1, sizes.input, sizes.input, 3}):summary())

local history = fmp.fit{
  net = net, loss = nn.CrossEntropy(),
  optim = optim.SGD{lr = optim.schedule.cosine{opt.lr, warmup = 100}, momentum = 0.9,
                    nesterov = true, max_norm = opt.max_norm > 0 and opt.max_norm},
  train = train:shuffle_batch{opt.batch, seed = opt.seed},
  test = test:batch{math.min(opt.batch, test:size())},
  epochs = opt.epochs, steps = opt.steps, tests = opt.tests, precision = opt.precision,
}
print(fmp.evaluate.report(history[#history].test_errors))
