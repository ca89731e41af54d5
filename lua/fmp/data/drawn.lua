-- SPDX-License-Identifier: Apache-2.0
--- fmp.data.drawn: a data set that is drawn rather than downloaded, shapes and textures of ten
-- classes in any pose, size, colour and noise, in the file formats of CIFAR-10 and of MNIST.
-- The same seed gives the same set.

local bit = require "bit"
local ffi = require "ffi"
local guard = require "fmp.guard"
local raw = require "fmp.ffi"
local system = require "fmp.system"

local M = {}

--- The classes' names, label 0 first.
M.names = {"disc", "ring", "square", "triangle", "star", "cross", "stripes", "checks", "dots",
           "ripples"}

local floor, sqrt, abs, sin, cos = math.floor, math.sqrt, math.abs, math.sin, math.cos

-- -- random numbers ----------------------------------------------------------

local state = 1

-- Marsaglia's xorshift with 32 bits.
local function draw()
  local x = state
  x = bit.bxor(x, bit.lshift(x, 13))
  x = bit.bxor(x, bit.rshift(x, 17))
  x = bit.bxor(x, bit.lshift(x, 5))
  state = x
  return (x + 2147483648) / 4294967296
end

local function between(low, high) return low + (high - low) * draw() end

local function start(seed, part)
  state = bit.tobit((seed % 65536) * 30011 + part * 7919 + 12345)
  if state == 0 then state = 1 end
  for _ = 1, 20 do draw() end
end

-- -- what is drawn -----------------------------------------------------------

-- Whether a point is inside. Shapes reach from about -1 to 1; textures go on for ever, with
-- a period of 2.
local figures = {
  disc = function(u, v) return u * u + v * v < 1 end,
  ring = function(u, v)
    local r = u * u + v * v
    return r < 1 and r > 0.36
  end,
  square = function(u, v) return abs(u) < 0.8 and abs(v) < 0.8 end,
  triangle = function(u, v) return v < 0.6 and v > 1.8 * abs(u) - 1 end,
  star = function(u, v)
    -- Five points: the radius falls and rises linearly in the angle.
    local angle = math.atan2(v, u) * (5 / (2 * math.pi))
    local part = abs(angle - floor(angle) - 0.5) * 2
    return sqrt(u * u + v * v) < 0.42 + 0.68 * part
  end,
  cross = function(u, v)
    return abs(u) < 0.3 and abs(v) < 1 or abs(v) < 0.3 and abs(u) < 1
  end,
  stripes = function(u) return u % 2 < 1 end,
  checks = function(u, v) return (u % 2 < 1) == (v % 2 < 1) end,
  dots = function(u, v)
    local a, b = u % 2 - 1, v % 2 - 1
    return a * a + b * b < 0.45
  end,
  ripples = function(u, v) return sqrt(u * u + v * v) % 2 < 1 end,
}

local is_texture = {stripes = true, checks = true, dots = true, ripples = true}

-- Where a figure lies: from pixels (x, y) to its own coordinates, u = a x + b y + c and
-- v = d x + e y + f.
local function pose(name, size)
  local angle = between(0, 2 * math.pi)
  local radius = is_texture[name] and between(0.09, 0.17) * size or between(0.24, 0.38) * size
  local stretch = between(0.8, 1.25)
  local su, sv = 1 / (radius * stretch), stretch / radius
  local x, y = between(0.36, 0.64) * size, between(0.36, 0.64) * size
  local a, b, d, e = su * cos(angle), su * sin(angle), -sv * sin(angle), sv * cos(angle)
  return {a = a, b = b, c = -a * x - b * y, d = d, e = e, f = -d * x - e * y}
end

-- Two colours that can be told apart, the first for the inside.
local function colours(channels)
  local inside, outside = {}, {}
  local apart
  repeat
    apart = 0
    for c = 1, channels do
      inside[c], outside[c] = between(20, 235), between(20, 235)
      apart = apart + abs(inside[c] - outside[c])
    end
  until apart > 75 * sqrt(channels)
  return inside, outside
end

-- How much of each pixel is inside, by 2 x 2 points. cover: a float for each pixel.
local function rasterise(inside, p, size, cover)
  for y = 0, size - 1 do
    for x = 0, size - 1 do
      local n = 0
      for k = 0, 3 do
        local px, py = x + 0.25 + 0.5 * (k % 2), y + 0.25 + 0.5 * floor(k / 2)
        if inside(p.a * px + p.b * py + p.c, p.d * px + p.e * py + p.f) then n = n + 0.25 end
      end
      cover[y * size + x] = n
    end
  end
end

local function clamp(value)
  return value < 0 and 0 or value > 255 and 255 or floor(value + 0.5)
end

-- Pixels in planes, as CIFAR has them: a light that falls off to one side, and noise.
local function paint(cover, size, channels, pixels)
  local inside, outside = colours(channels)
  local noise, tilt_x, tilt_y = between(4, 32), between(-50, 50), between(-50, 50)
  for c = 1, channels do
    for y = 0, size - 1 do
      for x = 0, size - 1 do
        local i = y * size + x
        local light = tilt_x * (x / size - 0.5) + tilt_y * (y / size - 0.5)
        local value = outside[c] + (inside[c] - outside[c]) * cover[i] + light
        -- Two draws: noise that is nearly bell-shaped.
        pixels[(c - 1) * size * size + i] = clamp(value + noise * (draw() + draw() - 1))
      end
    end
  end
end

-- A few meaningless blots in the corners.
local function blot(cover, size)
  for _ = 1, floor(between(0, 3)) do
    local x, y, r = between(0, size), between(0, size), between(0.03, 0.08) * size
    for py = math.max(0, floor(y - r)), math.min(size - 1, floor(y + r)) do
      for px = math.max(0, floor(x - r)), math.min(size - 1, floor(x + r)) do
        if (px - x) ^ 2 + (py - y) ^ 2 < r * r then
          cover[py * size + px] = 1 - cover[py * size + px]
        end
      end
    end
  end
