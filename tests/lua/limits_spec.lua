-- SPDX-License-Identifier: Apache-2.0
--- Limits that the environment sets for the libraries below, and what the machine can give.
local shell = require "tests.lua.shell"

local sanitized = (os.getenv "FMP_SANITIZE" or "") ~= ""

-- What fmprun prints for a piece of Lua; it must end well.
local function run(environment, lua)
  local path, remove = shell.scratch()
  local output, status = shell.fmprun(path, environment, "-e", lua)
  remove()
  assert(status == 0, ("%s: status %s: %s"):format(environment, tostring(status), output))
  return output
end

local THREADS = [[local fmp = require "fmp" print(fmp.threads())]]
local CONVOLUTION = [[
  local fmp = require "fmp"
  local x, w = fmp.ones{4, 32, 32, 16}, fmp.ones{32, 2, 2, 16}
  print(fmp.threads(), fmp.ops.conv2d(x, w):sum():item())]]

describe("OMP_NUM_THREADS", function()
  it("counts up to 4096, as fmp.threads does", function()
    for _, count in ipairs{"4097", "100000", "2147483647", "99999999999999"} do
      local output = run("OMP_NUM_THREADS=" .. count, THREADS)
      assert.truthy(output:find("expected 1 to 4096 threads", 1, true), output)
      assert.truthy(output:find "%f[%d]4096\n$", output)
    end
    assert.equal("4096\n", run("OMP_NUM_THREADS=4096", THREADS))
  end)

  it("that is no number leaves the processors that there are", function()
    for _, count in ipairs{"0", "-3", "many", ""} do
      local output = run("OMP_NUM_THREADS=" .. count, THREADS)
      assert.truthy(tonumber(output:match "(%d+)\n$") >= 1, output)
    end
  end)

  it("gives way to OMP_THREAD_LIMIT", function()
    local output = run("OMP_THREAD_LIMIT=2 OMP_NUM_THREADS=100000", CONVOLUTION)
    assert.truthy(output:find "2\t7872512\n$", output)
    assert.equal("2\t2\n", run("OMP_THREAD_LIMIT=2 OMP_NUM_THREADS=2", [[
      local fmp = require "fmp" print(fmp.threads(), fmp.threads(8))]]))
  end)
end)

describe("an address space", function()
  it("too small for OpenBLAS leaves products to the reference", function()
    if sanitized then pending "sanitizers need more address space than that" return end
    local path, remove = shell.scratch()
    local lua = [[
      local fmp = require "fmp"
      print(fmp.ones{64, 64}:matmul(fmp.ones{64, 64}):sum():item())]]
    local taken = 0
    for _, megabytes in ipairs{120, 200, 300, 400, 500, 800, 2000} do
      local output, status = shell.shell(
        ("ulimit -v %d; cd %s; OMP_NUM_THREADS=2 timeout 120 %s -e %s"):format(
          megabytes * 1024, shell.quote(path), shell.quote(shell.program), shell.quote(lua)))
      assert(status == 0, ("%d MiB: status %s: %s"):format(megabytes, tostring(status), output))
      assert.truthy(output:find "262144\n$", output)
      local warned = output:find("no room for libopenblas.so.0", 1, true) ~= nil
      assert.is_true(warned == (output ~= "262144\n"), output)
      if not warned then taken = taken + 1 end
    end
    remove()
    assert.is_true(taken >= 1, "OpenBLAS was never opened")
  end)
end)
