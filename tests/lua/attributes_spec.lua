-- SPDX-License-Identifier: Apache-2.0
-- Every attribute that is a number, of every op, at the ends of its range and beyond: either
-- the op refuses it by name, or gives what its formula, written down here once more, gives.
local fmp = require "fmp"
local raw = require "fmp.ffi"
local ops = fmp.ops

local F64, F64S = 3, 19 -- FMP_ATTR_F64, FMP_ATTR_F64S
local inf, nan = 1 / 0, 0 / 0

-- 1e39 and 1e-46 are numbers of f64 that f32 and bf16 turn into infinity and 0.
local values = {inf, -inf, nan, 1e300, -1e300, 1e39, -1e39, 1e-300, 1e-46, -0.0, 0, 0.5, -0.5, 1,
                1 - 2 ^ -52, 1e18, 3}

local types = {"f32", "f64", "bf16"}

local function vector(list, dtype) return fmp.from_flat(list, {#list}, dtype) end

-- -- formulas ----------------------------------------------------------------

local xs = {-3, -0.25, -0.0, 0, 0.25, 3, inf, -inf, nan}

local function leaky(x, slope)
  if x > 0 or x ~= x then return x end
  return slope == 0 and 0 or slope * x
end

local function leaky_back(dy, y, slope)
  if y > 0 then return dy end
  if slope == 0 then return y ~= y and dy or 0 end
  return slope * dy
end

local function map(f, ...)
  local lists, result = {...}, {}
  for i = 1, #lists[1] do
    result[i] = #lists == 1 and f(lists[1][i]) or f(lists[1][i], lists[2][i])
  end
  return result
end

local dys = {1, -2, 4, 1, inf, -inf, 0, 2, 1}

-- Pixels side by side, each a window of its own.
local function pixels(list, dtype) return fmp.from_flat(list, {1, 1, #list, 1}, dtype) end

local function ends(n)
  local list = {}
  for i = 0, n do list[i + 1] = i end
  return fmp.tensor(list, {dtype = "i32"})
end

local weights = {1, -2, 0, inf, -inf}
local gradients = {0.5, 1, -1, 2, 1}
local states = {0, 1, -1, 0.5, 2}
local squares = {0, 1, 2, 0.25, 4}
local LR = 0.125

-- For optimizers, the new w; momentum decides whether there is an m.
local function sgd(op, all)
  return function(attrs, dtype)
    local w, g, m = vector(weights, dtype), vector(gradients, dtype), nil
    local lr = fmp.tensor(LR, {dtype = "f64"})
    local momentum = attrs.momentum or 0
    if momentum ~= 0 then m = vector(states, dtype) end
    if all then ops[op](lr, w, m, g, attrs) else ops[op](w, m, g, lr, attrs) end
    return w:flat()
  end, function(attrs)
    local result, decay, momentum = {}, attrs.weight_decay or 0, attrs.momentum or 0
    for i, w in ipairs(weights) do
      local d = gradients[i] + (decay == 0 and 0 or decay * w)
      result[i] = w - LR * (momentum > 0 and momentum * states[i] + d or d)
    end
    return result
  end
end

local function adam(op, all)
  return function(attrs, dtype)
    local w, m = vector(weights, dtype), vector(states, dtype)
    local v, g = vector(squares, dtype), vector(gradients, dtype)
    local lr, step = fmp.tensor(LR, {dtype = "f64"}), fmp.tensor(2, {dtype = "i64"})
    if all then
      ops[op](lr, step, w, m, v, g, attrs)
    else
      ops[op](w, m, v, g, lr, step, attrs)
    end
    return w:flat()
  end, function(attrs)
    local result, decay = {}, attrs.weight_decay or 0
    local b1, b2, epsilon = attrs.beta1 or 0.9, attrs.beta2 or 0.999, attrs.epsilon or 1e-8
    for i, w in ipairs(weights) do
      local g = gradients[i] + (decay == 0 and 0 or decay * w)
      local m, v = b1 * states[i] + (1 - b1) * g, b2 * squares[i] + (1 - b2) * g * g
      result[i] = w - LR * (m / (1 - b1 ^ 2)) / (math.sqrt(v / (1 - b2 ^ 2)) + epsilon)
    end
    return result
  end
end

local function filled(make)
  return make, function(attrs) return {attrs.value, attrs.value, attrs.value} end
end

-- For draws, of which only the range is known.
local function within(op, range)
  return function(attrs, dtype)
    attrs.shape, attrs.dtype = {500}, dtype
    return ops[op](attrs):flat()
  end, range
end

local function uniform_range(attrs) return attrs.low or 0, attrs.high or 1 end
local function normal_range(widths)
  return function(attrs)
    local mean, stddev = attrs.mean or 0, attrs.stddev == nil and 1 or attrs.stddev
    return mean - widths * stddev, mean + widths * stddev
  end
end

-- op -> what it gives with attributes in a type; what it must give: a list, or two ends.
local formulas = {
  leaky_relu = {function(attrs, dtype) return ops.leaky_relu(vector(xs, dtype), attrs):flat() end,
                function(attrs) return map(function(x) return leaky(x, attrs.slope) end, xs) end},
  leaky_relu_back = {function(attrs, dtype)
    return ops.leaky_relu_back(vector(dys, dtype), vector(xs, dtype), attrs):flat()
  end, function(attrs)
    return map(function(dy, y) return leaky_back(dy, y, attrs.slope) end, dys, xs)
  end},
  -- Finite numbers only: infinity and NaN may be lost with slope 0.
  conv2d = {function(attrs, dtype)
    local w = fmp.ones{1, 1, 1, 1, dtype = dtype}
    return ops.conv2d(pixels({-3, -0.25, 0, 2}, dtype), w, nil, attrs):flat()
  end, function(attrs)
    return map(function(x) return leaky(x, attrs.slope) end, {-3, -0.25, 0, 2})
  end},
  fractional_max_pool = {function(attrs, dtype)
    return ops.fractional_max_pool(pixels(xs, dtype), ends(1), ends(#xs), attrs):flat()
  end, function(attrs)
    return map(function(x) return attrs.slope == 1 and x or leaky(x, attrs.slope) end, xs)
  end},
  fractional_max_pool_back = {function(attrs, dtype)
    local argmax = fmp.zeros{1, 1, #xs, 1, dtype = "u8"}
    local y = attrs.slope ~= 1 and pixels(xs, dtype) or nil
    return ops.fractional_max_pool_back(pixels(dys, dtype), argmax, ends(1), ends(#xs),
                                        pixels(xs, dtype), y, attrs):flat()
  end, function(attrs)
    return map(function(dy, y)
      return attrs.slope == 1 and dy or leaky_back(dy, y, attrs.slope)
    end, dys, xs)
  end},
  sgd = {sgd "sgd"}, sgd_all = {sgd("sgd_all", true)},
  adam = {adam "adam"}, adam_all = {adam("adam_all", true)},
  fill = {filled(function(attrs, dtype)
    attrs.shape, attrs.dtype = {3}, dtype
    return ops.fill(attrs):flat()
  end)},
  fill_like = {filled(function(attrs, dtype)
    return ops.fill_like(fmp.zeros{3, dtype = dtype}, attrs):flat()
  end)},
  pad = {filled(function(attrs, dtype)
    attrs.before = 3
    return ops.pad(fmp.zeros{0, dtype = dtype}, attrs):flat()
  end)},
  uniform = {within("uniform", uniform_range)},
  normal = {within("normal", normal_range(7))},
  truncated_normal = {within("truncated_normal", normal_range(2.001))},
  -- A walk by any u has steps of 2 and 3.
  fmp_regions = {function(attrs)
    attrs.out, attrs.mode = 4, "pseudorandom"
    local rows = ops.fmp_regions(fmp.zeros{1, 10, 10, 1}, attrs):flat()
    local steps = {}
    for i = 1, 4 do steps[i] = rows[i + 1] - rows[i] end
    return steps
  end, function() return 2, 3 end},
  -- Bytes are scaled once; the other attributes move pixels about.
  prepare_images = {function(attrs)
    local x = fmp.from_flat({0, 1, 2, 255}, {4, 1, 1, 1}, "u8")
    return ops.prepare_images(x, attrs):flat()
  end, function(attrs)
    return map(function(x) return x * (attrs.scale or 1) + (attrs.shift or 0) end,
               {0, 1, 2, 255})
  end, "f32"},
}

-- Which types an op has: all draws and rectifiers know bf16, optimizers do not.
local no_bf16 = {sgd = true, sgd_all = true, adam = true, adam_all = true}

-- -- comparison --------------------------------------------------------------

local tolerance = {f32 = 1e-5, f64 = 1e-12, bf16 = 2 ^ -7}

local function agree(want, got, tol)
  if want ~= want then return got ~= got end
  return want == got or math.abs(want) < inf and math.abs(want - got) <= tol * math.abs(want)
         or math.abs(want) < 1e-30 and math.abs(got) < 1e-30
end

local function check_list(want, got, dtype, what)
  want = vector(want, dtype):flat() -- as the type rounds it
  for i, value in ipairs(want) do
    assert.is_true(agree(value, got[i], tolerance[dtype]),
                   ("%s, element %d: expected %.9g, got %.9g"):format(what, i, value, got[i]))
  end
end

local function check_range(low, high, got, dtype, what)
  local tol = tolerance[dtype]
  for i, value in ipairs(got) do
    assert.is_true(value >= low - tol * math.abs(low) - 1e-30 and
                   value <= high + tol * math.abs(high) + 1e-30,
                   ("%s, element %d: %.9g is outside of %.9g to %.9g"):format(what, i, value, low,
                                                                            high))
  end
end

-- A refusal names the attribute and its limits; for draws, it says that low must not exceed high.
local function is_named(message, name)
  return message:find(name, 1, true) and message:find("expected", 1, true)
end

local function check(op, name, value, dtype)
  local make, formula = unpack(formulas[op])
  local what = ("%s{%s = %.17g} of %s"):format(op, name, value, dtype)
  local ok, got = pcall(make, {[name] = value}, dtype)
  if not ok then
    return assert.is_truthy(is_named(tostring(got), name), what .. ": " .. tostring(got))
  end
  assert.is_true(value == value, what .. ": NaN was taken")
  local want, high = formula{[name] = value}
  if high then return check_range(want, high, got, dtype, what) end
  check_list(want, got, dtype, what)
end

-- fill_like and pad take any number there is, NaN too.
local takes_any = {fill = true, fill_like = true, pad = true}

describe("the numbers among attributes", function()
  for _, op in ipairs(raw.op_names()) do
    for _, attr in ipairs(ops[op].attrs) do
      if attr.kind == F64 or attr.kind == F64S then
        it(("of %s are refused or meant: %s"):format(op, attr.name), function()
          assert(formulas[op], "no formula for " .. op .. ": give it one in attributes_spec.lua")
          for _, dtype in ipairs(types) do
            if not (dtype == "bf16" and no_bf16[op]) and
               (formulas[op][3] == nil or formulas[op][3] == dtype) then
              for _, value in ipairs(values) do
                if value == value or not takes_any[op] then check(op, attr.name, value, dtype) end
              end
            end
          end
        end)
      end
    end
  end
end)

describe("optimizers", function()
  it("step f64 parameters by rates of f64", function()
    for i, make in ipairs{fmp.optim.SGD, fmp.optim.Adam} do
      local w = fmp.parameter(fmp.tensor({1, 2}, {dtype = "f64"}))
      local optimizer = make{lr = 0.1}
      local step = fmp.compile(function(x)
        local loss = (w * x):sum()
        optimizer:step(loss)
        return loss
      end)
      step(fmp.tensor({0.5, -3}, {dtype = "f64"}))
      -- Adam's first step is lr along the sign of the gradient, but for epsilon.
      local want = i == 1 and {1 - 0.1 * 0.5, 2 + 0.1 * 3} or
                   {1 - 0.1 * 0.5 / (0.5 + 1e-8), 2 + 0.1 * 3 / (3 + 1e-8)}
      for k, value in ipairs(w:flat()) do assert.near(want[k], value, 1e-15) end
      optimizer:set_lr(0.3)
      local before = w:flat()
      fmp.record(function() optimizer:step((w * w):sum(), i == 1 and 0.7 or 0.3) end)
      if i == 1 then
        for k, value in ipairs(w:flat()) do
          assert.near(before[k] - 0.7 * 2 * before[k], value, 1e-15)
        end
      end
    end
  end)
end)
