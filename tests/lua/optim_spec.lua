-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
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
  for i, value in ipairs(expected) do
    assert.is_true(math.abs(value - got[i]) < 2e-6,
                   ("element %d: expected %.9g, got %.9g"):format(i, value, got[i]))
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
    {0.7167647, -2.566471, 3.283235, -0.06647053, 1, 1.783235, 1.858382},
    {0.5770171, -2.845966, 3.422983, -0.3459659, 1, 1.922983, 1.788509},
    {0.177009, -3.645982, 3.822991, -1.145982, 1, 2.322991, 1.588504},
  }
  -- The same, then Adam(lr = 0.1).
  local adam = {
    {0.9, -2.1, 3.1, 0.4, 1, 1.6, 1.9},
    {0.8281615, -2.171839, 3.171839, 0.3281615, 1, 1.671839, 1.828161},
    {0.7437276, -2.256272, 3.256272, 0.2437276, 1, 1.756272, 1.743728},
  }

  for name, run in pairs{recorded = recorded, compiled = fmp.compile} do
    it("shortens gradients as PyTorch does, in steps " .. name, function()
      local got = trained(optim.SGD{lr = 0.1, momentum = 0.9, nesterov = true, max_norm = 5}, run)
      for i, expected in ipairs(sgd) do close(expected, got[i]) end
      got = trained(optim.Adam{lr = 0.1, max_norm = 5}, run)
      for i, expected in ipairs(adam) do close(expected, got[i]) end
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
