-- SPDX-License-Identifier: Apache-2.0
--- fmp.data: examples from files, in batches.
--
--   local images = fmp.data.cifar{"cifar-100-binary", "train"}:scale(1/128, -1):center{94, 94}
--   local train = images:augment():shuffle_batch{50, threads = 4, seed = 1}
--   for x, y in train:epoch() do ... end     x f32 [n,94,94,3], y i32 [n]
--
-- cifar, mnist, records and source describe a set; scale, center, augment, select and take each
-- give a new description; batch and shuffle_batch open a queue that C threads fill ahead. The
-- source decides which fields an example has; print(set) shows them, and a batch has them all:
--
--   local prices = fmp.data.source("csv", {file = "prices.csv"})   a resource of some plugin
--   for x, y, weight in prices:batch{50}:epoch() do ... end

local files = require "fmp.data.files"
local guard = require "fmp.guard"
local raw = require "fmp.ffi"
local set = require "fmp.data.set"
local settings = require "fmp.nn.settings"

local M = {drawn = require "fmp.data.drawn"}

--- A set of the examples of any resource that is a source, from whichever plugin, opened with
-- its attributes: source("idx_reader", {images = "x.idx", labels = "y.idx"}). How to write a
-- source: docs/plugin-howto.md.
function M.source(kind, attributes)
  if attributes ~= nil and type(attributes) ~= "table" then
    raw.fail("data.source: expected a table of attributes after the kind of resource, got %s",
             raw.describe(attributes))
  end
  return set.new(kind, attributes or {})
end

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

-- The requested labels of CIFAR-100: {index =, classes =}, and names if there are several.
local function chosen_labels(labels)
  local chosen = {index = {}, classes = {}, names = type(labels) == "table" and labels or nil}
  for i, name in ipairs(chosen.names or {labels}) do
    local label = LABELS[name]
    if not label then
      raw.fail("data.cifar: expected labels \"fine\" or \"coarse\" or both, got %s",
               tostring(name))
    end
    chosen.index[i], chosen.classes[i] = label.index, label.classes
  end
  if #chosen.index == 0 then
    raw.fail("data.cifar: expected labels \"fine\" or \"coarse\" or both, got none")
  end
  return chosen
end

-- What the CIFAR directories look like; the first layout that has files is taken.
local function cifar_layouts(part, labels)
  return {
    {pattern = part .. ".bin", label_bytes = 2, label_index = labels.index,
     classes = labels.classes, labels = labels.names},
    {pattern = part == "train" and "data_batch_*.bin" or "test_batch.bin", label_bytes = 1,
     classes = 10, has_one = true},
  }
end

--- CIFAR-10 or CIFAR-100 in their binary form, whichever the directory has:
-- cifar{dir, "train" or "test", labels = "fine"}. Fields: image, label. CIFAR-100 also has
-- labels = "coarse", and {"fine", "coarse"} for fields image, fine, coarse.
function M.cifar(options)
  local o = located("data.cifar", options, {labels = "fine"})
  local labels = chosen_labels(o.labels)
  local layout, found = files.first("data.cifar", o.dir, cifar_layouts(o.part, labels))
  if layout.has_one and labels.names then
    raw.fail("data.cifar: expected labels as one name, as the images in '%s' have one label", o.dir)
  end
  return M.source("record_reader", {
    files = found, label_bytes = layout.label_bytes, label_index = layout.label_index,
    labels = layout.labels, classes = layout.classes, height = 32, width = 32, channels = 3,
    order = "chw",
  })
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

--- MNIST, or another set in its file format, plain or .gz:
-- mnist{dir, "train" or "test", classes = 10}. Fields: image, label.
function M.mnist(options)
  local o = located("data.mnist", options, {classes = 10})
  settings.whole("data.mnist", "classes", o.classes, 0)
  local _, images = files.first("data.mnist", o.dir, mnist_layouts(o.part, "images"))
  local _, labels = files.first("data.mnist", o.dir, mnist_layouts(o.part, "labels"))
  return M.source("idx_reader", {images = images[1], labels = labels[1], classes = o.classes})
end

--- Records of fixed length, with the attributes of the resource record_reader:
-- records{files = "data/*.bin", height = 32, width = 32, channels = 3, label_bytes = 1, ...}.
-- Fields: image, and label or as many as `labels` names.
function M.records(options)
  if type(options) ~= "table" then
    raw.fail("data.records: expected a table of options, got %s", type(options))
  end
  return M.source("record_reader", options)
end

return M
