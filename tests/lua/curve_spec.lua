-- SPDX-License-Identifier: Apache-2.0
-- 200 steps of a network of the paper's kind on drawn shapes: what makes steps faster must
-- not change what is learnt.
local fmp = require "fmp"
local shell = require "tests.lua.shell"

local nn = fmp.nn
local STEPS = 200

-- The same batches in the same order for every run.
local function batches()
  local directory, remove = shell.scratch()
  fmp.data.drawn.write(directory, "cifar", 400, 1, 1)
  local sizes = nn.fmp_sizes{layers = 3, ratio = 2 ^ 0.5}
  local queue = fmp.data.cifar{directory, "train"}:scale(1 / 128, -1)
    :center{sizes.input, sizes.input}:shuffle_batch{20, seed = 3}
  remove()
  return queue, sizes
end

-- The losses of STEPS steps. options: of compile; winograd: of the convolutions.
local function curve(options, winograd)
  fmp.seed(7)
  local queue, sizes = batches()
  local net, criterion = nn.Sequential "curve", nn.CrossEntropy()
  for i, out in ipairs(sizes) do
    net:add(nn.Conv2d{16 * i, kernel = 2, winograd = winograd}, nn.LeakyReLU(0.333),
            nn.FractionalMaxPool{out, overlapping = true, per = "sample"})
  end
  net:add(nn.Conv2d{10, kernel = 2}, nn.Flatten())
  local optimizer = fmp.optim.SGD{lr = 5e-3, momentum = 0.9, nesterov = true}
  local step = fmp.compile(function(x, y)
    local loss = criterion(net(x), y)
    optimizer:step(loss)
    return loss
  end, options)
  local losses = {}
  for i = 1, STEPS do losses[i] = step(queue:next()):item() end
  queue:close()
  return losses
end

-- The largest difference of two curves over their first `steps`.
local function difference(a, b, steps)
  local most = 0
  for i = 1, steps do most = math.max(most, math.abs(a[i] - b[i])) end
  return most
end

-- Losses fall from 2.6 to about 1.8. Rounding alone makes curves diverge: where another element
-- is the maximum, the gradient goes elsewhere. Tolerances are for the first 20 steps and for all
-- of them, several times the difference observed.
local runs = {
  {"fused and reordered", nil, "off", 1e-5, 0.03},
  {"in the transformed domain", nil, "exact", 1e-5, 0.03},
  {"in the transformed domain, op by op", {rewrites = false}, "exact", 1e-5, 0.03},
  {"with all transforms", nil, "fast", 1e-4, 0.03},
  {"in bf16", {precision = "bf16"}, "exact", 0.02, 0.06},
}

describe("the loss over 200 steps", function()
  local plain
  setup(function() plain = curve({rewrites = false}, "off") end)

  it("falls", function()
    local first, last = 0, 0
    for i = 1, 20 do first, last = first + plain[i] / 20, last + plain[STEPS + 1 - i] / 20 end
    assert.is_true(last < 0.85 * first, ("%g to %g"):format(first, last))
  end)

  it("is the same twice", function()
    assert.equal(0, difference(plain, curve({rewrites = false}, "off"), STEPS))
  end)

  for _, run in ipairs(runs) do
    local name, options, winograd, early, whole = unpack(run, 1, 5)
    it("is the same " .. name, function()
      local losses = curve(options, winograd)
      local first, all = difference(plain, losses, 20), difference(plain, losses, STEPS)
      assert(first <= early and all <= whole,
             ("differs by %g in 20 steps, by %g in %d"):format(first, all, STEPS))
    end)
  end
end)
