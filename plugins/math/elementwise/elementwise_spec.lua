-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

-- Shapes of two operands that broadcast against each other, each way once.
local PAIRS = {
  {{3, 4}, {3, 4}}, {{2, 3, 4}, {4}}, {{4}, {2, 3, 4}}, {{3, 4}, {}}, {{}, {3}}, {{}, {}},
  {{2, 1, 3}, {4, 1}}, {{1}, {5}}, {{2, 3, 2}, {2, 1, 2}}, {{1, 2, 1, 2}, {3, 1, 2, 1}},
}

local function text(shape) return "[" .. table.concat(shape, ",") .. "]" end

local function bytes(shape, seed)
  return ops.greater(optest.random(shape, {seed = seed}), fmp.tensor(0, {dtype = "f64"}))
end

describe("elementwise", function()
  optest.vectors(optest.here())

  describe("differentiates", function()
    -- Where an op's values must lie: {low, high} of a, of b.
    local BINARY = {
      add = {}, sub = {}, mul = {}, div = {b = {0.5, 2}}, pow = {a = {0.3, 2}, b = {-2, 2}},
      maximum = {}, minimum = {},
    }
    local function value(shape, range, seed)
      range = range or {-1, 1}
      return optest.random(shape, {low = range[1], high = range[2], apart = 1e-3, seed = seed})
    end
    for op, range in pairs(BINARY) do
      for _, pair in ipairs(PAIRS) do
        it(("%s %s %s"):format(op, text(pair[1]), text(pair[2])), function()
          local a, b = value(pair[1], range.a, 1), value(pair[2], range.b, 2)
          optest.gradient{op = op, inputs = {a, b}}
        end)
      end
    end

    local UNARY = {neg = {}, exp = {}, log = {x = {0.2, 2}}, sqrt = {x = {0.2, 2}}, abs = {},
                   sign = {}, square = {}}
    for op, range in pairs(UNARY) do
      for _, shape in ipairs{{}, {5}, {2, 3, 2}} do
        it(op .. " " .. text(shape), function()
          optest.gradient{op = op, inputs = {value(shape, range.x)}}
        end)
      end
    end

    for _, cond in ipairs{{}, {4}, {3, 1}, {2, 1, 1}} do
      for _, pair in ipairs{{{3, 4}, {3, 4}}, {{4}, {2, 3, 4}}, {{3, 1}, {}}} do
        it(("where %s %s %s"):format(text(cond), text(pair[1]), text(pair[2])), function()
          local c = bytes(cond, 3)
          optest.gradient{op = "where", inputs = {c, value(pair[1]), value(pair[2], nil, 2)},
                          wrt = {2, 3}}
          optest.gradient{op = "keep_if", inputs = {c, value(pair[1])}, wrt = {2}}
          optest.gradient{op = "drop_if", inputs = {c, value(pair[1])}, wrt = {2}}
        end)
      end
    end

    it("twice", function()
      local x = optest.random({3}, {low = 0.5, high = 2})
      local function slope(v) -- d(sum x^3)/dx by mul alone
        local dx = fmp.gradients(ops.sum(v * v * v), {v})
        return ops.sum(dx[1] * dx[1])
      end
      local dx = fmp.grad(slope, {x}) -- of sum 9 x^4
      for i, v in ipairs(x:flat()) do assert.near(36 * v ^ 3, dx[1]:flat()[i], 1e-9) end
    end)
  end)

  describe("gradient at kinks", function()
    local function grads(f, ...)
      return fmp.grad(function(...) return ops.sum(f(...)) end, {...})
    end
    local a, b = fmp.tensor{1, 2, 3}, fmp.tensor{1, 3, 2}

    it("of maximum and minimum goes to the first of two equals", function()
      local dx = grads(ops.maximum, a, b)
      assert.same({1, 0, 1}, dx[1]:flat())
      assert.same({0, 1, 0}, dx[2]:flat())
      dx = grads(ops.minimum, a, b)
      assert.same({1, 1, 0}, dx[1]:flat())
      assert.same({0, 0, 1}, dx[2]:flat())
    end)

    it("of abs is 0 at 0", function()
      assert.same({-1, 0, 1}, grads(ops.abs, fmp.tensor{-2, 0, 5})[1]:flat())
    end)

    it("of pow keeps NaN out of the base's gradient", function()
      local base, exponent = fmp.tensor{-2, 0, 0}, fmp.tensor{3, 2, 0}
      local dx = grads(function(x) return ops.pow(x, exponent) end, base)
      assert.same({12, 0, 0}, dx[1]:flat())
      dx = grads(ops.pow, base, exponent)
      assert.same({12, 0, 0}, dx[1]:flat())
      local d = dx[2]:flat()
      assert.is_true(d[1] ~= d[1])
      assert.same({0, 0}, {d[2], d[3]})
    end)

    it("of where is 0 for what was not chosen, NaN or not", function()
      local x = fmp.tensor{-1, 4}
      local dx = grads(function(v)
        return ops.where(ops.greater(v, fmp.tensor(0)), ops.log(v), v)
      end, x)
      assert.near(0.25, dx[1]:flat()[2], 1e-6)
    end)
  end)

  describe("refuses", function()
    local f, g = fmp.zeros{2, 3}, fmp.zeros{4}
    local i = fmp.zeros{2, 3, dtype = "i32"}
    local REFUSED = {
      {op = "add", inputs = {f, g},
       match = "add: expected a and b of shapes that broadcast, got f32 [2,3] and f32 [4]"},
      {op = "mul", inputs = {f, i},
       match = "expected a and b of one type, got f32 [2,3] and i32 [2,3]"},
      {op = "div", inputs = {i, i}, match = "expected a of f32, f64 or bf16, got i32 [2,3]"},
      {op = "exp", inputs = {i}, match = "expected x of f32, f64 or bf16, got i32 [2,3]"},
      {op = "where", inputs = {f, f, f}, match = "expected cond of u8, got f32 [2,3]"},
      {op = "where", inputs = {fmp.zeros{5, dtype = "u8"}, f, f},
       match = "expected cond and the choice of shapes that broadcast"},
      {op = "keep_if", inputs = {fmp.zeros{5, dtype = "u8"}, f},
       match = "expected cond and x of shapes that broadcast"},
    }
    for _, case in ipairs(REFUSED) do
      it(case.op .. ": " .. case.match, function() optest.fails(case) end)
    end

    it("to differentiate a comparison", function()
      local ok, message = pcall(fmp.grad, function(x)
        return ops.sum(ops.keep_if(ops.less(x, f), x) * ops.pow_base_slope(x, x))
      end, {f})
      assert.is_false(ok)
      assert.matches("pow_base_slope", tostring(message))
    end)
  end)

  -- -- the kernel that is used against the plain one -----------------------------

  describe("computes in bf16, rounding once", function()
    local loops = {"loops"}
    local function numbers(shape, seed)
      return optest.random(shape, {low = 0.1, high = 3, seed = seed})
    end
    local pairs_and_more = {{{257, 300}, {300}}, {{600}, {600}}, {{3, 1}, {1, 700}}}
    for _, pair in ipairs(PAIRS) do table.insert(pairs_and_more, pair) end

    for _, pair in ipairs(pairs_and_more) do
      it(text(pair[1]) .. " " .. text(pair[2]), function()
        local a, b = numbers(pair[1], 1), numbers(pair[2], 2)
        for _, op in ipairs{"add", "sub", "mul", "div", "pow", "maximum", "minimum"} do
          optest.bf16{op = op, inputs = {a, b}, kernels = loops}
        end
        for _, op in ipairs{"equal", "less", "greater_equal"} do
          optest.bf16{op = op, inputs = {a, b}, gives = "u8", kernels = loops}
        end
        for _, op in ipairs{"keep_if", "drop_if"} do
          optest.bf16{op = op, inputs = {bytes(pair[1], 3), b}, kernels = loops}
        end
      end)
    end

    it("of one operand, of three, and over views", function()
      local x = numbers({129, 257}, 1)
      for _, op in ipairs{"neg", "exp", "log", "sqrt", "abs", "sign", "square"} do
        optest.bf16{op = op, inputs = {x}, kernels = loops}
      end
      optest.bf16{op = "where", inputs = {bytes({129, 1}, 3), x, numbers({257}, 2)},
                  kernels = loops}
      local low = x:cast{dtype = "bf16"}
      local turned = low:transpose() + low:transpose():slice{start = {0, 0}, size = {1, -1}}
      local plain = low:cast{dtype = "f32"}:transpose()
      plain = plain + plain:slice{start = {0, 0}, size = {1, -1}}
      assert.same(plain:cast{dtype = "bf16"}:flat(), turned:flat())
    end)

    it("in place of an input", function()
      local x = numbers({70, 70}, 1):cast{dtype = "bf16"}
      local function f(v) return ops.neg(ops.add(v, ops.square(v))) end
      assert.same(f(x):flat(), fmp.compile(f)(x):flat())
    end)
  end)

  describe("equals its reference", function()
    -- Odd sizes around vector widths, several tiles, more than one thread's share.
    local SHAPES = {
      {{1}, {1}}, {{7}, {7}}, {{33}, {}}, {{}, {33}}, {{65, 3}, {3}}, {{17}, {5, 17}},
      {{5, 17}, {5, 1}}, {{3, 1, 5}, {1, 4, 1}}, {{2, 3, 4, 5}, {3, 1, 5}}, {{129, 257}, {257}},
      {{129, 257}, {129, 257}}, {{129, 257}, {129, 1}}, {{1, 16385}, {1}},
    }
    local NUMBERS = {"add", "sub", "mul", "maximum", "minimum", "equal", "not_equal", "less",
                     "less_equal", "greater", "greater_equal"}
    local FLOATS = {"div", "pow", "pow_base_slope", "pow_exponent_slope"}

    local function whole(shape, dtype, seed) -- small numbers, with ties
      return ops.cast(optest.random(shape, {low = 0, high = 9, seed = seed}), {dtype = dtype})
    end

    for _, pair in ipairs(SHAPES) do
      it(text(pair[1]) .. " " .. text(pair[2]), function()
        for _, dtype in ipairs{"f32", "f64", "u8", "i32", "i64"} do
          local inputs = {whole(pair[1], dtype, 1), whole(pair[2], dtype, 2)}
          for _, op in ipairs(NUMBERS) do optest.kernels{op = op, inputs = inputs, tol = 0} end
        end
        for _, dtype in ipairs{"f32", "f64"} do
          local inputs = {optest.random(pair[1], {dtype = dtype, low = 0.1, high = 3}),
                          optest.random(pair[2], {dtype = dtype, low = 0.1, high = 3, seed = 2})}
          for _, op in ipairs(FLOATS) do optest.kernels{op = op, inputs = inputs, tol = 0} end
        end
      end)
    end

    for _, shape in ipairs{{}, {1}, {9}, {3, 11}, {257, 129}} do
      it("unary " .. text(shape), function()
        for _, dtype in ipairs{"f32", "f64"} do
          local x = optest.random(shape, {dtype = dtype, low = 0.1, high = 3})
          for _, op in ipairs{"neg", "exp", "log", "sqrt", "abs", "sign", "square"} do
            optest.kernels{op = op, inputs = {x}, tol = 0}
          end
        end
      end)
    end

    for _, shapes in ipairs{{{9}, {9}, {9}}, {{}, {3, 5}, {5}}, {{3, 1}, {5}, {}},
                            {{129, 1}, {257}, {129, 257}}} do
      it(("choices %s %s %s"):format(text(shapes[1]), text(shapes[2]), text(shapes[3])), function()
        local c = bytes(shapes[1], 3)
        for _, dtype in ipairs{"f32", "f64", "u8", "i32", "i64"} do
          local a, b = whole(shapes[2], dtype, 1), whole(shapes[3], dtype, 2)
          optest.kernels{op = "where", inputs = {c, a, b}, tol = 0}
          optest.kernels{op = "keep_if", inputs = {c, b}, tol = 0}
          optest.kernels{op = "drop_if", inputs = {c, b}, tol = 0}
        end
      end)
    end

    -- Views: transposed, every second column, repeated.
    local function views(x)
      local turned = ops.transpose(x)
      local row = ops.slice(x, {start = {0, 0}, size = {1, -1}, step = {1, 1}})
      return {turned, ops.slice(turned, {start = {0, 1}, size = {-1, -1}, step = {1, 2}}),
              ops.broadcast_like(row, x)}
    end
    it("for inputs of any strides", function()
      local x = optest.random({6, 9}, {dtype = "f32"})
      local function f(v)
        local results = {}
        for _, view in ipairs(views(v)) do
          local plain = ops.exp(view) -- of the same shape, contiguous
          results[#results + 1] = ops.add(view, view)
          results[#results + 1] = ops.sub(plain, view)
          results[#results + 1] = ops.sub(view, plain)
          results[#results + 1] = ops.maximum(view, fmp.tensor(0))
          results[#results + 1] = ops.abs(view)
          results[#results + 1] = ops.keep_if(ops.less(plain, view), view)
          results[#results + 1] = ops.where(ops.less(view, fmp.tensor(0)), ops.neg(view), view)
          results[#results + 1] = ops.mul(ops.sum(view, {axes = 2, keep = true}), view)
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
          assert.same(#expected, #got)
          for k = 1, #got do assert.near(expected[k], got[k], 1e-6) end
        end
      end
    end)
  end)

  it("computes over its own inputs", function()
    -- Compiled, a chain may reuse memory; op by op it cannot.
    local limits = fmp.tensor{{0.5}, {0.9}, {1.1}, {2}}
    local function f(x, row, column)
      local y = ops.neg(x)
      y = ops.add(y, row)
      y = ops.sub(column, y)
      y = ops.mul(y, y)
      y = ops.maximum(row, y)
      y = ops.where(ops.less(y, row), y, ops.neg(y))
      -- Of as many bytes as its operand, but of other elements.
      local mask = ops.less(ops.exp(row), limits)
      return ops.sub(y, ops.square(y)), ops.where(mask, row, limits)
    end
    for _, n in ipairs{1, 5, 130} do
      local x = optest.random({n, 37}, {dtype = "f32"})
      local row = optest.random({37}, {dtype = "f32"})
      local column = optest.random({n, 1}, {dtype = "f32"})
      local wanted, got = {f(x, row, column)}, {fmp.compile(f)(x, row, column)}
      for i = 1, #wanted do assert.same(wanted[i]:flat(), got[i]:flat()) end
    end
  end)

  it("takes tensors of no elements", function()
    assert.same({0, 3}, ops.add(fmp.zeros{0, 3}, fmp.zeros{3}).shape)
    assert.same({2, 0}, ops.where(fmp.zeros{0, dtype = "u8"}, fmp.zeros{2, 1}, fmp.zeros{}).shape)
    assert.same({0}, ops.exp(fmp.zeros{0}).shape)
    optest.fails{op = "add", inputs = {fmp.zeros{0}, fmp.zeros{2}}, match = "that broadcast"}
    local dx = fmp.grad(function(x) return ops.sum(ops.mul(x, fmp.zeros{0, 3})) end, {fmp.ones{3}})
    assert.same({0, 0, 0}, dx[1]:flat())
  end)

  it("gives the same bits on any number of threads", function()
    local x = optest.random({301, 123}, {dtype = "f32"})
    local row = optest.random({123}, {dtype = "f32"})
    local before = fmp.threads()
    local wanted
    for _, threads in ipairs{1, 2, 3, 5} do
      fmp.threads(threads)
      local got = ops.exp(ops.mul(ops.add(x, row), ops.transpose(ops.transpose(x)))):flat()
      wanted = wanted or got
      assert.same(wanted, got)
    end
    fmp.threads(before)
  end)
end)
