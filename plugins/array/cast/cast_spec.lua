-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local DTYPES = {"f32", "f64", "bf16", "f16", "u8", "i32", "i64"}

describe("cast", function()
  optest.vectors(optest.here())

  it("gives the type that is asked for, from each to each", function()
    for _, from in ipairs(DTYPES) do
      for _, to in ipairs(DTYPES) do
        local x = fmp.tensor({{1, 2, 3}, {4, 5, 6}}, {dtype = "i32"}):cast{dtype = from}
        local y = x:cast{dtype = to}
        assert.equal(to, y.dtype)
        assert.same({{1, 2, 3}, {4, 5, 6}}, y:cast{dtype = "f64"}:totable())
      end
    end
  end)

  it("takes every bf16 and every f16 through f32 unchanged", function()
    local bytes = {}
    for i = 0, 65535 do bytes[i + 1] = string.char(i % 256, math.floor(i / 256)) end
    for _, case in ipairs{{"bf16", 0x7F80}, {"f16", 0x7C00}} do
      local dtype, infinity = case[1], case[2]
      local x = fmp.from_bytes(table.concat(bytes), {65536}, dtype)
      for _, wide in ipairs{"f32", "f64"} do
        local y = x:cast{dtype = wide}:cast{dtype = dtype}:bytes()
        for i = 0, 65535 do
          local expected = bytes[i + 1]
          local is_nan = i % 32768 > infinity
          local low, high = y:byte(2 * i + 1, 2 * i + 2)
          if is_nan then -- stays a NaN of its sign
            assert.is_true((high * 256 + low) % 32768 > infinity)
            assert.equal(i >= 32768, high >= 128)
          else
            assert.equal(expected, string.char(low, high))
          end
        end
      end
    end
  end)

  it("keeps or saturates what no double holds", function()
    -- -2^63, 2^63 - 1, 2^53 + 1, 2^62 + 2^54 + 1: least significant byte first
    local x = fmp.from_bytes("\0\0\0\0\0\0\0\128" .. ("\255"):rep(7) .. "\127"
                             .. "\1\0\0\0\0\0\32\0" .. "\1\0\0\0\0\0\64\64", {4}, "i64")
    assert.is_true(x:bytes() == x:cast{dtype = "i64"}:bytes())
    assert.same({-2^31, 2^31 - 1, 2^31 - 1, 2^31 - 1}, x:cast{dtype = "i32"}:flat())
    assert.same({0, 255, 255, 255}, x:cast{dtype = "u8"}:flat())
    assert.same({-2^63, 2^63, 2^53, 2^62 + 2^54}, x:cast{dtype = "f64"}:flat())
    -- halfway but for the last bit, which one rounding sees and two would not
    assert.same({-2^63, 2^63, 2^53, 2^62 + 2^55}, x:cast{dtype = "bf16"}:cast{dtype = "f64"}:flat())
    assert.same({-1/0, 1/0, 1/0, 1/0}, x:cast{dtype = "f16"}:cast{dtype = "f64"}:flat())
    local huge = fmp.tensor({1e30, -1e30, 2^63, -2^63, 0/0}, {dtype = "f64"}):cast{dtype = "i64"}
    assert.same({2^63, -2^63, 2^63, -2^63, 0}, huge:cast{dtype = "f64"}:flat())
  end)

  it("gives the reference's bits with every kernel", function()
    for _, n in ipairs{1, 15, 16, 17, 31, 33, 1000, 40000} do
      local x = optest.random({n}, {dtype = "f32", low = -300, high = 300})
      optest.kernels{op = "cast", inputs = {x}, attrs = {dtype = "bf16"}, tol = 0}
      optest.kernels{op = "cast", inputs = {x:cast{dtype = "bf16"}}, attrs = {dtype = "f32"},
                     tol = 0}
    end
  end)

  it("gives the same on one and on more threads", function()
    local threads = fmp.threads()
    local x = optest.random({70001}, {dtype = "f32", low = -300, high = 300})
    fmp.threads(1)
    local one = x:cast{dtype = "bf16"}:bytes()
    fmp.threads(math.max(2, threads))
    assert.is_true(one == x:cast{dtype = "bf16"}:bytes())
    fmp.threads(threads)
  end)

  it("differentiates between floats, in x's type", function()
    optest.gradient{op = "cast", inputs = {optest.random{2, 3}}, attrs = {dtype = "f64"}}
    for _, dtype in ipairs{"f32", "f64", "bf16", "f16"} do
      local x = fmp.tensor{1, 2, 3}:cast{dtype = dtype}
      local dx = fmp.record(function()
        return fmp.gradients((x:cast{dtype = "f64"} * 2):sum(), {x})[1]
      end)
      assert.equal(dtype, dx.dtype)
      assert.same({2, 2, 2}, dx:cast{dtype = "f64"}:flat())
    end
  end)

  it("passes no gradient through an integer", function()
    local x = fmp.tensor{1.5, 2.5}
    local dx = fmp.record(function()
      return fmp.gradients((x:cast{dtype = "i32"}:cast{dtype = "f32"} * x):sum(), {x})[1]
    end)
    assert.same({1, 2}, dx:flat())
  end)

  it("refuses a type that there is none of", function()
    optest.fails{op = "cast", inputs = {fmp.zeros{1}}, attrs = {dtype = "f31"}, match = "f31"}
    optest.fails{op = "cast", inputs = {fmp.zeros{1}}, match = "dtype"}
  end)
end)
