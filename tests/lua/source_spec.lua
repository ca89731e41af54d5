-- SPDX-License-Identifier: Apache-2.0
-- Sets of a source that another plugin brings, tests/plugin/sdk/source.c: fields of any type and
-- rank, of which two differ in shape from example to example.
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local nn = fmp.nn

local ALL = "point f32 [3], number i64 [], mask u8 [2,3], weight f64 [], word u8 [-1], "
            .. "picture u8 [-1,-1,1], thumb u8 [2,2,3], target f32 [1]"

fmp.plugin.load(os.getenv "FMP_BUILD" .. "/tests/plugins/sdk/fmp_sdktest.so")

local FIXED = {"point", "number", "mask", "weight"}

describe("fmp.data.source", function()
  local function shapes(n) return fmp.data.source("sdk_shapes", {count = n or 6}) end

  it("knows the fields of its examples", function()
    local set = shapes()
    assert.equal(6, set:size())
    assert.is_nil(set.classes)
    assert.equal("set of 6 examples: " .. ALL, tostring(set))
    assert.same({name = "weight", dtype = "f64", shape = {}, doc = "1 / (i + 1)"}, set.fields[4])
    assert.same({name = "picture", dtype = "u8", shape = {-1, -1, 1},
                 doc = "i + 1 rows of 2 pixels, or 2 i"}, set.fields[6])
    assert.same({3}, set:shape())
    assert.same({2, 3}, set:shape "mask")
    fails("shape: no field 'mosk', did you mean 'mask'?; there are " .. ALL, set.shape, set, "mosk")
  end)

  it("gives single examples, whatever their shapes", function()
    local set = shapes()
    for i = 0, 5 do
      local e = set:example(i)
      assert.same({i, i + 0.5, -i}, e.point:totable())
      assert.equal(1e10 * i, e.number:item())
      assert.same({{i % 2, math.floor(i / 2) % 2, math.floor(i / 4)}, {0, 0, 0}}, e.mask:totable())
      assert.equal(1 / (i + 1), e.weight:item())
      assert.same({i}, e.word.shape)
      assert.same({i + 1, i > 1 and 2 * i or 2, 1}, e.picture.shape)
      assert.equal("u8", e.picture.dtype)
    end
    local few = set:select{"word", "point"}:take(2):example(1)
    assert.same({1}, few.word:totable())
    assert.is_nil(few.mask)
    fails("example: expected a whole number from 0 to 5, got 6", set.example, set, 6)
    fails("from 0 to 1, got 2", set.example, set:take(2), 2)
    fails("expected a whole number from 0 to 5, got 'x'", set.example, set, "x")
  end)

  it("stacks fields of any type and rank, in the order that is asked for", function()
    local batches = shapes():select(FIXED):batch{4}
    local seen = 0
    for point, number, mask, weight, more in batches:epoch() do
      local n = point.shape[1]
      assert.same({n, 3}, point.shape)
      assert.same({"f32", "i64", "u8", "f64"}, {point.dtype, number.dtype, mask.dtype,
                                                weight.dtype})
      assert.same({n, 2, 3}, mask.shape)
      assert.is_nil(more)
      for row = 1, n do
        local i = seen + row - 1
        assert.same({i, i + 0.5, -i}, point:totable()[row])
        assert.equal(1e10 * i, number:totable()[row])
        assert.equal(1 / (i + 1), weight:totable()[row])
        assert.equal(i % 2, mask:totable()[row][1][1])
      end
      seen = seen + n
    end
    assert.equal(6, seen)
    local weight, point = shapes():select{"weight", "point"}:batch{6}:next()
    assert.same({6}, weight.shape)
    assert.same({6, 3}, point.shape)
  end)

  it("keeps the fields of an example together, shuffled and after a restart", function()
    local set = shapes(50):select{"number", "point"}
    local train = set:shuffle_batch{8, seed = 3, threads = 4}
    local state
    local rest = {}
    for number, point in train:epoch() do
      for row, values in ipairs(point:totable()) do
        assert.equal(1e10 * values[1], number:totable()[row])
        if state then rest[#rest + 1] = values[1] end
      end
      state = state or train:state()
    end
    local again = set:shuffle_batch{8, threads = 1}:restore(state)
    local i = 0
    for _, point in again:epoch() do
      for _, values in ipairs(point:totable()) do
        i = i + 1
        assert.equal(rest[i], values[1])
      end
    end
    assert.equal(42, i)
  end)

  it("can be used in a compiled function", function()
    local batches = shapes():select{"number", "point"}:batch{3, drop_last = true}
    local step = fmp.compile(function(x)
      local _, point = batches:next()
      return point:sum() + x
    end)
    for _, sum in ipairs{4.5, 13.5, 4.5} do assert.equal(sum, step(fmp.zeros{}):item()) end
    local set = shapes()
    local words = fmp.compile(function(x) return x, set:example(5).word end)
    local _, word = words(fmp.zeros{})
    assert.same({5, 5, 5, 5, 5}, word:totable())
  end)

  describe("of images", function()
    it("makes those that differ in size one size", function()
      local set = shapes():select{"picture"}:center{4, 4}
      assert.same({4, 4, 1}, set:shape())
      local x = set:batch{6}:next()
      assert.same({6, 4, 4, 1}, x.shape)
      assert.equal("u8", x.dtype)
      local rows = x:totable()
      assert.same({{{0}, {0}, {0}, {0}}, {{0}, {1}, {1}, {0}}, {{0}, {1}, {1}, {0}},
                   {{0}, {0}, {0}, {0}}}, rows[2]) -- [2,2] of ones
      for r = 1, 4 do assert.same({{4}, {4}, {4}, {4}}, rows[5][r]) end -- [5,8], cut
      local scaled = set:scale(2, 1):batch{6}:next():totable()
      assert.same({{0}, {3}, {3}, {0}}, scaled[2][2])
    end)

    it("distorts those that differ in size, each as in any other batch", function()
      local function images(options)
        local set = shapes(40):select{"picture"}:center{40, 40}:augment{stretch = 0.1,
                                                                        translate = 2}
        local list, batches = {}, set:shuffle_batch(options)
        for _ = 1, 5 do
          local x = batches:next()
          assert.equal("f32", x.dtype)
          for _, image in ipairs(x:totable()) do list[#list + 1] = image end
        end
        return list
      end
      assert.same(images{8, threads = 1, seed = 2}, images{8, threads = 4, seed = 2})
    end)

    it("prepares each image by itself", function()
      local set = shapes():select{"thumb", "picture", "weight"}:center({4, 4}, "picture")
        :scale(1 / 4, 0.5, "thumb"):center({3, 2}, "thumb")
      assert.equal("set of 6 examples: thumb f32 [3,2,3], picture u8 [4,4,1], weight f64 []",
                   tostring(set))
      local thumb, picture, weight = set:batch{6}:next()
      assert.same({6, 3, 2, 3}, thumb.shape)
      assert.equal(2 / 4 + 0.5, thumb:totable()[3][1][1][1])
      assert.equal(0, thumb:totable()[3][3][1][1])
      assert.equal("u8", picture.dtype)
      assert.equal(0.25, weight:totable()[4])
      local both = shapes():center({8, 8}, {"picture", "thumb"})
      assert.same({8, 8, 1}, both:shape "picture")
      assert.same({8, 8, 3}, both:shape "thumb")
    end)

    it("distorts the images of an example alike, where they are to be distorted alike", function()
      local both, how = {"picture", "thumb"}, {flip = 0, translate = 2}
      local set = shapes(2):select(both):center({6, 6}, both)
      local function compare(batches)
        local equal = 0
        for picture, thumb in batches:epoch() do -- example 1 has 2 x 2 pixels in both
          local a, b = picture:totable()[2], thumb:totable()[2]
          for r = 1, 6 do
            for c = 1, 6 do equal = equal + (a[r][c][1] == b[r][c][3] and 1 or 0) end
          end
        end
        return equal
      end
      local alike = set:augment(how, both):batch{2}
      local other = set:augment(how, "picture"):augment({flip = 0, translate = 1}, "thumb"):batch{2}
      local differ = 0
      for _ = 1, 10 do
        assert.equal(36, compare(alike))
        differ = differ + 36 - compare(other)
      end
      assert.is_true(differ > 0)
    end)

    it("distorts an image whatever fields are beside it", function()
      local set = shapes(40):select{"thumb"}:center{6, 6}
      local one = set:augment{flip = 0, translate = 2}:shuffle_batch{40, seed = 9}:next()
      local two = shapes(40):select{"number", "thumb"}:center({6, 6}, "thumb")
        :augment({flip = 0, translate = 2}, "thumb"):shuffle_batch{40, seed = 9}
      local _, again = two:next()
      assert.same(one:flat(), again:flat())
    end)
  end)

  it("trains a network by its first two fields", function()
    local set = shapes(64):select{"point", "target", "mask"}
    local net = nn.Sequential("half", nn.Linear(1))
    local history = fmp.fit{
      net = net, loss = nn.MSE(), optim = fmp.optim.SGD{lr = 1e-4}, epochs = 20, seed = 1,
      train = set:shuffle_batch{8}, test = set:batch{16}, progress = "none",
    }
    assert.is_true(history[20].test_loss < history[1].loss / 100)
    local result = fmp.evaluate{net = net, loss = nn.MSE(), data = set:batch{64}}
    assert.equal(64, result.count)
    assert.is_true(result.loss < 1)
  end)

  describe("refuses", function()
    it("fields that cannot be stacked, with their names and shapes", function()
      local set = shapes()
      fails("batch_queue: field 'word' is u8 [-1]: its examples differ in shape, and a batch needs "
            .. "one; images can be centred on a field of one size, and a field can be left out",
            set.batch, set:center{4, 4}, {2})
      fails("field 'picture' is u8 [-1,-1,1]: its examples differ in shape", set.batch,
            set:select{"point", "picture"}, {2})
      fails("field 'picture' is u8 [-1,-1,1]: its examples differ in shape", set.batch,
            set:select{"picture"}:scale(2), {2})
    end)

    it("fields that it does not have, or that are no images", function()
      local set = shapes()
      fails("scale: no field 'pictures', did you mean 'picture'?; there are point f32 [3]",
            set.scale, set, 1, 0, "pictures")
      fails("center: expected 'mask' as images u8 [h,w,c], got u8 [2,3]", set.center, set, {4, 4},
            {"picture", "mask"})
      fails("augment: expected a field of images, u8 [h,w,c]; there are point f32 [3], "
            .. "number i64 []", set.augment, set:select{"point", "number"})
      fails("augment: expected the name of a field, got", set.augment, set, {}, 3)
      fails("augment: expected names of fields", set.augment, set, {}, {})
      fails("select: no field 'image'", set.select, set, {"image"})
      fails("select: expected each field once, got 'mask' again", set.select, set,
            {"mask", "point", "mask"})
      fails("select: expected a list of fields, as in select{\"point\"}", set.select, set, "mask")
      fails("select: no field 'mask'; there are point f32 [3]", set.select, set:select{"point"},
            {"mask"})
    end)

    it("what is no source, and what is no resource", function()
      fails("expected a source of examples (fmp.source/2)", fmp.data.source, "sdk_counter", {})
      fails("no resource 'sdk_shape'", fmp.data.source, "sdk_shape")
      fails("count", fmp.data.source, "sdk_shapes", {count = 0})
      fails("data.source: expected a table of attributes after the kind of resource, got",
            fmp.data.source, "sdk_shapes", 3)
      fails("expected a name, got nil", fmp.data.source)
    end)

    it("data of one field where two are needed", function()
      local one = shapes():select{"point"}:batch{3}
      fails("evaluate: expected data with two fields, x and y, got 'point' alone", fmp.evaluate,
            {net = nn.Sequential("n", nn.Linear(1)), data = one})
      fails("fit: expected train with two fields, x and y, got 'point' alone", fmp.fit,
            {net = nn.Sequential("n", nn.Linear(1)), loss = nn.MSE(), train = one, epochs = 1,
             optim = fmp.optim.SGD{lr = 1}})
    end)
  end)

  it("leaves nothing behind", function()
    local function use()
      local set = shapes():select{"picture", "weight"}:center{4, 4}
      local batches = set:shuffle_batch{2}
      for x, y in batches:epoch() do x:free() y:free() end
      for _, tensor in pairs(set:example(3)) do tensor:free() end
      batches:close()
      set.reader:close()
    end
    use()
    collectgarbage()
    collectgarbage()
    local before = fmp.live_bytes()
    for _ = 1, 20 do use() end
    collectgarbage()
    collectgarbage()
    assert.equal(before, fmp.live_bytes())
  end)
end)
