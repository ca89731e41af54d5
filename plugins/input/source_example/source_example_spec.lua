-- SPDX-License-Identifier: Apache-2.0
-- Sources of other plugins, with fields of every sort: tests/lua/source_spec.lua.
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local samples = require "plugins.input.samples"

describe("source_example", function()
  local dir, reader
  setup(function()
    dir = samples.directory()
    reader = fmp.open("record_reader",
                      samples.numbered_layout(dir:write("numbered", samples.numbered(300))))
  end)
  teardown(function() dir:remove() end)

  local function example(index, outputs)
    return fmp.ops.source_example({source = reader, index = index, outputs = outputs})
  end

  it("gives the fields of any example", function()
    for _, index in ipairs{0, 1, 255, 256, 299} do
      local image, label, more = example(index, 8)
      assert.same({1, 2, 1}, image.shape)
      assert.same({index}, samples.numbers(image))
      assert.equal(index % 10, label:item())
      assert.same({}, label.shape)
      assert.is_nil(more)
      assert.same({index}, samples.numbers((example(index))))
    end
  end)

  it("can be recorded and compiled", function()
    local image = fmp.record(function() return (example(7, 2)) end)
    assert.same({7}, samples.numbers(image))
    local both = fmp.compile(function(x)
      local _, label = example(13, 2)
      return x, label
    end)
    for _ = 1, 2 do
      local _, label = both(fmp.zeros{1})
      assert.equal(3, label:item())
    end
  end)

  it("refuses what there is not", function()
    fails("source_example: expected index below 300, got 300", example, 300)
    fails("index", example, -1)
    fails("expected a source of examples", fmp.ops.source_example,
          {source = fmp.open("batch_queue", {source = reader, batch = 1}), index = 0})
  end)

  it("says why an example cannot be read", function()
    local path = dir:write("shrinks", samples.numbered(3))
    local r = fmp.open("record_reader", samples.numbered_layout(path))
    dir:write("shrinks", samples.numbered(2))
    fails("/shrinks: was cut while in use", fmp.ops.source_example, {source = r, index = 2})
  end)
end)

describe("source_info", function()
  it("says what the fields are", function()
    local dir = samples.directory()
    local reader = fmp.open("record_reader",
                            samples.numbered_layout(dir:write("numbered", samples.numbered(3))))
    local count, specs, texts = fmp.ops.source_info({source = reader})
    assert.equal(3, count:item())
    assert.same({{5, 3, 1, 2, 1, 0, 0, 0, 0, 0}, {6, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, specs:totable())
    local characters = {}
    for i, byte in ipairs(texts:totable()) do characters[i] = string.char(byte) end
    assert.equal("image\0bytes [h,w,c]\0label\0the class, from 0\0", table.concat(characters))
    dir:remove()
  end)
end)
