-- SPDX-License-Identifier: Apache-2.0
-- What a device out of the host's reach is asked to do, and how often; see tests/plugin/far.
-- FMP_DEVICE is far here, and FAR_MODE "now", "later" or "recorded".
local fmp = require "fmp"
local ffi = require "ffi"
local fails = require "tests.lua.fails"
local in_batches = require "tests.lua.batches"
local nn, optim, ops = fmp.nn, fmp.optim, fmp.ops

ffi.cdef [[
  int setenv(const char *name, const char *value, int overwrite);
  int unsetenv(const char *name);
]]

local RECORDED = os.getenv "FAR_MODE" == "recorded"
local LATER = os.getenv "FAR_MODE" ~= "now"
local NAMES = {"allocs", "frees", "copies_in", "copies_out", "waits", "syncs", "kernels",
               "launches"}

local function counts()
  local found, values = {}, fmp.outside(function() return ops.far_counts():to("cpu"):flat() end)
  for i, name in ipairs(NAMES) do found[name] = values[i] end
  return found
end

-- What f has made the device do. Asking is itself a copy in and a copy out, which is taken off.
local function counted(f)
  local idle, before = counts(), counts()
  f()
  local after, did = counts(), {}
  for _, name in ipairs(NAMES) do did[name] = after[name] - 2 * before[name] + idle[name] end
  return did
end

local SIZE, CLASSES = 18, 3

-- Images and labels out of a list, made on the host.
local function batches(n_batches, n, bad_label)
  fmp.seed(5)
  local list = {}
  for i = 1, n_batches do
    local labels = {}
    for k = 1, n do labels[k] = (i + k) % CLASSES end
    if bad_label and i == 2 then labels[2] = bad_label end
    list[i] = {fmp.randn{n, SIZE, SIZE, 3}, fmp.tensor(labels, {dtype = "i32"})}
  end
  return in_batches(list)
end

local function network()
  return nn.Sequential("small"):add(
    nn.Conv2d{8, kernel = 3}, nn.FractionalMaxPool{ratio = 1.5}, nn.LeakyReLU{slope = 0.3},
    nn.Dropout(0.2), nn.Conv2d{16, kernel = 2}, nn.LeakyReLU{slope = 0.3}, nn.Flatten(),
    nn.Linear(CLASSES))
end

local function fit(changes)
  local options = {net = network(), loss = nn.CrossEntropy(), train = batches(4, 6), epochs = 2,
                   optim = optim.SGD{lr = 0.05, momentum = 0.9}, progress = "none", seed = 3,
                   log = function() end}
  for name, value in pairs(changes or {}) do options[name] = value end
  return fmp.fit(options), options.net
end

local function parameters(net)
  local all = {}
  for i, w in ipairs(net:parameters()) do all[i] = w:bytes() end
  return all
end

