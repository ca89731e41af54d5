-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local sgd = fmp.ops.sgd

local function vector(list, dtype) return fmp.from_flat(list, {#list}, dtype) end

local function check(expected, t, tol)
  for i, got in ipairs(t:flat()) do
    if math.abs(expected[i] - got) > tol * math.max(1, math.abs(expected[i])) then
      assert.equal(expected[i], got, ("element %d"):format(i))
    end
  end
end

-- The rule in Lua, on lists; w and m change.
local function step(w, m, g, lr, a)
  for i = 1, #w do
    local d = g[i] + a.weight_decay * w[i]
    if a.momentum > 0 then
      m[i] = a.momentum * m[i] + d
      d = a.nesterov and d + a.momentum * m[i] or m[i]
    end
    w[i] = w[i] - lr * d
  end
end

local function each_setting(visit)
  for _, momentum in ipairs{0, 0.5, 0.99} do
    for _, nesterov in ipairs{false, true} do
      for _, weight_decay in ipairs{0, 0.1} do
        if momentum > 0 or not nesterov then
          visit{momentum = momentum, nesterov = nesterov, weight_decay = weight_decay}
        end
      end
    end
  end
end

describe("sgd", function()
  local cases = dofile(optest.here() .. "vectors.lua")
  for number, case in ipairs(cases) do
    it(("takes PyTorch's steps, case %d"):format(number), function()
      local tol = case.dtype == "f32" and 2e-6 or 1e-14
      local w = vector(case.w, case.dtype)
      local m = case.attrs.momentum > 0 and fmp.zeros{#case.w, dtype = case.dtype} or nil
      for _, s in ipairs(case.steps) do
        sgd(w, m, vector(s.g, case.dtype), fmp.tensor(s.lr, {dtype = "f64"}), case.attrs)
        check(s.w, w, tol)
        if m then check(s.m, m, tol) end
      end
    end)
  end

  it("is its rule for every size, shape and setting", function()
    for _, shape in ipairs{{}, {1}, {3}, {5, 7}, {0}, {8193}, {2, 3, 2, 2}} do
      each_setting(function(attrs)
        local w = optest.random(shape)
        local m = attrs.momentum > 0 and optest.random(shape, {low = -2, high = 2, seed = 3}) or nil
        local g = optest.random(shape, {low = -3, high = 3, seed = 2})
        local ws, ms, gs = w:flat(), m and m:flat(), g:flat()
        for _ = 1, 3 do
          sgd(w, m, g, fmp.tensor(0.3, {dtype = "f64"}), attrs)
          step(ws, ms, gs, 0.3, attrs)
        end
        check(ws, w, 1e-13)
        if m then check(ms, m, 1e-13) end
        assert.same(gs, g:flat())
      end)
    end
  end)

  it("takes the rate as f32 or f64, whatever the weights are", function()
    for _, dtype in ipairs{"f32", "f64"} do
      for _, rate in ipairs{"f32", "f64"} do
        local w = vector({1, 2}, dtype)
        sgd(w, nil, vector({4, 8}, dtype), fmp.tensor(0.25, {dtype = rate}))
        assert.same({0, 0}, w:flat())
      end
    end
  end)

  it("updates in a plan, by a rate that changes", function()
    local function run(wrap)
      local w, m = vector{1, 2, 3}, vector{0, 0, 0}
      local f = wrap(function(g, lr)
        sgd(w, m, g, lr, {momentum = 0.9, nesterov = true})
        return w * 1
      end)
      local seen = {}
      for i = 1, 4 do seen[i] = f(vector{i, -i, 0.5}, fmp.tensor(0.1 / i)):flat() end
      return seen
    end
    assert.same(run(function(f) return f end), run(fmp.compile))
  end)

  it("gives the same bits on any number of threads", function()
    each_setting(function(attrs)
      local before, found = fmp.threads(), {}
      for threads = 1, 2 do
        fmp.threads(threads)
        local shape = {3, 9001}
        local w = optest.random(shape, {dtype = "f32"})
        local m = attrs.momentum > 0 and optest.random(shape, {dtype = "f32", seed = 3}) or nil
        sgd(w, m, optest.random(shape, {dtype = "f32", seed = 2}), fmp.tensor(0.1), attrs)
        found[threads] = w:flat()
      end
      fmp.threads(before)
      assert.same(found[1], found[2])
    end)
  end)

  it("wants m with momentum, and only then", function()
    local w, g, lr = vector{1, 2}, vector{1, 1}, fmp.tensor(0.1)
    local function fails(m, attrs, match)
      optest.fails{op = "sgd", inputs = {w, m or false, g, lr}, attrs = attrs, match = match}
      assert.same({1, 2}, w:flat())
    end
    fails(nil, {momentum = 0.9}, "expected m f32 [2] with momentum 0.9, got none")
    fails(vector{0, 0}, {}, "expected no m with momentum 0, got f32 [2]")
    fails(nil, {nesterov = true}, "expected momentum above 0 with nesterov, got 0")
    fails(vector{0, 0, 0}, {momentum = 0.9}, "expected m of w's shape f32 [2], got f32 [3]")
  end)

  it("refuses what makes no step, and leaves w alone", function()
    local w, g = vector{1, 2}, vector{1, 1}
    local function fails(inputs, match, attrs)
      optest.fails{op = "sgd", inputs = inputs, attrs = attrs, match = match}
      assert.same({1, 2}, w:flat())
    end
    local lr = fmp.tensor(0.1)
    fails({w, false, vector{1}, lr}, "expected g of w's shape f32 [2], got f32 [1]")
    fails({w, false, vector({1, 1}, "f64"), lr}, "expected g of w's type: f32 [2], got f64 [2]")
    local function whole() return vector({1, 2}, "i32") end
    fails({whole(), false, whole(), lr}, "expected w of f32 or f64, got i32 [2]")
    fails({w, false, w, lr},
          "expected w (input 1), which is written, to share no memory with g (input 3)")
    fails({w, false, g, vector{0.1}},
          "expected lr as a number (rank 0) of f32 or f64, got f32 [1]")
    fails({w, false, g, fmp.tensor(1, {dtype = "i64"})},
          "expected lr as a number (rank 0) of f32 or f64, got i64 []")
    for _, bad in ipairs{-0.1, 1 / 0, 0 / 0} do
      fails({w, false, g, fmp.tensor(bad)}, "expected a finite lr of 0 or more, got ")
    end
    for name, values in pairs{momentum = {-0.1, 1, 0 / 0}, weight_decay = {-1, 0 / 0}} do
      for _, value in ipairs(values) do
        fails({w, false, g, lr}, ("attribute '%s'"):format(name), {[name] = value})
      end
    end
    fails({w, false, g, lr}, "no attribute 'momentun'", {momentun = 0.9})
  end)
end)
