-- SPDX-License-Identifier: Apache-2.0
--- Trains (width n C2 - FMP ratio) layers - C2 - C1 - output on MNIST, 28x28 centred in a
-- field of 36x36: 2x2 convolutions of width, 2 width, ... filters, each followed by
-- fractional max pooling, until one pixel is left. Without --data it trains on drawn shapes.
local fmp = require "fmp"
local nn, data, optim = fmp.nn, fmp.data, fmp.optim
local paper = fmp.networks.paper.mnist

local opt = fmp.args({
  summary = "Trains a fractional-max-pooling network on MNIST. Without --data it draws shapes.",
  options = {
    {"data", nil, "directory of the four files, plain or .gz; not given: drawn shapes"},
    {"epochs", 6, "passes over the training data", min = 1},
    {"width", nil, "filters of the first layer (32; shapes: 16)", type = "integer", min = 1},
    {"layers", paper.layers, "convolutions with pooling", min = 1},
    {"ratio", paper.ratio, "ratio by which each pooling shrinks", type = "number", min = 0},
    {"classes", paper.classes, "labels are 0 to this - 1", min = 1},
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
    {"augment", false, "distort the training images, but never flip them"},
    {"precision", "f32", "type that convolutions compute in", choices = {"f32", "bf16"}},
    {"winograd", "exact", "transforms that convolutions may use: those that lose little accuracy, "
                          .. "all, none", choices = {"exact", "fast", "off"}},
  },
}, ...)

if opt.window == "fixed" and not opt.overlapping then
  error "--window fixed: its regions always overlap, but --overlapping says no"
end
local net, sizes = fmp.networks.fmp{
  name = "mnist_fmp", width = opt.width or (opt.data and paper.width or 16),
  layers = opt.layers, ratio = opt.ratio, classes = opt.classes,
  mode = opt.mode, window = opt.window, overlapping = opt.overlapping, per = opt.per,
  dropout = opt.dropout, winograd = opt.winograd,
}
local directory = opt.data or fmp.data.drawn.default "mnist"

print((opt.data and "data: " or "no --data: drawn shapes in ") .. directory)

local train = data.mnist{directory, "train", classes = opt.classes}
local test = data.mnist{directory, "test", classes = opt.classes}

local function prepare(set) -- bytes as ink from 0 to 1, centred on an empty field
  return set:scale(1 / 255):center{sizes.input, sizes.input}
end
train, test = prepare(train), prepare(test)
if opt.augment then train = train:augment{flip = 0, translate = 2} end

print(net:build(fmp.zeros{1, sizes.input, sizes.input, 1}):summary())

local history = fmp.fit{
  net = net, loss = nn.CrossEntropy(),
  optim = optim.SGD{lr = optim.schedule.cosine{opt.lr, warmup = 100}, momentum = 0.9,
                    nesterov = true, max_norm = opt.max_norm > 0 and opt.max_norm},
  train = train:shuffle_batch{opt.batch, seed = opt.seed},
  test = test:batch{math.min(opt.batch, test:size())},
  epochs = opt.epochs, steps = opt.steps, tests = opt.tests, precision = opt.precision,
}
print(fmp.evaluate.report(history[#history].test_errors))
