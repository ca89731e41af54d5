-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local shell = require "tests.lua.shell"

describe("devices", function()
  it("have a default, which is in the host's memory at first", function()
    local name = fmp.device()
    assert.equal("cpu:0", name)
    assert.equal(name, fmp.device("cpu"))
    assert.truthy(fmp.devices():find("cpu", 1, true))
    fails("did you mean 'cpu'?", fmp.device, "cpq")
    assert.equal(name, fmp.device())
  end)

  it("are chosen by FMP_DEVICE", function()
    local function default(name)
      return (shell.fmprun(".", "FMP_DEVICE=" .. name, "-e", "print(fmp.ones{1}.device)"))
    end
    assert.equal("null:0\n", default "null")
    assert.equal("cpu:0\n", default "")
    local text = default "cpuu"
    assert.truthy(text:find("FMP_DEVICE: no device 'cpuu'; did you mean 'cpu'?", 1, true), text)
  end)

  it("compute the same bits on any number of threads", function()
    local before = fmp.threads()
    local x = fmp.rand{64, 1000}
    local seen = {}
    for threads = 1, 4 do
      assert.equal(threads, fmp.threads(threads))
      assert.equal(threads, fmp.threads())
      seen[threads] = (x * 3 + x:exp()):sum{axes = 1}:bytes()
      assert.equal(seen[1], seen[threads])
    end
    fmp.threads(before)
    fails("expected 1 to 4096 threads, got 0", fmp.threads, 0)
    fails("expected 1 to 4096 threads, got 1.5", fmp.threads, 1.5)
  end)
end)

describe("random_state", function()
  it("is what draws go on from", function()
    fmp.seed(42)
    fmp.record(function() return fmp.randn{3} end)
    local state = fmp.random_state()
    assert.same({seed = 42, step = 1}, state)
    local function draw() return fmp.record(function() return fmp.randn{3} end):bytes() end
    local first, second = draw(), draw()
    assert.are_not.equal(first, second)
    fmp.random_state(state)
    assert.equal(first, draw())
    assert.equal(second, draw())
  end)

  it("refuses seeds that are no whole numbers", function()
    for seed, got in pairs {[-1] = "-1", [0.5] = "0.5", [2 ^ 53] = "9007199254740992", x = "'x'"} do
      fails("seed: expected a whole number from 0", fmp.seed, seed)
      fails("got " .. got, fmp.seed, seed)
    end
  end)
end)
