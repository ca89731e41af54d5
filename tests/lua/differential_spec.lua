-- SPDX-License-Identifier: Apache-2.0
-- The cases of differential.lua: what must agree does, for seeds that are the same every time.
-- tests/nightly/differential.sh goes on from there.
local fmp = require "fmp"
local raw = require "fmp.ffi"
local differential = require "tests.lua.differential"

local CASES, GROUP = 2000, 100

describe("differential", function()
  for first = 1, CASES, GROUP do
    it(("cases %d to %d"):format(first, first + GROUP - 1), function()
      local failures = {}
      for seed = first, first + GROUP - 1 do
        local ok, message = pcall(differential.check, seed)
        if not ok then failures[#failures + 1] = tostring(message) end
      end
      collectgarbage()
      assert(#failures == 0, table.concat(failures, "\n"))
    end)
  end

  it("has cases of every op but those that read from resources", function()
    local seen, without = {}, differential.uncovered()
    for seed = 1, CASES do seen[differential.what(seed)] = true end
    for _, name in ipairs(raw.op_names()) do
      assert.is_true(seen[name] or without[name] ~= nil, name)
    end
    for name in pairs(without) do
      local takes = false
      for _, row in ipairs(fmp.ops[name].attrs) do takes = takes or row.kind % 16 == 6 end
      assert.is_true(takes, name)
    end
  end)

  it("sees what differs", function()
    local case = differential.case("add", 1)
    local honest, wrong = case.op, 0
    -- An op that gives something else each time it is called.
    case.op = setmetatable({}, {__index = honest, __call = function(_, ...)
      wrong = wrong + 1
      return honest(...) + wrong
    end})
    case.inputs = {fmp.ones{3}, fmp.ones{3}}
    local ok, message = pcall(differential.check_case, case)
    assert.is_false(ok)
    assert.truthy(tostring(message):find("chosen kernel, result 1: element 1", 1, true))
  end)
end)
