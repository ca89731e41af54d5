-- SPDX-License-Identifier: Apache-2.0
--- Trains (width n C2 - FMP ratio) layers - C2 - C1 - output on MNIST, 28x28 centred in a
-- field of 36x36: 2x2 convolutions of width, 2 width, ... filters, each followed by
-- fractional max pooling, until one pixel is left. Without --data on drawn shapes.
local fmp = require "fmp"
local nn, data, optim = fmp.nn, fmp.data, fmp.optim

local opt = fmp.args({
  summary = "Trains a fractional-max-pooling network on MNIST. Without --data it draws shapes.",
  options = {
    {"data", nil, "directory of the four files, plain or .gz; not given: drawn shapes"},
    {"epochs", 6, "passes over the training data", min = 1},
    {"width", nil, "filters of the first layer (32; shapes: 16)", type = "integer", min = 1},
    {"layers", 6, "convolutions with pooling", min = 1},
    {"ratio", 2 ^ (1 / 2), "by which a pooling shrinks", type = "number", min = 0},
    {"classes", 10, "labels are 0 to this - 1", min = 1},
    {"mode", "pseudorandom", "steps of the regions", choices = {"random", "pseudorandom"}},
    {"overlapping", true, "regions share rows and columns with the next"},
    {"window", nil, "fixed: 2x2 pixels, which overlap; not given: fixed if overlapping",
     choices = {"boundaries", "fixed"}},
    {"per", "sample", "who shares regions", choices = {"batch", "sample"}},
    {"tests", 1, "passes of the last test, whose probabilities are summed", min = 1},
    {"lr", 0.02, "the highest learning rate; falls by a cosine"},
    {"dropout", 0, "of the last layer; the others less and less, the first none", type = "number",
     min = 0, max = 0.99},
    {"augment", false, "distort the training images, but never flip them"},
  },
}, ...)

if opt.window == "fixed" and not opt.overlapping then
  error "--window fixed: its regions always overlap, but --overlapping says no"
end
local window = opt.window or (opt.overlapping and "fixed" or "boundaries")
local width = opt.width or (opt.data and 32 or 16)
local sizes = nn.fmp_sizes{layers = opt.layers, ratio = opt.ratio}
local directory = opt.data or fmp.shapes.default "mnist"

print((opt.data and "data: " or "no --data: drawn shapes in ") .. directory)

local train = data.mnist{directory, "train", classes = opt.classes}
local test = data.mnist{directory, "test", classes = opt.classes}

local function prepare(set) -- bytes as ink from 0 to 1, centred on a field without any
  return set:scale(1 / 255):center{sizes.input, sizes.input}
end
train, test = prepare(train), prepare(test)
if opt.augment then train = train:augment{flip = 0, translate = 2} end

local net, slope = nn.Sequential "mnist_fmp", 0.333
local function drop(n) -- in front of layer n
  local p = opt.dropout * (n - 1) / (opt.layers + 2)
  if p ~= 0 then net:add(nn.Dropout(p)) end
end
local function convolve(n, kernel)
  drop(n)
  net:add(nn.Conv2d{width * n, kernel = kernel, init = nn.init.he{slope = slope}},
          nn.LeakyReLU(slope))
end
for i, out in ipairs(sizes) do
  convolve(i, 2)
  net:add(nn.FractionalMaxPool{out, mode = opt.mode, window = window, per = opt.per,
                               overlapping = opt.overlapping})
end
convolve(opt.layers + 1, 2)
convolve(opt.layers + 2, 1)
drop(opt.layers + 3)
net:add(nn.Flatten(), nn.Linear(opt.classes))

print(net:build(fmp.zeros{1, sizes.input, sizes.input, 1}):summary())

local history = fmp.fit{
  net = net, loss = nn.CrossEntropy(),
  optim = optim.SGD{lr = optim.schedule.cosine{opt.lr, warmup = 100}, momentum = 0.9,
                    nesterov = true},
  train = train:shuffle_batch{opt.batch, seed = opt.seed},
  test = test:batch{math.min(opt.batch, test:size())},
  epochs = opt.epochs, steps = opt.steps, tests = opt.tests,
}
print(fmp.evaluate.report(history[#history].test_errors))
