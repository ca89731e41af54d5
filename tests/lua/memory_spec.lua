-- SPDX-License-Identifier: Apache-2.0
-- Long runs: the engine's memory stays exactly the same, and the process does not grow.
local fmp = require "fmp"
local failure = require "fmp.failure"
local raw = require "fmp.ffi"
local shell = require "tests.lua.shell"

local PAGE_BYTES = 4096

-- Resident bytes, or nil where they would say nothing: a sanitizer keeps what was freed.
local function resident()
  if (os.getenv "FMP_SANITIZE" or "") ~= "" then return nil end
  local file = io.open "/proc/self/statm"
  if not file then return nil end
  local pages = file:read("*a"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * PAGE_BYTES
end

-- Machine code that LuaJIT has made keeps alive the tensors that it was made with, until LuaJIT
-- drops it at some point: so it is dropped first.
local function settle()
  jit.flush()
  collectgarbage()
  collectgarbage()
  return fmp.live_bytes(), resident()
end

-- One loop for both parts, so that the second has no machine code of its own to make.
local function repeat_call(f, count)
  for _ = 1, count do f() end
end

local ROUNDS, TOLERANCE = 8, 1.02

-- Runs step `warm` times, then in rounds of `count`. No round may leave a byte with the
-- engine. The process may grow in a round, by a heap's or a compiler's own steps; a leak
-- grows in all of them.
local function runs_flat(step, warm, count)
  repeat_call(step, warm)
  local grown = {}
  for round = 1, ROUNDS do
    local live, process = settle()
    repeat_call(step, count)
    local live_after, process_after = settle()
    assert.equal(live, live_after)
    if not process then
      pending("resident size not checked: a sanitizer runs, or /proc/self/statm is not there")
    end
    if process_after <= TOLERANCE * process then return end
    grown[round] = ("%d to %d bytes"):format(process, process_after)
  end
  error("resident size grew in each round: " .. table.concat(grown, ", "))
end

-- Batches wait for Lua's collector, which reaches its pace only after thousands of steps: until
-- then the heap grows to its final size. Where that is not measured, a few are enough.
local WARM_QUEUE = resident() and 6000 or 200

local function make_step()
  local w = fmp.parameter(fmp.randn{32, 8})
  local optimizer = fmp.optim.SGD{lr = 1e-4, momentum = 0.9}
  local x = fmp.randn{16, 32}
  return function()
    local loss = (x:matmul(w):relu() * 2 - 1):square():mean()
    optimizer:step(loss)
    return loss
  end
end

describe("memory", function()
  it("is constant over 10,000 recorded steps", function()
    local step = make_step()
    runs_flat(function() fmp.record(step) end, 2000, 10000)
  end)

  it("is constant over 1,000 compiled steps", function()
    local step = fmp.compile(make_step())
    runs_flat(function() step() end, 200, 1000)
  end)

  -- All that the training scripts do in a step, in small.
  it("is constant over 2,000 steps of a network that a queue feeds", function()
    local directory, remove = shell.scratch()
    fmp.data.drawn.write(directory, "cifar", 80, 1, 1)
    local nn, sizes = fmp.nn, fmp.nn.fmp_sizes{layers = 2, ratio = 2}
    local train = fmp.data.cifar{directory, "train"}:scale(1 / 128, -1):augment{translate = 1}
      :center{sizes.input, sizes.input}:shuffle_batch{8}
    remove()
    local net, criterion = nn.Sequential "small", nn.CrossEntropy()
    for i, out in ipairs(sizes) do
      net:add(nn.Conv2d{4 * i, kernel = 2}, nn.LeakyReLU(0.333),
              nn.FractionalMaxPool{out, overlapping = true, per = "sample"}, nn.Dropout(0.1))
    end
    net:add(nn.Conv2d{10, kernel = 2}, nn.Flatten())
    local optimizer = fmp.optim.SGD{lr = 1e-3, momentum = 0.9, nesterov = true}
    local step = fmp.compile(function(x, y)
      local output = net(x)
      local loss = criterion(output, y)
      optimizer:step(loss)
      return loss, criterion:wrong(output, y)
    end)
    runs_flat(function()
      local loss, wrong = step(train:next())
      assert(loss:item() < 100 and wrong:item() <= 8)
    end, WARM_QUEUE, 2000)
    train:close()
  end)

  -- Of a network of all kinds of layers, by each optimizer.
  it("is allocated by a compiled step for its result only", function()
    local nn = fmp.nn
    for _, kind in ipairs{"SGD", "Adam"} do
      local net = nn.Sequential("net"):add(
        nn.Conv2d{4, kernel = 2}, nn.LeakyReLU(0.1), nn.FractionalMaxPool{5},
        nn.Conv2d{4, kernel = 2}, nn.MaxPool{2}, nn.Dropout(0.5), nn.Flatten(), nn.Linear(3))
      local optimizer, criterion = fmp.optim[kind]{lr = 0.01}, nn.CrossEntropy()
      local step = fmp.compile(function(x, y)
        local loss = criterion(net(x), y)
        optimizer:step(loss)
        return loss
      end)
      local x, y = fmp.randn{2, 8, 8, 3}, fmp.tensor({0, 2}, {dtype = "i32"})
      for _ = 1, 2 do step(x, y) end -- where a device captures, at the second run
      collectgarbage() -- so that both that follow find, or do not find, a tensor to reuse
      collectgarbage()
      raw.fail_allocation(-1)
      local loss = step(x, y)
      local made = raw.allocation_count()
      raw.fail_allocation(-1)
      local alike = fmp.tensor(0)
      assert.equal(raw.allocation_count(), made, kind)
      assert.equal(alike.dtype, loss.dtype)
    end
  end)

  it("is given back when compiled functions go", function()
    local function use()
      local step = fmp.compile(make_step())
      for _ = 1, 3 do step() end
    end
    runs_flat(use, 50, 100)
  end)

  it("does not grow by failures", function()
    local bad, x = fmp.zeros{3}, fmp.zeros{2}
    local function fail() return x + bad end
    local compiled = fmp.compile(fail)
    runs_flat(function()
      assert(not pcall(fail) and not pcall(fmp.record, fail) and not pcall(compiled))
    end, 100, 1000)
  end)

  -- A handler that makes garbage where the stack ends, a little further down by each argument,
  -- loses tensors or crashes.
  it("does not grow by stack overflows", function()
    local function deep(...) return 1 + deep(...) end
    local arguments = {1, 2, 3, 4, 5, 6, 7}
    runs_flat(function()
      for n = 0, #arguments do
        for _ = 1, 30 do fmp.ones{2} end
        local function overflow() return deep(unpack(arguments, 1, n)) end
        local ok, message = failure.call(xpcall, overflow)
        assert(not ok and message:find "stack overflow")
      end
    end, 5, 20)
  end)

  it("is collected before tensors pile up, though Lua sees none of their bytes", function()
    local most = 0
    for _ = 1, 400 do
      local t = fmp.zeros{1024, 1024} -- 4 MiB each
      most = math.max(most, fmp.live_bytes())
      assert(t)
    end
    assert.is_true(most < 300 * 2 ^ 20, ("held %d bytes"):format(most))
  end)
end)

-- A network with what a plain product lacks: kernels with prepared state and scratch
-- memory, draws, views, optional outputs, layers that make their parameters at first use.
local function make_network_step(optimizer)
  local nn = fmp.nn
  local net = nn.Sequential "net"
  net:add(nn.Conv2d{3, kernel = 3, padding = "same"}, nn.LeakyReLU(0.1), nn.FractionalMaxPool{5},
          nn.Conv2d{4, kernel = 2}, nn.ReLU(), nn.MaxPool{2}, nn.Dropout(0.5), nn.Flatten(),
          nn.Linear(3))
  local criterion = nn.CrossEntropy()
  return function(x, y)
    local loss = criterion(net(x), y)
    optimizer:step(loss)
    return loss
  end
end

local MOST_ALLOCATIONS = 20000

-- Runs f with allocation k failing. Whether there was one; then f must have failed.
local function fails_at(f, k)
  raw.fail_allocation(k)
  local ok, message = pcall(f, k)
  local made = raw.allocation_count()
  raw.fail_allocation(-1)
  assert.is_true(ok == (made <= k), ("allocation %d of %d failed, and the call %s"):format(
    k, made, ok and "succeeded" or "said: " .. tostring(message)))
  if ok then return false end
  assert.truthy(message:find("memory", 1, true), message)
  assert.equal("run", fmp.mode())
  assert.equal("", raw.scope_path())
  return true
end

-- Each allocation of f fails once. Afterwards `held` must be what it was, and f must run.
local function survives(f, held)
  for _ = 1, 3 do f(0) end
  settle()
  local before, k = held(), 0
  while fails_at(f, k) do
    f(k)
    settle()
    assert.equal(before, held(), ("bytes held after a failure at allocation %d"):format(k))
    k = k + 1
    assert.is_true(k < MOST_ALLOCATIONS)
  end
  assert.is_true(k > 100, ("only %d allocations failed"):format(k))
end

describe("a failure of each allocation of a training step", function()
  -- Thousands of steps this small only wait for each other's threads.
  local threads
  setup(function() threads = fmp.threads() fmp.threads(1) end)
  teardown(function() fmp.threads(threads) end)

  local function data(n) return fmp.ones{n, 8, 8, 2}, fmp.zeros{n, dtype = "i32"} end

  it("is an error each, recorded from nothing", function()
    local x, y = data(2)
    survives(function()
      fmp.record(make_network_step(fmp.optim.SGD{momentum = 0.9}), x, y)
    end, fmp.live_bytes)
  end)

  it("is an error each, compiled from nothing", function()
    local x, y = data(2)
    survives(function() fmp.compile(make_network_step(fmp.optim.Adam()))(x, y) end,
             fmp.live_bytes)
  end)

  -- Ops are prepared once for each shape and then cached: here they are not yet. What is
  -- cached comes and goes, so only tensors are counted.
  it("is an error each where shapes are new", function()
    local step = make_network_step(fmp.optim.SGD())
    survives(function(k) fmp.record(function() return step(data(1 + k % 50)) end) end,
             raw.tensor_bytes)
  end)
end)