describe("a far device", function()
  it("waits at most once a step of fit", function()
    local steps = 12
    local net = network()
    fit{net = net, steps = 1} -- builds, traces
    local did = counted(function() fit{net = net, train = batches(steps, 6), epochs = 1} end)
    if RECORDED then
      assert.equal(steps - 1, did.launches)
    else
      assert.is_true(did.kernels > 10 * steps, did.kernels .. " kernels")
    end
    local waits = did.waits + did.syncs
    -- Parameters that are kept, and the like, are not part of a step.
    assert.is_true(waits <= steps + 2, ("%d waits in %d steps"):format(waits, steps))
    if LATER then assert.is_true(did.syncs >= steps) end
  end)

  it("trains to the same bits as the cpu", function()
    for _, compile in ipairs{true, false} do
      local _, there = fit{compile = compile}
      fmp.device "cpu"
      local _, here = fit{compile = compile}
      fmp.device "far"
      assert.same(parameters(here), parameters(there))
      assert.equal("far:0", there:parameters()[1].device)
    end
  end)

  -- One step of training, as a function of a batch, and all that it changes.
  local function training(how)
    fmp.seed(11)
    local net, criterion = network(), nn.CrossEntropy()
    local optimizer = optim.SGD{lr = 0.05, momentum = 0.9}
    net:build(fmp.zeros{6, SIZE, SIZE, 3})
    net:train()
    return how(function(x, y)
      local loss = criterion(net(x), y)
      optimizer:step(loss)
      return loss
    end), net
  end

  local function recorded(f) return function(...) return fmp.record(f, ...) end end
  local function compiled(f) return fmp.compile(f, {rewrites = false}) end

  it("replays a plan as the ops that it was made of, over ten steps", function()
    local found = {}
    for i, how in ipairs{recorded, compiled} do
      local step, net = training(how)
      local losses = {}
      fmp.seed(12)
      for x, y in batches(10, 6):epoch() do losses[#losses + 1] = step(x, y):bytes() end
      found[i] = {losses, parameters(net)}
      collectgarbage()
    end
    assert.same(found[1], found[2])
  end)

  it("draws anew after another seed", function()
    local draw = fmp.compile(function(x) return x + fmp.randn{4} end)
    local seen = {}
    for i, seed in ipairs{1, 2, 1, 1, 2} do
      fmp.seed(seed)
      for k = 1, 3 do seen[i * 3 + k] = draw(fmp.zeros{4}):bytes() end
    end
    for k = 1, 3 do
      assert.equal(seen[3 + k], seen[9 + k])
      assert.equal(seen[3 + k], seen[12 + k])
      assert.equal(seen[6 + k], seen[15 + k])
      assert.not_equal(seen[3 + k], seen[6 + k])
    end
  end)

  it("copies no input that is written, and none that is the same memory as what is", function()
    local w = fmp.parameter(fmp.ones{3})
    local step = fmp.compile(function(x)
      ops.sgd(w, nil, fmp.full({3}, 0.5), fmp.tensor(1))
      return x * 1
    end)
    for i = 1, 4 do
      assert.same({1 - i / 2, 1 - i / 2, 1 - i / 2}, step(w):flat())
    end
    for _ = 1, 3 do assert.same({7, 7, 7}, step(fmp.full({3}, 7)):flat()) end
    assert.same({-2.5, -2.5, -2.5}, w:flat())
    local descend = fmp.compile(function(v)
      ops.sgd(v, nil, fmp.ones{3}, fmp.tensor(1))
      return v * 2
    end)
    for i = 1, 4 do assert.equal(2 * (-2.5 - i), descend(w):flat()[2]) end
    assert.same({-6.5, -6.5, -6.5}, w:flat())
  end)

  it("goes on step by step where a capture is refused", function()
    ffi.C.setenv("FAR_REFUSES_CAPTURES", "1", 1)
    local twice = fmp.compile(function(x) return (x + 1) * 2 end)
    for i = 1, 4 do assert.equal(2 * i + 2, twice(fmp.full({1}, i)):item()) end
    ffi.C.unsetenv "FAR_REFUSES_CAPTURES"
    local did = counted(function() twice(fmp.ones{1}) end)
    assert.equal(0, did.launches)
  end)

  it("gives back what a plan had", function()
    local function use()
      local f = fmp.compile(function(x) return x * 3, ops.far_counts() end)
      for _ = 1, 3 do f(fmp.ones{100}) end
      f:clear()
    end
    use()
    collectgarbage()
    collectgarbage()
    local before = fmp.live_bytes()
    use()
    collectgarbage()
    collectgarbage()
    assert.equal(before, fmp.live_bytes())
  end)

  it("reports a label that is out of range with op and scope", function()
    local ok, message = pcall(fit, {train = batches(4, 6, 7)})
    assert.is_false(ok)
    assert.truthy(message:find("cross_entropy: label 7 of row 1 is out of range: expected 0 to 2",
                               1, true), message)
    fmp.scope("head", function()
      fails("head: cross_entropy: label 9 of row 0", function()
        return ops.cross_entropy(fmp.zeros{1, 3}, fmp.tensor({9}, {dtype = "i32"})):item()
      end)
    end)
    fmp.wait() -- said once
  end)

  it("reads what was enqueued before, whoever enqueued it", function()
    local twice = fmp.compile(function(x) return x * 2 end)
    for i = 1, 20 do
      local x = fmp.full({1000}, i)
      local y = twice(x + 1)
      assert.equal(2 * i + 2 + 1, (y + 1):slice{start = {999}, size = {1}}:item())
    end
  end)

  it("uploads a number once", function()
    local x = fmp.ones{4}
    local function use() return (x * 2.5 + 7) / -3 end
    use()
    local did = counted(use)
    assert.equal(0, did.copies_in)
    assert.equal(0, did.waits + did.syncs)
    assert.equal(-3.1666667, math.floor(use():flat()[1] * 1e7 + 0.5) / 1e7)
    assert.equal(math.huge, (x / (x * 0)):flat()[1]) -- 0 and -0 are two numbers
    assert.equal(-math.huge, (x / (x * -0.0)):flat()[1])
  end)

  it("runs ops of the host's, by themselves and in plans", function()
    local function both(x) return ops.far_counts(), x + 1 end
    local planned = fmp.compile(both)
    for _ = 1, 3 do
      local n, y = planned(fmp.ones{2})
      assert.equal("far:0", n.device)
      assert.same({#NAMES}, n.shape)
      assert.same({2, 2}, y:flat())
    end
    assert.truthy(planned:text():find("far_counts [cpu:0/ref]", 1, true))
  end)

  it("reads numbers later", function()
    local x = fmp.ones{8}
    local sum, most = x:sum(), x:max()
    local reading
    local did = counted(function() reading = fmp.later(sum, most) end)
    assert.equal(0, did.waits + did.syncs)
    sum:free()
    for _ = 1, 50 do x = x * 1 end
    assert.same({8, 1}, reading:wait())
    assert.same({8, 1}, reading:wait())
    fails("expected one element, got f32 [8]", function() fmp.later(x) end)
    fails("expected tensors of one device",
          function() fmp.later(most, fmp.tensor(1, {device = "cpu"})) end)
    fails("later: expected a tensor, got a number", function() fmp.later(1) end)
  end)

  it("says what a device says that has no more memory", function()
    ffi.C.setenv("FAR_BYTES", "4096", 1)
    fails("far: 4000000 bytes asked, ", function() return fmp.zeros{1000, 1000} end)
    ffi.C.unsetenv "FAR_BYTES"
    assert.equal(3, (fmp.ones{3}):sum():item())
  end)

  it("has others beside it", function()
    local a, b = fmp.ones{3}, fmp.ones{3, device = "far:1"}
    fails("expected b on far:0 like the inputs before it, got one on far:1",
          function() return a + b end)
    assert.same({2, 2, 2}, (a:to "far:1" + b):flat())
  end)
end)
