-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local samples = require "plugins.input.samples"

-- Three images [2,2]: 1 .. 12, and their labels.
local IMAGES = samples.idx({3, 2, 2}, "\1\2\3\4\5\6\7\8\9\10\11\12")
local LABELS = samples.idx({3}, "\4\0\9")

describe("idx_reader", function()
  local dir
  setup(function() dir = samples.directory() end)
  teardown(function() dir:remove() end)

  local function open(images, labels, classes)
    return fmp.open("idx_reader", {images = dir:write("images", images),
                                   labels = dir:write("labels", labels), classes = classes})
  end

  local function expect_all(reader)
    local x, y = unpack(samples.batches(reader, {batch = 3}, 1)[1])
    assert.same({3, 2, 2, 1}, x.shape)
    assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, x:flat())
    assert.equal("i32", y.dtype)
    assert.same({4, 0, 9}, y:totable())
  end

  it("reads images and labels, plain or packed", function()
    expect_all(open(IMAGES, LABELS, 10))
    expect_all(open(dir:gzip(IMAGES), dir:gzip(LABELS), 10))
    expect_all(open(IMAGES, dir:gzip(LABELS)))
  end)

  it("reads images of several channels", function()
    local reader = open(samples.idx({3, 1, 2, 2}, "\1\2\3\4\5\6\7\8\9\10\11\12"), LABELS)
    assert.same({3, {1, 2, 2}}, samples.images(reader))
  end)

  describe("refuses", function()
    local function refused(text, images, labels, classes)
      local message = fails(text, open, images, labels, classes)
      assert.is_nil(message:find("\n", 1, true))
    end

    it("a missing or empty file", function()
      fails("/none: cannot be opened: No such file", fmp.open, "idx_reader",
            {images = dir.path .. "/none", labels = dir:write("labels", LABELS)})
      refused("images: is empty", "", LABELS)
      refused("labels: is empty", IMAGES, "")
    end)

    it("a wrong magic number", function()
      refused("images: expected IDX images, which begin 00 00 08 03, got 00 00 08 01",
              LABELS, LABELS)
      refused("labels: expected IDX labels, which begin 00 00 08 01, got 00 00 08 03",
              IMAGES, IMAGES)
      refused("got 00 00 0d 03", (IMAGES:gsub("^...", "\0\0\13")), LABELS)
      refused("got 50 4b 03 04", "PK\3\4" .. IMAGES, LABELS)
    end)

    it("a file that is cut, or longer than its header says", function()
      for n = 1, #IMAGES - 1 do refused("images: ", IMAGES:sub(1, n), LABELS) end
      refused("images: expected 28 bytes by its header, got 27", IMAGES:sub(1, -2), LABELS)
      refused("images: expected 28 bytes by its header, got 29", IMAGES .. "x", LABELS)
      refused("labels: expected 11 bytes by its header, got 10", IMAGES, LABELS:sub(1, -2))
    end)

    it("dimensions that cannot be", function()
      refused("expected dimension 1 from 1 to 2147483647, got 0", samples.idx({0, 2, 2}, ""),
              LABELS)
      refused("expected dimension 1 from 1", samples.idx({2 ^ 32 - 1, 2, 2}, ""), LABELS)
      refused("expected dimension 2 from 1 to 65535", samples.idx({1, 65536, 2}, ""), LABELS)
      refused("expected 9223090559730712591 bytes by its header, got 16",
              samples.idx({2 ^ 31 - 1, 65535, 65535}, ""), LABELS)
      refused("is too large by its header", samples.idx({2 ^ 31 - 1, 65535, 65535, 2}, ""), LABELS)
    end)

    it("sizes that disagree", function()
      refused("labels: expected a label for each of 3 images, got 2", IMAGES,
              samples.idx({2}, "\1\2"))
    end)

    it("a label out of range", function()
      refused("labels: record 2: expected a label below 9, got 9", IMAGES, LABELS, 9)
    end)

    it("a damaged gzip file", function()
      local packed = dir:gzip(IMAGES)
      refused("images: damaged gzip file: it is cut short", packed:sub(1, -2), LABELS)
      refused("images: damaged gzip file: incorrect data check",
              packed:sub(1, -9) .. "\0\0\0\0" .. packed:sub(-4), LABELS)
    end)

    -- The header is read before anything else is unpacked, and says how much there is to be.
    it("a gzip file that unpacks to more than its header says", function()
      refused("images: expected 28 bytes by its header, got 29", dir:gzip(IMAGES .. "x"), LABELS)
      refused("images: expected 28 bytes by its header, got more",
              dir:gzip(IMAGES .. ("\0"):rep(10 ^ 7)), LABELS)
      refused("images: expected 28 bytes by its header, got 27", dir:gzip(IMAGES:sub(1, -2)),
              LABELS)
      refused("got 00 00 00 00", dir:gzip(("\0"):rep(10 ^ 7)), LABELS)
      refused("unpacks to more than 67108864 bytes",
              dir:gzip(samples.idx({70000, 32, 32}, ("\0"):rep(70000 * 32 * 32))), LABELS)
    end)
  end)
end)
