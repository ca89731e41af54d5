-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local batches = require "tests.lua.batches"
local fails = require "tests.lua.fails"
local nn, optim, ops = fmp.nn, fmp.optim, fmp.ops
local schedule = optim.schedule

-- Points in the plane; the class is the quadrant's: not linear.
local function quadrants(seed, n_batches, n)
  fmp.seed(seed)
  local list = {}
  for i = 1, n_batches do
    local x = fmp.randn{n, 2}
    local labels = {}
    for k, row in ipairs(x:totable()) do labels[k] = (row[1] > 0) == (row[2] > 0) and 1 or 0 end
    list[i] = {x, fmp.tensor(labels, {dtype = "i32"})}
  end
  return batches(list)
end

local function network()
  return nn.Sequential("quadrants", nn.Linear(16), nn.Tanh(), nn.Linear(2))
end

local function options(changes)
  local o = {
    net = network(), loss = nn.CrossEntropy(), optim = optim.SGD{lr = 0.2, momentum = 0.9},
    train = quadrants(1, 10, 20), test = quadrants(2, 3, 50), epochs = 8, progress = "none",
    seed = 7,
  }
  for name, value in pairs(changes or {}) do o[name] = value or nil end
  return o
end

describe("fmp.fit", function()
  it("learns, and keeps a history", function()
    local history = fmp.fit(options())
    assert.equal(8, #history)
    local last = history[8]
    assert.is_true(last.test_error < 8, "test error " .. last.test_error)
    assert.is_true(history[1].test_error > 15)
    assert.is_true(last.loss < history[1].loss)
    assert.equal(80, last.step)
    assert.same({last.test_error}, last.test_errors)
    assert.equal(0.2, last.lr)
  end)

  it("does the same again, compiled or not", function()
    local function parameters(changes)
      local o = options(changes)
      fmp.fit(o)
      local bytes = {}
      for i, w in ipairs(o.net:parameters()) do bytes[i] = w:flat() end
      return bytes
    end
    local first = parameters{}
    assert.same(first, parameters{})
    for i, values in ipairs(parameters{compile = false}) do
      for k, value in ipairs(values) do assert.near(first[i][k], value, 1e-4) end
    end
    assert.are_not.same(first, parameters{seed = 8})
  end)

  it("draws the same regions and masks compiled and not", function()
    local function losses(compile)
      fmp.seed(3)
      local net = nn.Sequential("drawn", nn.Conv2d{4, kernel = 2}, nn.LeakyReLU(0.333),
                                nn.FractionalMaxPool{5}, nn.Dropout(0.5), nn.Flatten(),
                                nn.Linear(2))
      local data = {}
      local labels = fmp.tensor({0, 1, 1, 0}, {dtype = "i32"})
      for i = 1, 3 do data[i] = {fmp.randn{4, 8, 8, 1}, labels} end
      local history = fmp.fit{net = net, loss = nn.CrossEntropy(), optim = optim.SGD{lr = 0.1},
                              train = batches(data), epochs = 2, progress = "none",
                              compile = compile, seed = 4}
      return {history[1].loss, history[2].loss}
    end
    local compiled, eager = losses(true), losses(false)
    for i = 1, 2 do assert.near(compiled[i], eager[i], 1e-5) end
  end)

  it("ends at so many steps", function()
    local history = fmp.fit(options{epochs = false, steps = 14})
    assert.equal(2, #history)
    assert.equal(14, history[2].step)
    assert.equal(3, #fmp.fit(options{epochs = 3, steps = 1000}))
  end)

  it("stops where the loss is no number, and says when", function()
    local bad = {}
    for i = 1, 6 do bad[i] = {fmp.full({4, 2}, i == 5 and 0 / 0 or 1),
                              fmp.tensor({0, 1, 0, 1}, {dtype = "i32"})} end
    local bad_options = options{train = batches(bad), test = false}
    local message = fails("fit: the loss is nan at step 5 (epoch 1): training stops here",
                          fmp.fit, bad_options)
    assert.falsy(message:find("\n", 1, true))
    for _, w in ipairs(bad_options.net:parameters()) do
      for _, value in ipairs(w:flat()) do assert.equal(value, value) end -- no NaN is left
    end
    -- Nothing is left open behind the error.
    assert.equal("run", fmp.mode())
    assert.equal(1, #fmp.fit(options{epochs = 1}))
  end)

  it("keeps what it had when the epoch began, and can go on from there", function()
    for _, make in ipairs {function(lr) return optim.SGD{lr = lr, momentum = 0.9} end,
                           function(lr) return optim.Adam{lr = lr} end} do
      local data, epoch, before = quadrants(1, 4, 20), 0, nil
      local o = options{train = data, test = false, optim = make(0.01)}
      local good = data.epoch
      function data.epoch() -- the third ends in a batch without sense
        epoch = epoch + 1
        local step, i = good(), 0
        if epoch ~= 3 then return step end
        before = {}
        for k, w in ipairs(o.net:parameters()) do before[k] = w:flat() end
        return function()
          local x, y = step()
          i = i + 1
          return i == 3 and fmp.full({20, 2}, 0 / 0) or x, y
        end
      end
      fails("fit: the loss is nan at step 11 (epoch 3)", fmp.fit, o)
      for k, w in ipairs(o.net:parameters()) do assert.same(before[k], w:flat()) end
      o.seed = nil
      local history = fmp.fit(o)
      assert.is_true(history[8].loss < history[1].loss)
    end
  end)

  it("follows a schedule in plans that exist", function()
    local o = options{epochs = 4, optim = optim.SGD{lr = schedule.steps{0.4, at = {1, 3}}}}
    local rates = {}
    for i, row in ipairs(fmp.fit(o)) do rates[i] = row.lr end
    assert.near(0.4, rates[1], 1e-9)
    assert.near(0.04, rates[2], 1e-9)
    assert.near(0.04, rates[3], 1e-9)
    assert.near(0.004, rates[4], 1e-9)
  end)

  it("does not change what a rate of 0 trains", function()
    local o = options{epochs = 2, optim = optim.SGD{lr = schedule.constant(0)}}
    local history = fmp.fit(o)
    assert.near(history[1].loss, history[2].loss, 1e-6)
  end)

  it("trains towards targets that are no classes", function()
    local x = fmp.randn{32, 3}
    local w = fmp.tensor{{1}, {-2}, {0.5}}
    local data = batches{{x, ops.matmul(x, w)}}
    local lines = {}
    local history = fmp.fit{
      net = nn.Sequential("line", nn.Linear(1)), loss = nn.MSE(),
      optim = optim.Adam{lr = 0.1}, train = data, test = data, epochs = 100, progress = "lines",
      log = function(line) lines[#lines + 1] = line end,
    }
    assert.is_true(history[100].test_loss < 1e-3)
    assert.is_nil(history[100].test_error)
    assert.equal(100, #lines)
    assert.truthy(lines[1]:find("^epoch 1/100  loss [%d.]+  test loss [%d.]+  %d+ images/s"))
  end)

  it("says a line for each epoch", function()
    local lines = {}
    fmp.fit(options{epochs = 2, progress = "lines",
                    log = function(line) lines[#lines + 1] = line end})
    assert.equal(2, #lines)
    assert.truthy(lines[2]:find("^epoch 2/2  loss %d%.%d+  train error %d+%.%d%d %%  "
                                .. "test error %d+%.%d%d %%  %d+ images/s  lr 0.2  %d+:%d%d$"))
  end)

  it("holds the same memory after 2,000 steps as after 500", function()
    local data, live, epoch = quadrants(3, 1, 8), {}, 0
    local one = data.epoch
    function data.epoch()
      epoch = epoch + 1
      if epoch % 500 == 0 then
        collectgarbage() -- twice: what finalizers held goes with the second
        collectgarbage()
        live[epoch] = fmp.live_bytes()
      end
      return one()
    end
    fmp.fit(options{train = data, test = false, epochs = 2000})
    assert.equal(live[500], live[2000])
  end)

  it("refuses what it cannot use", function()
    fails("fit: expected train", fmp.fit, options{train = false})
    fails("fit: expected epochs or steps", fmp.fit, options{epochs = false})
    fails("fit: expected epochs as a whole number from 1, got 0.5", fmp.fit, options{epochs = 0.5})
    fails("fit: no option 'logdri'", fmp.fit, options{logdri = "x"})
    fails("fit: expected train as data in batches, got a table without epoch()", fmp.fit,
          options{train = {}})
    fails("fit: expected net as a network, got function", fmp.fit, options{net = print})
    fails("fit: expected optim as an optimizer", fmp.fit, options{optim = {}})
    fails("fit: the training data hold no batches", fmp.fit, options{train = batches{}})
  end)
end)

describe("fmp.evaluate", function()
  it("sums the probabilities of its passes, drawn anew each time", function()
    fmp.seed(1)
    local net = nn.Sequential("fmp", nn.FractionalMaxPool{6}, nn.FractionalMaxPool{4},
                              nn.Flatten(), nn.Linear(3))
    local x, labels = fmp.randn{60, 9, 9, 1}, {}
    for i = 1, 60 do labels[i] = i % 3 end
    local y = fmp.tensor(labels, {dtype = "i32"})
    net:build(x)
    for _, compile in ipairs {true, false} do
      fmp.seed(9)
      local result = fmp.evaluate{net = net, data = batches{{x, y}}, tests = 12, compile = compile}
      -- The same by hand: passes are runs, each with its own step of the generator.
      fmp.seed(9)
      local sum, distinct = nil, {}
      for test = 1, 12 do
        local p = fmp.record(function() return ops.softmax(net(x)) end)
        sum = sum and sum + p or p
        distinct[p:bytes()] = true
        local wrong = 0
        for i, class in ipairs(ops.argmax(sum):flat()) do
          if class ~= labels[i] then wrong = wrong + 1 end
        end
        assert.near(100 * wrong / 60, result.errors[test], 1e-9)
      end
      local n = 0
      for _ in pairs(distinct) do n = n + 1 end
      assert.equal(12, n)
      assert.equal(result.errors[12], result.error)
      assert.equal(60, result.count)
    end
  end)

  it("gives the mean loss of an example, also where the loss sums", function()
    local net, data = network(), quadrants(4, 3, 20)
    local mean = fmp.evaluate{net = net, data = data}.loss
    local sum = fmp.evaluate{net = net, data = data, loss = nn.CrossEntropy{reduction = "sum"}}
    assert.near(mean, sum.loss, 1e-5)
  end)

  it("weighs batches by their size and leaves the mode as it was", function()
    local net = nn.Sequential("id", nn.Dropout(0.5))
    local function scores(list) return fmp.tensor(list) end
    local data = batches{
      {scores{{1, 0}, {1, 0}, {1, 0}}, fmp.tensor({0, 0, 0}, {dtype = "i32"})},
      {scores{{1, 0}}, fmp.tensor({1}, {dtype = "i32"})},
    }
    local result = fmp.evaluate{net = net, data = data}
    assert.equal(25, result.error)
    assert.is_true(net.training)
  end)

  it("reports a line for each count", function()
    assert.equal("test error 1.23 % (1 test)", fmp.evaluate.report{1.234})
    assert.equal("test error 1.23 % (1 test)\ntest error 0.50 % (2 tests)",
                 fmp.evaluate.report{1.234, 0.5})
  end)

  it("refuses what it cannot use", function()
    local net = network()
    fails("evaluate: expected data", fmp.evaluate, {net = net})
    fails("evaluate: the data hold no examples", fmp.evaluate, {net = net, data = batches{}})
    fails("evaluate: tests = 2 needs a loss that classifies; MSE does not", fmp.evaluate,
          {net = net, data = batches{}, loss = nn.MSE(), tests = 2})
    fails("evaluate: expected tests as a whole number from 1, got 0", fmp.evaluate,
          {net = net, data = batches{}, tests = 0})
  end)
end)

describe("optim.schedule", function()
  local function at(plan, step, epoch, fraction)
    return plan:rate{step = step, epoch = epoch, fraction = fraction}
  end

  it("has the rates that the formulas say", function()
    assert.equal(0.1, at(schedule.constant(0.1), 5, 2))
    assert.near(0.003 * math.exp(-0.5), at(schedule.exponential{0.003, decay = 0.01}, 0, 50), 1e-12)
    local steps = schedule.steps{1, at = {2, 4}, factor = 0.5}
    assert.equal(1, at(steps, 0, 1.99))
    assert.equal(0.5, at(steps, 0, 2))
    assert.equal(0.25, at(steps, 0, 10))
    assert.near(0.02, at(schedule.cosine{0.02}, 0, 0, 0), 1e-12)
    assert.near(0.01, at(schedule.cosine{0.02}, 0, 0, 0.5), 1e-12)
    assert.near(0.005, at(schedule.cosine{0.02, epochs = 3, last = 0.005}, 0, 7), 1e-12)
    assert.near(0.01, at(schedule.cosine{0.02, steps = 100}, 50, 0), 1e-12)
    local warm = schedule.cosine{0.02, warmup = 10}
    assert.near(0.002, at(warm, 0, 0, 0), 1e-12)
    assert.near(0.02, at(warm, 9, 0, 0), 1e-12)
    assert.near(0.01, at(warm, 500, 0, 0.5), 1e-12)
  end)

  it("refuses what cannot be", function()
    fails("schedule.constant: expected lr as a number, got none", schedule.constant, {})
    fails("schedule.exponential: expected decay as a number, got none", schedule.exponential, {1})
    fails("schedule.steps: expected at as a list of epochs, got boolean", schedule.steps, {1})
    fails("schedule.steps: expected the epochs of `at` to increase", schedule.steps,
          {1, at = {3, 3}})
    fails("schedule.steps: expected factor as a number, got x", schedule.steps,
          {1, at = {3}, factor = "x"})
    fails("schedule.cosine: expected last as a number, got x", schedule.cosine, {1, last = "x"})
    fails("SGD: expected params as a list of tensors, got number", optim.SGD, {params = 3})
    fails("schedule.cosine: expected lr of 0 or more, got -1", schedule.cosine, -1)
    fails("schedule.cosine: expected epochs or steps", schedule.cosine{1}.rate,
          schedule.cosine{1}, {step = 1, epoch = 1})
    fails("optimizer: expected lr as a number or schedule, got string", optim.SGD, {lr = "x"})
  end)
end)
