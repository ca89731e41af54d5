-- SPDX-License-Identifier: Apache-2.0
-- sgd_all against sgd, whose own values are tested in sgd_spec.lua.
local fmp = require "fmp"
local optest = require "tests.lua.optest"
local together = require "plugins.optim.together"

local sgd, sgd_all = fmp.ops.sgd, fmp.ops.sgd_all
local W, M, G, MEMBERS = 1, 2, 3, 3
local ranges = {{low = -1, high = 1}, {low = -2, high = 2}, {low = -3, high = 3}}

local vector, check = together.vector, together.check

local settings = {}
for _, momentum in ipairs{0, 0.5, 0.99} do
  for _, nesterov in ipairs{false, true} do
    for _, weight_decay in ipairs{0, 0.1} do
      if momentum > 0 or not nesterov then
        settings[#settings + 1] = {momentum = momentum, nesterov = nesterov,
                                   weight_decay = weight_decay}
      end
    end
  end
end

local function groups_for(attrs, dtype, shapes)
  return together.groups(shapes or together.shapes, dtype, ranges, {[M] = attrs.momentum == 0})
end

-- What three steps leave in all tensors.
local function updated_at_once(attrs, dtype, shapes)
  local groups = groups_for(attrs, dtype, shapes)
  for i = 1, 3 do together.call(sgd_all, {fmp.tensor(0.3 / i)}, groups, MEMBERS, attrs) end
  return together.bytes(groups, MEMBERS)
end

local function updated_one_by_one(attrs, dtype, shapes)
  local groups = groups_for(attrs, dtype, shapes)
  for i = 1, 3 do
    for _, t in ipairs(groups) do sgd(t[W], t[M], t[G], fmp.tensor(0.3 / i), attrs) end
  end
  return together.bytes(groups, MEMBERS)
end

