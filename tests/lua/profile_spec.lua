-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local shell = require "tests.lua.shell"
local fails = require "tests.lua.fails"

local profile = fmp.profile

local function node_named(plan, op)
  for _, node in ipairs(plan.nodes) do
    if node.op == op then return node end
  end
end

describe("profile", function()
  after_each(function()
    profile.stop()
    profile.clear()
  end)

  it("counts runs, time and work of each node of each plan", function()
    local w = fmp.randn{8, 2, 2, 3}
    local step = fmp.compile(function(x)
      return fmp.scope("net", function() return fmp.ops.conv2d(x, w):relu():sum() end)
    end, {rewrites = false})
    local x = fmp.randn{4, 6, 6, 3}
    step(x)
    profile.start()
    for _ = 1, 3 do step(x) end
    step(fmp.randn{2, 6, 6, 3})
    profile.stop()
    step(x)

    local plans = profile.plans()
    assert.equal(2, #plans)
    local plan = plans[1]
    assert.equal(3, plan.runs)
    assert.equal(1, plans[2].runs)
    assert.equal(3, #plan.nodes)

    local conv, relu = node_named(plan, "conv2d"), node_named(plan, "relu")
    assert.equal(3, conv.runs)
    assert.equal("net", conv.scope)
    assert.equal(2 * 4 * 5 * 5 * 8 * (2 * 2 * 3), conv.flops)
    assert.equal(4 * (4 * 6 * 6 * 3 + 8 * 2 * 2 * 3 + 4 * 5 * 5 * 8), conv.bytes)
    assert.equal(0, relu.flops)
    assert.equal(4 * 2 * (4 * 5 * 5 * 8), relu.bytes)
    local sum = 0
    for _, node in ipairs(plan.nodes) do
      assert.is_true(node.seconds > 0)
      sum = sum + node.seconds
    end
    assert.near(plan.seconds, sum, 1e-9)
  end)

  it("is empty before, and again after clear", function()
    assert.equal("no plan has run", profile.text())
    local twice = fmp.compile(function(x) return x * 2 end)
    profile.start()
    twice(fmp.ones{3})
    assert.truthy(profile.text():find("plan 1: 1 runs of ", 1, true))
    profile.clear()
    assert.equal("no plan has run", profile.text())
    fails("expected a plan that was measured, got 0",
          function() require("fmp.ffi.profile").node(1, 1) end)
  end)

  it("holds plans until clear, and nothing after", function()
    collectgarbage()
    local before = fmp.live_bytes()
    local twice = fmp.compile(function(x) return x * 2 end)
    profile.start()
    twice(fmp.ones{3}):free()
    profile.stop()
    twice:clear()
    collectgarbage()
    assert.is_true(fmp.live_bytes() > before)
    profile.clear()
    assert.equal(before, fmp.live_bytes())
  end)

  it("is reported by fmprun --profile, on stderr, also of a script that fails", function()
    local directory, remove = shell.scratch()
    local code = [[
      local f = fmp.compile(function(x) return x:exp():sum() end)
      for _ = 1, 5 do f(fmp.ones{10}) end
    ]]
    local output, status = shell.fmprun(directory, "", "--profile", "-e", code)
    assert.equal(0, status)
    assert.truthy(output:find("plan 1: 5 runs of [%d.]+ ms, 2 nodes\nby kernel\n"))
    assert.truthy(output:find("\n +[%d.]+ +[%d.]+ +%- +[%d.]+  exp/[%w_]+\n"))
    output, status = shell.fmprun(directory, "", "--profile", "-e", code .. " error 'enough'")
    assert.equal(1, status)
    assert.truthy(output:find("plan 1: 5 runs", 1, true))
    assert.truthy(output:find("enough", 1, true))
    remove()
  end)
end)
