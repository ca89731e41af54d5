-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

-- Classes 0 to c - 1 for every row, in no order.
local function some_labels(rows, c, dtype)
  local list = {}
  for i = 1, rows do list[i] = (i * 7 + 3) % c end
  return fmp.from_flat(list, {rows}, dtype or "i64")
end

local function one_hot(labels, c, dtype)
  local list = {}
  for _, label in ipairs(labels:flat()) do
    for k = 0, c - 1 do list[#list + 1] = k == label and 1 or 0 end
  end
  return fmp.from_flat(list, {#list / c, c}, dtype)
end

local reductions = {"mean", "sum", "none"}

describe("cross_entropy", function()
  optest.vectors(optest.here())

  it("is the negative log_softmax at the label, in every form", function()
    for _, dtype in ipairs{"f32", "f64"} do
      for _, n in ipairs{1, 2, 33} do
        for _, c in ipairs{1, 2, 10, 101} do
          local x = optest.random({n, c}, {dtype = dtype, low = -9, high = 9})
          local labels = some_labels(n, c)
          local logp = ops.log_softmax(x):totable()
          local each = ops.cross_entropy(x, labels, {reduction = "none"}):flat()
          local sum = 0
          for i, label in ipairs(labels:flat()) do
            assert.is_true(math.abs(each[i] + logp[i][label + 1]) < 1e-5)
            sum = sum + each[i]
          end
          local tol = 1e-5 * n
          assert.is_true(math.abs(ops.cross_entropy(x, labels):item() - sum / n) < tol)
          for _, other in ipairs{some_labels(n, c, "i32"), one_hot(labels, c, dtype)} do
            for _, reduction in ipairs(reductions) do
              local attrs = {reduction = reduction}
              assert.same(ops.cross_entropy(x, labels, attrs):flat(),
                          ops.cross_entropy(x, other, attrs):flat())
            end
          end
        end
      end
    end
  end)

  it("keeps losses that are almost 0", function()
    for _, dtype in ipairs{"f32", "f64"} do
      local x = fmp.tensor({{30, 0}}, {dtype = dtype})
      local loss = ops.cross_entropy(x, fmp.tensor({0}, {dtype = "i64"})):item()
      assert.is_true(math.abs(loss / math.exp(-30) - 1) < 1e-2, loss)
    end
  end)

  it("shows NaN wherever in a row it is", function()
    local x = fmp.tensor{{0, 0 / 0, 1}, {1, 2, 3}}
    for _, labels in ipairs{fmp.tensor({0, 0}, {dtype = "i64"}),
                            fmp.tensor{{1, 0, 0}, {1, 0, 0}}} do
      local loss = ops.cross_entropy(x, labels, {reduction = "none"}):flat()
      assert.is_true(loss[1] ~= loss[1])
      assert.is_true(loss[2] == loss[2])
    end
  end)

  it("of no rows is NaN as a mean and 0 as a sum", function()
    local x, labels = fmp.zeros{0, 5}, fmp.zeros{0, dtype = "i64"}
    local mean = ops.cross_entropy(x, labels):item()
    assert.is_true(mean ~= mean)
    assert.equal(0, ops.cross_entropy(x, labels, {reduction = "sum"}):item())
    assert.same({0}, ops.cross_entropy(x, labels, {reduction = "none"}).shape)
  end)

  it("has the gradient that differences give", function()
    for _, reduction in ipairs(reductions) do
      for _, shape in ipairs{{1, 1}, {4, 3}, {3, 10}} do
        local x = optest.random(shape, {low = -3, high = 3})
        local labels = some_labels(shape[1], shape[2])
        local p = optest.random(shape, {low = 0, high = 1, seed = 2})
        for _, y in ipairs{labels, p} do
          optest.gradient{op = "cross_entropy", inputs = {x, y}, wrt = {1},
                          attrs = {reduction = reduction}}
        end
      end
      optest.gradient{op = "cross_entropy", wrt = {1}, attrs = {reduction = reduction},
                      inputs = {optest.random({2, 3, 4}),
                                fmp.tensor({{0, 3, 2}, {1, 1, 3}}, {dtype = "i32"})}}
    end
  end)

  it("has no gradient with respect to labels", function()
    local x, p = optest.random{2, 3}, optest.random({2, 3}, {low = 0, high = 1, seed = 2})
    local ok, err = pcall(fmp.grad, ops.cross_entropy, {x, p})
    assert.is_false(ok)
    assert.truthy(tostring(err):find("no gradient with respect to labels", 1, true), err)
  end)

  it("gives the same bits on any number of threads and in a plan", function()
    local n, c = 3001, 17
    local x, labels = optest.random({n, c}, {dtype = "f32"}), some_labels(n, c)
    local function both(v, y)
      local loss = ops.cross_entropy(v, y)
      return loss, ops.cross_entropy_back(v, y, loss)
    end
    local before, found = fmp.threads(), {}
    for threads = 1, 2 do
      fmp.threads(threads)
      for _, f in ipairs{both, fmp.compile(both)} do
        local loss, back = f(x, labels)
        found[#found + 1] = {loss:item(), back:flat()}
      end
    end
    fmp.threads(before)
    for i = 2, #found do assert.same(found[1], found[i]) end
  end)

  it("names a label that is out of range, and its row", function()
    for _, dtype in ipairs{"i32", "i64"} do
      for _, bad in ipairs{12, 10, -1, -2147483648, 2147483647} do
        local labels = fmp.from_flat({0, 9, 5, bad, 99}, {5}, dtype)
        local text = ("label %d of row 3 is out of range: expected 0 to 9"):format(bad)
        for _, reduction in ipairs(reductions) do
          optest.fails{op = "cross_entropy", inputs = {fmp.zeros{5, 10}, labels},
                       attrs = {reduction = reduction}, match = text}
        end
        optest.fails{op = "cross_entropy_back", match = text,
                     inputs = {fmp.zeros{5, 10}, labels, fmp.tensor(1)}}
        local compiled = fmp.compile(ops.cross_entropy)
        local ok, err = pcall(function() return compiled(fmp.zeros{5, 10}, labels):item() end)
        assert.is_false(ok)
        assert.truthy(tostring(err):find(text, 1, true), err)
      end
    end
  end)

  it("says which shapes it takes", function()
    local x = fmp.zeros{2, 3}
    local function fails(inputs, match, attrs)
      optest.fails{op = "cross_entropy", inputs = inputs, attrs = attrs, match = match}
    end
    local wanted = "expected labels i64 [2] (or i32), or probabilities f32 [2,3], got "
    local function labels(shape, dtype)
      shape.dtype = dtype
      return fmp.zeros(shape)
    end
    fails({x, labels({3}, "i64")}, wanted .. "i64 [3]")
    fails({x, labels({2, 3}, "i32")}, wanted .. "i32 [2,3]")
    fails({x, labels({2}, "f32")}, wanted .. "f32 [2]")
    fails({x, labels({2}, "u8")}, wanted .. "u8 [2]")
    fails({x, labels({2, 3}, "f64")}, wanted .. "f64 [2,3]")
    fails({fmp.zeros{3}, labels({}, "i64")}, "expected logits [n,classes] with 1 class or more")
    fails({fmp.zeros{2, 0}, labels({2}, "i64")}, "with 1 class or more, got f32 [2,0]")
    fails({labels({2, 3}, "i32"), labels({2}, "i32")}, "expected logits of f32, f64 or bf16")
    fails({x, labels({2}, "i64")}, "attribute 'reduction'", {reduction = "median"})
    fails({x, labels({2}, "i64")}, "no attribute 'reductions'", {reductions = "mean"})
    optest.fails{op = "cross_entropy_back", inputs = {x, labels({2}, "i64"), fmp.zeros{2}},
                 match = "expected dloss of loss's shape f32 [], got f32 [2]"}
  end)

  it("takes bf16, and gives means and sums of it in f32", function()
    local logits = optest.random({6, 5}, {low = -4, high = 4})
    local classes = fmp.tensor({0, 4, 2, 1, 1, 3}, {dtype = "i64"})
    local probabilities = fmp.ops.softmax(optest.random({6, 5}, {seed = 2}))
    for _, labels in ipairs{classes, probabilities} do
      for reduction, gives in pairs{mean = "f32", sum = "f32", none = "bf16"} do
        local attrs = {reduction = reduction}
        optest.bf16{op = "cross_entropy", inputs = {logits, labels}, attrs = attrs, gives = gives}
        local dloss = optest.random(reduction == "none" and {6} or {}, {seed = 3, dtype = gives})
        optest.bf16{op = "cross_entropy_back", inputs = {logits, labels, dloss}, attrs = attrs,
                    f32 = reduction ~= "none" and {3} or nil}
      end
    end
  end)
end)
