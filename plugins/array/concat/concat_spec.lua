-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

describe("concat", function()
  optest.vectors(optest.here())

  it("differentiates", function()
    local a = optest.random{2, 3}
    local b, c = optest.random({2, 1}, {seed = 2}), optest.random({2, 2}, {seed = 3})
    optest.gradient{op = "concat", inputs = {a, b, c}, attrs = {axis = 2}}
    for index = 0, 2 do
      local dy = optest.random({2, 6}, {seed = 4})
      optest.gradient{op = "concat_back", inputs = {dy, a, b, c},
                      attrs = {axis = 2, index = index}, wrt = {1}}
    end
  end)

  it("differentiates by one input alone", function()
    local a, b = optest.random{2, 3}, optest.random({4, 3}, {seed = 2})
    optest.gradient{op = "concat", inputs = {a, b}, attrs = {axis = 1}, wrt = {2}}
  end)

  it("joins views of every type", function()
    for _, dtype in ipairs{"f32", "f64", "bf16", "f16", "u8", "i32", "i64"} do
      local x = fmp.tensor{{1, 2}, {3, 4}}:cast{dtype = dtype}
      local y = fmp.ops.concat(x:transpose(), x:slice{start = {1}}, {axis = 1})
      assert.equal(dtype, y.dtype)
      assert.same({{1, 3}, {2, 4}, {3, 4}}, y:cast{dtype = "f32"}:totable())
    end
  end)

  it("leaves the batch open where the batch is what is joined", function()
    local step = fmp.compile(function(a, b)
      local y = fmp.ops.concat(a, b, {axis = 1})
      return unpack(fmp.gradients((y * y):sum(), {a, b}))
    end)
    for _, n in ipairs{1, 3, 2} do
      local da, db = step(fmp.ones{n, 2}, fmp.full({n + 1, 2}, 3))
      assert.same({n, 2}, da.shape)
      assert.same({n + 1, 2}, db.shape)
      assert.equal(2 * 2 * n, da:sum():item())
      assert.equal(6 * 2 * (n + 1), db:sum():item())
    end
  end)

  it("takes many inputs", function()
    local xs, expected = {}, {}
    for i = 1, 100 do xs[i], expected[i] = fmp.tensor{i}, i end
    xs[101] = {axis = 1}
    assert.same(expected, fmp.ops.concat(unpack(xs)):flat())
  end)

  local x = fmp.zeros{2, 3}
  for name, case in pairs{
    ["other sizes beside the axis"] = {{x, fmp.zeros{3, 3}}, 2,
      "expected input 2 to be f32 [2,3] like the first, except in axis 2, got f32 [3,3]"},
    ["another rank"] = {{x, fmp.zeros{2}}, 1, "got f32 [2]"},
    ["another type"] = {{x, fmp.zeros{2, 3, dtype = "f64"}}, 1, "got f64 [2,3]"},
    ["axis 0"] = {{x}, 0, "expected an axis 1 to 2 or -2 to -1, got 0"},
    ["an axis beyond the last"] = {{x}, 3, "expected an axis 1 to 2 or -2 to -1, got 3"},
    ["numbers"] = {{fmp.tensor(1)}, 1, "expected an axis"},
  } do
    it("refuses " .. name, function()
      optest.fails{op = "concat", inputs = case[1], attrs = {axis = case[2]}, match = case[3]}
    end)
  end

  it("refuses an index or dy that does not fit in concat_back", function()
    optest.fails{op = "concat_back", inputs = {fmp.zeros{4, 3}, x, x},
                 attrs = {axis = 1, index = 2},
                 match = "expected index 0 to 1, got 2"}
    optest.fails{op = "concat_back", inputs = {fmp.zeros{5, 3}, x, x},
                 attrs = {axis = 1, index = 0},
                 match = "expected dy of the concatenation's shape f32 [4,3], got f32 [5,3]"}
  end)
end)
