-- SPDX-License-Identifier: Apache-2.0
--- Fractional max pooling as a layer, and the sizes of networks made of it.

local raw = require "fmp.ffi"
local ops = require "fmp.ops"
local define = require("fmp.nn.module").define
local settings = require "fmp.nn.settings"

local M = {}

local FractionalMaxPool = define "FractionalMaxPool"

local pool_options = {
  out = false, ratio = false, mode = "random", window = "boundaries", pool = 2,
  overlapping = false, per = "batch", sequence = "tensorflow",
}

local NAME = "FractionalMaxPool"

local function check_out(value) settings.whole(NAME, "out", value, 1) end

local function check_ratio(value)
  settings.number(NAME, "ratio", value)
  if not (value >= 1 and value < math.huge) then
    raw.fail("%s: expected ratio of 1 or more, got %g", NAME, value)
  end
end

-- {height, width} of a number for both or a list of two; nil for none.
local function both(name, value, check)
  if not value then return nil end
  local list = type(value) == "table" and value or {value, value}
  if #list ~= 2 then
    raw.fail("%s: expected %s as a number or {height, width}, got a list of %d", NAME, name, #list)
  end
  check(list[1])
  check(list[2])
  return {list[1], list[2]}
end

--- Pooling to any smaller size over regions that are drawn anew at each call, also while
-- evaluating: FractionalMaxPool{out, mode = "random", window = "boundaries", pool = 2,
-- overlapping = false, per = "batch", sequence = "tensorflow"}, or with ratio = 1.26 instead
-- of out, which gives floor(in / ratio). out, ratio: a number, or {height, width}.
-- The other options are attributes of fmp_regions and fractional_max_pool.
function FractionalMaxPool:setup(given)
  local options = settings.take(NAME, given, pool_options, "out")
  if (options.out ~= false) == (options.ratio ~= false) then
    raw.fail("%s: expected either the output's size or a ratio", NAME)
  end
  self.label = settings.text(given, pool_options)
  self.out = both("out", options.out, check_out)
  self.ratio = both("ratio", options.ratio, check_ratio)
  self.regions = {mode = options.mode, window = options.window, pool = options.pool,
                  per = options.per, sequence = options.sequence}
  self.pooling = {window = options.window, pool = options.pool,
                  overlapping = options.overlapping}
end

local function check_input(x)
  if raw.is_tensor(x) and x.rank == 4 then return end
  local path = raw.scope_path()
  local got = raw.is_tensor(x) and x.dtype .. " [" .. table.concat(x.shape, ",") .. "]" or type(x)
  raw.fail("%sfractional_max_pool: expected x [n,h,w,c], got %s",
           path == "" and "" or path .. ": ", got)
end

function FractionalMaxPool:out_size(x)
  if self.out then return self.out end
  return {math.floor(x.shape[2] / self.ratio[1]), math.floor(x.shape[3] / self.ratio[2])}
end

--- rows, cols: regions that were drawn before; both or neither.
function FractionalMaxPool:forward(x, rows, cols)
  check_input(x)
  if not rows then
    local attrs = {out = self:out_size(x)}
    for name, value in pairs(self.regions) do attrs[name] = value end
    rows, cols = ops.fmp_regions(x, attrs)
  end
  return ops.fractional_max_pool(x, rows, cols, self.pooling)
end

M.FractionalMaxPool = FractionalMaxPool

-- -- sizes of networks -------------------------------------------------------

-- The smallest input that a pooling by `ratio` brings to `out`; at least out + 1.
local function before_pooling(out, ratio)
  local size = math.floor(out * ratio + 0.5)
  return size > out and size or out + 1
end

-- batch_queue delivers no larger images; see its attribute field.
local LARGEST_INPUT = 65535

--- The sizes after each pooling of a network of `layers` valid convolutions, each followed
-- by a pooling, that ends with one more convolution and a single pixel: a list from the
-- first layer on, and `input`, the size of the images. Computed from the last layer backwards:
--   fmp_sizes{layers = 6, ratio = 2^(1/2), kernel = 2} = {25, 17, 11, 7, 4, 2, input = 36}
function M.fmp_sizes(options)
  options = settings.take("fmp_sizes", options, {layers = false, ratio = false, kernel = 2})
  -- Each layer takes at least a pixel away.
  local layers = settings.whole("fmp_sizes", "layers", options.layers, 1, LARGEST_INPUT)
  local kernel = settings.whole("fmp_sizes", "kernel", options.kernel, 1, LARGEST_INPUT)
  local ratio = settings.number("fmp_sizes", "ratio", options.ratio)
  if not (ratio > 1 and ratio < math.huge) then
    raw.fail("fmp_sizes: expected ratio above 1, got %g", ratio)
  end
  local sizes, size = {}, kernel
  for i = layers, 1, -1 do
    sizes[i] = size
    size = before_pooling(size, ratio) + kernel - 1
  end
  if size > LARGEST_INPUT then
    raw.fail("fmp_sizes: expected an input of at most %d pixels, got %.6g from %d layers of "
             .. "ratio %g", LARGEST_INPUT, size, layers, ratio)
  end
  sizes.input = size
  return sizes
end

return M