describe("sgd_all", function()
  -- Two copies of the case's tensors, with one of zeros between them.
  for number, case in ipairs(dofile(optest.here() .. "vectors.lua")) do
    it(("takes PyTorch's steps, case %d"):format(number), function()
      local tol, dtype = case.dtype == "f32" and 2e-6 or 1e-14, case.dtype
      local function m(n) return case.attrs.momentum > 0 and fmp.zeros{n, dtype = dtype} or nil end
      local groups, zeros = {}, fmp.zeros{3, dtype = dtype}
      for i = 1, 3 do groups[i] = {[W] = vector(case.w, dtype), [M] = m(#case.w)} end
      groups[2] = {[W] = zeros, [M] = m(3), [G] = fmp.zeros{3, dtype = dtype}}
      for _, s in ipairs(case.steps) do
        groups[1][G], groups[3][G] = vector(s.g, dtype), vector(s.g, dtype)
        together.call(sgd_all, {fmp.tensor(s.lr, {dtype = "f64"})}, groups, MEMBERS, case.attrs)
        for i = 1, 3, 2 do
          check(s.w, groups[i][W], tol)
          if s.m then check(s.m, groups[i][M], tol) end
        end
      end
      assert.same({0, 0, 0}, zeros:flat())
    end)
  end

  it("equals sgd on each tensor bit for bit, in every setting", function()
    for _, dtype in ipairs{"f32", "f64"} do
      for _, attrs in ipairs(settings) do
        assert.same(updated_one_by_one(attrs, dtype), updated_at_once(attrs, dtype))
      end
    end
  end)

  it("takes a single tensor, and tensors that are all empty", function()
    for _, shapes in ipairs{{{5}}, {{0}}, {{0}, {2, 0}}, {{}, {0}, {}}} do
      local attrs = {momentum = 0.5}
      assert.same(updated_one_by_one(attrs, "f32", shapes), updated_at_once(attrs, "f32", shapes))
    end
  end)

  it("takes hundreds of tensors", function()
    local shapes = {}
    for i = 1, 300 do shapes[i] = {i % 7, 3} end
    local attrs = {momentum = 0.9, nesterov = true}
    assert.same(updated_one_by_one(attrs, "f32", shapes), updated_at_once(attrs, "f32", shapes))
  end)

  it("gives the same bits on any number of threads", function()
    for _, attrs in ipairs(settings) do
      local found = together.on_threads({1, 2, 3, 5}, function()
        return updated_at_once(attrs, "f32", together.many)
      end)
      local expected = updated_one_by_one(attrs, "f32", together.many)
      for i = 1, #found do assert.same(expected, found[i]) end
    end
  end)

  it("takes the rate as f32 or f64, whatever the weights are", function()
    for _, dtype in ipairs{"f32", "f64"} do
      for _, rate in ipairs{"f32", "f64"} do
        local w, v = vector({1, 2}, dtype), vector({3}, dtype)
        sgd_all(fmp.tensor(0.25, {dtype = rate}), w, nil, vector({4, 8}, dtype),
                v, nil, vector({4}, dtype))
        assert.same({{0, 0}, {2}}, {w:flat(), v:flat()})
      end
    end
  end)

  it("updates in a plan, by a rate that changes", function()
    local function run(wrap)
      local w, m, v, n = vector{1, 2, 3}, vector{0, 0, 0}, vector{4}, vector{0}
      local f = wrap(function(g, h, lr)
        sgd_all(lr, w, m, g, v, n, h, {momentum = 0.9, nesterov = true})
        return w * 1, v * 1
      end)
      local seen = {}
      for i = 1, 4 do
        local a, b = f(vector{i, -i, 0.5}, vector{i}, fmp.tensor(0.1 / i))
        seen[i] = {a:flat(), b:flat()}
      end
      return seen
    end
    assert.same(run(function(f) return f end), run(fmp.compile))
  end)

  it("runs after what read the weights and before what reads them next", function()
    local w, v = vector{1}, vector{10}
    local f = fmp.compile(function(g)
      local before = w + v
      sgd_all(fmp.tensor(1), w, nil, g, v, nil, g)
      return before, w + v
    end)
    for i = 0, 2 do
      local before, after = f(vector{1})
      assert.same({11 - 2 * i, 9 - 2 * i}, {before:item(), after:item()})
    end
  end)

  it("refuses what makes no step, and leaves all weights alone", function()
    local w, v, g, h = vector{1, 2}, vector{3}, vector{1, 1}, vector{1}
    local lr, m = fmp.tensor(0.1), vector{0, 0}
    local function fails(inputs, match, attrs)
      optest.fails{op = "sgd_all", inputs = inputs, attrs = attrs, match = match}
      assert.same({{1, 2}, {3}, {0, 0}}, {w:flat(), v:flat(), m:flat()})
    end
    local count = "expected 4 inputs or a multiple of 3 more (lr, w!..., m?!..., g...) -> (), got "
    fails({}, count .. 0)
    fails({lr}, count .. 1)
    fails({lr, w, false}, count .. 3)
    fails({lr, w, false, g, v}, count .. 5)
    fails({lr, w, false, g, v, false}, count .. 6)
    fails({lr, w, g, v, h}, count .. 5)
    fails({lr, false, false, g}, "input w is missing")
    fails({lr, w, false, g, v, false, false}, "input g is missing")
    fails({lr, w, false, g, v, false, g}, "expected g2 of w2's shape f32 [1], got f32 [2]")
    fails({lr, w, false, vector({1, 1}, "f64"), v, false, h},
          "expected g1 of w1's type: f32 [2], got f64 [2]")
    fails({lr, w, false, g, vector({3}, "f64"), false, vector({1}, "f64")},
          "expected w2 of w1's type: f32 [2], got f64 [1]")
    local function whole() return vector({1, 2}, "i32") end
    fails({lr, w, false, g, whole(), false, whole()}, "expected w2 of f32 or f64, got i32 [2]")
    fails({lr, w, m, g, v, false, h}, "expected m2 f32 [1] with momentum 0.5, got none",
          {momentum = 0.5})
    fails({lr, w, false, g, v, vector{0}, h}, "expected no m2 with momentum 0, got f32 [1]")
    fails({lr, w, m, g, v, vector{0, 0}, h}, "expected m2 of w2's shape f32 [1], got f32 [2]",
          {momentum = 0.5})
    fails({lr, w, false, g}, "expected momentum above 0 with nesterov, got 0", {nesterov = true})
    fails({lr, w, false, g, v, false, v}, "expected w (input 5), which is written, to share no")
    fails({vector{0.1}, w, false, g}, "expected lr as a number (rank 0) of f32 or f64, got f32 [1]")
    for _, bad in ipairs{-0.1, 1 / 0, 0 / 0} do
      fails({fmp.tensor(bad), w, false, g, v, false, h}, "expected a finite lr of 0 or more, got ")
    end
    for name, values in pairs{momentum = {-0.1, 1, 0 / 0}, weight_decay = {-1, 0 / 0}} do
      for _, value in ipairs(values) do
        fails({lr, w, false, g}, ("attribute '%s'"):format(name), {[name] = value})
      end
    end
    fails({lr, w, false, g}, "no attribute 'momentun'", {momentun = 0.9})
  end)
end)
