-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

describe("transpose", function()
  optest.vectors(optest.here())

  it("differentiates", function()
    local x = optest.random{2, 3, 4}
    for _, axes in ipairs{{}, {3, 1, 2}, {-1, -3, 2}, {2, 1, 3}} do
      optest.gradient{op = "transpose", inputs = {x}, attrs = {axes = axes}}
    end
  end)

  it("undoes itself by the inverse permutation", function()
    local x = optest.random({2, 3, 4, 5}, {dtype = "f32"})
    local y = x:transpose{axes = {4, 1, 3, 2}}:transpose{axes = {2, 4, 3, 1}}
    assert.same(x:totable(), y:totable())
  end)

  it("can be sliced, and sliced ones transposed", function()
    local x = fmp.tensor{{1, 2, 3}, {4, 5, 6}}
    assert.same({{2, 5}, {3, 6}}, x:transpose():slice{start = {1}}:totable())
    assert.same({{2, 5}, {3, 6}}, x:slice{start = {0, 1}}:transpose():totable())
  end)

  local x = fmp.zeros{2, 3}
  for name, case in pairs{
    ["an axis given twice"] = {{1, 1}, "expected each axis once, got 1 twice"},
    ["the same axis from both ends"] = {{2, -1}, "expected each axis once, got 2 twice"},
    ["too few axes"] = {{1}, "expected 2 axes or none for x f32 [2,3], got 1"},
    ["too many axes"] = {{1, 2, 3}, "expected 2 axes or none"},
    ["axis 0"] = {{0, 1}, "expected an axis 1 to 2 or -2 to -1, got 0"},
    ["an axis beyond the last"] = {{1, 3}, "expected an axis 1 to 2 or -2 to -1, got 3"},
  } do
    it("refuses " .. name, function()
      optest.fails{op = "transpose", inputs = {x}, attrs = {axes = case[1]}, match = case[2]}
    end)
  end
end)
