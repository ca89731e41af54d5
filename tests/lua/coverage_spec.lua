-- SPDX-License-Identifier: Apache-2.0
-- No op of this tree is without tests: each is named in a spec beside it, where the gradient of
-- each differentiable op is compared with finite differences, each kernel with the reference
-- kernel, and values with vectors from PyTorch, TensorFlow or NumPy.
local fmp = require "fmp"
local raw = require "fmp.ffi"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The files of the plugins that a pattern of find matches.
local function files(pattern)
  local list, found = {}, assert(io.popen(("find plugins -name '%s' | sort"):format(pattern)))
  for path in found:lines() do list[#list + 1] = path end
  found:close()
  return list
end

-- The text of all specs that use something, a plain text.
local function specs_with(use)
  local texts = {}
  for _, path in ipairs(files "*_spec.lua") do
    local text = read(path)
    if text:find(use, 1, true) then texts[#texts + 1] = text end
  end
  return table.concat(texts, "\n")
end

-- Ops with stored vectors: those named by a case, and the one of the directory where cases
-- name none. The script that made them lies beside them.
local function ops_with_vectors()
  local ops = {}
  for _, path in ipairs(files "vectors.lua") do
    assert(io.open((path:gsub("lua$", "py"))), "no script made " .. path):close()
    for _, case in ipairs(dofile(path)) do
      ops[case.op or path:match "([^/]+)/vectors.lua$"] = true
      if case.grads then ops[case.op .. "_back"] = true end
    end
  end
  return ops
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

-- conv2d_back_data and conv2d_back_weights have their vectors as gradients of conv2d, and
-- sgd_all takes the steps of sgd's.
local function has_vectors(vectors, op)
  return vectors[op] or vectors[op:match "^.*_back" or op:match "^(.*)_all$" or ""]
end

local function has_fast_kernel(op)
  for backend, name in op.kernels:gmatch "([%w_]+)/([%w_]+) priority" do
    if backend == "cpu" and name ~= "ref" then return true end
  end
  return false
end

-- Ops that give back their input bit for bit: their own specs test that.
local NEEDS_NO_VECTORS = {copy = true}

-- Ops of this tree, not of a plugin that a test brings along.
local function is_ours(op)
  local directory = io.open("plugins/" .. op.plugin .. "/CMakeLists.txt")
  if directory then directory:close() end
  return directory ~= nil
end

describe("every op", function()
  local all, differences = specs_with "", specs_with "optest.gradient"
  local comparisons, vectors = specs_with "optest.kernels", ops_with_vectors()
  for _, name in ipairs(raw.op_names()) do
    local op = fmp.ops[name]
    if is_ours(op) then
      it(name .. " is tested", function() assert.is_true(names(all, name)) end)
      if op.differentiable and reads_data(op) then
        it(name .. " is differentiated", function() assert.is_true(names(differences, name)) end)
      end
      if has_fast_kernel(op) then
        it(name .. " has its kernels compared", function()
          assert.is_true(names(comparisons, name))
        end)
      end
      if reads_data(op) and not NEEDS_NO_VECTORS[name] then
        it(name .. " has stored vectors", function()
          assert.truthy(has_vectors(vectors, name))
        end)
      end
    end
  end
end)
