-- SPDX-License-Identifier: Apache-2.0
-- Documentation out of the sources.
local fmp = require "fmp"
local doc = require "fmp.doc"

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

-- Whether a field of a module is something that users call or make objects of.
local function is_callable(value)
  return type(value) == "function" or type(value) == "table" and rawget(value, "kind") ~= nil
end

describe("doc", function()
  it("reads comments, names and parameters", function()
    local parsed = doc.parse(lines_of [[
-- SPDX
--- fmp.x: about the file.
--
--   an example

local M = {}

-- No documentation.
local function hidden() end

--- Adds.
-- Twice.
function M.add(a, b) return a + b + hidden() end
--- A method.
function M.Class:method() end

--- A class.
local Class = define "Kind"
--- A layer.
layer("Pool", "max_pool")
--- A value.
M.value = 1
--- The result.
return function(options) end]])
    assert.equal("fmp.x: about the file.\n\n  an example", parsed.text)
    local found = {}
    for i, entry in ipairs(parsed.entries) do
      found[i] = ("%s %s: %s"):format(entry.name, entry.params, entry.text)
    end
    assert.same({"M.add (a, b): Adds.\nTwice.", "M.Class:method (): A method.",
                 "Kind nil: A class.", "Pool nil: A layer.", "M.value nil: A value.",
                 "nil (options): The result."}, found)
  end)

  it("finds functions, methods, classes, layers and modules", function()
    assert.equal("Zeros: fmp.zeros{2, 3, dtype = \"f64\", device = \"cpu:0\"}.",
                 doc.of(fmp.zeros).text)
    assert.equal("(layout)", doc.of(fmp.zeros).params)
    assert.matches("^Convolution: Conv2d{out", doc.of(fmp.nn.Conv2d).text)
    assert.matches("^The maximum of each window", doc.of(fmp.nn.MaxPool{2}).text)
    assert.matches('^Sequential "name"', doc.of(fmp.nn.Sequential).text)
    assert.matches("^Adds layers", doc.of(fmp.nn.Sequential().add).text)
    assert.matches("^fmp.optim: optimizers", doc.of(fmp.optim).text)
    assert.matches("^fmp.evaluate.*\n\nevaluate{net =", doc.of(fmp.evaluate).text)
    assert.equal("(options)", doc.of(fmp.evaluate).params)
    for _, value in ipairs {print, string, function() end, 1, {}, fmp.zeros{1}} do
      assert.is_nil(doc.of(value))
    end
  end)

  it("finds by name what is no function", function()
    assert.equal("The engine's version.", doc.find("fmp.version").text)
    assert.equal("Zeros, the initial value of biases.", doc.find("fmp.nn.init.zeros").text)
    assert.is_nil(doc.find "fmp.no_such")
    assert.is_nil(doc.find "other.name")
  end)

  it("has something to say of all that is public", function()
    local count = 0
    for _, module in ipairs(doc.modules()) do
      assert(doc.find(module.name), module.name)
      local value = fmp
      for name in module.name:gmatch "%.([%w_]+)" do value = value[name] end
      for name, field in pairs(type(value) == "table" and value or {}) do
        if module.name ~= "fmp.ops" and is_callable(field) then
          count = count + 1
          assert(doc.find(module.name .. "." .. name), module.name .. "." .. name)
        end
      end
    end
    assert(count > 60, count .. " are public")
  end)

  it("summarises", function()
    assert.equal("Zeros of a shape", doc.summary "Zeros of\na shape. More.\n\nAnd more")
    assert.equal("After 1, 2, ... tests", doc.summary "fmp.x: After 1, 2, ... tests: these.")
    assert.equal("No full stop", doc.summary "No full stop")
  end)
end)
