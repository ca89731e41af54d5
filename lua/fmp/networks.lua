-- SPDX-License-Identifier: Apache-2.0
--- Networks that several scripts use: those that train them, and those that measure them.
-- A benchmark with a network of its own would soon measure a different one.
--
--   local net, sizes = fmp.networks.fmp{name = "mnist_fmp", width = 32, layers = 6,
--                                       ratio = 2^(1/2), classes = 10}

local guard = require "fmp.guard"
local nn = require "fmp.nn"
local settings = require "fmp.nn.settings"

local M = {}

--- The paper's networks, as its tables name them: what differs between them.
M.paper = {
  mnist = {width = 32, layers = 6, ratio = 2 ^ (1 / 2), channels = 1, classes = 10,
           mode = "pseudorandom"},
  cifar = {width = 64, layers = 12, ratio = 2 ^ (1 / 3), channels = 3, classes = 100,
           mode = "random"},
}

-- The slope of all leaky rectifiers; the convolutions' initial values depend on it.
M.slope = 0.333

local shape_options = {width = false, layers = false, ratio = false, channels = 1}

--- The convolutions of (width n C2 - FMP ratio) layers - C2 - C1 in order, each as
-- {size = of its input, channels =, filters =, kernel =, pooled = size after the pooling
-- that follows, nil if none does}; and the sizes, as nn.fmp_sizes gives them.
function M.convolutions(options)
  options = guard.options("networks.convolutions", options, shape_options)
  local sizes = nn.fmp_sizes{layers = options.layers, ratio = options.ratio}
  local width = settings.whole("networks", "width", options.width, 1)
  local list, size, channels = {}, sizes.input, options.channels
  local function add(kernel, pooled)
    local filters = width * (#list + 1)
    list[#list + 1] = {size = size, channels = channels, filters = filters, kernel = kernel,
                       pooled = pooled}
    size, channels = pooled or size - kernel + 1, filters
  end
  for _, pooled in ipairs(sizes) do add(2, pooled) end
  add(2)
  add(1)
  return list, sizes
end

local options_of_fmp = {
  name = "fmp", width = false, layers = false, ratio = false, classes = false,
  mode = "random", window = false, overlapping = true, per = "sample", dropout = 0,
  winograd = "exact",
}

--- (width n C2 - FMP ratio) layers - C2 - C1 - output: 2x2 convolutions of width, 2 width,
-- ... filters, each followed by fractional max pooling, until one pixel is left. Returns the
-- network and its sizes. window: not given: "fixed" (2x2 pixels) if regions overlap.
-- dropout: that of the last layer; it falls to none at the first. winograd: as in nn.Conv2d,
-- for all convolutions.
function M.fmp(options)
  options = guard.options("networks.fmp", options, options_of_fmp)
  local window = options.window or (options.overlapping and "fixed" or "boundaries")
  local list, sizes = M.convolutions{width = options.width, layers = options.layers,
                                     ratio = options.ratio}
  local net = nn.Sequential(options.name)
  local function drop(n) -- before layer n
    local p = options.dropout * (n - 1) / #list
    if p ~= 0 then net:add(nn.Dropout(p)) end
  end
  for n, c in ipairs(list) do
    drop(n)
    net:add(nn.Conv2d{c.filters, kernel = c.kernel, init = nn.init.he{slope = M.slope},
                      winograd = options.winograd}, nn.LeakyReLU(M.slope))
    if c.pooled then
      net:add(nn.FractionalMaxPool{c.pooled, mode = options.mode, window = window,
                                   per = options.per, overlapping = options.overlapping})
    end
  end
  drop(#list + 1)
  net:add(nn.Flatten(), nn.Linear(options.classes))
  return net, sizes
end

return M
