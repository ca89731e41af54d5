-- SPDX-License-Identifier: Apache-2.0
-- fmp.data on small files, and on the real ones where the environment's FMP_DATA names a
-- directory that has mnist/ and cifar-100-binary/.
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local sh = require "tests.lua.shell"
local samples = require "plugins.input.samples"

-- n CIFAR records; label_bytes 1 or 2; image k is filled with k, 2k and 3k in its planes.
local function cifar(n, label_bytes, first)
  local records = {}
  for i = 0, n - 1 do
    local k = (first or 0) + i
    local labels = string.char(k % 10)
    if label_bytes == 2 then labels = string.char(k % 20, k % 100) end
    records[i + 1] = labels .. string.char(k):rep(1024) .. string.char(2 * k % 256):rep(1024)
                     .. string.char(3 * k % 256):rep(1024)
  end
  return table.concat(records)
end

local function labels_of(batches)
  local list = {}
  for _, y in batches:epoch() do
    for _, label in ipairs(y:totable()) do list[#list + 1] = label end
  end
  return list
end

local function count_to(n)
  local list = {}
  for i = 1, n do list[i] = i - 1 end
  return list
end

describe("fmp.data", function()
  local dir, ten, hundred, mnist
  setup(function()
    dir = samples.directory()
    local function make(name)
      os.execute("mkdir " .. dir.path .. "/" .. name)
      return setmetatable({path = dir.path .. "/" .. name}, getmetatable(dir))
    end
    ten, hundred, mnist = make "ten", make "hundred", make "mnist"
    ten:write("data_batch_1.bin", cifar(4, 1))
    ten:write("data_batch_2.bin", cifar(4, 1, 4))
    ten:write("test_batch.bin", cifar(3, 1, 5))
    hundred:write("train.bin", cifar(30, 2))
    hundred:write("test.bin", cifar(5, 2))
    mnist:write("train-images-idx3-ubyte", samples.idx({4, 28, 28}, ("\9"):rep(4 * 784)))
    mnist:write("train-labels-idx1-ubyte", samples.idx({4}, "\1\2\3\4"))
    mnist:write("t10k-images.idx3-ubyte.gz",
                mnist:gzip(samples.idx({2, 28, 28}, ("\8"):rep(2 * 784))))
    mnist:write("t10k-labels.idx1-ubyte.gz", mnist:gzip(samples.idx({2}, "\5\6")))
  end)
  teardown(function()
    collectgarbage()
    dir:remove()
  end)

  it("reads CIFAR-10", function()
    local train = fmp.data.cifar{ten.path, "train"}
    assert.equal(8, train:size())
    assert.equal(10, train.classes)
    assert.same({32, 32, 3}, train:shape())
    assert.equal("set of 8 examples: image u8 [32,32,3], label i32 []", tostring(train))
    assert.same(count_to(8), labels_of(train:batch{3}))
    assert.same({5, 6, 7}, labels_of(fmp.data.cifar{ten.path, "test"}:batch{3}))
    local x, y = train:batch{8}:next()
    assert.equal("u8", x.dtype)
    assert.equal("i32", y.dtype)
    local last = x:totable()[8]
    assert.same({7, 14, 21}, last[1][1])
    assert.same({7, 14, 21}, last[32][32])
  end)

  it("reads CIFAR-100 with fine or coarse labels", function()
    local fine = fmp.data.cifar{hundred.path, "train"}
    local coarse = fmp.data.cifar{hundred.path, "train", labels = "coarse"}
    assert.equal(100, fine.classes)
    assert.equal(20, coarse.classes)
    assert.equal(29, labels_of(fine:batch{10})[30])
    assert.equal(9, labels_of(coarse:batch{10})[30])
    local both = fmp.data.cifar{hundred.path, "train", labels = {"coarse", "fine"}}
    assert.equal("set of 30 examples: image u8 [32,32,3], coarse i32 [], fine i32 []",
                 tostring(both))
    assert.equal(20, both.classes)
    local _, y, z = both:batch{30}:next()
    assert.same({9, 29}, {y:totable()[30], z:totable()[30]})
  end)

  it("reads MNIST, plain and packed", function()
    local train, test = fmp.data.mnist{mnist.path, "train"}, fmp.data.mnist{mnist.path, "test"}
    assert.same({28, 28, 1}, train:shape())
    assert.same({1, 2, 3, 4}, labels_of(train:batch{2}))
    assert.same({5, 6}, labels_of(test:batch{2}))
    assert.equal(8, test:batch{2}:next():totable()[1][28][28][1])
  end)

  it("gives a set that is smaller than the batch as one batch", function()
    local set = fmp.data.cifar{ten.path, "train"}
    for _, batch in ipairs{8, 9, 50, 2 ^ 31 - 1} do
      local batches = set:take(5):shuffle_batch{batch, seed = 1}
      assert.equal(1, batches:batches())
      for _ = 1, 2 do
        local labels = labels_of(batches)
        table.sort(labels)
        assert.same(count_to(5), labels)
      end
      batches:close()
    end
  end)

  it("reads records of any layout", function()
    local path = dir:write("numbered", samples.numbered(10))
    local set = fmp.data.records(samples.numbered_layout(path))
    assert.equal(10, set:size())
    assert.same(count_to(10), labels_of(set:batch{4}))
  end)

  it("describes without changing", function()
    local plain = fmp.data.cifar{ten.path, "train"}
    local centred = plain:scale(1 / 128, -1):center{36, 40}
    local few = centred:take(5):take(7)
    assert.same({32, 32, 3}, plain:shape())
    assert.same({36, 40, 3}, centred:shape())
    assert.equal(8, centred:size())
    assert.equal(5, few:size())
    local x = centred:batch{8}:next()
    assert.same({8, 36, 40, 3}, x.shape)
    assert.equal("f32", x.dtype)
    local image = x:totable()[8]
    assert.same({0, 0, 0}, image[2][4])
    assert.same({7 / 128 - 1, 14 / 128 - 1, 21 / 128 - 1}, image[3][5])
    assert.equal("u8", plain:batch{8}:next().dtype)
  end)

  it("augments as asked", function()
    local set = fmp.data.cifar{ten.path, "train"}:center{94, 94}
    local x = set:augment():batch{8}:next()
    assert.equal("f32", x.dtype)
    assert.not_same(set:batch{8}:next():flat(), x:flat())
    local flipped = set:augment{stretch = 0, skew = 0, translate = 0, flip = 1}:batch{8}:next()
    assert.same(set:batch{8}:next():flat(), flipped:flat()) -- images of one colour
  end)

  it("goes through epochs", function()
    local train = fmp.data.cifar{hundred.path, "train"}:shuffle_batch{8, seed = 3, threads = 4}
    assert.equal(30, train:size())
    assert.equal(4, train:batches())
    assert.equal(8, train:batch_size())
    local first, second = labels_of(train), labels_of(train)
    assert.not_same(first, second)
    for _, labels in ipairs{first, second} do
      table.sort(labels)
      assert.same(count_to(30), labels)
    end
    assert.equal("4 batches of 8 from 30 examples, at epoch 2, batch 0", tostring(train))
    train:close()
    assert.equal("closed batches", tostring(train))
  end)

  it("begins the next epoch where a loop was left", function()
    local train = fmp.data.cifar{hundred.path, "train"}:shuffle_batch{8, seed = 3}
    local whole = {}
    for epoch = 1, 2 do whole[epoch] = labels_of(train) end
    train:seek(0)
    train:epoch()()
    assert.same(whole[2], labels_of(train))
    assert.same({2, 0}, {train:position()})
  end)

  it("resumes in the middle of an epoch", function()
    local set = fmp.data.cifar{hundred.path, "train"}
    local train = set:shuffle_batch{8, seed = 3}
    labels_of(train)
    local step = train:epoch()
    step()
    local state, rest = train:state(), {}
    for _, y in step do rest[#rest + 1] = y:totable() end
    assert.equal(3, #rest)
    local after = labels_of(train)
    local other = set:shuffle_batch{8, threads = 8}:restore(state)
    local i = 0
    for _, y in other:epoch() do
      i = i + 1
      assert.same(rest[i], y:totable())
    end
    assert.equal(3, i)
    assert.same(after, labels_of(other))
  end)

  it("ends orderly after its epochs", function()
    local train = fmp.data.cifar{ten.path, "train"}:batch{3, epochs = 2}
    assert.equal(8, #labels_of(train))
    assert.equal(8, #labels_of(train))
    assert.equal(0, #labels_of(train))
    fails("no batch is left: 2 epochs have been delivered", train.next, train)
  end)

  describe("refuses", function()
    it("directories without the data, saying what it looked for", function()
      fails(("data.cifar: no data in '%s': looked for train.bin, or data_batch_*.bin")
            :format(mnist.path), fmp.data.cifar, {mnist.path, "train"})
      fails("data.mnist: no data in '/nowhere': looked for t10k-images-idx3-ubyte, or "
            .. "t10k-images-idx3-ubyte.gz", fmp.data.mnist, {"/nowhere", "test"})
    end)

    it("a part that is missing between others", function()
      local path = ten:write("data_batch_4.bin", cifar(1, 1))
      fails("data_batch_4.bin' is there, but part 3 is not", fmp.data.cifar, {ten.path, "train"})
      os.remove(path)
    end)

    it("damaged files", function()
      local function refused(text, bytes)
        dir:write("train.bin", bytes)
        local message = fails(text, fmp.data.cifar, {dir.path, "train"})
        assert.is_nil(message:find("\n", 1, true))
        assert.is_not_nil(message:find("train.bin", 1, true))
      end
      refused("is empty", "")
      refused("expected whole records of 3074 bytes", cifar(2, 2):sub(1, -2))
      refused("record 1: expected a label below 100, got 200",
              cifar(1, 2) .. "\1\200" .. ("\0"):rep(3072))
      os.remove(dir.path .. "/train.bin")
    end)

    it("a FIFO in the place of a file, without waiting for its other end", function()
      local directory, remove = sh.scratch()
      sh.shell("cd " .. directory .. " && mkfifo train-images-idx3-ubyte train-labels-idx1-ubyte "
               .. "data_batch_1.bin choices")
      for code, text in pairs{
        ["fmp.data.mnist{'.', 'train'}"] = "train-images-idx3-ubyte: expected a regular file, got",
        ["fmp.data.cifar{'.', 'train'}"] = "data_batch_1.bin: expected a regular file, got a FIFO",
        ["fmp.data.mnist{'.', 'test'}"] = "no data in '.'",
        ["fmp.autotune 'choices'"] = "choices: expected a regular file, got a FIFO",
      } do
        local output, status = sh.fmprun(directory, "timeout 60", "-e", code)
        assert.equal(1, status)
        assert.is_not_nil(output:find(text, 1, true), output)
      end
      remove()
    end)

    it("a set smaller than the batch where smaller batches are left out", function()
      local set = fmp.data.cifar{ten.path, "train"}
      fails("expected at least one batch of 50 examples, as drop_last leaves out smaller ones, "
            .. "got a set of 8", set.shuffle_batch, set, {50, drop_last = true})
      fails("expected take up to the 8 examples there are, got 9", set.batch, set:take(9), {1})
    end)

    it("wrong arguments", function()
      local set = fmp.data.cifar{ten.path, "train"}
      fails("expected part \"train\" or \"test\", got nil", fmp.data.cifar, {ten.path})
      fails("expected a directory", fmp.data.cifar, {nil, "train"})
      fails("expected {dir, part}, got string", fmp.data.mnist, ten.path)
      fails("data.mnist: expected classes as a whole number from 0, got 'x'", fmp.data.mnist,
            {mnist.path, "train", classes = "x"})
      fails("no option 'lables'", fmp.data.cifar, {ten.path, "train", lables = "fine"})
      fails("expected labels \"fine\" or \"coarse\" or both, got rough", fmp.data.cifar,
            {ten.path, "train", labels = "rough"})
      fails("expected labels \"fine\" or \"coarse\" or both, got none", fmp.data.cifar,
            {ten.path, "train", labels = {}})
      fails("as the images in '" .. ten.path .. "' have one label", fmp.data.cifar,
            {ten.path, "train", labels = {"fine", "coarse"}})
      fails("shuffle_batch: no option 'size'", set.shuffle_batch, set, {size = 3})
      fails("batch: no option 'capacity'", set.batch, set, {3, capacity = 3})
      fails("expected the size of a batch as a number, got nil", set.batch, set, {})
      fails("expected a table, as in batch{50}, got number", set.batch, set, 50)
      fails("expected {height, width}", set.center, set, {94})
      fails("expected scale as a number, got nil", set.scale, set)
      fails("augment: no option 'rotate'", set.augment, set, {rotate = 1})
      fails("expected a whole number from 1, got 0", set.take, set, 0)
    end)
  end)

  describe("real", function()
    local root = os.getenv "FMP_DATA"
    -- The directory of a set in FMP_DATA; without it the test is pending.
    local function real(name, skip)
      if not root then skip("FMP_DATA is not set: no real " .. name) end
      return root .. "/" .. name
    end

    local function histogram(batches)
      local counts, n = {}, 0
      for _, y in batches:epoch() do
        for _, label in ipairs(y:totable()) do counts[label] = (counts[label] or 0) + 1 end
        n = n + y.shape[1]
      end
      return counts, n
    end

    it("MNIST has its published counts", function()
      local path = real("mnist", pending)
      local want = {[0] = 5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}
      local counts, n = histogram(fmp.data.mnist{path, "train"}:shuffle_batch{1000})
      assert.equal(60000, n)
      assert.same(want, counts)
      local _, y = fmp.data.mnist{path, "test"}:batch{5}:next()
      assert.same({7, 2, 1, 0, 4}, y:totable())
    end)

    it("CIFAR-100 has 500 images of each class", function()
      local path = real("cifar-100-binary", pending)
      local counts, n = histogram(fmp.data.cifar{path, "train"}:shuffle_batch{1000, threads = 4})
      assert.equal(50000, n)
      for label = 0, 99 do assert.equal(500, counts[label]) end
      local coarse = histogram(fmp.data.cifar{path, "train", labels = "coarse"}:batch{1000})
      for label = 0, 19 do assert.equal(2500, coarse[label]) end
    end)
  end)
end)
