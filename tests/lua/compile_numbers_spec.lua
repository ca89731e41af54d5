-- SPDX-License-Identifier: Apache-2.0
-- Arguments of compiled functions that are no tensors: what an eager call gives, a compiled one
-- gives too, bit for bit, from call to call, or it says why not.
local fmp = require "fmp"
local fails = require "tests.lua.fails"

local functions = {
  {"x * k", function(x, k) return x * k end},
  {"k * x", function(x, k) return k * x end},
  {"x ^ k", function(x, k) return x ^ k end},
  {"x + 2 * k", function(x, k) return x + 2 * k end},
  {"x - (k + 1) / 3", function(x, k) return x - (k + 1) / 3 end},
  {"(-k) * x + k * k", function(x, k) return (-k) * x + k * k end},
  {"maximum(x, k)", function(x, k) return fmp.ops.maximum(x, k) end},
  {"minimum(k, x)", function(x, k) return fmp.ops.minimum(k, x) end},
  {"x > k", function(x, k) return fmp.ops.greater(x, k) end},
  {"two results", function(x, k) return x * k, x - k end},
  {"a number that is not used", function(x) return x * 2 end},
}
local dtypes = {"f32", "f64", "bf16"}
local numbers = {2.5, 0.1, -3, 0, 1e-3, 1 / 3, 12345.678}

local function bytes_of(...)
  local list = {}
  for i = 1, select("#", ...) do
    local t = select(i, ...)
    list[i] = t.dtype .. " " .. t:bytes()
  end
  return list
end

describe("a number as an argument of a compiled function", function()
  for _, row in ipairs(functions) do
    it("takes on the type of what it meets: " .. row[1], function()
      for _, dtype in ipairs(dtypes) do
        local x = fmp.tensor({0.3, 1.7, 2.9, 1e3}, {dtype = dtype})
        local ok, why = pcall(row[2], x, 2.5)
        local compiled = fmp.compile(row[2], {rewrites = false})
        if ok then
          for _, k in ipairs(numbers) do
            assert.same(bytes_of(row[2](x, k)), bytes_of(compiled(x, k)),
                        ("%s, %s, %g"):format(row[1], dtype, k))
          end
          assert.equal(1, compiled.plans)
        else
          fails(why:match ": (%w+: .*)", compiled, x, 2.5)
        end
      end
    end)
  end

  it("meets several types in one function, captured ones too", function()
    local w = fmp.tensor({1 / 3, 2 / 3}, {dtype = "f64"})
    local function f(x, k) return x * k, w * k, x:cast{dtype = "bf16"} * k end
    local compiled, x = fmp.compile(f, {rewrites = false}), fmp.tensor{0.1, 0.2}
    for _, k in ipairs(numbers) do assert.same(bytes_of(f(x, k)), bytes_of(compiled(x, k))) end
  end)

  it("is f64 where it meets nothing", function()
    local f = fmp.compile(function(k) return k, k * 3, k + k end)
    local a, b, c = f(0.1)
    assert.same({"f64", "f64", "f64"}, {a.dtype, b.dtype, c.dtype})
    assert.same({0.1, 0.1 * 3, 0.2}, {a:item(), b:item(), c:item()})
  end)

  it("serves in recordings and other compiled functions, where it is called", function()
    local inner = fmp.compile(function(x, k) return x * k end)
    local x = fmp.tensor({1 / 3, 7}, {dtype = "f64"})
    local expected = bytes_of(x * 0.7)
    assert.same(expected, bytes_of(fmp.record(inner, x, 0.7)))
    assert.same(expected, bytes_of(fmp.compile(function(y) return inner(y, 0.7) end)(x)))
    local outer = fmp.compile(function(y, k) return inner(y, k) end)
    for _, k in ipairs(numbers) do assert.same(bytes_of(x * k), bytes_of(outer(x, k))) end
  end)

  it("is a learning rate, and can be differentiated by", function()
    for _, dtype in ipairs {"f32", "f64"} do
      local function trained(wrap)
        local w = fmp.parameter(fmp.tensor({1, 2}, {dtype = dtype}))
        local optimizer = fmp.optim.SGD{}
        local step = wrap(function(x, lr)
          local loss = (w * x):sum()
          optimizer:step(loss, lr)
          return loss
        end)
        for i = 1, 3 do step(fmp.tensor({3, 4}, {dtype = dtype}), 0.1 * i) end
        return w:bytes()
      end
      local eager = trained(function(f) return function(...) return fmp.record(f, ...) end end)
      assert.equal(eager, trained(fmp.compile))
    end
    local slope = fmp.compile(function(x, k) return fmp.gradients((x * k * k):sum(), {k})[1] end)
    assert.is_true(math.abs(slope(fmp.tensor{1, 2}, 5):item() - 30) < 1e-4)
  end)

  it("is refused beside whole numbers, of which it could be none", function()
    local f = fmp.compile(function(x, k) return x * k end)
    fails("mul: input 2: expected a tensor beside i32, got a number that is an argument of a "
          .. "compiled function", f, fmp.tensor({1}, {dtype = "i32"}), 2)
    assert.equal("run", fmp.mode())
  end)

  it("and a tensor in its place make plans of their own", function()
    local f = fmp.compile(function(x, k) return x * k end)
    local x = fmp.tensor{1, 2}
    f(x, 2)
    fails("f64", f, x, fmp.tensor(2, {dtype = "f64"}))
    assert.same({3, 6}, f(x, fmp.tensor(3)):flat())
    assert.same({4, 8}, f(x, 4):flat())
    assert.equal(2, f.plans)
  end)
end)

