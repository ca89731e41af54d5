-- SPDX-License-Identifier: Apache-2.0
-- Networks that scripts share, and the figures that benchmarks make.
local fmp = require "fmp"
local fails = require "tests.lua.fails"

-- Weights and biases of one of the paper's networks, in millions.
local function millions(paper, width)
  local count, last = 0, nil
  for _, c in ipairs(fmp.networks.convolutions{width = width, layers = paper.layers,
                                               ratio = paper.ratio,
                                               channels = paper.channels}) do
    count = count + (c.kernel ^ 2 * c.channels + 1) * c.filters
    last = c.filters
  end
  count = count + (last + 1) * paper.classes
  return count / 1e6
end

describe("networks.fmp", function()
  it("has the sizes of the paper's networks", function()
    local list, sizes = fmp.networks.convolutions{width = 32, layers = 6, ratio = 2 ^ (1 / 2)}
    assert.equal(36, sizes.input)
    local inputs, pooled, filters = {}, {}, {}
    for i, c in ipairs(list) do
      inputs[i], pooled[i], filters[i] = c.size, c.pooled, c.filters
    end
    assert.same({36, 25, 17, 11, 7, 4, 2, 1}, inputs)
    assert.same({25, 17, 11, 7, 4, 2}, pooled)
    assert.same({32, 64, 96, 128, 160, 192, 224, 256}, filters)
    assert.equal(1, list[8].kernel)
  end)

  it("has as many parameters as the paper's networks", function()
    local paper = fmp.networks.paper
    assert.near(0.52, millions(paper.mnist, 32), 0.01)
    assert.near(12.8, millions(paper.cifar, 64), 0.05)
  end)

  it("is the network of those convolutions", function()
    local paper = fmp.networks.paper.mnist
    local net, sizes = fmp.networks.fmp{name = "m", width = 2, layers = paper.layers,
                                        ratio = paper.ratio, classes = 10}
    local x = fmp.randn{3, sizes.input, sizes.input, 1}
    local count = 0
    for _, w in ipairs(net:build(x):parameters()) do count = count + w.size end
    assert.near(millions(paper, 2) * 1e6, count, 0.5)
    assert.same({3, 10}, net(x).shape)
  end)

  it("says what is missing, and what it does not know", function()
    fails("networks: expected width", fmp.networks.fmp, {layers = 2, ratio = 1.5, classes = 2})
    fails("networks.fmp: no option 'widht'", fmp.networks.fmp, {widht = 2})
  end)
end)

describe("stats.median", function()
  it("is the middle, or between the two in the middle, and leaves the list", function()
    local list = {5, 1, 9}
    assert.equal(5, fmp.stats.median(list))
    assert.same({5, 1, 9}, list)
    assert.equal(3, fmp.stats.median{4, 100, 2, 1})
    assert.equal(7, fmp.stats.median{7})
  end)
end)
