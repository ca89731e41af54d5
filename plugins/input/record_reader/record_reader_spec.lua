-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local samples = require "plugins.input.samples"

-- Examples of [2,2,3] behind two label bytes: pixel (r, c) of plane p is 100 p + 10 r + c.
local function planes(coarse, fine)
  local bytes = {string.char(coarse, fine)}
  for p = 0, 2 do
    for r = 0, 1 do
      for c = 0, 1 do bytes[#bytes + 1] = string.char(100 * p + 10 * r + c) end
    end
  end
  return table.concat(bytes)
end

local function layout(files, more)
  local all = {files = files, height = 2, width = 2, channels = 3, label_bytes = 2,
               label_index = 1}
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

describe("record_reader", function()
  local dir
  setup(function() dir = samples.directory() end)
  teardown(function() dir:remove() end)

  local function open(files, more) return fmp.open("record_reader", layout(files, more)) end

  local function first(reader)
    local x, y = unpack(samples.batches(reader, {batch = 1}, 1)[1])
    return x:totable()[1], y:totable()[1]
  end

  it("turns planes into pixels", function()
    local image, label = first(open(dir:write("a.bin", planes(7, 42))))
    assert.same({{{0, 100, 200}, {1, 101, 201}}, {{10, 110, 210}, {11, 111, 211}}}, image)
    assert.equal(42, label)
  end)

  it("takes pixels as they lie, and any of the label bytes", function()
    local reader = open(dir:write("a.bin", planes(7, 42)), {order = "hwc", label_index = 0})
    local image, label = first(reader)
    assert.same({{{0, 1, 10}, {11, 100, 101}}, {{110, 111, 200}, {201, 210, 211}}}, image)
    assert.equal(7, label)
  end)

  it("reads several labels, each a field", function()
    local path = dir:write("a.bin", planes(7, 42) .. planes(3, 9))
    local function labels(more)
      more.labels = more.labels or {"coarse", "fine"}
      local queue = fmp.open("batch_queue", {source = open(path, more), batch = 2, dtype = "u8"})
      local _, a, b = fmp.ops.next_batch({queue = queue, outputs = 3})
      return {a and a:totable(), b and b:totable()}
    end
    assert.same({{7, 3}, {42, 9}}, labels{label_index = {}})
    assert.same({{42, 9}, {7, 3}}, labels{label_index = {1, 0}})
    assert.same({{42, 9}, {42, 9}}, labels{label_index = {1, 1}, classes = 43})
    assert.same({{7, 3}, {42, 9}}, labels{label_index = {}, classes = {8, 43}})
    assert.same({{42, 9}}, labels{labels = "only"})
    assert.same({{7, 3}}, labels{labels = "only", label_index = {}})
    assert.same({}, labels{labels = {}, label_index = {}})
  end)

  it("reads images without labels", function()
    local reader = open(dir:write("a.bin", planes(7, 42):sub(3)), {label_bytes = 0})
    local image, label = first(reader)
    assert.equal(211, image[2][2][3])
    assert.equal(0, label)
  end)

  it("counts through several files, in the order given or of names", function()
    local names = {}
    for i, n in ipairs{3, 1, 4} do
      local bytes = {}
      for k = 1, n do bytes[k] = planes(0, 10 * i + k) end
      names[i] = dir:write("part_" .. i .. ".bin", table.concat(bytes))
    end
    local function labels(files)
      local _, y = unpack(samples.batches(open(files), {batch = 8}, 1)[1])
      return y:totable()
    end
    assert.same({11, 12, 13, 21, 31, 32, 33, 34}, labels(names))
    assert.same({21, 31, 32, 33, 34, 11, 12, 13}, labels{names[2], names[3], names[1]})
    assert.same({11, 12, 13, 21, 31, 32, 33, 34}, labels(dir.path .. "/part_?.bin"))
    assert.same({8, {2, 2, 3}}, samples.images(open(names)))
  end)

  it("takes a name with the characters of a pattern literally", function()
    local _, label = first(open(dir:write("odd[1]*.bin", planes(1, 5))))
    assert.equal(5, label)
  end)

  it("reads gzip files, by their content", function()
    local bytes = {}
    for k = 1, 200 do bytes[k] = planes(1, k) end
    local packed = dir:gzip(table.concat(bytes))
    local reader = open(dir:write("packed.bin", packed))
    local _, y = unpack(samples.batches(reader, {batch = 200}, 1)[1])
    for k = 1, 200 do assert.equal(k, y:totable()[k]) end
    -- two members, one behind the other, are one file
    reader = open(dir:write("twice.bin", packed .. packed))
    assert.equal(400, fmp.ops.source_info({source = reader}):item())
  end)

  describe("refuses", function()
    local function refused(text, files, more)
      local message = fails(text, open, files, more)
      assert.is_nil(message:find("\n", 1, true))
      return message
    end

    it("a missing file", function()
      refused("record_reader: " .. dir.path .. "/none.bin: cannot be opened: No such file",
              dir.path .. "/none.bin")
      refused("none_*.bin: no file matches", dir.path .. "/none_*.bin")
      refused("expected at least one file", {})
    end)

    it("a directory, a pipe, an empty file", function()
      refused("expected a regular file, got a directory", dir.path)
      refused("expected a regular file, got a device", "/dev/null")
      os.execute("mkfifo " .. dir.path .. "/pipe")
      refused("expected a regular file, got a FIFO", dir.path .. "/pipe")
      refused("empty.bin: is empty", dir:write("empty.bin", ""))
    end)

    it("a file that is cut within a record", function()
      local whole = planes(1, 2) .. planes(3, 4)
      for _, n in ipairs{1, 2, 13, 15, 27} do
        refused("cut.bin: expected whole records of 14 bytes, got " .. n % 14
                .. " bytes after record " .. math.floor(n / 14),
                dir:write("cut.bin", whole:sub(1, n)))
      end
    end)

    it("a label out of range, wherever it is", function()
      local good = dir:write("good.bin", planes(1, 9):rep(3))
      local bad = dir:write("bad.bin", planes(1, 9):rep(2) .. planes(1, 10))
      assert.is_not_nil(open(good, {classes = 10}))
      assert.is_not_nil(open(bad))
      refused("bad.bin: record 2: expected a label below 10, got 10", {good, bad}, {classes = 10})
      refused("bad.bin: record 2: expected a label below 10, got 10", {good, bad},
              {labels = {"a", "b"}, label_index = {}, classes = {2, 10}})
    end)

    it("a damaged gzip file", function()
      local packed = dir:gzip(planes(1, 2):rep(500))
      local function packed_as(bytes) return dir:write("damaged.gz", bytes) end
      local function changed(at)
        local byte = string.char((packed:byte(at) + 1) % 256)
        return packed_as(packed:sub(1, at - 1) .. byte .. packed:sub(at + 1))
      end
      for _, n in ipairs{2, 9, 20, #packed - 9, #packed - 8, #packed - 1} do
        refused("damaged.gz: damaged gzip file: it is cut short", packed_as(packed:sub(1, n)))
      end
      refused("incorrect data check", changed(#packed - 7))
      refused("incorrect length check", changed(#packed - 3))
      refused("damaged.gz: damaged gzip file: ", changed(3)) -- the method of compression
      refused("damaged.gz: damaged gzip file: ", packed_as(packed .. "more"))
      refused("unpacks to nothing", dir:write("nothing.gz", dir:gzip ""))
      refused("expected whole records", dir:write("short.gz", dir:gzip(planes(1, 2):sub(2))))
    end)

    -- Zeros compress a thousand to one, so a small file may unpack to far more than images need.
    -- That is refused, whether it is intended or not.
    it("a gzip file that unpacks to very much", function()
      local path = dir:write("zeros", "")
      os.execute(("head -c 80000000 /dev/zero | gzip -1c > '%s.gz'"):format(path))
      local before = fmp.live_bytes()
      refused("zeros.gz: unpacks to more than 67108864 bytes", path .. ".gz")
      assert.equal(before, fmp.live_bytes())
      os.execute(("head -c 14000000 /dev/zero | gzip -1c > '%s.gz'"):format(path))
      assert.same({1000000, {2, 2, 3}}, samples.images(open(path .. ".gz")))
    end)

    it("a layout that cannot be", function()
      local good = dir:write("good.bin", planes(1, 2))
      refused("label_index below label_bytes 2, got 2", good, {label_index = 2})
      refused("label_index below label_bytes 2, got 2", good,
              {labels = {"a", "b", "c"}, label_index = {}})
      refused("expected a label_index for each of 2 labels, got 1", good, {labels = {"a", "b"}})
      refused("expected classes as one number, or as one for each of 1 labels, got 2", good,
              {classes = {1, 2}})
      refused("expected at most 7 labels, got 8", good,
              {labels = {"a", "b", "c", "d", "e", "f", "g", "h"}})
      for _, name in ipairs{"image", "", "1st", "a b", ("n"):rep(64)} do
        refused("expected labels to be different identifiers, unlike 'image', got '" .. name
                .. "'", good, {labels = name})
      end
      refused("unlike 'image', got 'a'", good, {labels = {"a", "a"}, label_index = {}})
      refused("height", good, {height = 0})
      refused("order", good, {order = "wch"})
      refused("expected whole records of 4294836227 bytes", good,
              {height = 65535, width = 65535, channels = 1, label_bytes = 2})
    end)
  end)

  it("leaves nothing behind, also when it is refused", function()
    local good, bad = dir:write("good.bin", planes(1, 2)), dir:write("bad.bin", "x")
    collectgarbage()
    open(good):close()
    local before = fmp.live_bytes()
    for _ = 1, 20 do
      open(good):close()
      pcall(open, {good, bad})
      pcall(open, dir:write("cut.gz", dir:gzip(planes(1, 2)):sub(1, 15)))
    end
    assert.equal(before, fmp.live_bytes())
  end)
end)
