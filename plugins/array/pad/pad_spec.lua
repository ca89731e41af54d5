-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

describe("pad", function()
  optest.vectors(optest.here())

  it("differentiates", function()
    local x = optest.random{2, 3, 2}
    local attrs = {before = {0, 1}, after = {1, 0, 2}}
    optest.gradient{op = "pad", inputs = {x},
                    attrs = {before = {0, 1}, after = {1, 0, 2}, value = 3}}
    optest.gradient{op = "pad_back", inputs = {optest.random({3, 4, 4}, {seed = 2}), x},
                    attrs = attrs, wrt = {1}}
  end)

  it("pads views of every type", function()
    for _, dtype in ipairs{"f32", "f64", "bf16", "f16", "u8", "i32", "i64"} do
      local x = fmp.tensor{{1, 2}, {3, 4}}:cast{dtype = dtype}:transpose()
      local y = x:pad{before = {0, 1}, after = {1}, value = 9}
      assert.equal(dtype, y.dtype)
      assert.same({{9, 1, 3}, {9, 2, 4}, {9, 9, 9}}, y:cast{dtype = "f32"}:totable())
    end
  end)

  it("pads with infinity and NaN, converted as by cast", function()
    local x = fmp.tensor{1, 2}
    assert.same({-1/0, 1, 2}, x:pad{before = 1, value = -1/0}:flat())
    local y = x:pad{after = 1, value = 0/0}:flat()
    assert.is_true(y[3] ~= y[3])
    assert.same({1, 2, 255}, x:cast{dtype = "u8"}:pad{after = 1, value = 1/0}:flat())
  end)

  it("leaves the batch open, gradients too", function()
    local step = fmp.compile(function(x)
      local y = x:pad{before = {0, 1}, after = {0, 2}}
      return fmp.gradients((y * y):sum(), {x})[1]
    end)
    for _, n in ipairs{1, 4, 2} do
      assert.same({n, 3}, step(fmp.ones{n, 3}).shape)
    end
  end)

  local x = fmp.zeros{2, 3}
  for name, case in pairs{
    ["a negative border"] = {{before = {-1}}, "before"},
    ["a negative border behind"] = {{after = {0, -1}}, "after"},
    ["more values than dimensions"] = {{after = {0, 0, 1}},
                                       "at most 2 values of after for x f32 [2,3], got 3"},
    ["a border near 2^63"] = {{before = {2^62}, after = {2^62}}, "dimension 1"},
    ["more memory than there can be"] = {{before = {2^40, 2^40}}, "["},
  } do
    it("refuses " .. name, function()
      optest.fails{op = "pad", inputs = {x}, attrs = case[1], match = case[2]}
    end)
  end

  it("refuses dy of another shape in pad_back", function()
    optest.fails{op = "pad_back", inputs = {fmp.zeros{2, 3}, x}, attrs = {before = {1}},
                 match = "expected dy of the padded x's shape f32 [3,3], got f32 [2,3]"}
  end)
end)
