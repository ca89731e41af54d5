-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"

describe("tensor", function()
  local nested = {{1, 2, 3}, {4, 5, 6}}

  it("keeps values, shape and type for every data type", function()
    for _, dtype in ipairs {"f32", "f64", "bf16", "f16", "u8", "i32", "i64"} do
      local t = fmp.tensor(nested, {dtype = dtype})
      assert.same({2, 3}, t.shape)
      assert.same(nested, t:totable())
      assert.same({1, 2, 3, 4, 5, 6}, t:flat())
      assert.equal(dtype, t.dtype)
      assert.equal(2, t.rank)
      assert.equal(6, t.size)
      assert.equal("number", type(t:flat()[1]))
    end
  end)

  it("is f32 on the default device unless told otherwise", function()
    local t = fmp.tensor({1})
    assert.equal("f32", t.dtype)
    assert.equal(fmp.device(), t.device)
  end)

  it("holds numbers as rank 0", function()
    local t = fmp.tensor(2.5)
    assert.same({}, t.shape)
    assert.equal(2.5, t:item())
    assert.equal(2.5, t:totable())
    assert.equal(1, t.size)
  end)

  it("holds up to eight dimensions", function()
    local shape = {1, 2, 1, 2, 1, 2, 1, 2}
    local t = fmp.from_flat({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, shape)
    assert.same(shape, t.shape)
    assert.equal(16, t:totable()[1][2][1][2][1][2][1][2])
    fails("at most 8 dimensions", fmp.from_flat, {1}, {1, 1, 1, 1, 1, 1, 1, 1, 1})
  end)

  it("rounds f16 and bf16 to nearest, ties to even", function()
    local function through(dtype, values) return fmp.tensor(values, {dtype = dtype}):flat() end
    -- 1 + 2^-11 lies between 1 and 1 + 2^-10; 65504 is the largest f16, 2^-24 the least.
    assert.same({1, 1 + 2 ^ -9, 65504, math.huge, 2 ^ -24, 0, -2},
                through("f16", {1 + 2 ^ -11, 1 + 3 * 2 ^ -11, 65504, 65520, 2 ^ -24, 2 ^ -25, -2}))
    assert.same({1, 1 + 2 ^ -6, -math.huge, -3},
                through("bf16", {1 + 2 ^ -8, 1 + 3 * 2 ^ -8, -math.huge, -3}))
    for _, dtype in ipairs {"f16", "bf16"} do
      local nan = through(dtype, {0 / 0})[1]
      assert.is_true(nan ~= nan)
    end
  end)

  it("keeps whole numbers beyond 32 bits in i64", function()
    local values = {2 ^ 53, -2 ^ 53, 0, 2 ^ 40 + 1}
    assert.same(values, fmp.tensor(values, {dtype = "i64"}):flat())
  end)

  it("refuses what is not a tensor", function()
    fails("expected a list of 3 as element [2], got a list of 2", fmp.tensor, {{1, 2, 3}, {4, 5}})
    fails("expected a number as element [1][2], got a string", fmp.tensor, {{1, "x"}})
    fails("expected a number as element [2], got a list of 1", fmp.tensor, {1, {2}})
    fails("expected a number as all of it, got a nil", fmp.tensor, nil)
    fails("for u8, got 256", fmp.tensor, {256}, {dtype = "u8"})
    fails("for i32, got 0.5", fmp.tensor, {0.5}, {dtype = "i32"})
    fails("f32", fmp.tensor, {1}, {dtype = "f23"})
    fails("no option 'dtpye'; there are: device, dtype", fmp.tensor, {1}, {dtpye = "f32"})
    fails("expected a list of 6 numbers for [2,3], got 5", fmp.from_flat, {1, 2, 3, 4, 5}, {2, 3})
    fails("cpu", fmp.tensor, {1}, {device = "cpx"})
  end)

  it("makes zeros, ones and constants", function()
    assert.same({{0, 0}, {0, 0}}, fmp.zeros{2, 2}:totable())
    assert.same({1, 1, 1}, fmp.ones{3, dtype = "i32"}:totable())
    assert.same({0.5, 0.5}, fmp.full({2}, 0.5):totable())
    assert.equal("f64", fmp.zeros{2, dtype = "f64"}.dtype)
    assert.same({}, fmp.zeros{}.shape)
    fails("dimension 1 as a whole number from 0, got -1", fmp.zeros, {-1})
    fails("no option 'shape'", fmp.zeros, {2, shape = {3}})
  end)

  it("draws numbers with the moments and range that were asked for", function()
    fmp.seed(3)
    local normal, uniform = fmp.randn{40, 50, mean = 3, stddev = 2}:flat(), fmp.rand{2000}:flat()
    local sum, squares = 0, 0
    for _, value in ipairs(normal) do sum, squares = sum + value, squares + value ^ 2 end
    local mean = sum / #normal
    assert.is_true(math.abs(mean - 3) < 0.2)
    assert.is_true(math.abs(squares / #normal - mean ^ 2 - 4) < 0.6)
    for _, value in ipairs(uniform) do assert.is_true(value >= 0 and value < 1) end
    fmp.seed(3)
    assert.same(normal, fmp.randn{40, 50, mean = 3, stddev = 2}:flat())
  end)

  it("goes through bytes unchanged", function()
    local t = fmp.tensor(nested)
    assert.equal(t:bytes(), fmp.from_bytes(t:bytes(), {2, 3}):bytes())
    fails("24", fmp.from_bytes, "abc", {2, 3})
  end)

  it("can be overwritten", function()
    local t = fmp.tensor(nested)
    assert.same({{7, 7, 7}, {7, 7, 7}}, t:assign(7):totable())
    assert.same({{6, 5, 4}, {3, 2, 1}}, t:assign({{6, 5, 4}, {3, 2, 1}}):totable())
    assert.same({{0, 1, 2}, {3, 4, 5}},
                t:assign(fmp.tensor{{0, 1, 2}, {3, 4, 5}}):totable())
    fails("assign: expected f32 [2,3], got f32 [3,2]", t.assign, t, fmp.zeros{3, 2})
    fails("expected a list of 3 as element [1], got a list of 2", t.assign, t, {{1, 2}, {3, 4}})
  end)

  it("can be freed before the collector comes", function()
    local before = fmp.live_bytes()
    local t = fmp.zeros{1000, 1000}
    assert.is_true(fmp.live_bytes() >= before + 4e6)
    t:free()
    assert.is_true(fmp.live_bytes() < before + 4e6)
    fails("is empty", t.flat, t)
    assert.truthy(tostring(t):find("(emptied)", 1, true))
  end)

  it("calculates", function()
    local a, b = fmp.tensor({1, 2, 4}), fmp.tensor({4, 2, 1})
    assert.same({5, 4, 5}, (a + b):flat())
    assert.same({-3, 0, 3}, (a - b):flat())
    assert.same({4, 4, 4}, (a * b):flat())
    assert.same({0.25, 1, 4}, (a / b):flat())
    assert.same({-1, -2, -4}, (-a):flat())
    assert.same({1, 4, 16}, (a ^ 2):flat())
    assert.same({9, 8, 6}, (10 - a):flat())
    assert.same({0.5, 1, 2}, (a * 0.5):flat())
    assert.equal("f64", (fmp.tensor({1}, {dtype = "f64"}) + 1).dtype)
    assert.same({3, 4}, (fmp.tensor({1, 2}, {dtype = "i32"}) + 2):flat())
    fails("expected a whole number beside i32, got 0.5", function()
      return fmp.tensor({1}, {dtype = "i32"}) + 0.5
    end)
  end)

  it("has ops as methods, and its own members first", function()
    local t = fmp.tensor(nested)
    assert.equal(21, t:sum():item())
    assert.same({5, 7, 9}, t:sum{axes = 1}:flat())
    assert.same({2, 3}, t.shape)
    fails("transpose", function() return t:transpsoe() end)
    fails("no element [1]", function() return t[1] end)
    fails("no field 'shape' to set", function() t.shape = {6} end)
  end)

  it("goes to other devices and back", function()
    local t = fmp.tensor(nested)
    local there = t:to(fmp.device())
    assert.same(nested, there:totable())
    assert.equal(fmp.device(), there.device)
    fails("cpx", t.to, t, "cpx:0")
  end)

  it("has a name", function()
    local t = fmp.tensor({1})
    assert.is_nil(t.name)
    t.name = "weight"
    assert.equal("weight", t.name)
  end)

  it("prints its type, shape, device and values", function()
    local device = fmp.device()
    assert.equal("f32 [2,3] " .. device .. "\n[[1 2 3]\n [4 5 6]]", tostring(fmp.tensor(nested)))
    assert.equal("f64 [] " .. device .. " 0.5", tostring(fmp.tensor(0.5, {dtype = "f64"})))
    assert.equal("i32 [3] " .. device .. "\n[ -1   0 100]",
                 tostring(fmp.tensor({-1, 0, 100}, {dtype = "i32"})))
    assert.equal("i64 [2] " .. device .. "\n[10000000000          -1]",
                 tostring(fmp.tensor({1e10, -1}, {dtype = "i64"})))
    assert.equal("i64 [] " .. device .. " 1234567890",
                 tostring(fmp.tensor(1234567890, {dtype = "i64"})))
    for text, values in pairs {
      ["[0.0000 2.0000]"] = {1e-7, 2}, ["[1.0000e-07 2.0000e+03]"] = {1e-7, 2000},
      ["[0.5 0.1]"] = {0.5, 0.1}, ["[0.00125 0.02000]"] = {0.00125, 0.02},
      ["[nan inf 0.5]"] = {0 / 0, 1 / 0, 0.5},
    } do
      assert.equal("f32 [" .. #values .. "] " .. device .. "\n" .. text,
                   tostring(fmp.tensor(values)))
    end
    local long = tostring(fmp.zeros{100, 100})
    assert.truthy(long:find("[0 0 0 ... 0 0 0]", 1, true))
    assert.is_true(#long < 300)
  end)

  it("tells where a mistake is by the script's own line", function()
    local ok, message = pcall(function()
      local t = fmp.tensor({1, 2, 3})
      return (t + fmp.tensor({1, 2}))
    end)
    local line = debug.getinfo(1, "l").currentline - 2
    assert.is_false(ok)
    assert.equal("string", type(message))
    assert.truthy(message:find("tensor_spec.lua:" .. line .. ": add: ", 1, true), message)
  end)
end)
