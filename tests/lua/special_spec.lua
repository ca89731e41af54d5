-- SPDX-License-Identifier: Apache-2.0
-- Infinities, NaN of both signs, zeros of both signs, denormals and numbers at the ends of
-- their type: what rewrites make of chains of ops, and what attributes do.
local fmp = require "fmp"
local ops = fmp.ops

local inf, nan = 1 / 0, 0 / 0

-- A NaN whose sign is not that of nan: both come.
local special = {
  f32 = {inf, -inf, nan, -nan, 0, -0.0, 1e-45, -1e-45, 1e-39, -1e-39, 3.4e38, -3.4e38, 1, -1, 2.5},
  f64 = {inf, -inf, nan, -nan, 0, -0.0, 5e-324, -5e-324, 1e-310, -1e-310, 1.7e308, -1.7e308, 1, -1},
  bf16 = {inf, -inf, nan, -nan, 0, -0.0, 9.2e-41, -9.2e-41, 1e-38, -1e-38, 3.3e38, -3.3e38, 1, -1},
}

-- Images in which each window of four has four of these, in some order.
local function image(dtype, list, seed)
  local values, at = {}, seed
  for i = 1, 4 * 10 * 10 * 3 do
    at = (at * 16807) % 2147483647
    values[i] = list[at % #list + 1]
  end
  return fmp.from_flat(values, {4, 10, 10, 3}, dtype)
end

local poolings = {
  max_pool = function(x) return ops.max_pool(x, {window = 2, stride = 2}) end,
  fractional_max_pool = function(x)
    local rows = fmp.tensor({0, 2, 4, 6, 8, 10}, {dtype = "i32"})
    return ops.fractional_max_pool(x, rows, rows)
  end,
}

local slopes = {0, 1e-30, 0.333, 0.25, 1, 3, 3e38}

local activations = {relu = function(x) return ops.relu(x) end}
for _, slope in ipairs(slopes) do
  activations[("leaky_relu %g"):format(slope)] = function(x)
    return ops.leaky_relu(x, {slope = slope})
  end
end

local orders = {
  ["pooling of activation"] = function(pool, act, x) return pool(act(x)) end,
  ["activation of pooling"] = function(pool, act, x) return act(pool(x)) end,
}

-- Equal bits in f32 and f64. The bf16 of a denormal may be a zero of either sign.
local function same(dtype, want, got)
  if dtype ~= "bf16" then return assert.equal(want:bytes(), got:bytes()) end
  local a, b = want:flat(), got:flat()
  for i = 1, #a do assert.is_true(a[i] == b[i] or a[i] ~= a[i] and b[i] ~= b[i]) end
end

describe("rewrites", function()
  for pool_name, pool in pairs(poolings) do
    for act_name, act in pairs(activations) do
      for order_name, order in pairs(orders) do
        for dtype, values in pairs(special) do
          it(("keep special values: %s, %s, %s, %s"):format(order_name, pool_name, act_name,
                                                            dtype), function()
            local function f(x) return order(pool, act, x) end
            local rewritten, plain = fmp.compile(f), fmp.compile(f, {rewrites = false})
            for seed = 1, 5 do
              local x = image(dtype, values, seed)
              assert.equal(f(x):bytes(), plain(x):bytes())
              same(dtype, f(x), rewritten(x))
            end
          end)
        end
      end
    end
  end

  -- No two values that an activation makes equal in a window: each has one winner.
  local apart = {-inf, -1e30, -3, 1e-40, 5, 1e30, inf, nan, -1e-38}
  local function distinct(seed)
    local values, at = {}, seed
    for window = 0, 4 * 5 * 5 * 3 - 1 do
      local n, c = math.floor(window / 75), window % 3
      local row, column = math.floor(window / 15) % 5, math.floor(window / 3) % 5
      at = (at * 16807) % 2147483647
      for k = 0, 3 do
        local y, x = 2 * row + math.floor(k / 2), 2 * column + k % 2
        values[((n * 10 + y) * 10 + x) * 3 + c + 1] = apart[(at + k * (at % 2 + 1)) % #apart + 1]
      end
    end
    return fmp.from_flat(values, {4, 10, 10, 3})
  end

  for pool_name, pool in pairs(poolings) do
    for _, slope in ipairs{0.25, 2} do
      it(("keep gradients of special values: %s, slope %g"):format(pool_name, slope), function()
        local dy = image("f32", {1, -2, inf, -inf, nan, 0, 1e-45, 3e38}, 9)
        dy = dy:slice{size = {4, 5, 5, 3}}:copy()
        local function f(x)
          local y = pool(ops.leaky_relu(x, {slope = slope}))
          return fmp.gradients((y * dy):sum(), {x})[1]
        end
        for seed = 1, 5 do
          local x = distinct(seed)
          local want = fmp.compile(f, {rewrites = false})(x)
          assert.equal(want:bytes(), fmp.compile(f)(x):bytes())
          assert.equal(want:bytes(), fmp.record(f, x):bytes())
        end
      end)
    end
  end
end)
