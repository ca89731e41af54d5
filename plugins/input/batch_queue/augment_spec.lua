-- SPDX-License-Identifier: Apache-2.0
-- Augmentation as the queue's workers do it. Images are delivered one by one, in order, so
-- that example i of an epoch is known by its place.
local fmp = require "fmp"
local samples = require "plugins.input.samples"

local SIDE, FIELD = 8, 20

-- Deterministic bytes, none of them zero.
local function image_bytes(seed, n)
  local bytes, state = {}, seed
  for i = 1, n do
    state = (state * 1103515245 + 12345) % 2 ^ 31
    bytes[i] = string.char(1 + math.floor(state / 65536) % 255)
  end
  return table.concat(bytes)
end

describe("augmentation", function()
  local dir, reader, pixels
  setup(function()
    dir = samples.directory()
    local records = {}
    for i = 1, 40 do records[i] = "\1" .. image_bytes(i, SIDE * SIDE * 2) end
    reader = fmp.open("record_reader", {files = dir:write("images", table.concat(records)),
                                        height = SIDE, width = SIDE, channels = 2, order = "hwc"})
    pixels = function(attributes, count)
      local all = {batch = 1, dtype = "f32", field = {FIELD, FIELD}}
      for name, value in pairs(attributes) do all[name] = value end
      local list = {}
      for i, batch in ipairs(samples.batches(reader, all, count)) do list[i] = batch[1] end
      return list
    end
  end)
  teardown(function() dir:remove() end)

  -- Places of the first and last value that is not zero, by rows and columns.
  local function box(x)
    local top, bottom, left, right = math.huge, 0, math.huge, 0
    for r, row in ipairs(x:totable()[1]) do
      for c, pixel in ipairs(row) do
        if pixel[1] ~= 0 or pixel[2] ~= 0 then
          top, bottom = math.min(top, r), math.max(bottom, r)
          left, right = math.min(left, c), math.max(right, c)
        end
      end
    end
    return top, bottom, left, right
  end

  local function sum(x) return x:sum():item() end

  it("is exactly the centred image where nothing is drawn", function()
    local plain = pixels({}, 5)
    -- a stretch too small to change any pixel, but through the same resampling code
    local still = pixels({stretch = 1e-12}, 5)
    for i = 1, 5 do
      local a, b = plain[i]:flat(), still[i]:flat()
      for k = 1, #a do assert.is_true(math.abs(a[k] - b[k]) < 1e-6) end
    end
  end)

  it("flips half of the images, exactly", function()
    local plain, flipped, count = pixels({}, 40), pixels({flip = 0.5, seed = 4}, 40), 0
    for i = 1, 40 do
      local want = plain[i]:flat()
      local got = flipped[i]:flat()
      local mirrored = {}
      for r = 0, FIELD - 1 do
        for c = 0, FIELD - 1 do
          for p = 1, 2 do
            mirrored[(r * FIELD + FIELD - 1 - c) * 2 + p] = want[(r * FIELD + c) * 2 + p]
          end
        end
      end
      local as_it_was = table.concat(got, " ") == table.concat(want, " ")
      count = count + (as_it_was and 0 or 1)
      if not as_it_was then assert.same(mirrored, got) end
    end
    assert.is_true(count > 10 and count < 30, count .. " of 40 were flipped")
    for _, x in ipairs(pixels({flip = 1}, 5)) do assert.not_same(plain[1]:flat(), x:flat()) end
  end)

  it("shifts by whole pixels within its limit, and uses all of it", function()
    local plain, seen = pixels({}, 40), {}
    for i, x in ipairs(pixels({translate = 3, seed = 2}, 400)) do
      local top, bottom, left, right = box(x)
      assert.equal(SIDE - 1, bottom - top)
      assert.equal(SIDE - 1, right - left)
      local down, across = top - 7, left - 7 -- centring puts the first at 7, counted from 1
      assert.is_true(math.abs(down) <= 3 and math.abs(across) <= 3)
      seen[down * 10 + across] = true
      assert.equal(sum(plain[(i - 1) % 40 + 1]), sum(x))
    end
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.is_true(count >= 47, count .. " of 49 shifts seen in 400 draws")
  end)

  it("stretches within its limit", function()
    local smallest, largest = math.huge, 0
    for _, x in ipairs(pixels({stretch = 0.25, seed = 3}, 200)) do
      local top, bottom, left, right = box(x)
      for _, size in ipairs{bottom - top + 1, right - left + 1} do
        smallest, largest = math.min(smallest, size), math.max(largest, size)
      end
    end
    -- 8 pixels are 6 to 10 wide, and bilinear edges reach up to a pixel further
    assert.is_true(smallest >= 6 and smallest <= 8, "smallest " .. smallest)
    assert.is_true(largest >= 10 and largest <= 12, "largest " .. largest)
  end)

  it("shears and rotates about the centre, and keeps the area", function()
    local plain = pixels({}, 40)
    for i, x in ipairs(pixels({skew = 0.2, seed = 6}, 120)) do
      local top, bottom, left, right = box(x)
      assert.is_true(bottom - top < 12 and right - left < 12)
      assert.is_true(math.abs(top + bottom - 21) <= 1 and math.abs(left + right - 21) <= 1)
      local before = sum(plain[(i - 1) % 40 + 1])
      assert.is_true(math.abs(sum(x) - before) < 0.08 * before)
    end
  end)

  -- Draws seen through the image 10 + 3 x + 5 y: bilinear interpolation is exact on a plane,
  -- so the slopes around the centre tell F^-1, without knowing what was drawn.
  local function slopes(attributes, count)
    local bytes = {"\1"}
    for y = 0, SIDE - 1 do
      for x = 0, SIDE - 1 do bytes[#bytes + 1] = string.char(10 + 3 * x + 5 * y) end
    end
    local all = {batch = 1, dtype = "f32", field = {FIELD, FIELD}}
    for name, value in pairs(attributes) do all[name] = value end
    local ramp = fmp.open("record_reader", {files = dir:write("ramp", table.concat(bytes)),
                                            height = SIDE, width = SIDE, channels = 1})
    local list = {}
    for i, batch in ipairs(samples.batches(ramp, all, count)) do
      local rows = batch[1]:totable()[1]
      local function at(r, c) return rows[r][c][1] end
      local dx, dy = at(10, 11) - at(10, 10), at(11, 10) - at(10, 10)
      for r = 9, 12 do -- a plane, whose value in the centre is that of the image's
        for c = 9, 12 do
          local want = 38 + (c - 10.5) * dx + (r - 10.5) * dy
          assert.is_true(math.abs(at(r, c) - want) < 1e-3)
        end
      end
      list[i] = {dx, dy}
    end
    return list
  end

  local function near(a, b) return math.abs(a - b) < 1e-3 end

  it("draws either shear and rotation equally often, in their ranges", function()
    local kinds = {row = 0, column = 0, rotation = 0}
    for _, d in ipairs(slopes({skew = 0.2, seed = 8}, 600)) do
      -- F^-1 = [1 -a; 0 1], [1 0; -a 1] or [cos a, sin a; -sin a, cos a]
      if near(d[1], 3) then
        kinds.row = kinds.row + 1
        assert.is_true(math.abs(d[2] - 5) <= 3 * 0.2 + 1e-3)
      elseif near(d[2], 5) then
        kinds.column = kinds.column + 1
        assert.is_true(math.abs(d[1] - 3) <= 5 * 0.2 + 1e-3)
      else
        kinds.rotation = kinds.rotation + 1
        assert.is_true(math.abs(d[1] ^ 2 + d[2] ^ 2 - 34) < 0.02)
        local angle = math.atan2(5, 3) - math.atan2(d[2], d[1])
        assert.is_true(math.abs(angle) <= 0.2 + 1e-3)
      end
    end
    for kind, count in pairs(kinds) do
      assert.is_true(count > 150 and count < 250, kind .. " drawn " .. count .. " times")
    end
  end)

  it("draws each axis's stretch evenly, apart from the other's", function()
    local n, sums = 600, {x = 0, y = 0, xx = 0, yy = 0, xy = 0}
    for _, d in ipairs(slopes({stretch = 0.2, flip = 0.5, seed = 9}, n)) do
      local x, y = math.abs(3 / d[1]) - 1, 5 / d[2] - 1
      assert.is_true(math.abs(x) <= 0.2 + 1e-3 and math.abs(y) <= 0.2 + 1e-3)
      sums.x, sums.y = sums.x + x, sums.y + y
      sums.xx, sums.yy, sums.xy = sums.xx + x * x, sums.yy + y * y, sums.xy + x * y
    end
    -- uniform in +-0.2: mean 0, variance 0.04 / 3; bounds are four standard errors
    local variance = 0.04 / 3
    for _, mean in ipairs{sums.x / n, sums.y / n} do
      assert.is_true(math.abs(mean) < 4 * math.sqrt(variance / n))
    end
    for _, square in ipairs{sums.xx / n, sums.yy / n} do
      assert.is_true(math.abs(square / variance - 1) < 4 * math.sqrt(0.8 / n))
    end
    assert.is_true(math.abs(sums.xy / n) < 4 * variance / math.sqrt(n))
  end)

  local paper = {stretch = 0.2, flip = 0.5, skew = 0.2, translate = 3, seed = 1}

  it("is new in each epoch, and in each example", function()
    local list = pixels(paper, 80)
    for i = 1, 40 do assert.not_same(list[i]:flat(), list[i + 40]:flat()) end
    local boxes, kinds = {}, 0
    for i = 1, 40 do
      local key = table.concat({box(list[i])}, " ")
      kinds = kinds + (boxes[key] and 0 or 1)
      boxes[key] = true
    end
    assert.is_true(kinds > 20)
  end)

  it("is a function of seed, epoch and example, on any number of threads", function()
    local function with(threads, seed)
      local flat = {}
      for i, x in ipairs(pixels({stretch = 0.2, flip = 0.5, skew = 0.2, translate = 3,
                                 shuffle = true, threads = threads, seed = seed}, 60)) do
        flat[i] = x:flat()
      end
      return flat
    end
    local one = with(1, 1)
    assert.same(one, with(2, 1))
    assert.same(one, with(8, 1))
    assert.not_same(one, with(1, 2))
  end)

  it("does not depend on the order of examples", function()
    local by_first, shuffled = {}, {}
    for name, value in pairs(paper) do shuffled[name] = value end
    shuffled.shuffle = true
    for _, x in ipairs(pixels(paper, 40)) do by_first[table.concat(x:flat(), " ")] = true end
    for _, x in ipairs(pixels(shuffled, 40)) do
      assert.is_true(by_first[table.concat(x:flat(), " ")])
    end
  end)

  it("may lose all of an image that is shifted out of the field", function()
    for _, x in ipairs(pixels({translate = 60, seed = 2}, 40)) do
      for _, value in ipairs(x:flat()) do assert.is_true(value >= 0 and value <= 255) end
    end
  end)
end)
