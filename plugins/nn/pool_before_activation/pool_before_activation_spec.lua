-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local ops = fmp.ops

local activations = {
  relu = function(x) return ops.relu(x) end,
  ["leaky_relu 0.333"] = function(x) return ops.leaky_relu(x, {slope = 0.333}) end,
  ["leaky_relu 0.25"] = function(x) return ops.leaky_relu(x, {slope = 0.25}) end,
  ["leaky_relu 2"] = function(x) return ops.leaky_relu(x, {slope = 2}) end,
}

-- Rounds in bf16 so that neighbours become equal: another of them may get the gradient.
local makes_ties = {["leaky_relu 0.333"] = true}

local poolings = {
  max_pool = function(x) return ops.max_pool(x, {window = {3, 2}, stride = {2, 2}}) end,
  ["fractional_max_pool"] = function(x)
    local rows, cols = ops.fmp_regions(x, {out = 5, per = "sample"})
    return ops.fractional_max_pool(x, rows, cols, {overlapping = true})
  end,
  ["fractional_max_pool, fixed"] = function(x)
    local rows, cols = ops.fmp_regions(x, {out = 5, window = "fixed", pool = 2})
    return ops.fractional_max_pool(x, rows, cols, {window = "fixed", pool = 2})
  end,
}

-- No two values are equal; zeros of both signs, infinity and NaN among them.
local function image(dtype)
  fmp.seed(3)
  local x = fmp.randn{2, 9, 8, 5}
  local values = x:flat()
  values[7], values[20], values[33], values[40] = 0, -0.0, math.huge, 0 / 0
  return fmp.from_flat(values, {2, 9, 8, 5}, dtype)
end

local function position(text, op) return text:find(": " .. op .. " [", 1, true) or #text end

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

describe("pool_before_activation", function()
  local function check(pool_name, act_name, dtype)
    local pool, act = poolings[pool_name], activations[act_name]
    local name, act_op = pool_name:match "^[%w_]+", act_name:match "^[%w_]+"
    local title = ("%s of %s, %s, "):format(pool_name, act_name, dtype)

    it(title .. "gives the same bits, pooled first", function()
      local got, want, text = both(function(x) return pool(act(x)) end, image(dtype))
      assert.equal(dtype, got[1].dtype)
      assert.equal(want[1]:bytes(), got[1]:bytes())
      assert.is_true(position(text, name) < position(text, act_op))
    end)

    if dtype == "bf16" and makes_ties[act_name] then return end
    it(title .. "gives the same gradients", function()
      local values = fmp.randn{2, 9, 8, 5}:cast{dtype = dtype}
      -- Broadcast where gradients of that are summed: not in bf16.
      local w = fmp.parameter(dtype == "f32" and fmp.ones{5} or
                              fmp.ones{2, 9, 8, 5, dtype = dtype})
      local function step(x)
        local loss = pool(act(x * w)):square():mean()
        return loss, fmp.gradients(loss, {w})[1], fmp.gradients(loss, {x})[1]
      end
      local got, want, text = both(step, values)
      for i = 1, 3 do assert.equal(want[i]:bytes(), got[i]:bytes()) end
      assert.is_true(position(text, name) < position(text, act_op))
    end)
  end

  for pool_name in pairs(poolings) do
    for act_name in pairs(activations) do
      for _, dtype in ipairs{"f32", "bf16"} do check(pool_name, act_name, dtype) end
    end
  end

  it("leaves an activation that somebody else reads, and ones that may not commute", function()
    local function seen(x)
      local y = ops.relu(x)
      return ops.max_pool(y, {window = 2, stride = 2}), y:sum()
    end
    local got, want, text = both(seen, image())
    for i = 1, 2 do assert.equal(want[i]:bytes(), got[i]:bytes()) end
    assert.is_true(position(text, "relu") < position(text, "max_pool"))
    local function smooth_pool(x)
      return ops.max_pool(ops.sigmoid(x), {window = 2, stride = 2})
    end
    local _, _, smooth = both(smooth_pool, image())
    assert.is_true(position(smooth, "sigmoid") < position(smooth, "max_pool"))
  end)
end)
