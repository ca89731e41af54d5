-- SPDX-License-Identifier: Apache-2.0
-- adam_all against adam, whose own values are tested in adam_spec.lua.
local fmp = require "fmp"
local optest = require "tests.lua.optest"
local together = require "plugins.optim.together"

local adam, adam_all = fmp.ops.adam, fmp.ops.adam_all
local MEMBERS = 4
local ranges = {{low = -1, high = 1}, {low = -2, high = 2}, {low = 0, high = 4},
                {low = -3, high = 3}}

local vector, check = together.vector, together.check

local settings = {}
for _, betas in ipairs{{0.9, 0.999}, {0, 0.5}, {0.5, 0}} do
  for _, weight_decay in ipairs{0, 0.1} do
    for _, decoupled in ipairs{false, true} do
      settings[#settings + 1] = {beta1 = betas[1], beta2 = betas[2], epsilon = 1e-8,
                                 weight_decay = weight_decay, decoupled = decoupled}
    end
  end
end

local function numbers(step) return {fmp.tensor(0.01 * step), fmp.tensor(step, {dtype = "i64"})} end

-- What three steps leave in all tensors.
local function updated_at_once(attrs, dtype, shapes)
  local groups = together.groups(shapes or together.shapes, dtype, ranges)
  for step = 1, 3 do together.call(adam_all, numbers(step), groups, MEMBERS, attrs) end
  return together.bytes(groups, MEMBERS)
end

local function updated_one_by_one(attrs, dtype, shapes)
  local groups = together.groups(shapes or together.shapes, dtype, ranges)
  for step = 1, 3 do
    local lr, count = unpack(numbers(step))
    for _, t in ipairs(groups) do adam(t[1], t[2], t[3], t[4], lr, count, attrs) end
  end
  return together.bytes(groups, MEMBERS)
end

