-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"

describe("record", function()
  it("returns what the function returns, and frees the rest at once", function()
    local kept, left
    local a, b, text = fmp.record(function(x)
      left = x * 2
      kept = left + 1
      return kept, {inner = left * left}, "text"
    end, fmp.tensor({1, 2}))
    assert.same({3, 5}, a:flat())
    assert.same({4, 16}, b.inner:flat())
    assert.equal("text", text)
    fails("is empty", left.flat, left)
  end)

  it("passes errors on as they are, and ends the recording", function()
    local message = fails("record_spec.lua", fmp.record, function() error("mine") end)
    assert.truthy(message:find(":%d+: mine$"), message)
    assert.equal("run", fmp.mode())
    local object = {}
    local ok, same = pcall(fmp.record, function() error(object) end)
    assert.is_false(ok)
    assert.equal(object, same)
    assert.equal("run", fmp.mode())
  end)

  it("nests: the inner one only calls", function()
    local x = fmp.tensor({3})
    local dx = fmp.record(function()
      local y = fmp.record(function() return x * x end)
      return fmp.gradients(y:sum(), {x})[1]
    end)
    assert.same({6}, dx:flat())
  end)

  it("keeps what is made outside of it", function()
    local made
    fmp.record(function()
      made = fmp.outside(function() return fmp.full({2}, 3) end)
    end)
    assert.same({3, 3}, made:flat())
    assert.equal("run", fmp.mode())
  end)
end)

describe("grad", function()
  it("gives gradients and the loss", function()
    local x, w = fmp.tensor({1, 2, 3}), fmp.tensor({4, 5, 6})
    local d, loss = fmp.grad(function(a, b) return (a * b):sum() end, {x, w})
    assert.equal(32, loss:item())
    assert.same({4, 5, 6}, d[1]:flat())
    assert.same({1, 2, 3}, d[2]:flat())
  end)

  it("takes a single tensor, and gives zeros where nothing depends on one", function()
    local x, other = fmp.tensor({1, 2}), fmp.tensor({5, 6, 7})
    assert.same({2, 4}, (fmp.grad(function(a) return (a * a):sum() end, x)):flat())
    local d = fmp.grad(function(a) return a:sum() end, {x, other})
    assert.same({0, 0, 0}, d[2]:flat())
  end)

  it("adds up what reaches a tensor by several ways", function()
    local x = fmp.tensor({2})
    -- d/dx (x^3 + 3x - x) = 3x^2 + 2
    local dx = fmp.grad(function(a) return (a * a * a + a * 3 - a):sum() end, x)
    assert.same({14}, dx:flat())
  end)

  it("differentiates through broadcasting", function()
    local row, column = fmp.tensor({{1, 2, 3}}), fmp.tensor({{1}, {10}})
    local d = fmp.grad(function(a, b) return (a * b):sum() end, {row, column})
    assert.same({{11, 11, 11}}, d[1]:totable())
    assert.same({{6}, {6}}, d[2]:totable())
  end)

  it("refuses outside of a recording, losses of many elements, and ops without gradient",
  function()
    local x = fmp.tensor({1, 2})
    fails("recording", fmp.gradients, x:sum(), {x})
    fails("[2]", fmp.grad, function(a) return a * 2 end, x)
    fails("relu_back", fmp.grad, function(a) return a:relu_back(a):sum() end, x)
    fails("expected a tensor as loss, got number", fmp.grad, function() return 1 end, x)
    assert.equal("run", fmp.mode())
  end)
end)

