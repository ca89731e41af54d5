-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local compare = require "tests.lua.compare"
local fails = require "tests.lua.fails"
local optim, ops = fmp.optim, fmp.ops

-- Two parameters, and a step along gradients of scale * {1, 2, -1} and scale * {2, 0, -1, 0.5}:
-- together scale * 3.354 long.
local function problem(optimizer)
  local a, b = fmp.parameter(fmp.tensor{1, -2, 3}), fmp.parameter(fmp.tensor{{0.5, 1}, {1.5, 2}})
  local along_a, along_b = fmp.tensor{1, 2, -1}, fmp.tensor{{2, 0}, {-1, 0.5}}
  local function step(scale)
    local loss = ops.sum(a * along_a * scale) + ops.sum(b * along_b * scale)
    optimizer:step(loss)
    return loss
  end
  local function values()
    local list = a:flat()
    for _, value in ipairs(b:flat()) do list[#list + 1] = value end
    return list
  end
  return step, values
end

local function close(expected, got)
  assert.equal(#expected, #got)
  for i, values in ipairs(expected) do
    compare.list("step " .. i, {shape = {7}, data = values}, {shape = {7}, data = got[i]}, 5e-7)
  end
end

-- Of scales 4, 0.1 and 2 the middle one is not clipped.
local scales = {4, 0.1, 2}

local function trained(optimizer, run)
  local step, values = problem(optimizer)
  step = run(step)
  local after = {}
  for i, scale in ipairs(scales) do
    step(fmp.tensor(scale))
    after[i] = values()
  end
  return after
end

local function recorded(step)
  return function(scale) return fmp.record(step, scale) end
end

describe("max_norm", function()
  -- PyTorch 2.15: clip_grad_norm_([a, b], 5), then SGD(lr = 0.1, momentum = 0.9, nesterov = True).
  local sgd = {
    {0.716764748, -2.56647062, 3.28323531, -0.0664705336, 1, 1.78323531, 1.85838234},
    {0.577017069, -2.84596586, 3.42298293, -0.345965862, 1, 1.92298293, 1.78850853},
    {0.177008957, -3.64598203, 3.82299113, -1.14598215, 1, 2.32299113, 1.58850443},
  }
  -- The same, then Adam(lr = 0.1).
  local adam = {
    {0.899999976, -2.0999999, 3.0999999, 0.400000006, 1, 1.60000002, 1.89999998},
    {0.828161478, -2.17183852, 3.17183852, 0.328161478, 1, 1.67183852, 1.82816148},
    {0.743727624, -2.25627232, 3.25627232, 0.243727624, 1, 1.75627244, 1.74372756},
  }

  for name, run in pairs{recorded = recorded, compiled = fmp.compile} do
    it("shortens gradients as PyTorch does, in steps " .. name, function()
      close(sgd, trained(optim.SGD{lr = 0.1, momentum = 0.9, nesterov = true, max_norm = 5}, run))
      close(adam, trained(optim.Adam{lr = 0.1, max_norm = 5}, run))
    end)
  end

  it("leaves shorter gradients as they are, to the bit", function()
    local function run(max_norm)
      return trained(optim.SGD{lr = 0.1, momentum = 0.9, max_norm = max_norm}, fmp.compile)
    end
    assert.same(run(nil), run(13.5)) -- the longest is 4 * 3.354
    assert.not_same(run(nil), run(13.3))
  end)

  it("shortens what is longer than any f32 is to nothing, and zeros stay zeros", function()
    local w = fmp.parameter(fmp.tensor{1, 2})
    local optimizer = optim.SGD{lr = 0.1, max_norm = 5}
    local function loss(scale) optimizer:step(ops.sum(w * scale)) end
    fmp.record(loss, 1e30)
    assert.same({1, 2}, w:flat())
    fmp.record(loss, 0)
    assert.same({1, 2}, w:flat())
  end)

  it("takes the gradients of each data type for themselves", function()
    local a, b = fmp.parameter(fmp.tensor{1}), fmp.parameter(fmp.tensor({1}, {dtype = "f64"}))
    local optimizer = optim.SGD{lr = 1, max_norm = 5}
    fmp.record(function() optimizer:step(ops.sum(a * 3) + ops.sum(b * 4):cast{dtype = "f32"}) end)
    assert.same({-2}, a:flat())
    assert.same({-3}, b:flat())
  end)

  it("must be a number above 0", function()
    for _, wrong in ipairs{0, -1, "5", 0 / 0} do
      fails("SGD: expected max_norm as a number above 0, got " .. tostring(wrong), optim.SGD,
            {max_norm = wrong})
    end
    fails("Adam: expected max_norm as a number above 0, got true", optim.Adam, {max_norm = true})
  end)
end)
