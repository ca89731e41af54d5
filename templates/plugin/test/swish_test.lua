-- SPDX-License-Identifier: Apache-2.0
-- Run by ctest, or by hand:  FMP_PLUGIN_PATH=build fmprun test/swish_test.lua

local fmp = require "fmp"
local op = fmp.ops.swish

local function close(name, got, expected, tolerance)
  local error_now = math.abs(got - expected)
  -- Written so that a NaN fails.
  assert(error_now <= tolerance * math.max(1, math.abs(expected)),
         ("%s: expected %.9g, got %.9g"):format(name, expected, got))
end

local function formula(x, beta) return x / (1 + math.exp(-beta * x)) end

local points = {-30, -2, -0.5, 0, 0.25, 1, 3, 40}
local tolerance = {f32 = 1e-6, f64 = 1e-14}

for _, dtype in ipairs {"f32", "f64"} do
  for _, beta in ipairs {0.5, 1, 2} do
    local y = op(fmp.tensor(points, {dtype = dtype}), {beta = beta}):flat()
    for i, x in ipairs(points) do close("value", y[i], formula(x, beta), tolerance[dtype]) end
  end
end

-- The gradient against (f(x + h) - f(x - h)) / 2h, in f64.
local function loss(x) return op(x, {beta = 1.5}):sum() end
local dx = fmp.grad(loss, fmp.tensor(points, {dtype = "f64"})):flat()
local h = 1e-5
for i, x in ipairs(points) do
  close("gradient", dx[i], (formula(x + h, 1.5) - formula(x - h, 1.5)) / (2 * h), 1e-7)
end

-- A compiled function gives what eager execution gives, bit for bit.
local compiled = fmp.compile(function(x) return op(x, {beta = 2}) end, {rewrites = false})
local x = fmp.tensor(points)
assert(compiled(x):bytes() == op(x, {beta = 2}):bytes(), "compiled differs from eager")

-- Bad input is one clear message.
local ok, message = pcall(op, fmp.tensor({1, 2}, {dtype = "i32"}))
assert(not ok and message:find("expected x of f32 or f64", 1, true), message)

print "swish: ok"
