-- SPDX-License-Identifier: Apache-2.0
-- No op of this tree without tests: each is named in a spec beside it, and the gradient of
-- each differentiable one is held against finite differences there.
local fmp = require "fmp"
local raw = require "fmp.ffi"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The text of all specs of the plugins, and of those that take finite differences.
local function spec_texts()
  local all, differences = {}, {}
  local found = assert(io.popen "find plugins -name '*_spec.lua' | sort")
  for path in found:lines() do
    local text = read(path)
    all[#all + 1] = text
    if text:find("optest.gradient", 1, true) then differences[#differences + 1] = text end
  end
  found:close()
  return table.concat(all, "\n"), table.concat(differences, "\n")
end

-- As a word: "pad" is not in "padding", and "sum" not in "sum_to". Specs may go over a list
-- of names and put "_back" behind each.
local names
function names(text, op)
  local stem = op:match "^(.*)_back$"
  return text:find("%f[%w_]" .. op .. "%f[^%w_]") ~= nil
         or stem ~= nil and text:find('.. "_back"', 1, true) ~= nil and names(text, stem)
end

-- An op that reads no data has no gradient to be wrong.
local function reads_data(op)
  for _, input in ipairs(op.inputs) do
    if not input.spec_only then return true end
  end
  return false
end

-- Ops of this tree, not of a plugin that a test brings along.
local function is_ours(op)
  local directory = io.open("plugins/" .. op.plugin .. "/CMakeLists.txt")
  if directory then directory:close() end
  return directory ~= nil
end

describe("every op", function()
  local all, differences = spec_texts()
  for _, name in ipairs(raw.op_names()) do
    local op = fmp.ops[name]
    if is_ours(op) then
      it(name .. " is tested", function() assert.is_true(names(all, name)) end)
      if op.differentiable and reads_data(op) then
        it(name .. " is differentiated", function() assert.is_true(names(differences, name)) end)
      end
    end
  end
end)
