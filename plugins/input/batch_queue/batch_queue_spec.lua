-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local samples = require "plugins.input.samples"

local function sequence(n)
  local list = {}
  for i = 1, n do list[i] = i - 1 end
  return list
end

local function sorted(list)
  local copy = {unpack(list)}
  table.sort(copy)
  return copy
end

local function part(list, first, last)
  return {unpack(list, first, last)}
end

describe("batch_queue", function()
  local dir, readers
  setup(function()
    dir, readers = samples.directory(), {}
  end)
  teardown(function()
    readers = nil
    collectgarbage()
    dir:remove()
  end)

  -- A reader of n numbered examples.
  local function reader(n)
    if not readers[n] then
      local path = dir:write("numbered_" .. n, samples.numbered(n))
      readers[n] = fmp.open("record_reader", samples.numbered_layout(path))
    end
    return readers[n]
  end

  local function queue(n, attributes)
    local all = {source = reader(n), dtype = "u8"}
    for name, value in pairs(attributes) do all[name] = value end
    return fmp.open("batch_queue", all)
  end

  local function next_numbers(q)
    return samples.numbers((fmp.ops.next_batch({queue = q})))
  end

  local function position(q)
    local info = fmp.ops.batch_queue_info({queue = q}):totable()
    return {info[1], info[2]}
  end

  it("delivers examples in order, with their labels", function()
    for i, batch in ipairs(samples.batches(reader(10), {batch = 4}, 5)) do
      local from = (i - 1) % 3 * 4
      local n = math.min(4, 10 - from)
      assert.same({n, 1, 2, 1}, batch[1].shape)
      assert.same(part(sequence(10), from + 1, from + n), samples.numbers(batch[1]))
      assert.same(part(sequence(10), from + 1, from + n), batch[2]:totable())
    end
  end)

  -- Sizes around a multiple of the batch; more and fewer threads and slots than batches.
  it("delivers each example exactly once, whatever the threads, in the same order", function()
    for _, n in ipairs{1, 2, 7, 8, 9, 64, 100, 257} do
      for _, batch in ipairs{1, 3, 8} do
        if batch <= n then
          local batches, orders = math.ceil(n / batch), {}
          for _, threads in ipairs{1, 2, 8} do
            for _, ahead in ipairs{0, 1, 3} do
              local numbers = samples.delivered(
                reader(n), {batch = batch, shuffle = true, seed = 5, threads = threads,
                            ahead = ahead}, 2 * batches)
              assert.equal(2 * n, #numbers)
              assert.same(sequence(n), sorted(part(numbers, 1, n)))
              assert.same(sequence(n), sorted(part(numbers, n + 1, 2 * n)))
              orders[#orders + 1] = numbers
            end
          end
          for i = 2, #orders do assert.same(orders[1], orders[i]) end
        end
      end
    end
  end)

  it("shuffles anew for each epoch and seed", function()
    local function order(seed) return samples.delivered(
      reader(100), {batch = 50, shuffle = true, seed = seed}, 4)
    end
    local one = order(1)
    assert.not_same(sequence(100), part(one, 1, 100))
    assert.not_same(part(one, 1, 100), part(one, 101, 200))
    assert.same(one, order(1))
    assert.not_same(one, order(2))
  end)

  it("puts each example at each place equally often", function()
    local q, counts, runs, n = queue(8, {batch = 8, shuffle = true, seed = 3}), {}, 2000, 8
    for _ = 1, runs do
      for place, number in ipairs(next_numbers(q)) do
        local cell = place * n + number
        counts[cell] = (counts[cell] or 0) + 1
      end
    end
    local sum, expected = 0, runs / n
    for place = 1, n do
      for number = 0, n - 1 do
        sum = sum + ((counts[place * n + number] or 0) - expected) ^ 2 / expected
      end
    end
    assert.is_true(sum < 85.4, "chi-square " .. sum) -- 49 degrees of freedom, 1 in 1000
    q:close()
  end)

  it("shuffles within its capacity", function()
    for _, capacity in ipairs{1, 2, 10, 50} do
      local numbers = samples.delivered(
        reader(100), {batch = 10, shuffle = true, capacity = capacity, seed = 7}, 10)
      assert.same(sequence(100), sorted(numbers))
      local farthest = 0
      for place, number in ipairs(numbers) do
        assert.is_true(number < place - 1 + capacity)
        farthest = math.max(farthest, number - (place - 1))
      end
      assert.is_true(farthest >= capacity / 2 - 1)
    end
    local all = samples.delivered(reader(100), {batch = 10, shuffle = true, seed = 7}, 10)
    assert.same(all, samples.delivered(
      reader(100), {batch = 10, shuffle = true, seed = 7, capacity = 1000}, 10))
  end)

  it("leaves out the smaller batch where it is told to", function()
    local q = queue(10, {batch = 4, drop_last = true})
    for _, want in ipairs{{0, 1, 2, 3}, {4, 5, 6, 7}, {0, 1, 2, 3}} do
      assert.same(want, next_numbers(q))
    end
    q:close()
  end)

  it("takes only the first examples", function()
    assert.same(sequence(5), sorted(samples.delivered(
      reader(10), {batch = 5, take = 5, shuffle = true}, 1)))
  end)

  it("ends after its epochs, and says so again", function()
    local q = queue(5, {batch = 3, epochs = 2})
    for _ = 1, 4 do next_numbers(q) end
    for _ = 1, 2 do
      fails("next_batch: no batch is left: 2 epochs have been delivered", next_numbers, q)
    end
    assert.same({2, 0}, position(q))
    fmp.ops.batch_queue_seek({queue = q, epoch = 1})
    assert.same({0, 1, 2}, next_numbers(q))
    q:close()
  end)

  it("says where it stands, and goes to an epoch", function()
    local q = queue(10, {batch = 4, shuffle = true, seed = 9})
    assert.same({0, 0, 3, 10, 4, 0}, fmp.ops.batch_queue_info({queue = q}):totable())
    local epochs = {{}, {}, {}}
    for epoch = 1, 3 do
      for b = 1, 3 do
        assert.same({epoch - 1, b - 1}, position(q))
        epochs[epoch][b] = next_numbers(q)
      end
    end
    for _, epoch in ipairs{2, 1, 3, 3} do
      fmp.ops.batch_queue_seek({queue = q, epoch = epoch - 1})
      assert.same(epochs[epoch][1], next_numbers(q))
      assert.same(epochs[epoch][2], next_numbers(q))
    end
    q:close()
  end)

  describe("saved", function()
    local attributes = {batch = 4, shuffle = true, seed = 11, threads = 2}

    it("goes on with the same examples, from everywhere", function()
      local straight = queue(10, attributes)
      for taken = 0, 7 do
        local state = straight:save()
        local other = queue(10, {batch = 4, shuffle = true, seed = 99, threads = 8, ahead = 1})
        for _ = 1, taken % 3 do next_numbers(other) end
        other:restore(state)
        assert.same(position(straight), position(other))
        local wanted = {}
        for i = 1, 5 do wanted[i] = next_numbers(straight) end
        for i = 1, 5 do assert.same(wanted[i], next_numbers(other)) end
        straight:restore(state)
        next_numbers(straight)
        other:close()
      end
      straight:close()
    end)

    it("is refused where it means other examples", function()
      local state = queue(10, attributes):save()
      local function refused(text, n, more)
        local all = {}
        for name, value in pairs(attributes) do all[name] = value end
        for name, value in pairs(more) do all[name] = value end
        local q = queue(n, all)
        next_numbers(q)
        fails(text, q.restore, q, state)
        assert.same({0, 1}, position(q)) -- as it was
        q:close()
      end
      refused("saved with 10 examples, but this queue has 12", 12, {})
      refused("saved with 4 examples in a batch, but this queue has 5", 10, {batch = 5})
      refused("saved with 10 as window of the shuffle, but this queue has 1", 10,
              {shuffle = false})
      refused("saved with 0 as drop_last, but this queue has 1", 10, {drop_last = true})
    end)

    it("is refused where it is damaged", function()
      local q = queue(10, attributes)
      local state = q:save()
      for n = 0, #state - 1 do
        fails("expected 64 bytes of a saved position, got " .. n, q.restore, q, state:sub(1, n))
      end
      fails("got 65", q.restore, q, state .. "\0")
      for at = 1, #state do
        local hostile = state:sub(1, at - 1) .. "\255" .. state:sub(at + 1)
        local ok = pcall(q.restore, q, hostile)
        -- any seed is a seed, and a damaged epoch may be one
        assert.equal(at > 8 and at <= 22, ok)
        q:restore(state)
        assert.same({0, 0}, position(q))
      end
      q:close()
    end)
  end)

  describe("images", function()
    -- One image [2,3,1] of 10, 20, .. 60.
    local function image(attributes)
      local path = dir:write("image", "\0\10\20\30\40\50\60")
      local r = fmp.open("record_reader", {files = path, height = 2, width = 3, channels = 1})
      local all = {batch = 1}
      for name, value in pairs(attributes) do all[name] = value end
      if not all.dtype then all.dtype = "f32" end
      return samples.batches(r, all, 1)[1][1]
    end

    it("are scaled", function()
      local x = image{scale = 1 / 128, shift = -1}
      assert.equal("f32", x.dtype)
      for i, value in ipairs(x:flat()) do assert.equal(10 * i / 128 - 1, value) end
      assert.equal("u8", image{dtype = "u8"}.dtype)
      assert.same({10, 20, 30, 40, 50, 60}, image{}:flat())
    end)

    it("are centred on zeros, which are not scaled", function()
      assert.same({0, 0, 0, 0, 0,  0, 11, 21, 31, 0,  0, 41, 51, 61, 0,  0, 0, 0, 0, 0},
                  image{field = {4, 5}, shift = 1}:flat())
      -- what is left over goes below and to the right
      assert.same({0, 10, 20, 30, 0, 0,  0, 40, 50, 60, 0, 0,  0, 0, 0, 0, 0, 0},
                  image{field = {3, 6}, dtype = "u8"}:flat())
    end)

    it("are cut to a smaller field", function()
      assert.same({20}, image{field = {1, 1}}:flat())
      assert.same({20, 50, 0}, image{field = {3, 1}, dtype = "u8"}:flat())
    end)
  end)

  describe("fields", function()
    local function batch(attributes, outputs)
      local q = queue(3, attributes)
      local values = {fmp.ops.next_batch({queue = q, outputs = outputs})}
      q:close()
      return values
    end

    it("are delivered as they are asked for", function()
      local both = batch({batch = 3}, 8)
      assert.same({3, 1, 2, 1}, both[1].shape)
      assert.same({0, 1, 2}, both[2]:totable())
      assert.equal(2, #both)
      local turned = batch({batch = 3, deliver = {"label", "image"}}, 8)
      assert.same({0, 1, 2}, turned[1]:totable())
      assert.same(both[1]:flat(), turned[2]:flat())
      assert.equal(1, #batch({batch = 3, deliver = "label"}, 8))
    end)

    it("that are images are named, or found", function()
      local scaled = batch({batch = 3, dtype = "f32", scale = 2, images = "image"}, 1)[1]
      assert.same({0, 0, 2, 0, 4, 0}, scaled:flat())
      assert.same(scaled:flat(), batch({batch = 3, dtype = "f32", scale = 2}, 1)[1]:flat())
      -- without images there is nothing to convert
      assert.equal("i32", batch({batch = 3, dtype = "f32", deliver = "label"}, 1)[1].dtype)
    end)
  end)

  describe("refuses", function()
    local function refused(text, n, attributes)
      local message = fails(text, queue, n, attributes)
      assert.is_nil(message:find("\n", 1, true))
    end

    it("a set smaller than the batch where smaller batches are left out", function()
      refused("batch_queue: expected at least one batch of 11 examples, as drop_last leaves out "
              .. "smaller ones, got a set of 10", 10, {batch = 11, drop_last = true})
      refused("got a set of 5", 10, {batch = 6, take = 5, drop_last = true})
      refused("expected take up to the 10 examples there are, got 11", 10, {batch = 1, take = 11})
    end)

    it("settings that cannot be", function()
      refused("batch", 10, {batch = 0})
      refused("threads", 10, {batch = 1, threads = 0})
      refused("expected min_after_dequeue below the capacity 5, got 5", 10,
              {batch = 1, shuffle = true, capacity = 5, min_after_dequeue = 5})
      refused("expected dtype f32 for scaled or augmented images, got u8", 10,
              {batch = 1, scale = 2})
      refused("expected dtype f32", 10, {batch = 1, flip = 0.5})
      refused("expected dtype f32 or u8", 10, {batch = 1, dtype = "i32"})
      refused("expected field as [height,width], got 3 numbers", 10, {batch = 1, field = {1, 2, 3}})
      refused("expected field as [height,width], got [3,0]", 10, {batch = 1, field = {3, 0}})
      refused("expected scale for all images or for each of 1, got 2 values", 10,
              {batch = 1, dtype = "f32", scale = {1, 2}})
      refused("expected finite numbers", 10, {batch = 1, dtype = "f32", scale = 1 / 0})
      refused("stretch", 10, {batch = 1, dtype = "f32", stretch = 1})
      refused("no memory for", 10, {batch = 10, field = {65535, 65535}, dtype = "f32",
                                     ahead = 4096})
    end)

    it("fields that are not there, or not of that kind", function()
      refused("batch_queue: no field 'lable'; there are image u8 [1,2,1], label i32 []", 10,
              {batch = 1, deliver = {"image", "lable"}})
      refused("expected each field once, got 'label' again", 10,
              {batch = 1, deliver = {"label", "label"}})
      refused("expected images among the fields of batches, got 'image'", 10,
              {batch = 1, deliver = "label", images = "image"})
      refused("expected 'label' as images u8 [h,w,c], got i32 []", 10,
              {batch = 1, images = "label"})
      refused("expected each image once, got 'image' again", 10,
              {batch = 1, images = {"image", "image"}})
      refused("expected a field of images, u8 [h,w,c], to scale, centre or augment; there are "
              .. "image u8 [1,2,1], label i32 []", 10, {batch = 1, deliver = "label", flip = 1})
    end)

    it("what is no reader, and what is no queue", function()
      local q = queue(10, {batch = 1})
      fails("expected a source of examples", fmp.open, "batch_queue", {source = q, batch = 1})
      fails("expected a resource 'batch_queue', got 'record_reader'", fmp.ops.next_batch,
            {queue = reader(10)})
      fails("expected a source of examples", fmp.ops.source_info, {source = q})
      q:close()
      fails("the resource has been closed", next_numbers, q)
    end)
  end)

  it("raises a worker's failure where the batch is asked for, with the file's name", function()
    local path = dir:write("shrinks", samples.numbered(100))
    local r = fmp.open("record_reader", samples.numbered_layout(path))
    local q = fmp.open("batch_queue", {source = r, batch = 10, dtype = "u8", ahead = 1})
    assert.same(part(sequence(100), 1, 10), next_numbers(q))
    local state = q:save()
    dir:write("shrinks", samples.numbered(35)) -- the same file, cut while in use
    local function drain() for _ = 1, 9 do next_numbers(q) end end
    local message = fails("/shrinks: was cut while in use: expected 3 bytes at 105, got 0", drain)
    assert.is_not_nil(message:find("next_batch: ", 1, true))
    assert.same({0, 3}, position(q))
    fails("was cut while in use", next_numbers, q) -- it does not skip the batch
    dir:write("shrinks", samples.numbered(100))
    q:restore(state)
    drain()
    q:close()
  end)

  it("can be used in a compiled function", function()
    local q = queue(10, {batch = 4, drop_last = true})
    local step = fmp.compile(function(x)
      local images, labels = fmp.ops.next_batch({queue = q, outputs = 2})
      return fmp.ops.cast(images, {dtype = "f32"}) + x, labels
    end)
    for _, first in ipairs{0, 4, 0} do
      local _, labels = step(fmp.zeros{1})
      assert.equal(first, labels:totable()[1])
    end
    local smaller = queue(5, {batch = 4})
    local plain = fmp.compile(function(x) return x, (fmp.ops.next_batch({queue = smaller})) end)
    plain(fmp.zeros{1})
    fails("expected to deliver 4 examples, but the next batch has 1: drop_last", plain,
          fmp.zeros{1})
  end)

  it("keeps its reader, and ends at any time without a trace", function()
    local path = dir:write("kept", samples.numbered(50))
    local function open()
      local r = fmp.open("record_reader", samples.numbered_layout(path))
      local q = fmp.open("batch_queue", {source = r, batch = 5, dtype = "u8", threads = 4})
      r:close()
      return q
    end
    local q = open()
    next_numbers(q)
    q:close()
    collectgarbage()
    local before = fmp.live_bytes()
    for i = 1, 50 do
      q = open()
      for _ = 1, i % 4 do next_numbers(q) end
      q:close()
    end
    q = nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(q)
    assert.equal(before, fmp.live_bytes())
  end)
end)
