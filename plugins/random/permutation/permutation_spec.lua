-- SPDX-License-Identifier: Apache-2.0
-- Seeds are fixed: a test that passes once passes always.
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local function permutation(n, seed)
  fmp.random_state{seed = seed or 1, step = 0}
  return fmp.ops.permutation{n = n}
end

-- Sum over cells of (count - expected)^2 / expected.
local function chi_square(counts, cells, expected)
  local sum, seen = 0, 0
  for _, count in pairs(counts) do
    sum = sum + (count - expected) ^ 2 / expected
    seen = seen + 1
  end
  return sum + (cells - seen) * expected
end

describe("permutation", function()
  it("has every number once", function()
    for _, n in ipairs{0, 1, 2, 3, 10, 1000, 5001} do
      local y = permutation(n)
      assert.equal("i64", y.dtype)
      assert.same({n}, y.shape)
      local values = y:flat()
      table.sort(values)
      local wrong = 0
      for i = 1, n do wrong = wrong + math.abs(values[i] - (i - 1)) end
      assert.equal(0, wrong)
    end
  end)

  it("gives each order of four equally often", function()
    local counts, runs = {}, 2400
    for seed = 1, runs do
      local order = table.concat(permutation(4, seed):flat(), " ")
      counts[order] = (counts[order] or 0) + 1
    end
    -- 23 degrees of freedom: beyond 49.7 once in a thousand
    assert.is_true(chi_square(counts, 24, runs / 24) < 49.7)
  end)

  it("puts each number at each place equally often", function()
    local counts, runs, n = {}, 2000, 10
    for seed = 1, runs do
      for place, value in ipairs(permutation(n, seed):flat()) do
        local cell = place * n + value
        counts[cell] = (counts[cell] or 0) + 1
      end
    end
    -- 81 degrees of freedom: beyond 126 once in a thousand
    assert.is_true(chi_square(counts, n * n, runs / n) < 126)
  end)

  it("is the same for a seed and step, another for others", function()
    assert.same(permutation(50, 3):flat(), permutation(50, 3):flat())
    assert.not_same(permutation(50, 3):flat(), permutation(50, 4):flat())
    local first = permutation(50, 3):flat()
    fmp.random_state{seed = 3, step = 1}
    assert.not_same(first, fmp.ops.permutation{n = 50}:flat())
  end)

  it("refuses impossible lengths", function()
    optest.fails{op = "permutation", attrs = {n = -1}, match = "n"}
    optest.fails{op = "permutation", attrs = {n = 2^32},
                 match = "expected n up to 4294967295, got 4294967296"}
    optest.fails{op = "permutation", match = "n"}
  end)
end)
