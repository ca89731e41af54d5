-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

local function f32(shape, seed) return optest.random(shape, {dtype = "f32", seed = seed}) end

-- Kernels that are prepared for a number of threads: oneDNN's, Winograd's, matrix products.
local cases = {
  {name = "conv2d 3x3", run = function(x, w) return ops.conv2d(x, w) end,
   inputs = {f32{4, 30, 30, 16}, f32({32, 3, 3, 16}, 2)}},
  {name = "conv2d 2x2", run = function(x, w) return ops.conv2d(x, w) end,
   inputs = {f32{20, 25, 25, 64}, f32({64, 2, 2, 64}, 2)}},
  {name = "conv2d_back_weights 3x3", run = function(x, dy, w)
    return ops.conv2d_back_weights(x, dy, w)
  end, inputs = {f32{4, 30, 30, 16}, f32({4, 28, 28, 32}, 2), f32({32, 3, 3, 16}, 3)}},
  {name = "conv2d_back_weights 2x2", run = function(x, dy, w)
    return ops.conv2d_back_weights(x, dy, w)
  end, inputs = {f32{20, 25, 25, 32}, f32({20, 24, 24, 32}, 2), f32({32, 2, 2, 32}, 3)}},
  {name = "conv2d_back_data 2x2", run = function(dy, w, x)
    return ops.conv2d_back_data(dy, w, x)
  end, inputs = {f32{20, 24, 24, 32}, f32({32, 2, 2, 32}, 2), f32({20, 25, 25, 32}, 3)}},
  {name = "matmul", run = function(a, b) return ops.matmul(a, b) end,
   inputs = {f32{100, 3000}, f32({3000, 50}, 2)}},
}

describe("another number of threads", function()
  local before
  setup(function() before = fmp.threads() end)
  teardown(function() fmp.threads(before) end)

  for _, case in ipairs(cases) do
    local function eager() return case.run(unpack(case.inputs)):bytes() end
    local compiled = fmp.compile(case.run)
    local function planned() return compiled(unpack(case.inputs)):bytes() end
    local function fresh() return fmp.compile(case.run)(unpack(case.inputs)):bytes() end

    it("is what ops and plans are prepared for anew: " .. case.name, function()
      local seen = {}
      for _, threads in ipairs{1, 2, 1, 3, 2} do
        fmp.threads(threads)
        local bits = fresh()
        assert(eager() == bits, ("%d threads: eager and a plan differ"):format(threads))
        assert(planned() == bits, ("%d threads: an old plan and a new one differ"):format(threads))
        assert(seen[threads] == nil or seen[threads] == bits,
               ("%d threads: not the bits of before"):format(threads))
        seen[threads] = bits
      end
    end)
  end

  -- Until fmp.threads is called, a process has OpenMP's own number of threads, two here.
  it("set before the first op is that op's", function()
    local shell = require "tests.lua.shell"
    local path, remove = shell.scratch()
    local lua = [[
      local fmp = require "fmp"
      fmp.threads(1)
      if %s then fmp.ones{3}:exp() end
      fmp.seed(1)
      local x, dy, w = fmp.randn{20, 25, 25, 32}, fmp.randn{20, 24, 24, 32}, fmp.randn{32, 2, 2, 32}
      local bytes, sum = fmp.ops.conv2d_back_weights(x, dy, w):bytes(), 0
      for i = 1, #bytes do sum = (sum * 31 + bytes:byte(i)) %% 2 ^ 40 end
      print(sum)]]
    local function run(first)
      local output, status = shell.fmprun(path, "OMP_NUM_THREADS=2", "-e", lua:format(first))
      assert(status == 0, output)
      return output
    end
    local without, with = run("false"), run("true")
    remove()
    assert.equal(with, without)
  end)
end)
