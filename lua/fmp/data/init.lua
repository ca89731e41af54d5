-- SPDX-License-Identifier: Apache-2.0
--- fmp.data: examples from files, in batches.
--
--   local images = fmp.data.cifar{"cifar-100-binary", "train"}:scale(1/128, -1):center{94, 94}
--   local train = images:augment():shuffle_batch{50, threads = 4, seed = 1}
--   for x, y in train:epoch() do ... end     x f32 [n,94,94,3], y i32 [n]
--
-- cifar, mnist and records describe a set; scale, center, augment and take each give a new
-- description; batch and shuffle_batch open a queue that C threads fill ahead.

local files = require "fmp.data.files"
local guard = require "fmp.guard"
local raw = require "fmp.ffi"
local set = require "fmp.data.set"
local settings = require "fmp.nn.settings"

local M = {}

local FINE, COARSE = 1, 0
local LABELS = {fine = {index = FINE, classes = 100}, coarse = {index = COARSE, classes = 20}}

-- {dir, part, name = value} with names for the first two, checked.
local function located(what, options, known)
  if type(options) ~= "table" then
    raw.fail("%s: expected {dir, part}, got %s", what, type(options))
  end
  local named = {dir = options[1], part = options[2]}
  for name, value in pairs(options) do
    if name ~= 1 and name ~= 2 then named[name] = value end
  end
  known.dir, known.part = false, false
  named = guard.options(what, named, known)
  if type(named.dir) ~= "string" then
    raw.fail("%s: expected a directory, as in {dir, \"train\"}, got %s", what,
             type(named.dir or nil))
  end
  if named.part ~= "train" and named.part ~= "test" then
    raw.fail("%s: expected part \"train\" or \"test\", got %s", what,
             tostring(named.part or nil))
  end
  return named
end

-- What the CIFAR directories look like; the first layout that has files is taken.
local function cifar_layouts(part, labels)
  return {
    {pattern = part .. ".bin", label_bytes = 2, label_index = labels.index,
     classes = labels.classes},
    {pattern = part == "train" and "data_batch_*.bin" or "test_batch.bin", label_bytes = 1,
     label_index = 0, classes = 10},
  }
end

--- CIFAR-10 or CIFAR-100 in their binary form, whichever the directory has:
-- cifar{dir, "train" or "test", labels = "fine"}; CIFAR-100 also has labels = "coarse".
function M.cifar(options)
  local o = located("data.cifar", options, {labels = "fine"})
  local labels = LABELS[o.labels]
  if not labels then
    raw.fail("data.cifar: expected labels \"fine\" or \"coarse\", got %s", tostring(o.labels))
  end
  local layout, found = files.first("data.cifar", o.dir, cifar_layouts(o.part, labels))
  return set.new("record_reader", {
    files = found, label_bytes = layout.label_bytes, label_index = layout.label_index,
    classes = layout.classes, height = 32, width = 32, channels = 3, order = "chw",
  }, layout.classes)
end

-- Names of an MNIST file; some copies have a dot in place of the second dash.
local function mnist_layouts(part, what)
  local stem = (part == "train" and "train" or "t10k") .. "-" .. what
  local kind = what == "images" and "idx3-ubyte" or "idx1-ubyte"
  local layouts = {}
  for _, joint in ipairs{"-", "."} do
    for _, ending in ipairs{"", ".gz"} do
      layouts[#layouts + 1] = {pattern = stem .. joint .. kind .. ending}
    end
  end
  return layouts
end

--- MNIST, or a set in its files, plain or .gz: mnist{dir, "train" or "test", classes = 10}.
function M.mnist(options)
  local o = located("data.mnist", options, {classes = 10})
  settings.whole("data.mnist", "classes", o.classes, 0)
  local _, images = files.first("data.mnist", o.dir, mnist_layouts(o.part, "images"))
  local _, labels = files.first("data.mnist", o.dir, mnist_layouts(o.part, "labels"))
  return set.new("idx_reader", {images = images[1], labels = labels[1], classes = o.classes},
                 o.classes > 0 and o.classes or nil)
end

--- Records of fixed length, with the attributes of the resource record_reader:
-- records{files = "data/*.bin", height = 32, width = 32, channels = 3, label_bytes = 1, ...}.
function M.records(options)
  if type(options) ~= "table" then
    raw.fail("data.records: expected a table of options, got %s", type(options))
  end
  local attributes = {}
  for name, value in pairs(options) do attributes[name] = value end
  local classes = attributes.classes
  return set.new("record_reader", attributes, classes ~= 0 and classes or nil)
end

return M