describe("what a compiled function cannot take or give", function()
  it("is said, not fixed by the first call", function()
    local x = fmp.ones{2}
    local f = fmp.compile(function(a) return a end)
    local function refused(text, ...) fails("argument 2 is " .. text, f, x, ...) end
    refused("nothing", nil)
    refused("a boolean", true)
    refused("a string", "mean")
    refused("a table", {1, 2})
    refused("a function", print)
    for text, value in pairs {["a table"] = {1}, ["a boolean"] = false, ["a string"] = "x",
                              ["a number"] = 3} do
      fails("result 1 is " .. text, fmp.compile(function() return value end), x)
      fails("result 2 is " .. text, fmp.compile(function(a) return a, value end), x)
    end
    fails("result 1 is nothing", fmp.compile(function(a) return nil, a end), x)
    assert.equal(0, f.plans)
    assert.equal("run", fmp.mode())
  end)

  it("may be nothing, or many", function()
    local counter = fmp.zeros{1}
    local none = fmp.compile(function(x) fmp.ops.sgd(counter, nil, -x, fmp.tensor(1)) end)
    assert.equal(0, select("#", none(fmp.ones{1})))
    none(fmp.ones{1})
    assert.equal(2, counter:item())
    local many = fmp.compile(function(x)
      local list = {}
      for i = 1, 40 do list[i] = x * i end
      return unpack(list)
    end)
    local results = {many(fmp.ones{1})}
    assert.equal(40, #results)
    for i = 1, 40 do assert.equal(i, results[i]:item()) end
  end)
end)

describe("a compiled function that is called outside of another's trace", function()
  it("leaves the outer one's dependencies noted", function()
    local settings = {mode = "a"}
    local inner = fmp.compile(function(x) return x + 1 end)
    local traces = 0
    local outer = fmp.compile(function(x)
      traces = traces + 1
      fmp.outside(function() inner(fmp.ones{1}) end)
      return fmp.depends_on(settings, "mode") == "a" and x * 2 or x * 3
    end)
    assert.equal(2, outer(fmp.ones{1}):item())
    settings.mode = "b"
    assert.equal(3, outer(fmp.ones{1}):item())
    settings.mode = "a"
    assert.equal(2, outer(fmp.ones{1}):item())
    assert.equal(2, traces)
  end)
end)
