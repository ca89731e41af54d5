-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

-- The single loss in Lua, and the names of the inputs.
local family = {
  {op = "mse", x = "x", z = "target", loss = function(x, z) return (x - z) ^ 2 end},
  {op = "sigmoid_cross_entropy", x = "logits", z = "targets", loss = function(x, z)
    local p = 1 / (1 + math.exp(-x))
    return -z * math.log(p) - (1 - z) * math.log(1 - p)
  end},
}

-- Around the block of a sum, which is 4096 elements.
local shapes = {{}, {1}, {5}, {3, 4}, {2, 3, 2, 2}, {4095}, {4096}, {4097}, {3, 4096}}

describe("pointwise_loss", function()
  optest.vectors(optest.here())

  for _, row in ipairs(family) do
    local op, back = ops[row.op], ops[row.op .. "_back"]

    it(row.op .. " is its formula, its sum and its mean", function()
      for _, dtype in ipairs{"f32", "f64"} do
        local tol = dtype == "f32" and 1e-5 or 1e-11
        for _, shape in ipairs(shapes) do
          local x = optest.random(shape, {dtype = dtype, low = -4, high = 4})
          local z = optest.random(shape, {dtype = dtype, low = 0, high = 1, seed = 2})
          local each = op(x, z, {reduction = "none"})
          assert.same(shape, each.shape)
          local xs, zs, sum = x:flat(), z:flat(), 0
          for i, got in ipairs(each:flat()) do
            local expected = row.loss(xs[i], zs[i])
            sum = sum + expected
            if math.abs(expected - got) > tol * (1 + expected) then
              assert.equal(expected, got)
            end
          end
          local total = op(x, z, {reduction = "sum"})
          assert.same({}, total.shape)
          assert.is_true(math.abs(total:item() - sum) <= tol * (1 + sum))
          assert.is_true(math.abs(op(x, z):item() - sum / #xs) <= tol * (1 + sum / #xs))
        end
      end
    end)

    it(row.op .. " has the gradients that differences give", function()
      for _, reduction in ipairs{"mean", "sum", "none"} do
        for _, shape in ipairs{{}, {7}, {3, 4}} do
          optest.gradient{
            op = row.op, attrs = {reduction = reduction}, wrt = {1, 2},
            inputs = {optest.random(shape, {low = -3, high = 3, apart = 1e-3}),
                      optest.random(shape, {low = 0, high = 1, seed = 2})},
          }
        end
      end
    end)

    it(row.op .. "_back gives either gradient alone", function()
      local x, z = optest.random({3, 4}), optest.random({3, 4}, {low = 0, high = 1, seed = 2})
      local both, only = {}, {}
      both[1], both[2] = unpack((fmp.grad(op, {x, z})))
      only[1] = fmp.grad(function(v) return op(v, z) end, {x})[1]
      only[2] = fmp.grad(function(v) return op(x, v) end, {z})[1]
      for i = 1, 2 do assert.same(both[i]:flat(), only[i]:flat()) end
    end)

    it(row.op .. " of nothing is NaN as a mean and 0 as a sum", function()
      local x = fmp.zeros{0, 3}
      local mean = op(x, x):item()
      assert.is_true(mean ~= mean)
      assert.equal(0, op(x, x, {reduction = "sum"}):item())
      assert.same({0, 3}, op(x, x, {reduction = "none"}).shape)
    end)

    it(row.op .. " shows NaN", function()
      local x, z = fmp.tensor{0 / 0, 1}, fmp.tensor{1, 0 / 0}
      for _, got in ipairs(op(x, z, {reduction = "none"}):flat()) do
        assert.is_true(got ~= got)
      end
    end)

    it(row.op .. " gives the same bits on any number of threads and in a plan", function()
      local x = optest.random({9, 5001}, {dtype = "f32", low = -4, high = 4})
      local z = optest.random({9, 5001}, {dtype = "f32", low = 0, high = 1, seed = 2})
      local function all(a, b)
        local loss = op(a, b)
        return loss, back(a, b, loss, {outputs = 2})
      end
      local before, found = fmp.threads(), {}
      for threads = 1, 2 do
        fmp.threads(threads)
        for _, f in ipairs{all, fmp.compile(all)} do
          local loss, dx, dz = f(x, z)
          found[#found + 1] = {loss:item(), dx:flat(), dz:flat()}
        end
      end
      fmp.threads(before)
      for i = 2, #found do assert.same(found[1], found[i]) end
    end)

    it(row.op .. " does not broadcast, and says what it takes", function()
      local function fails(inputs, match, attrs)
        optest.fails{op = row.op, inputs = inputs, attrs = attrs, match = match}
      end
      local x = fmp.zeros{3, 1}
      fails({x, fmp.zeros{3}},
            ("expected %s of %s's shape f32 [3,1], got f32 [3]"):format(row.z, row.x))
      fails({x, fmp.zeros{3, 1, dtype = "f64"}},
            ("expected %s of %s's type: f32 [3,1], got f64 [3,1]"):format(row.z, row.x))
      local whole = fmp.zeros{3, dtype = "i32"}
      fails({whole, whole}, ("expected %s of f32, f64 or bf16, got i32 [3]"):format(row.x))
      fails({x, x}, "attribute 'reduction'", {reduction = "max"})
      fails({x, x}, "no attribute 'reducton'", {reducton = "sum"})
      optest.fails{op = row.op .. "_back", inputs = {x, x, x},
                   match = "expected dloss of loss's shape f32 [], got f32 [3,1]"}
    end)
  end

  it("sigmoid_cross_entropy does not overflow", function()
    for _, dtype in ipairs{"f32", "f64"} do
      local x = fmp.tensor({1e4, -1e4, 1e4, -1e4}, {dtype = dtype})
      local z = fmp.tensor({1, 0, 0, 1}, {dtype = dtype})
      assert.same({0, 0, 1e4, 1e4}, ops.sigmoid_cross_entropy(x, z, {reduction = "none"}):flat())
    end
  end)

  for _, row in ipairs(family) do
    it(row.op .. " takes bf16, and gives means and sums of it in f32", function()
      local x = optest.random({70, 70}, {low = -4, high = 4})
      local z = optest.random({70, 70}, {low = 0, high = 1, seed = 2})
      for reduction, gives in pairs{mean = "f32", sum = "f32", none = "bf16"} do
        local attrs, whole = {reduction = reduction}, reduction == "none"
        optest.bf16{op = row.op, inputs = {x, z}, attrs = attrs, gives = gives}
        local dloss = optest.random(whole and {70, 70} or {}, {seed = 3, dtype = gives})
        optest.bf16{op = row.op .. "_back", inputs = {x, z, dloss}, attrs = attrs, outputs = 2,
                    f32 = not whole and {3} or nil}
      end
    end)
  end
end)
