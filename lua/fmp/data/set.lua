-- SPDX-License-Identifier: Apache-2.0
--- Descriptions of data sets. They never change: each method gives a new one. A set has
-- `fields`, what its examples will have when they are delivered: a list of {name =, dtype =,
-- shape =, doc =} in the order of a batch's tensors, where a dimension of -1 differs from example
-- to example; and `classes`, the number of classes of its first label, nil if it is not known.

local batches = require "fmp.data.batches"
local fields = require "fmp.data.fields"
local guard = require "fmp.guard"
local ops = require "fmp.ops"
local raw = require "fmp.ffi"
local resource = require "fmp.resource"

local Set = {}
Set.__index = Set

-- -- describing --------------------------------------------------------------

-- A field after processing, by an image's settings or nil.
local function delivered(field, settings)
  if not settings then return field end
  local shape, size = field.shape, settings.field or field.shape
  return {name = field.name, doc = field.doc, dtype = settings.dtype or field.dtype,
          shape = {size[1], size[2], shape[3]}}
end

local function copied(list)
  local copy = {}
  for key, value in pairs(list) do copy[key] = value end
  return copy
end

-- The same set with some properties changed.
local function with(self, properties)
  local set = copied(self)
  for name, value in pairs(properties) do set[name] = value end
  set.fields = {}
  for i, field in ipairs(set.chosen) do
    set.fields[i] = delivered(field, set.images[field.name])
  end
  return setmetatable(set, Set)
end

-- The same set with further settings of the images that are named.
local function with_images(self, what, names, settings)
  local images = copied(self.images)
  for _, field in ipairs(fields.images(what, self.chosen, names)) do
    images[field.name] = copied(images[field.name] or {})
    for name, value in pairs(settings) do images[field.name][name] = value end
  end
  return with(self, {images = images})
end

local function check_number(what, name, value)
  if type(value) ~= "number" then
    raw.fail("%s: expected %s as a number, got %s", what, name, type(value))
  end
end

--- x = byte * scale + shift, in f32: scale(1/128, -1). Without it, x holds the bytes as u8, or
-- as f32 if images are augmented.
--   names   of the images, one or a list, here and below. By default the field "image", or
--           else the first that is u8 [h,w,c]
function Set:scale(scale, shift, names)
  check_number("scale", "scale", scale)
  check_number("scale", "shift", shift or 0)
  return with_images(self, "scale", names, {scale = scale, shift = shift or 0, dtype = "f32"})
end

--- Images centred on a field of zeros, or cut to it: center{height, width}.
function Set:center(size, names)
  if type(size) ~= "table" or #size ~= 2 then
    raw.fail("center: expected {height, width}")
  end
  return with_images(self, "center", names, {field = {size[1], size[2]}})
end

-- The distortions that Graham's fractional max-pooling networks were trained with.
local AUGMENT = {stretch = 0.2, flip = 0.5, skew = 0.2, translate = 16}

--- Images, distorted anew in each epoch, for training only: stretched by up to 20 % along
-- each axis, flipped half of the time, sheared or rotated by up to 0.2, shifted by up to 16
-- pixels: augment{stretch = 0.2, flip = 0.5, skew = 0.2, translate = 16}. Images of one example
-- that have the same settings are distorted in the same way.
function Set:augment(options, names)
  options = guard.options("augment", options, AUGMENT)
  options.dtype = "f32"
  return with_images(self, "augment", names, options)
end

--- Only these fields, in this order: select{"image", "label"}. The first is a network's x, the
-- second its y.
function Set:select(names)
  if type(names) ~= "table" or #names == 0 then
    raw.fail("select: expected a list of fields, as in select{\"%s\"}", self.fields[1].name)
  end
  local chosen, seen = {}, {}
  for i, name in ipairs(names) do
    chosen[i] = fields.find("select", self.chosen, name)
    if seen[name] then raw.fail("select: expected each field once, got '%s' again", name) end
    seen[name] = true
  end
  return with(self, {chosen = chosen})
end

--- The first n examples.
function Set:take(n)
  raw.whole("take", nil, n, 1)
  return with(self, {limit = math.min(n, self.limit or math.huge)})
end

--- How many examples there are.
function Set:size() return math.min(self.count, self.limit or math.huge) end

--- The shape of a field as it will be delivered, of the first field if no name is given: height,
-- width and channels for images.
function Set:shape(name)
  local field = name == nil and self.fields[1] or fields.find("shape", self.fields, name)
  return {unpack(field.shape)}
end

--- One example, counted from 0: a table of tensors by the names of the fields, as the source has
-- them, neither scaled nor centred. Fields whose shape differs between examples can be read too.
function Set:example(i)
  raw.whole("example", nil, i, 0, self:size() - 1)
  local values = {ops.source_example({source = self.reader, index = i, outputs = #self.all})}
  local all, example = {}, {}
  for k, field in ipairs(self.all) do all[field.name] = values[k] end
  for _, field in ipairs(self.chosen) do example[field.name] = all[field.name] end
  return example
end

-- -- batches -----------------------------------------------------------------

-- The settings that a queue takes as lists, with an element for each image, and their defaults.
local IMAGE = {dtype = "u8", scale = 1, shift = 0, stretch = 0, flip = 0, skew = 0, translate = 0}

-- Attributes of a queue from the settings of images.
local function image_attributes(self)
  local attributes = {images = {}, field = {}}
  for name in pairs(IMAGE) do attributes[name] = {} end
  for _, field in ipairs(self.chosen) do
    local settings = self.images[field.name]
    if settings then
      table.insert(attributes.images, field.name)
      local size = settings.field or {0, 0}
      table.insert(attributes.field, size[1])
      table.insert(attributes.field, size[2])
      for name, default in pairs(IMAGE) do
        table.insert(attributes[name], settings[name] or default)
      end
    end
  end
  return #attributes.images > 0 and attributes or {dtype = "u8"}
end

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
  for name, value in pairs(image_attributes(self)) do attributes[name] = value end
  attributes.source, attributes.take, attributes.deliver = self.reader, self.limit, {}
  for i, field in ipairs(self.chosen) do attributes.deliver[i] = field.name end
  return batches.new(resource.open("batch_queue", attributes), self)
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
  return ("set of %d examples: %s"):format(self:size(), fields.text(self.fields))
end

guard.methods(Set, "set of data")

local M = {}

-- How many classes the first label has, from an attribute that readers have.
local function classes_of(attributes)
  local classes = attributes.classes
  if type(classes) == "table" then classes = classes[1] end
  return type(classes) == "number" and classes > 0 and classes or nil
end

--- A set read by a resource that is opened now, so that files are checked where they are named.
function M.new(kind, attributes)
  local reader = resource.open(kind, attributes)
  local all, count = fields.read(reader)
  return with({reader = reader, all = all, chosen = all, count = count, images = {},
               classes = classes_of(attributes)}, {})
end

return M
