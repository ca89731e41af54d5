-- SPDX-License-Identifier: Apache-2.0
-- The test helpers must themselves be able to fail.
local fmp = require "fmp"
local compare = require "tests.lua.compare"
local fails = require "tests.lua.fails"
local optest = require "tests.lua.optest"

describe("optest", function()
  it("makes the same values each time, apart where asked", function()
    for _, n in ipairs {1, 2, 10, 100} do
      local t = optest.random({n}, {apart = 1e-3})
      local values = t:flat()
      assert.same(values, optest.random({n}, {apart = 1e-3}):flat())
      table.sort(values)
      for i, value in ipairs(values) do
        assert.is_true(math.abs(value) >= 1e-3 and math.abs(value) <= 1)
        assert.is_true(i == 1 or value - values[i - 1] >= 1e-3)
      end
    end
    fails("do not fit", optest.random, {1000}, {apart = 0.1})
    assert.equal("f32", optest.random({2, 3}, {dtype = "f32"}).dtype)
  end)

  it("compares by shape, relative error, NaN and infinity", function()
    local function value(...) return {shape = {select("#", ...)}, data = {...}} end
    compare.list("x", value(1e6, 0 / 0, 1 / 0), value(1e6 + 1, 0 / 0, 1 / 0), 1e-5)
    fails("element 1 of [1]: expected 1, got 1.1", compare.list, "x", value(1), value(1.1), 1e-5)
    fails("element 2", compare.list, "x", value(1, 2), value(1, 0 / 0), 1e-5)
    fails("element 1", compare.list, "x", value(0 / 0), value(1), 1e-5)
    fails("element 1", compare.list, "x", value(1 / 0), value(-1 / 0), 1e-5)
    fails("expected shape [2], got [1]", compare.list, "x", value(1, 2), value(1), 1e-5)
  end)

  it("checks gradients against differences, and sees wrong ones", function()
    local x = optest.random({3, 2}, {apart = 1e-2})
    optest.gradient{op = "mul", inputs = {x, optest.random({2}, {seed = 2})}}
    -- With a step this wide the differences of x^3 are off by h^2: as if the gradient were.
    fails("d(loss)/d(input 1): element", optest.gradient,
          {op = "pow", inputs = {x, fmp.tensor(3, {dtype = "f64"})}, wrt = {1}, h = 0.5})
  end)

  it("asserts refusals", function()
    optest.fails{op = "add", inputs = {fmp.ones{2}, fmp.ones{3}}, match = "[3]"}
    fails("expected a refusal", optest.fails,
          {op = "add", inputs = {fmp.ones{2}, fmp.ones{2}}, match = ""})
    fails("expected the message to contain", optest.fails,
          {op = "add", inputs = {fmp.ones{2}, fmp.ones{3}}, match = "no such text"})
  end)
end)