describe("optimizers", function()
  local function quadratic(w) return (w * w):sum() end

  it("refuse to step outside of a recording", function()
    local message = fails("optimizer:step must be called inside fmp.record or fmp.compile",
                          function()
      local w = fmp.parameter(fmp.tensor({1}))
      fmp.optim.SGD{}:step(quadratic(w))
    end)
    assert.truthy(message:find("record_spec.lua:", 1, true), message)
  end)

  it("refuse a loss that depends on no parameter", function()
    local w = fmp.tensor({1})
    fails("no parameter", fmp.record, function() fmp.optim.SGD{}:step(quadratic(w)) end)
    fails("no option 'learning_rate'", fmp.optim.SGD, {learning_rate = 1})
  end)

  it("descend: SGD takes w - lr dw", function()
    local w = fmp.parameter(fmp.tensor({1, -2}))
    local optimizer = fmp.optim.SGD{lr = 0.25}
    local loss = fmp.record(function()
      local value = quadratic(w)
      optimizer:step(value)
      return value
    end)
    assert.equal(5, loss:item())
    assert.same({0.5, -1}, w:flat())
  end)

  it("update the given parameters only", function()
    local a, b = fmp.parameter(fmp.tensor({1})), fmp.parameter(fmp.tensor({1}))
    local optimizer = fmp.optim.SGD{lr = 0.5, params = {a}}
    fmp.record(function() optimizer:step((a * b):sum()) end)
    assert.same({0.5, 1}, {a:item(), b:item()})
  end)

  it("refuse a parameter that is given twice", function()
    local a, b = fmp.tensor({1}), fmp.tensor({1})
    fails("SGD: expected each of params once, got number 1 again as number 3", fmp.optim.SGD,
          {params = {a, b, a}})
  end)

  -- Parameters of two types, some with several elements; the weight of each makes its own
  -- gradient.
  local function many_parameters()
    local list = {}
    for i, dtype in ipairs{"f32", "f64", "f32", "f64", "f32"} do
      list[i] = fmp.parameter(fmp.ones{i, 2, dtype = dtype})
    end
    return list, function()
      local total
      for i, w in ipairs(list) do
        local part = (w * (2 * i)):sum():cast{dtype = "f64"}
        total = total and total + part or part
      end
      return total
    end
  end

  local function values(list)
    local first = {}
    for i, w in ipairs(list) do
      local flat = w:flat()
      for _, value in ipairs(flat) do assert.equal(flat[1], value) end
      first[i] = flat[1]
    end
    return first
  end

  it("update all parameters of a type by one op, alike in recordings and plans", function()
    for _, kind in ipairs{"SGD", "Adam"} do
      for _, wrap in ipairs{fmp.compile, function(f) return function() fmp.record(f) end end} do
        local list, loss = many_parameters()
        local optimizer = fmp.optim[kind]{lr = 0.5}
        local step = wrap(function() optimizer:step(loss()) end)
        for _ = 1, 2 do step() end
        if kind == "SGD" then
          assert.same({-1, -3, -5, -7, -9}, values(list)) -- 1 - 2 * 0.5 * 2 i
        else
          for _, value in ipairs(values(list)) do assert.is_true(math.abs(value) < 1e-5) end
        end
        if wrap == fmp.compile then
          local name, text = kind == "SGD" and "sgd_all" or "adam_all", step:text()
          assert.equal(2, select(2, text:gsub("%f[%w_]" .. name .. "%f[^%w_]", "")), text)
        end
      end
    end
  end)

  it("update more parameters than a function may have arguments", function()
    local list, total = {}, nil
    for i = 1, 2500 do list[i] = fmp.parameter(fmp.tensor(1)) end
    local optimizer = fmp.optim.Adam{lr = 0.5, params = list}
    fmp.record(function()
      total = fmp.ops.reshape(list[1], {shape = {1}})
      for i = 2, 100 do total = total + list[i] end
      optimizer:step(total:sum())
    end)
    assert.is_true(math.abs(list[1]:item() - 0.5) < 1e-6)
    assert.is_true(math.abs(list[100]:item() - 0.5) < 1e-6)
    assert.equal(1, list[2500]:item())
  end)

  it("keep momentum between steps", function()
    local w = fmp.parameter(fmp.tensor({8}))
    local optimizer = fmp.optim.SGD{lr = 0.25, momentum = 0.5}
    local seen = {}
    for i = 1, 3 do
      fmp.record(function() optimizer:step((w * 2):sum()) end)
      seen[i] = w:item()
    end
    -- m: 2, 3, 3.5;  w: 8 - 0.5 - 0.75 - 0.875
    assert.same({7.5, 6.75, 5.875}, seen)
  end)

  it("count steps for Adam's bias correction", function()
    -- With a constant gradient both corrected moments are constant: each step is lr.
    local w = fmp.parameter(fmp.tensor({1}))
    local optimizer = fmp.optim.Adam{lr = 0.125, epsilon = 1e-12}
    for i = 1, 4 do
      fmp.record(function() optimizer:step((w * 3):sum()) end)
      assert.is_true(math.abs(w:item() - (1 - 0.125 * i)) < 1e-5)
    end
  end)

  it("take a rate for one step, and a new one for all", function()
    local w = fmp.parameter(fmp.tensor({0}))
    local optimizer = fmp.optim.SGD{lr = 1}
    local function step(lr) fmp.record(function() optimizer:step(w:sum(), lr) end) end
    step(0.5)
    assert.equal(-0.5, w:item())
    step()
    assert.equal(-1.5, w:item())
    optimizer:set_lr(2)
    step()
    assert.equal(-3.5, w:item())
  end)
end)