end

--- Draws n images; calls use(label, pixels) for each, pixels a string of planes.
local function each(n, size, channels, use)
  local cover = ffi.new("double[?]", size * size)
  local bytes = size * size * channels
  local pixels = ffi.new("uint8_t[?]", bytes)
  for _ = 1, n do
    local label = floor(draw() * #M.names)
    local name = M.names[label + 1]
    rasterise(figures[name], pose(name, size), size, cover)
    blot(cover, size)
    paint(cover, size, channels, pixels)
    use(label, ffi.string(pixels, bytes))
  end
end

-- -- files -------------------------------------------------------------------

local function write(path, parts)
  local file, why = io.open(path, "wb")
  if not file then raw.fail("data.drawn: %s", why) end
  local ok
  ok, why = file:write(table.concat(parts))
  if ok then ok, why = file:close() end
  if not ok then raw.fail("data.drawn: %s: %s", path, why) end
end

local function big_endian(n)
  return string.char(floor(n / 2 ^ 24) % 256, floor(n / 2 ^ 16) % 256, floor(n / 256) % 256,
                     n % 256)
end

local IDX_IMAGES, IDX_LABELS = 0x803, 0x801

local formats = {}

-- Records of a label byte and planes of red, green, blue.
formats.cifar = {
  files = {"data_batch_1.bin", "test_batch.bin", "batches.meta.txt"},
  write = function(directory, part, n)
    local parts = {}
    each(n, 32, 3, function(label, pixels) parts[#parts + 1] = string.char(label) .. pixels end)
    write(directory .. (part == "train" and "/data_batch_1.bin" or "/test_batch.bin"), parts)
    write(directory .. "/batches.meta.txt", {table.concat(M.names, "\n"), "\n"})
  end,
}

-- One file of grey images and one of labels.
formats.mnist = {
  files = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
           "t10k-labels-idx1-ubyte"},
  write = function(directory, part, n)
    local images = {big_endian(IDX_IMAGES), big_endian(n), big_endian(28), big_endian(28)}
    local labels = {big_endian(IDX_LABELS), big_endian(n)}
    each(n, 28, 1, function(label, pixels)
      images[#images + 1], labels[#labels + 1] = pixels, string.char(label)
    end)
    local stem = directory .. (part == "train" and "/train" or "/t10k")
    write(stem .. "-images-idx3-ubyte", images)
    write(stem .. "-labels-idx1-ubyte", labels)
  end,
}

local function check_format(format)
  if formats[format] then return formats[format] end
  return raw.fail("data.drawn: no format '%s'; there are cifar and mnist", tostring(format))
end

local function make_directory(path)
  local ok, why = system.make_directory(path)
  if not ok then raw.fail("data.drawn: cannot make the directory %s", why) end
end

-- Real sets have files of these names.
local function check_room(directory, kind)
  for _, name in ipairs(kind.files) do
    local path = directory .. "/" .. name
    if system.exists(path) then raw.fail("data.drawn: %s exists already", path) end
  end
end

-- The files of MNIST count in 32 bits.
local MOST_IMAGES = 2 ^ 31 - 1

local function remove_files(directory, kind)
  for _, name in ipairs(kind.files) do os.remove(directory .. "/" .. name) end
end

local function write_parts(directory, kind, counts, seed)
  for i, part in ipairs {"train", "test"} do
    start(seed, i)
    kind.write(directory, part, counts[i])
  end
end

--- Writes a set of n_train and n_test images into a directory, which is made; all of it or
-- nothing. Existing files are never overwritten: they are an error.
function M.write(directory, format, n_train, n_test, seed)
  local kind = check_format(format)
  raw.whole("data.drawn", "images to train", n_train, 1, MOST_IMAGES)
  raw.whole("data.drawn", "images to test", n_test, 1, MOST_IMAGES)
  raw.whole("data.drawn", "the seed", seed, 0)
  make_directory(directory)
  check_room(directory, kind)
  guard.call(function(ok) if not ok then remove_files(directory, kind) end end,
             write_parts, directory, kind, {n_train, n_test}, seed)
end

-- -- the default set ---------------------------------------------------------

-- Increased whenever what is drawn changes.
local VERSION, N_TRAIN, N_TEST, SEED = 1, 10000, 2000, 1

local function cache_directory()
  local cache, home = os.getenv "XDG_CACHE_HOME", os.getenv "HOME"
  if cache and cache ~= "" then return cache .. "/fmp" end
  if home and home ~= "" then return home .. "/.cache/fmp" end
  return raw.fail("data.drawn: neither XDG_CACHE_HOME nor HOME says where to keep the drawn set")
end

local function remove(directory, format)
  remove_files(directory, formats[format])
  os.remove(directory)
end

-- Drawn under another name and renamed, so that whatever has the name is complete. Another
-- process may have been faster.
local function draw_once(directory, format)
  local aside = ("%s.%d"):format(directory, system.process())
  guard.call(function(ok) if not ok then remove(aside, format) end end,
             M.write, aside, format, N_TRAIN, N_TEST, SEED)
  local ok, why = os.rename(aside, directory)
  if ok then return end
  remove(aside, format)
  if not system.exists(directory) then raw.fail("data.drawn: %s", why) end
end

--- The directory of the default set in a format, "cifar" or "mnist"; drawn at the first use
-- and kept in the user's cache.
function M.default(format)
  check_format(format)
  local directory = ("%s/shapes-%d-%s"):format(cache_directory(), VERSION, format)
  if not system.exists(directory) then draw_once(directory, format) end
  return directory
end

return M
