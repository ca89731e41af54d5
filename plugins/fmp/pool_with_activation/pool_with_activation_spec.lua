-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local ops = fmp.ops

local SLOPE = 0.333
-- Numbers whose products are exact: sums do not depend on the order in which windows are added up
-- and multiplied, and the activation makes no two values equal.
local EXACT_SLOPE = 0.25

-- Zeros of both signs, infinities and NaN among the values, and more negative ones than not.
local function image(dtype)
  fmp.seed(3)
  local values = (fmp.randn{2, 9, 8, 37} - 1):flat()
  values[7], values[20], values[33], values[40], values[41] = 0, -0.0, math.huge, 0 / 0, -math.huge
  return fmp.from_flat(values, {2, 9, 8, 37}, dtype)
end

-- The same without values that make the loss and all gradients NaN.
local function image_of_numbers(dtype)
  fmp.seed(5)
  return (fmp.randn{2, 9, 8, 37} - 1):cast{dtype = dtype}
end

local function pool(x, attrs)
  attrs = attrs or {}
  local rows, cols = ops.fmp_regions(x, {out = 5, per = "sample", window = attrs.window})
  return ops.fractional_max_pool(x, rows, cols, attrs)
end

local orders = {
  ["pooling, then activation"] = function(x, slope, attrs)
    return ops.leaky_relu(pool(x, attrs), {slope = slope})
  end,
  ["activation, then pooling"] = function(x, slope, attrs)
    return pool(ops.leaky_relu(x, {slope = slope}), attrs)
  end,
}

local function has(text, op) return text:find(": " .. op .. " [", 1, true) ~= nil end

-- What a function gives with its rewrites and without, from the same draws.
local function both(f, x)
  local results, text = {}, nil
  for i, rewrites in ipairs {true, false} do
    fmp.seed(11)
    local compiled = fmp.compile(function(...) return fmp.scope("s", f, ...) end,
                                 {rewrites = rewrites})
    results[i] = {compiled(x)}
    text = text or compiled:text()
  end
  return results[1], results[2], text
end

describe("pool_with_activation", function()
  local function check(name, order, attrs, dtype)
    local title = ("%s, %s, %s"):format(name, attrs.window or "boundaries", dtype)

    it(title .. ": one op, the same bits", function()
      local got, want, text = both(function(x) return order(x, SLOPE, attrs) end, image(dtype))
      assert.equal(dtype, got[1].dtype)
      assert.equal(want[1]:bytes(), got[1]:bytes())
      assert.is_true(has(text, "fractional_max_pool"))
      assert.is_false(has(text, "leaky_relu"))
    end)

    it(title .. ": one op backward, the same gradients", function()
      -- Broadcast where gradients of that are summed: not in bf16.
      local w = fmp.parameter(dtype == "f32" and fmp.ones{37} or
                              fmp.ones{2, 9, 8, 37, dtype = dtype})
      local got, want, text = both(function(x)
        local loss = order(x * w, EXACT_SLOPE, attrs):square():mean()
        return loss, fmp.gradients(loss, {w})[1], fmp.gradients(loss, {x})[1]
      end, image_of_numbers(dtype))
      for i = 1, 3 do assert.equal(want[i]:bytes(), got[i]:bytes()) end
      assert.is_true(has(text, "fractional_max_pool_back"))
      assert.is_false(has(text, "leaky_relu") or has(text, "leaky_relu_back"))
    end)
  end

  for name, order in pairs(orders) do
    for _, attrs in ipairs {{overlapping = true}, {window = "fixed"}} do
      for _, dtype in ipairs {"f32", "bf16"} do check(name, order, attrs, dtype) end
    end
  end

  -- Left: name, function, whether leaky_relu must still be there.
  local left = {
    {"maxima that somebody else reads", function(x)
      local y = pool(x)
      return ops.leaky_relu(y, {slope = SLOPE}), y:sum()
    end},
    {"a pooling whose argmax is read", function(x)
      local y, argmax = pool(x, {outputs = 2})
      return ops.leaky_relu(y, {slope = SLOPE}), argmax:sum()
    end},
    {"a pooling that has a slope", function(x)
      return ops.leaky_relu(pool(x, {slope = 0.5}), {slope = SLOPE})
    end},
  }
  for _, case in ipairs(left) do
    it("leaves " .. case[1], function()
      local got, want, text = both(case[2], fmp.randn{2, 9, 8, 3})
      for i = 1, #want do assert.equal(want[i]:bytes(), got[i]:bytes()) end
      assert.is_true(has(text, "leaky_relu"))
      local _, poolings = text:gsub(": fractional_max_pool %[", "")
      assert.equal(1, poolings)
    end)
  end
end)