describe("adam_all", function()
  -- Two copies of the case's tensors, with one of zeros between them.
  for number, case in ipairs(dofile(optest.here() .. "vectors.lua")) do
    it(("takes PyTorch's steps, case %d"):format(number), function()
      local tol, dtype = case.dtype == "f32" and 4e-6 or 1e-13, case.dtype
      local function zeros(n) return fmp.zeros{n, dtype = dtype} end
      local groups, n = {}, #case.w
      for i = 1, 3, 2 do groups[i] = {vector(case.w, dtype), zeros(n), zeros(n)} end
      groups[2] = {zeros(3), zeros(3), zeros(3), zeros(3)}
      for step, s in ipairs(case.steps) do
        groups[1][4], groups[3][4] = vector(s.g, dtype), vector(s.g, dtype)
        local first = {fmp.tensor(s.lr, {dtype = "f64"}), fmp.tensor(step, {dtype = "i64"})}
        together.call(adam_all, first, groups, MEMBERS, case.attrs)
        for i = 1, 3, 2 do
          check(s.w, groups[i][1], tol)
          check(s.m, groups[i][2], tol)
          check(s.v, groups[i][3], tol)
        end
      end
      assert.same({0, 0, 0}, groups[2][1]:flat())
    end)
  end

  it("equals adam on each tensor bit for bit, in every setting", function()
    for _, dtype in ipairs{"f32", "f64"} do
      for _, attrs in ipairs(settings) do
        assert.same(updated_one_by_one(attrs, dtype), updated_at_once(attrs, dtype))
      end
    end
  end)

  it("takes a single tensor, and tensors that are all empty", function()
    for _, shapes in ipairs{{{5}}, {{0}}, {{0}, {2, 0}}, {{}, {0}, {}}} do
      assert.same(updated_one_by_one({}, "f32", shapes), updated_at_once({}, "f32", shapes))
    end
  end)

  it("gives the same bits on any number of threads", function()
    for _, attrs in ipairs{{}, {weight_decay = 0.1, decoupled = true}} do
      local found = together.on_threads({1, 2, 3, 5}, function()
        return updated_at_once(attrs, "f32", together.many)
      end)
      local expected = updated_one_by_one(attrs, "f32", together.many)
      for i = 1, #found do assert.same(expected, found[i]) end
    end
  end)

  it("takes the step as any number", function()
    local found = {}
    for i, dtype in ipairs{"f32", "f64", "i32", "i64"} do
      local groups = together.groups({{3}, {2, 2}}, "f32", ranges)
      together.call(adam_all, {fmp.tensor(0.1), fmp.tensor(7, {dtype = dtype})}, groups, MEMBERS)
      found[i] = together.bytes(groups, MEMBERS)
    end
    for i = 2, #found do assert.same(found[1], found[i]) end
  end)

  it("updates in a plan, by a rate and a step that change", function()
    local function run(wrap)
      local w, m, s = vector{1, 2, 3}, vector{0, 0, 0}, vector{0, 0, 0}
      local v, n, q = vector{4}, vector{0}, vector{0}
      local f = wrap(function(g, h, lr, t)
        adam_all(lr, t, w, m, s, g, v, n, q, h)
        return w * 1, v * 1
      end)
      local seen = {}
      for i = 1, 4 do
        local a, b = f(vector{i, -i, 0.5}, vector{i}, fmp.tensor(0.1 / i), fmp.tensor(i))
        seen[i] = {a:flat(), b:flat()}
      end
      return seen
    end
    assert.same(run(function(f) return f end), run(fmp.compile))
  end)

  it("refuses what makes no step, and leaves all weights alone", function()
    local w, m, s, g = vector{1, 2}, vector{0, 0}, vector{0, 0}, vector{1, 1}
    local v, n, q, h = vector{3}, vector{0}, vector{0}, vector{1}
    local lr, t = fmp.tensor(0.1), fmp.tensor(1)
    local function fails(inputs, match, attrs)
      optest.fails{op = "adam_all", inputs = inputs, attrs = attrs, match = match}
      assert.same({{1, 2}, {3}, {0, 0}, {0}, {0, 0}, {0}},
                  {w:flat(), v:flat(), m:flat(), n:flat(), s:flat(), q:flat()})
    end
    local count = "expected 6 inputs or a multiple of 4 more "
                  .. "(lr, step, w!..., m!..., v!..., g...) -> (), got "
    fails({lr, t}, count .. 2)
    fails({lr, t, w, m, s}, count .. 5)
    fails({lr, t, w, m, s, g, v, n, q}, count .. 9)
    fails({lr, t, w, m, s, g, v, false, q, h}, "input m is missing")
    fails({lr, t, w, m, s, g, v, n, q, g}, "expected g2 of w2's shape f32 [1], got f32 [2]")
    fails({lr, t, w, m, s, g, v, vector{0, 0}, q, h},
          "expected m2 of w2's shape f32 [1], got f32 [2]")
    fails({lr, t, w, m, vector{0}, g, v, n, q, h}, "expected v1 of w1's shape f32 [2], got f32 [1]")
    local function double() return vector({3}, "f64") end
    fails({lr, t, w, m, s, g, double(), double(), double(), double()},
          "expected w2 of w1's type: f32 [2], got f64 [1]")
    local function whole() return vector({1, 2}, "i64") end
    fails({lr, t, whole(), whole(), whole(), whole()}, "expected w1 of f32 or f64, got i64 [2]")
    fails({lr, t, w, m, s, g, v, n, n, h}, "expected m (input 8), which is written, to share no")
    fails({vector{0.1}, t, w, m, s, g}, "expected lr as a number (rank 0) of f32 or f64")
    fails({lr, vector{1}, w, m, s, g}, "expected step as a number (rank 0) of i32, i64, f32")
    for _, bad in ipairs{-0.1, 1 / 0, 0 / 0} do
      fails({fmp.tensor(bad), t, w, m, s, g, v, n, q, h}, "expected a finite lr of 0 or more, got ")
    end
    for _, bad in ipairs{0, -1, 0.5, 0 / 0} do
      fails({lr, fmp.tensor(bad), w, m, s, g, v, n, q, h}, "expected step of 1 or more, got ")
    end
    for name, values in pairs{beta1 = {-0.1, 1}, beta2 = {-0.1, 1, 0 / 0}, epsilon = {-1e-8},
                              weight_decay = {-1}} do
      for _, value in ipairs(values) do
        fails({lr, t, w, m, s, g}, ("attribute '%s'"):format(name), {[name] = value})
      end
    end
    fails({lr, t, w, m, s, g}, "no attribute 'beta'", {beta = 0.9})
  end)
end)
