-- SPDX-License-Identifier: Apache-2.0
-- What the plugins of this directory must be able to do, with no Lua of their own.
local fmp = require "fmp"

local passed = 0

local function expect(condition, what, ...)
  if not condition then error("FAILED: " .. what:format(...), 2) end
  passed = passed + 1
end

local function near(a, b, tolerance) return math.abs(a - b) <= (tolerance or 1e-12) end

local function near_list(got, want, what, tolerance)
  expect(#got == #want, "%s: %d values, expected %d", what, #got, #want)
  for i = 1, #want do
    expect(near(got[i], want[i], tolerance), "%s[%d]: %.17g, expected %.17g", what, i, got[i],
           want[i])
  end
end

local function expect_failure(text, f, ...)
  local ok, message = pcall(f, ...)
  expect(not ok and tostring(message):find(text, 1, true), "'%s' in: %s", text, tostring(message))
end

local x = fmp.tensor({-1.5, 0, 2, 3}, {dtype = "f64"})

-- An op with attributes: values, default, refusals.
near_list(fmp.ops.sdk_cube(x):flat(), {-3.375, 0, 8, 27}, "sdk_cube")
near_list(fmp.ops.sdk_cube(x, {scale = 2}):flat(), {-6.75, 0, 16, 54}, "sdk_cube scaled")
expect_failure("scale", fmp.ops.sdk_cube, x, {scael = 2})
expect_failure("sdk_cube: expected x of f32 or f64, got i32 [2]", fmp.ops.sdk_cube,
               fmp.tensor({1, 2}, {dtype = "i32"}))

-- Lists of every kind, and one value for a list.
near_list(fmp.ops.sdk_lists():flat(), {0, 3, 0.5, 3, 5}, "sdk_lists by default")
near_list(fmp.ops.sdk_lists{flags = {true, false, true}, sizes = {}, factors = {2, 0.25},
                            words = {"green", "blue"}, types = {"f64", "bf16"}}:flat(),
          {2, 0, 0.5, 9, 10}, "sdk_lists")
near_list(fmp.ops.sdk_lists{flags = true, sizes = 7, factors = 3, words = "blue",
                            types = "i64"}:flat(), {1, 7, 3, 4, 8}, "sdk_lists of one")
expect_failure("words", fmp.ops.sdk_lists, {words = {"red", "gren"}})

-- Its gradient: an op of its own, and, for sdk_double, an op of another plugin.
local function loss(v)
  return fmp.ops.sum(fmp.ops.sdk_cube(fmp.ops.sdk_double(v), {scale = 0.5}))
end
local gradients, value = fmp.grad(loss, {x})
near_list({value:item()}, {0.5 * 8 * (-3.375 + 8 + 27)}, "loss")
near_list(gradients[1]:flat(), {12 * 2.25, 0, 12 * 4, 12 * 9}, "gradient")

-- Compiled: the same values, at two batch sizes.
local compiled = fmp.compile(loss)
near_list({compiled(x):item()}, {value:item()}, "compiled")
near_list({compiled(fmp.tensor({1, 2}, {dtype = "f64"})):item()}, {0.5 * 8 * 9}, "compiled again")

-- State and scratch memory.
local row = fmp.tensor {{1, 2, 6}, {4, 4, 4}}
near_list(fmp.ops.sdk_smooth(row):flat(), {1.5, 3, 4, 4, 4, 4}, "sdk_smooth", 1e-6)
near_list(fmp.ops.sdk_smooth(row, {radius = 100}):flat(), {3, 3, 3, 4, 4, 4}, "wide", 1e-6)
local smooth = fmp.compile(function(v) return fmp.ops.sdk_smooth(v) + fmp.ops.sdk_smooth(v * 2) end)
near_list(smooth(row):flat(), {4.5, 9, 12, 12, 12, 12}, "sdk_smooth compiled", 1e-5)
near_list(smooth(fmp.tensor {{0, 3}}):flat(), {4.5, 4.5}, "sdk_smooth compiled again", 1e-5)

-- Random draws: a function of the seed, and new ones at each step.
fmp.seed(7)
local first, second = fmp.ops.sdk_noise(x):flat(), fmp.ops.sdk_noise(x):flat()
fmp.seed(7)
near_list(fmp.ops.sdk_noise(x):flat(), first, "sdk_noise again", 0)
expect(first[1] ~= second[1], "sdk_noise drew the same twice")
for _, draw in ipairs(first) do expect(draw >= 0 and draw < 1, "sdk_noise: %g", draw) end
local noise = fmp.compile(function(v) return fmp.ops.sdk_noise(v) end)
fmp.seed(7)
first, second = noise(x):flat(), noise(x):flat()
fmp.seed(7)
near_list(noise(x):flat(), first, "sdk_noise compiled, again", 0)
expect(first[1] ~= second[1], "sdk_noise drew the same twice, compiled")
fmp.seed(7)
near_list(fmp.record(fmp.ops.sdk_noise, x):flat(), first, "sdk_noise recorded as compiled", 0)

-- A resource, eager and compiled, saved and restored.
local counter = fmp.open("sdk_counter", {start = 10, stride = 5})
expect(fmp.ops.sdk_next{counter = counter}:item() == 10, "the first number")
local saved = counter:save()
expect(fmp.ops.sdk_next{counter = counter}:item() == 15, "the second number")
local next_of = fmp.compile(function(v)
  return fmp.ops.add(v, fmp.ops.cast(fmp.ops.sdk_next{counter = counter}, {dtype = "f64"}))
end)
near_list(next_of(x):flat(), {18.5, 20, 22, 23}, "sdk_next compiled")
near_list(next_of(x):flat(), {23.5, 25, 27, 28}, "sdk_next compiled, next")
counter:restore(saved)
expect(fmp.ops.sdk_next{counter = counter}:item() == 15, "restored")
expect_failure("expected 8 bytes", counter.restore, counter, "rubbish")
counter:close()

-- A resource that serves an interface: a queue of another plugin reads from it.
local set = fmp.data.source("sdk_shapes", {count = 6})
expect(#set.fields == 8 and set.fields[5].name == "word", "fields of a foreign source")
local point, number = set:select{"point", "number", "mask"}:batch{3}:next()
near_list(point:flat(), {0, 0.5, 0, 1, 1.5, -1, 2, 2.5, -2}, "a field of a foreign source")
near_list(number:flat(), {0, 1e10, 2e10}, "another field of a foreign source")
near_list(set:example(4).word:flat(), {4, 4, 4, 4}, "an example of a foreign source")
expect_failure("field 'word' is u8 [-1]", set.batch, set:center{4, 4}, {3})

-- An op that writes its input.
local w = fmp.zeros {2}
fmp.ops.sdk_increment(w, {by = 3})
near_list(w:flat(), {3, 3}, "sdk_increment")
local increment = fmp.compile(function(v)
  fmp.ops.sdk_increment(v, {by = 2})
  return v * 2
end)
near_list(increment(w):flat(), {10, 10}, "read after a write, compiled")
near_list(w:flat(), {5, 5}, "sdk_increment compiled")

-- Listed and documented, by its definition alone.
local help = tostring(fmp.ops.sdk_cube)
for _, part in ipairs {"sdk_cube(x) -> (y)", "The cube of each element, scaled.", "scale: f64",
                       "factor in front of x^3"} do
  expect(help:find(part, 1, true), "'%s' in: %s", part, help)
end

-- Rewrites: other nodes, the same values; none where the user wants none, or where a
-- value in between is read too.
local function has(step, name) return step:text():find(name .. " [", 1, true) ~= nil end

local function twice(v)
  local y = fmp.ops.sdk_double(fmp.ops.sdk_double(v))
  return fmp.ops.sum(y * y)
end

local function twice_gradient(v) return fmp.grad(twice, {v})[1] end

for _, f in ipairs {twice, twice_gradient} do
  local rewritten, plain = fmp.compile(f), fmp.compile(f, {rewrites = false})
  near_list(rewritten(x):flat(), f(x):flat(), "rewritten")
  near_list(plain(x):flat(), f(x):flat(), "not rewritten", 0)
  expect(has(rewritten, "sdk_quadruple") and not has(rewritten, "sdk_double"), "rewritten nodes")
  expect(has(plain, "sdk_double") and not has(plain, "sdk_quadruple"), "plain nodes")
end

local both = fmp.compile(function(v)
  local once = fmp.ops.sdk_double(v)
  return once, fmp.ops.sdk_double(once)
end)
near_list(({both(x)})[2]:flat(), {-6, 0, 8, 12}, "a value in between is read")
expect(not has(both, "sdk_quadruple"), "a value in between must not be rewritten away")

local fused = fmp.compile(function(v)
  return fmp.ops.sdk_double(fmp.ops.sdk_cube(v, {scale = 3}))
end)
near_list(fused(x):flat(), {-20.25, 0, 48, 162}, "fused")
expect(not has(fused, "sdk_double"), "fused nodes")

-- One that waits for what another makes, which was registered later.
local function fourfold(v)
  return fmp.ops.sdk_double(fmp.ops.sdk_double(fmp.ops.sdk_cube(v, {scale = 3})))
end
local function fourfold_gradient(v)
  return fmp.grad(function(u) return fourfold(u):sum() end, {v})[1]
end
for _, f in ipairs {fourfold, fourfold_gradient} do
  local step = fmp.compile(f)
  near_list(step(x):flat(), f(x):flat(), "rewritten twice")
  expect(not has(step, "sdk_double") and not has(step, "sdk_quadruple"), "nodes rewritten twice")
end

-- C++.
local lengths = fmp.ops.sdk_hypot(fmp.tensor {3, 5}, fmp.tensor {4, 12})
near_list(lengths:flat(), {5, 13}, "sdk_hypot", 1e-6)

print(passed .. " passed, 0 failed, 0 skipped")
