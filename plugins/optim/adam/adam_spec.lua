-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local adam = fmp.ops.adam

local function vector(list, dtype) return fmp.from_flat(list, {#list}, dtype) end

local function check(expected, t, tol)
  for i, got in ipairs(t:flat()) do
    if math.abs(expected[i] - got) > tol * math.max(1, math.abs(expected[i])) then
      assert.equal(expected[i], got, ("element %d"):format(i))
    end
  end
end

-- The rule in Lua, on lists; w, m and v change.
local function step(w, m, v, g, lr, t, a)
  for i = 1, #w do
    local d = a.decoupled and g[i] or g[i] + a.weight_decay * w[i]
    if a.decoupled then w[i] = w[i] * (1 - lr * a.weight_decay) end
    m[i] = a.beta1 * m[i] + (1 - a.beta1) * d
    v[i] = a.beta2 * v[i] + (1 - a.beta2) * d * d
    local mean, square = m[i] / (1 - a.beta1 ^ t), v[i] / (1 - a.beta2 ^ t)
    w[i] = w[i] - lr * mean / (math.sqrt(square) + a.epsilon)
  end
end

local function each_setting(visit)
  for _, betas in ipairs{{0.9, 0.999}, {0, 0.5}, {0.5, 0}} do
    for _, weight_decay in ipairs{0, 0.1} do
      for _, decoupled in ipairs{false, true} do
        visit{beta1 = betas[1], beta2 = betas[2], epsilon = 1e-8, weight_decay = weight_decay,
              decoupled = decoupled}
      end
    end
  end
end

describe("adam", function()
  local cases = dofile(optest.here() .. "vectors.lua")
  for number, case in ipairs(cases) do
    it(("takes PyTorch's steps, case %d"):format(number), function()
      local tol = case.dtype == "f32" and 4e-6 or 1e-13
      local n, dtype = #case.w, case.dtype
      local w = vector(case.w, dtype)
      local m, v = fmp.zeros{n, dtype = dtype}, fmp.zeros{n, dtype = dtype}
      for t, s in ipairs(case.steps) do
        adam(w, m, v, vector(s.g, dtype), fmp.tensor(s.lr, {dtype = "f64"}),
             fmp.tensor(t, {dtype = "i64"}), case.attrs)
        check(s.w, w, tol)
        check(s.m, m, tol)
        check(s.v, v, tol)
      end
    end)
  end

  it("is its rule for every size, shape and setting", function()
    for _, shape in ipairs{{}, {1}, {3}, {5, 7}, {0}, {8193}, {2, 3, 2, 2}} do
      each_setting(function(attrs)
        local w, g = optest.random(shape), optest.random(shape, {low = -3, high = 3, seed = 2})
        local m, v = w * 0, w * 0
        local ws, gs, ms, vs = w:flat(), g:flat(), m:flat(), v:flat()
        for t = 1, 3 do
          adam(w, m, v, g, fmp.tensor(0.01, {dtype = "f64"}), fmp.tensor(t, {dtype = "f64"}),
               attrs)
          step(ws, ms, vs, gs, 0.01, t, attrs)
        end
        check(ws, w, 1e-12)
        check(ms, m, 1e-12)
        check(vs, v, 1e-12)
        assert.same(gs, g:flat())
      end)
    end
  end)

  it("takes the step as any number", function()
    local found = {}
    for _, dtype in ipairs{"f32", "f64", "i32", "i64"} do
      local w, m, v = vector{1, 2}, vector{0.1, 0.2}, vector{0.3, 0.4}
      adam(w, m, v, vector{1, -1}, fmp.tensor(0.1), fmp.tensor(7, {dtype = dtype}))
      found[#found + 1] = w:flat()
    end
    for i = 2, #found do assert.same(found[1], found[i]) end
  end)

  it("updates in a plan, by a rate and a step that change", function()
    local function run(wrap)
      local w, m, v = vector{1, 2, 3}, vector{0, 0, 0}, vector{0, 0, 0}
      local f = wrap(function(g, lr, t)
        adam(w, m, v, g, lr, t)
        return w * 1
      end)
      local seen = {}
      for i = 1, 4 do
        seen[i] = f(vector{i, -i, 0.5}, fmp.tensor(0.1 / i), fmp.tensor(i)):flat()
      end
      return seen
    end
    assert.same(run(function(f) return f end), run(fmp.compile))
  end)

  it("gives the same bits on any number of threads", function()
    local before, found = fmp.threads(), {}
    for threads = 1, 2 do
      fmp.threads(threads)
      local shape = {3, 9001}
      local w, m, v = optest.random(shape, {dtype = "f32"}), fmp.zeros(shape), fmp.zeros(shape)
      adam(w, m, v, optest.random(shape, {dtype = "f32", seed = 2}), fmp.tensor(0.1),
           fmp.tensor(1))
      found[threads] = w:flat()
    end
    fmp.threads(before)
    assert.same(found[1], found[2])
  end)

  it("refuses what makes no step, and leaves w alone", function()
    local w, m, v, g = vector{1, 2}, vector{0, 0}, vector{0, 0}, vector{1, 1}
    local lr, t = fmp.tensor(0.1), fmp.tensor(1)
    local function fails(inputs, match, attrs)
      optest.fails{op = "adam", inputs = inputs, attrs = attrs, match = match}
      assert.same({1, 2}, w:flat())
    end
    fails({w, vector{0}, v, g, lr, t}, "expected m of w's shape f32 [2], got f32 [1]")
    fails({w, m, vector{0}, g, lr, t}, "expected v of w's shape f32 [2], got f32 [1]")
    fails({w, m, v, vector{0}, lr, t}, "expected g of w's shape f32 [2], got f32 [1]")
    fails({w, m, vector({0, 0}, "f64"), g, lr, t}, "expected v of w's type: f32 [2], got f64 [2]")
    local function whole() return vector({1, 2}, "i64") end
    fails({whole(), whole(), whole(), whole(), lr, t}, "expected w of f32 or f64, got i64 [2]")
    fails({w, m, m, g, lr, t},
          "expected m (input 2), which is written, to share no memory with v (input 3)")
    fails({w, m, v, g, vector{0.1}, t}, "expected lr as a number (rank 0) of f32 or f64")
    fails({w, m, v, g, lr, vector{1}}, "expected step as a number (rank 0) of i32, i64, f32")
    for _, bad in ipairs{-0.1, 1 / 0, 0 / 0} do
      fails({w, m, v, g, fmp.tensor(bad), t}, "expected a finite lr of 0 or more, got ")
    end
    for _, bad in ipairs{0, -1, 0.5, 0 / 0} do
      fails({w, m, v, g, lr, fmp.tensor(bad)}, "expected step of 1 or more, got ")
    end
    for name, values in pairs{beta1 = {-0.1, 1}, beta2 = {-0.1, 1, 0 / 0}, epsilon = {-1e-8},
                              weight_decay = {-1}} do
      for _, value in ipairs(values) do
        fails({w, m, v, g, lr, t}, ("attribute '%s'"):format(name), {[name] = value})
      end
    end
    fails({w, m, v, g, lr, t}, "no attribute 'beta'", {beta = 0.9})
  end)
end)
