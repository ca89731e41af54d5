-- SPDX-License-Identifier: Apache-2.0
--- Descriptions of data sets. None of them changes: each method gives a new one.

local batches = require "fmp.data.batches"
local guard = require "fmp.guard"
local raw = require "fmp.ffi"
local ops = require "fmp.ops"
local record = require "fmp.record"
local resource = require "fmp.resource"

local Set = {}
Set.__index = Set

-- -- describing --------------------------------------------------------------

-- The same set with further attributes for its queue.
local function with(self, attributes)
  local copy = {reader = self.reader, classes = self.classes, attributes = {}}
  for name, value in pairs(self.attributes) do copy.attributes[name] = value end
  for name, value in pairs(attributes) do copy.attributes[name] = value end
  return setmetatable(copy, Set)
end

local function check_number(what, name, value)
  if type(value) ~= "number" then
    raw.fail("%s: expected %s as a number, got %s", what, name, type(value))
  end
end

--- x = byte * scale + shift, in f32: scale(1/128, -1). Without it, x are bytes (u8), or
-- f32 of the same values where images are augmented.
function Set:scale(scale, shift)
  check_number("scale", "scale", scale)
  check_number("scale", "shift", shift or 0)
  return with(self, {scale = scale, shift = shift or 0, dtype = "f32"})
end

--- Images centred on a field of zeros, or cut to it: center{height, width}.
function Set:center(size)
  if type(size) ~= "table" or #size ~= 2 then
    raw.fail("center: expected {height, width}")
  end
  return with(self, {field = {size[1], size[2]}})
end

-- The distortions that Graham's fractional max-pooling networks were trained with.
local AUGMENT = {stretch = 0.2, flip = 0.5, skew = 0.2, translate = 16}

--- Images distorted anew in each epoch, for training only: stretched by up to 20 % along
-- each axis, flipped half of the time, sheared or rotated by up to 0.2, shifted by up to 16
-- pixels: augment{stretch = 0.2, flip = 0.5, skew = 0.2, translate = 16}.
function Set:augment(options)
  options = guard.options("augment", options, AUGMENT)
  options.dtype = "f32"
  return with(self, options)
end

--- The first n examples.
function Set:take(n)
  raw.whole("take", nil, n, 1)
  return with(self, {take = math.min(n, self.attributes.take or math.huge)})
end

local function read_info(reader) return ops.source_info({source = reader}):flat() end

-- {examples, height, width, channels}, at once, also while a function is traced.
local function info(self) return record.outside(read_info, self.reader) end

--- How many examples there are.
function Set:size() return math.min(info(self)[1], self.attributes.take or math.huge) end

--- Height, width and channels of the images as they will be delivered.
function Set:shape()
  local image, field = info(self), self.attributes.field
  if field then return {field[1], field[2], image[4]} end
  return {image[2], image[3], image[4]}
end

-- -- batches -----------------------------------------------------------------

-- {50, threads = 4} or {batch = 50, threads = 4}: attributes of the queue.
local function queue_attributes(what, options, known)
  if type(options) ~= "table" then
    raw.fail("%s: expected a table, as in %s{50}, got %s", what, what, type(options))
  end
  local named = {}
  for name, value in pairs(options) do named[name == 1 and "batch" or name] = value end
  named = guard.options(what, named, known)
  check_number(what, "the size of a batch", named.batch or nil)
  return named
end

local PLAIN = {batch = false, threads = 2, epochs = 0, seed = 0, drop_last = false, ahead = 0}
local SHUFFLED = {capacity = 0, min_after_dequeue = 0}
for name, value in pairs(PLAIN) do SHUFFLED[name] = value end

local function open(self, attributes)
  local all = with(self, attributes).attributes
  all.source = self.reader
  all.dtype = all.dtype or "u8"
  return batches.new(resource.open("batch_queue", all), self)
end

--- Batches in order: batch{50, threads = 2, epochs = 0 (endless), drop_last = false}.
function Set:batch(options) return open(self, queue_attributes("batch", options, PLAIN)) end

--- Batches in a new order in each epoch:
-- shuffle_batch{50, threads = 2, seed = 0, capacity = 0 (all), min_after_dequeue = 0,
--               epochs = 0 (endless), drop_last = false}.
-- Order and augmentation depend on seed, epoch and example, never on threads.
function Set:shuffle_batch(options)
  local attributes = queue_attributes("shuffle_batch", options, SHUFFLED)
  attributes.shuffle = true
  return open(self, attributes)
end

function Set:__tostring()
  local shape = self:shape()
  return ("set of %d examples [%d,%d,%d]"):format(self:size(), shape[1], shape[2], shape[3])
end

guard.methods(Set, "set of data")

local M = {}

--- A set read by a resource that is opened now, so that files are checked where they are
-- named. classes: how many there are, nil if that is not known.
function M.new(kind, attributes, classes)
  local reader = resource.open(kind, attributes)
  return setmetatable({reader = reader, classes = classes, attributes = {}}, Set)
end

return M
