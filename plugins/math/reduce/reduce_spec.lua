-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops
local REDUCTIONS = {"sum", "mean", "max", "min"}

-- Shapes with axes: none (all), one, several, negative, dimensions of size 1.
local WHERE = {
  {{}, {}}, {{5}, {}}, {{5}, {1}}, {{3, 4}, {1}}, {{3, 4}, {2}}, {{3, 4}, {-1, 1}},
  {{2, 3, 4}, {2}}, {{2, 3, 4}, {1, 3}}, {{2, 3, 4}, {-1}}, {{2, 1, 3}, {2}},
  {{1, 3, 1, 2}, {1, 4}},
}

local function text(list) return "[" .. table.concat(list, ",") .. "]" end

local function value(shape, options)
  options = options or {}
  options.apart = 1e-3
  return optest.random(shape, options)
end

describe("reduce", function()
  optest.vectors(optest.here())

  describe("differentiates", function()
    for _, op in ipairs(REDUCTIONS) do
      for _, case in ipairs(WHERE) do
        for _, keep in ipairs{false, true} do
          it(("%s %s axes %s%s"):format(op, text(case[1]), text(case[2]), keep and " keep" or ""),
          function()
            local attrs = {axes = case[2], keep = keep}
            optest.gradient{op = op, inputs = {value(case[1])}, attrs = attrs}
          end)
        end
      end
    end

    local LIKE = {{{3, 4}, {4}}, {{3, 4}, {3, 1}}, {{2, 3, 4}, {}}, {{2, 3, 4}, {3, 1}}, {{4}, {4}},
                  {{1, 2}, {1, 1}}}
    for _, pair in ipairs(LIKE) do
      local big, small = pair[1], pair[2]
      it(("sum_to and broadcast_like %s %s"):format(text(big), text(small)), function()
        optest.gradient{op = "sum_to", inputs = {value(big), value(small)}, wrt = {1}}
        optest.gradient{op = "broadcast_like", inputs = {value(small), value(big)}, wrt = {1}}
      end)
    end
    for _, case in ipairs{{{2, 4}, {2}}, {{3}, {1, -1}}, {{}, {1, 2, 3}}, {{1, 4}, {2}}} do
      it(("broadcast_like %s axes %s"):format(text(case[1]), text(case[2])), function()
        optest.gradient{op = "broadcast_like", inputs = {value(case[1]), value{2, 3, 4}},
                        attrs = {axes = case[2]}, wrt = {1}}
      end)
    end
    it("mean_back", function()
      optest.gradient{op = "mean_back", inputs = {value{3}, value{4, 3}}, wrt = {1}}
    end)
    it("means of any batch, once traced", function()
      local slope = fmp.compile(function(x)
        return fmp.gradients(ops.mean(ops.square(x)), {x})[1]
      end)
      for _, n in ipairs{2, 5, 1} do
        local x = optest.random({n, 3}, {dtype = "f64"})
        local got = slope(x):flat()
        for i, v in ipairs(x:flat()) do assert.near(2 * v / (3 * n), got[i], 1e-12) end
      end
    end)
  end)

  it("shares the gradient of an extreme among ties", function()
    local x = fmp.tensor{{1, 3, 3, 2}, {5, 5, 5, 5}}
    local dx = fmp.grad(function(v) return ops.sum(ops.max(v, {axes = 2})) end, {x})
    assert.same({0, 0.5, 0.5, 0, 0.25, 0.25, 0.25, 0.25}, dx[1]:flat())
  end)

  it("gives the gradient of a NaN maximum to the NaNs", function()
    local nan = 0 / 0
    local dx = fmp.grad(function(v) return ops.max(v) end, {fmp.tensor{1, nan, 3, nan}})
    assert.same({0, 0.5, 0, 0.5}, dx[1]:flat())
  end)

  it("sums integers to i64", function()
    for _, dtype in ipairs{"u8", "i32", "i64"} do
      local y = ops.sum(fmp.full({3, 100, dtype = dtype}, 200))
      assert.same("i64", y.dtype)
      assert.same(60000, y:item())
    end
    local large = fmp.full({8, dtype = "i32"}, 2 ^ 30)
    assert.same(2 ^ 33, ops.sum(large):item())
  end)

  it("sums bf16 to f32", function()
    for _, shape in ipairs{{}, {1}, {300}, {3, 5, 7}, {700, 20}, {20, 700}, {2, 65, 33}} do
      for _, axes in ipairs{{}, {1}, {-1}} do
        if #shape > 0 or #axes == 0 then
          for _, op in ipairs{"sum", "mean"} do
            optest.bf16{op = op, inputs = {optest.random(shape)}, attrs = {axes = axes},
                        gives = "f32", kernels = {"loops"}}
          end
        end
      end
    end
    local many = fmp.full({1000}, 1):cast{dtype = "bf16"} -- bf16 ends at 256
    assert.equal(1000, many:sum():item())
    local dx = fmp.record(function() return fmp.gradients(many:mean() * 1000, {many})[1] end)
    assert.equal("bf16", dx.dtype)
    assert.equal(1000, dx:sum():item())
  end)

  describe("of no elements", function()
    it("is 0 for sum", function()
      local x = fmp.zeros{0, 3}
      assert.same(0, ops.sum(x):item())
      assert.same({0, 0, 0}, ops.sum(x, {axes = 1}):flat())
      assert.same({}, ops.sum(x, {axes = 2}):flat())
    end)
    for _, op in ipairs{"mean", "max", "min", "argmax"} do
      it("is refused by " .. op, function()
        optest.fails{op = op, inputs = {fmp.zeros{3, 0}},
                     match = op .. ": expected at least one element along the axes, got x f32"}
      end)
    end
  end)

  describe("refuses", function()
    local x, i = fmp.zeros{2, 3}, fmp.zeros{2, 3, dtype = "i32"}
    local REFUSED = {
      {op = "sum", inputs = {x}, attrs = {axes = {3}},
       match = "sum: expected axes from 1 to 2 or from -2 to -1, got 3"},
      {op = "sum", inputs = {x}, attrs = {axes = {0}}, match = "got 0"},
      {op = "max", inputs = {x}, attrs = {axes = {-3}}, match = "got -3"},
      {op = "min", inputs = {x}, attrs = {axes = {1, -2}},
       match = "expected each axis once, got 1 again"},
      {op = "sum", inputs = {fmp.tensor(1)}, attrs = {axes = {1}}, match = "got 1"},
      {op = "mean", inputs = {i}, match = "expected x of f32, f64 or bf16, got i32 [2,3]"},
      {op = "argmax", inputs = {x}, attrs = {axis = 3}, match = "from 1 to 2"},
      {op = "argmax", inputs = {fmp.tensor(1)}, match = "got -1"},
      {op = "sum_to", inputs = {x, fmp.zeros{2}},
       match = "expected like of a shape that broadcasts to x's, got like f32 [2] and x f32 [2,3]"},
      {op = "sum_to", inputs = {x, fmp.zeros{1, 2, 3}}, match = "broadcasts to x's"},
      {op = "sum_to", inputs = {i, i}, match = "expected x of f32, f64 or bf16"},
      {op = "broadcast_like", inputs = {x, fmp.zeros{3}},
       match = "like's shape reduced along the axes, got x f32 [2,3] and like f32 [3]"},
      {op = "broadcast_like", inputs = {fmp.zeros{3}, x}, attrs = {axes = {2}},
       match = "reduced along"},
      {op = "broadcast_like", inputs = {x, x}, attrs = {axes = {2}}, match = "reduced along"},
      {op = "mean_back", inputs = {fmp.zeros{4}, x}, match = "dy of the reduced x's shape"},
      {op = "extreme_back", inputs = {x, x, x}, match = "the reduced x's"},
    }
    for _, case in ipairs(REFUSED) do
      it(case.op .. ": " .. case.match, function() optest.fails(case) end)
    end
    it("to differentiate argmax", function()
      local ok, message = pcall(fmp.grad, function(v)
        return ops.sum(ops.cast(ops.argmax(v), {dtype = "f32"})) + ops.sum(v)
      end, {x})
      -- Whole numbers carry no gradient: refused, or none of it arrives.
      if ok then message = "argmax" end
      assert.matches("argmax", tostring(message))
    end)
  end)

  -- -- the kernels that are used against the plain ones ---------------------------

  describe("equals its reference", function()
    -- Lines and lanes; lines shorter and longer than the lanes; chunks; slices.
    local SHAPES = {
      {{1}, {}}, {{7}, {}}, {{8}, {}}, {{129}, {}}, {{3, 17}, {2}}, {{3, 17}, {1}}, {{600, 3}, {2}},
      {{600, 3}, {1}}, {{5, 300}, {1}}, {{4, 5, 6}, {2}}, {{4, 5, 6}, {1, 3}},
      {{2, 3, 4, 5}, {1, 3}}, {{2, 3, 4, 5}, {2, 4}}, {{3001, 65}, {1}}, {{65, 3001}, {2}},
      {{200003}, {}}, {{4, 70, 9, 64}, {1, 2, 3}}, {{70001, 2}, {1}},
    }
    for _, case in ipairs(SHAPES) do
      it(text(case[1]) .. " axes " .. text(case[2]), function()
        local x = optest.random(case[1], {dtype = "f32"})
        local tol = {sum = 1e-6, mean = 1e-6, max = 0, min = 0}
        for _, op in ipairs(REDUCTIONS) do
          local attrs = {axes = case[2]}
          optest.kernels{op = op, inputs = {x}, attrs = attrs, tol = tol[op]}
          optest.kernels{op = op, inputs = {ops.cast(x, {dtype = "f64"})}, attrs = attrs,
                         tol = tol[op] * 1e-5}
          if op ~= "mean" then
            for _, dtype in ipairs{"u8", "i32", "i64"} do
              local whole = ops.cast(ops.mul(ops.abs(x), fmp.tensor(250)), {dtype = dtype})
              optest.kernels{op = op, inputs = {whole}, attrs = attrs, tol = 0}
            end
          end
        end
      end)
    end
    for _, pair in ipairs{{{2, 3, 4}, {4}}, {{600, 3}, {3}}, {{3001, 65}, {65}},
                          {{65, 3001}, {65, 1}}, {{4, 5, 6}, {4, 1, 6}}} do
      it(("sum_to %s %s"):format(text(pair[1]), text(pair[2])), function()
        local x, like = optest.random(pair[1], {dtype = "f32"}), fmp.zeros(pair[2])
        optest.kernels{op = "sum_to", inputs = {x, like}, tol = 1e-6}
      end)
    end
    it("for inputs of any strides", function()
      local x = optest.random({5, 6, 7}, {dtype = "f32"})
      local function f(v)
        local results = {}
        for _, op in ipairs(REDUCTIONS) do
          for _, axes in ipairs{{}, {1}, {2}, {3}, {1, 3}} do
            results[#results + 1] = ops[op](ops.transpose(v, {axes = {2, 3, 1}}), {axes = axes})
          end
        end
        return unpack(results)
      end
      fmp.kernel("ref")
      local wanted = {pcall(f, x)}
      fmp.kernel(nil)
      assert(wanted[1], wanted[2])
      for _, run in ipairs{f, fmp.compile(f)} do
        for i, y in ipairs{run(x)} do
          local expected, got = wanted[i + 1]:flat(), y:flat()
          for k = 1, #expected do assert.near(expected[k], got[k], 1e-5) end
        end
      end
    end)
  end)

  it("takes sum_to and mean_back whatever like's type is", function()
    local like = fmp.zeros{3, dtype = "u8"}
    assert.same({2, 2, 2}, ops.sum_to(fmp.ones{2, 3}, like):flat())
    assert.same({0.5, 0.5, 0.5}, ops.mean_back(fmp.ones{3}, fmp.zeros{2, 3, dtype = "i64"}):flat())
  end)

  it("gives the same bits on any number of threads", function()
    local x = optest.random({4, 70, 9, 64}, {dtype = "f32"})
    local before, wanted = fmp.threads(), nil
    for _, threads in ipairs{1, 2, 3, 5} do
      fmp.threads(threads)
      local got = {}
      for _, dtype in ipairs{"f32", "f64"} do
        local v = ops.cast(x, {dtype = dtype})
        for _, axes in ipairs{{}, {4}, {1, 2, 3}, {2}, {1, 4}} do
          got[#got + 1] = ops.sum(v, {axes = axes}):flat()
          got[#got + 1] = ops.max(v, {axes = axes}):flat()
        end
        got[#got + 1] = ops.argmax(v):flat()
      end
      wanted = wanted or got
      assert.same(wanted, got)
    end
    fmp.threads(before)
  end)

  it("computes bf16 as f32 rounded once", function()
    local x = optest.random({5, 37, 6}, {apart = 1e-4})
    for _, axes in ipairs{{}, {1}, {2}, {3}, {1, 3}, {2, 3}} do
      for _, op in ipairs{"max", "min"} do
        optest.bf16{op = op, inputs = {x}, attrs = {axes = axes}, kernels = {"loops"}}
        local low = x:cast{dtype = "bf16"}
        local y = ops[op](low, {axes = axes})
        optest.bf16{op = "extreme_back", attrs = {axes = axes},
                    inputs = {low, y, optest.random(y.shape, {seed = 2})}}
      end
    end
    for axis = 1, 3 do
      optest.bf16{op = "argmax", inputs = {x}, attrs = {axis = axis}, gives = "i64"}
    end
    for _, shape in ipairs{{6}, {37, 1}, {1, 1, 6}, {5, 1, 1}, {}} do
      optest.bf16{op = "sum_to", inputs = {x, fmp.zeros(shape)}, kernels = {"loops"}}
      optest.bf16{op = "mean_back", inputs = {optest.random(shape), x}}
    end
    local nan = fmp.tensor({1, 0 / 0, 3}, {dtype = "bf16"})
    assert.equal(1, nan:argmax():item())
    assert.is_true(nan:max():item() ~= nan:max():item())
  end)
end)
