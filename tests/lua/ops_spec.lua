-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"

local ops = fmp.ops

describe("ops", function()
  local x = fmp.tensor({{1, 2, 3}, {4, 5, 6}})

  it("take attributes by name, one value where a list is wanted", function()
    assert.same({6, 15}, ops.sum(x, {axes = 2}):flat())
    assert.same({6, 15}, ops.sum(x, {axes = {2}}):flat())
    assert.same({21}, ops.sum(x, {axes = {1, 2}, keep = true}):flat())
    assert.same({1, 1}, ops.sum(x, {axes = {1, 2}, keep = true}).shape)
    assert.same({6, 15}, ops.sum(x, {axes = -1}):flat())
  end)

  it("take every kind of attribute", function()
    assert.equal("f64", ops.cast(x, {dtype = "f64"}).dtype)
    assert.same({0.5, 0.5}, ops.fill{shape = {2}, value = 0.5, dtype = "f32"}:flat())
    assert.same({3, 3}, ops.fill{shape = 2, value = 3}:flat())
    assert.same({3, 2}, ops.reshape(x, {shape = {3, -1}}).shape)
  end)

  it("take any number of tensors where the schema ends in ...", function()
    for n = 1, 70, 23 do
      local list = {}
      for i = 1, n do list[i] = x end
      list[n + 1] = {axis = 1}
      assert.same({2 * n, 3}, ops.concat(unpack(list)).shape)
    end
  end)

  it("give the outputs that must be there, and others when asked", function()
    local image = fmp.randn{1, 4, 4, 2}
    assert.equal(1, select("#", ops.max_pool(image, {window = {2, 2}})))
    local y, argmax = ops.max_pool(image, {window = {2, 2}, outputs = 2})
    assert.same(y.shape, argmax.shape)
    fails("expected outputs as a whole number from 0 to 2, got 3", ops.max_pool, image,
          {window = {2, 2}, outputs = 3})
  end)

  it("print their schema, attributes and documentation", function()
    local text = tostring(ops.sum)
    assert.truthy(text:find("sum(x) -> (y)", 1, true), text)
    assert.truthy(text:find("axes: list of i64, default []", 1, true), text)
    assert.equal("(x) -> (y)", ops.sum.schema)
    assert.equal("axes", ops.sum.attrs[1].name)
    assert.truthy(ops.sum.kernels:find("cpu/ref priority 0", 1, true))
  end)

  it("name the nearest op, attribute and value for a misspelt one", function()
    fails("no op 'matmull'; did you mean 'matmul'?", function() return ops.matmull end)
    fails("did you mean 'axes'?", ops.sum, x, {axis = 1})
    fails("did you mean 'same'?", ops.max_pool, fmp.zeros{1, 4, 4, 1},
          {window = {2, 2}, padding = "smae"})
    fails("did you mean 'f64'?", ops.cast, x, {dtype = "f664"})
    local far = fails("no op 'qqqqqqqqqq'", function() return ops.qqqqqqqqqq end)
    assert.is_nil(far:find("did you mean", 1, true))
  end)

  it("refuse wrong inputs, saying what was expected and what came", function()
    local message = fails("add: ", ops.add, x, fmp.zeros{4})
    assert.truthy(message:find("[2,3]", 1, true) and message:find("[4]", 1, true), message)
    fails("add: ", ops.add, x)
    fails("add: ", ops.add, x, x, x)
    fails("add: ", ops.add, x, fmp.zeros{2, 3, dtype = "f64"})
    fails("add: input 2: expected a tensor or a number, got a string", ops.add, x, "1")
    fails("attributes are given by name", ops.sum, x, {1})
    fails("attribute axes: expected a list of one type", ops.sum, x, {axes = {1, "2"}})
    fails("attribute axes: expected a boolean, number", ops.sum, x, {axes = x})
    fails("reshape: ", ops.reshape, x)
    fails("reshape: ", ops.reshape, x, {shape = {5}})
    fails("sum: ", ops.sum, x, {keep = 1.5})
  end)

  it("put the scope in front of messages", function()
    fails("net/3: add: ", fmp.scope, "net", fmp.scope, "3", ops.add, x, fmp.zeros{4})
    -- and the scope is left, though it failed
    local message = fails("add: ", ops.add, x, fmp.zeros{4})
    assert.is_nil(message:find("net", 1, true))
  end)

  it("can be forced to their reference kernels", function()
    fmp.kernel("ref")
    local forced = ops.matmul(x, x, {transpose_b = true}):flat()
    fmp.kernel(nil)
    assert.same({14, 32, 32, 77}, forced)
  end)
end)

describe("plugins", function()
  it("are listed", function()
    local names = {}
    for _, plugin in ipairs(fmp.plugin.list()) do names[plugin.name] = plugin.path end
    assert.truthy(names.math)
    assert.truthy(names.cpu)
  end)

  it("that cannot be loaded are named", function()
    fails("fmp_nowhere.so", fmp.plugin.load, "/nowhere/fmp_nowhere.so")
    fails("no plugin 'mahth' in FMP_PLUGIN_PATH or the installed plugins", fmp.plugin.load, "mahth")
    fails("did you mean 'math'?", fmp.plugin.load, "mahth")
    fails("expected a path, got nil", fmp.plugin.load)
  end)
end)

describe("resources", function()
  it("of an unknown kind are refused by name", function()
    fails("no resource 'no_such_reader'", fmp.open, "no_such_reader", {path = "x"})
    fails("did you mean 'record_reader'?", fmp.open, "recrod_reader", {path = "x"})
  end)
end)
