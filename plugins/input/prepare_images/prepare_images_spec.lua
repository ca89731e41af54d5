-- SPDX-License-Identifier: Apache-2.0
-- What the draws are like is shown with the queue, in augment_spec.lua: the code is the same.
local fmp = require "fmp"
local optest = require "tests.lua.optest"
local samples = require "plugins.input.samples"

local prepare = fmp.ops.prepare_images
local N, SIDE, FIELD = 12, 6, 14

local function image_bytes()
  local bytes, state = {}, 7
  for i = 1, N * SIDE * SIDE * 3 do
    state = (state * 1103515245 + 12345) % 2 ^ 31
    bytes[i] = 1 + math.floor(state / 65536) % 255
  end
  return bytes
end

local function images() return fmp.from_flat(image_bytes(), {N, SIDE, SIDE, 3}, "u8") end

local paper = {field = {FIELD, FIELD}, scale = 1 / 128, shift = -1, stretch = 0.2, flip = 0.5,
               skew = 0.2, translate = 2}

-- The images of a batch as strings.
local function each(y)
  local flat, list, size = y:flat(), {}, y.size / y.shape[1]
  for i = 1, y.shape[1] do
    list[i] = table.concat(flat, " ", (i - 1) * size + 1, i * size)
  end
  return list
end

local function count_different(list)
  local seen, n = {}, 0
  for _, item in ipairs(list) do
    if not seen[item] then n = n + 1 end
    seen[item] = true
  end
  return n
end

describe("prepare_images", function()
  optest.vectors(optest.here())

  local function drawn(attrs, step)
    fmp.random_state{seed = 3, step = step or 0}
    return prepare(images(), attrs)
  end

  it("scales and centres as a queue does", function()
    local dir, records, bytes = samples.directory(), {}, image_bytes()
    for i = 1, N do
      local size = SIDE * SIDE * 3
      records[i] = "\0" .. string.char(unpack(bytes, (i - 1) * size + 1, i * size))
    end
    local reader = fmp.open("record_reader", {files = dir:write("images", table.concat(records)),
                                              height = SIDE, width = SIDE, channels = 3,
                                              order = "hwc"})
    dir:remove()
    for _, attrs in ipairs{{}, {scale = 1 / 128, shift = -1}, {field = {9, 8}}, {field = {3, 7}},
                           {field = {1, 1}, scale = 2}} do
      local queued = {batch = N, dtype = "f32"}
      for name, value in pairs(attrs) do queued[name] = value end
      local want = samples.batches(reader, queued, 1)[1][1]
      local y = prepare(images(), attrs)
      assert.same(want.shape, y.shape)
      assert.equal("f32", y.dtype)
      assert.equal(want:bytes(), y:bytes())
    end
  end)

  it("flips exactly", function()
    local flipped = prepare(images(), {flip = 1}):totable()
    for i, image in ipairs(images():totable()) do
      for r, row in ipairs(image) do
        for c, pixel in ipairs(row) do assert.same(pixel, flipped[i][r][SIDE + 1 - c]) end
      end
    end
  end)

  it("does nothing to an image's middle but move it by whole pixels", function()
    local attrs = {field = {FIELD, FIELD}, translate = 4}
    local before, seen = images():sum{axes = {2, 3, 4}}:flat(), {}
    local y = drawn(attrs)
    assert.same(before, y:sum{axes = {2, 3, 4}}:flat()) -- none leaves the field
    for i, image in ipairs(y:totable()) do
      local top, left
      for r, row in ipairs(image) do
        for c, pixel in ipairs(row) do
          if pixel[1] ~= 0 then
            top, left = top or r, math.min(left or c, c)
          end
        end
      end
      assert.is_true(math.abs(top - 5) <= 4 and math.abs(left - 5) <= 4)
      seen[i] = top .. "," .. left
    end
    assert.is_true(count_different(seen) > N / 2)
  end)

  it("draws for each image, anew at each step, and the same again", function()
    local first = drawn(paper, 0)
    assert.equal(first:bytes(), drawn(paper, 0):bytes())
    local again, changed = each(drawn(paper, 1)), 0
    for i, text in ipairs(each(first)) do changed = changed + (text ~= again[i] and 1 or 0) end
    assert.equal(N, changed)
    local ones = fmp.full({N, SIDE, SIDE, 3, dtype = "u8"}, 200)
    assert.equal(N, count_different(each(prepare(ones, paper))))
  end)

  it("draws the same on one thread and on several", function()
    local before = fmp.threads()
    local function with(threads)
      fmp.threads(threads)
      return drawn(paper):bytes()
    end
    local one = with(1)
    assert.equal(one, with(2))
    assert.equal(one, with(5))
    fmp.threads(before)
  end)

  it("runs in a training step, the same eager and compiled", function()
    local x, labels, nn = images(), {}, fmp.nn
    for i = 1, N do labels[i] = i % 4 end
    local y = fmp.tensor(labels, {dtype = "i32"})
    local function losses(wrap)
      fmp.seed(5)
      local net = nn.Sequential("net", nn.Conv2d{4, kernel = 2}, nn.Flatten(), nn.Linear(4))
        :build(prepare(x, paper))
      fmp.random_state{seed = 5, step = 9}
      local criterion, optimizer = nn.CrossEntropy(), fmp.optim.SGD{lr = 0.01}
      local step = wrap(function(a, b)
        local loss = criterion(net(prepare(a, paper)), b)
        optimizer:step(loss)
        return loss
      end)
      local list = {}
      for i = 1, 4 do list[i] = step(x, y):item() end
      return list
    end
    local eager = losses(function(f) return function(...) return fmp.record(f, ...) end end)
    for i, loss in ipairs(losses(fmp.compile)) do assert.near(eager[i], loss, 1e-5) end
    assert.are_not.equal(eager[1], eager[2])
  end)

  it("takes no images, and one of one pixel", function()
    assert.same({0, FIELD, FIELD, 3},
                prepare(fmp.zeros{0, SIDE, SIDE, 3, dtype = "u8"}, paper).shape)
    local pixel = prepare(fmp.full({1, 1, 1, 1, dtype = "u8"}, 9), {field = {3, 3}, flip = 1})
    assert.same({0, 0, 0, 0, 9, 0, 0, 0, 0}, pixel:flat())
  end)

  it("refuses what cannot be", function()
    local function refuses(match, attrs, x)
      optest.fails{op = "prepare_images", inputs = {x or images()}, attrs = attrs, match = match}
    end
    refuses("expected x [n,h,w,c], got u8 [4,4]", {}, fmp.zeros{4, 4, dtype = "u8"})
    refuses("expected x of u8, got f32", {}, fmp.zeros{1, 4, 4, 1})
    refuses("expected height, width and channels from 1 to 65535, got 0", {},
            fmp.zeros{1, 4, 0, 1, dtype = "u8"})
    refuses("expected field as [height,width], got 3 numbers", {field = {1, 2, 3}})
    refuses("field", {field = {0, 3}})
    refuses("expected finite numbers as scale and shift", {scale = 1 / 0})
    refuses("stretch", {stretch = 1})
    refuses("flip", {flip = 1.5})
    refuses("skew", {skew = -1})
    refuses("translate", {translate = -1})
  end)
end)
