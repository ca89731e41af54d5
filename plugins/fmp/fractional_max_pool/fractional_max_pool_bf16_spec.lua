-- SPDX-License-Identifier: Apache-2.0
-- fractional_max_pool in bf16: maxima are exact, gradients are sums in f32, rounded once.
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops, random, with = fmp.ops, optest.random, optest.with
local kernels = {"ref", "plain", "avx2", "avx512"}

local function ints(list) return fmp.tensor(list, {dtype = "i32"}) end

local function cast(x, dtype) return ops.cast(x, {dtype = dtype}) end

local function pool(x, rows, cols, attrs)
  return ops.fractional_max_pool(x, rows, cols, with(attrs, {outputs = 2}))
end

-- Attributes of the pooling; fmp_regions has no `overlapping`.
local variants = {
  {overlapping = false}, {overlapping = true}, {window = "fixed", pool = {2, 2}},
  {window = "fixed", pool = {3, 1}},
}

local function regions(x, variant, out, per)
  return ops.fmp_regions(x, {out = out, window = variant.window, pool = variant.pool, per = per})
end

-- Numbers of a list, in random order, as bf16.
local function drawn_from(list, shape, seed)
  local size, values = 1, {}
  for _, n in ipairs(shape) do size = size * n end
  for i, value in ipairs(random({size}, {low = 0, high = #list, seed = seed}):flat()) do
    values[i] = list[math.floor(value) + 1]
  end
  return fmp.from_flat(values, shape, "bf16")
end

-- Numbers with which wrong rounding, order or sign would show.
local special = {0 / 0, 1 / 0, -1 / 0, 0, -0, 1e-40, -1e-40, -1, -1, -3.3}
local function specials(shape) return drawn_from(special, shape) end

-- Sums of two or four of them are ties, overflow, cancel or are denormal. No infinities: they
-- would give NaN, whose sign may differ.
local special_dy = {1, 2 ^ -8, 3 * 2 ^ -8, -1, -2 ^ -8, 3.38e38, 2 ^ 120, 0, -0, 1e-40, -2e-40}

local function with_kernel(name, f)
  fmp.kernel(name)
  f()
  fmp.kernel(nil)
end

-- y, argmax and dx of every kernel must be what f32 gives for the same numbers, rounded.
local function rounds_f32_once(x, rows, cols, attrs, dy)
  local wide, activated = cast(x, "f32"), attrs.slope and attrs.slope ~= 1
  local f32_y, wanted_argmax = pool(wide, rows, cols, attrs)
  local wanted_y = cast(f32_y, "bf16")
  dy = dy or random(f32_y.shape, {dtype = "bf16", seed = 5})
  local f32_dx = ops.fractional_max_pool_back(
    cast(dy, "f32"), wanted_argmax, rows, cols, wide,
    activated and cast(wanted_y, "f32") or nil, attrs)
  local wanted_dx = cast(f32_dx, "bf16")
  for _, kernel in ipairs(kernels) do
    with_kernel(kernel, function()
      local y, argmax = pool(x, rows, cols, attrs)
      local dx = ops.fractional_max_pool_back(dy, argmax, rows, cols, x, activated and y or nil,
                                              attrs)
      assert.same({"bf16", "bf16"}, {y.dtype, dx.dtype})
      assert.equal(wanted_argmax:bytes(), argmax:bytes(), kernel)
      assert.equal(wanted_y:bytes(), y:bytes(), kernel)
      assert.equal(wanted_dx:bytes(), dx:bytes(), kernel)
    end)
  end
end

describe("fractional_max_pool in bf16", function()
  it("has the kernels that f32 has", function()
    for _, op in ipairs{ops.fractional_max_pool, ops.fractional_max_pool_back} do
      for line in op.kernels:gmatch "[^\n]+" do
        assert.truthy(line:find("bf16", 1, true), line)
      end
    end
  end)

  it("is f32 rounded once, for 1 to 70 channels", function()
    for c = 1, 70 do
      local x = random({2, 9, 8, c}, {dtype = "bf16", seed = c, low = -3, high = 1})
      local variant = variants[c % #variants + 1]
      local rows, cols = regions(x, variant, {6, 5}, c % 2 == 0 and "sample" or "batch")
      for _, slope in ipairs{1, 0.333} do
        rounds_f32_once(x, rows, cols, with(variant, {slope = slope}))
      end
    end
  end)

  it("is that for small, large, skipping and crowded windows", function()
    for _, c in ipairs{1, 13, 33} do
      for _, size in ipairs{{1, 1, 1, 1}, {2, 7, 1, 7}, {17, 15, 5, 3}, {15, 16, 1, 1}} do
        local x = random({2, size[1], size[2], c}, {dtype = "bf16"})
        local rows, cols = ops.fmp_regions(x, {out = {size[3], size[4]}, per = "sample"})
        rounds_f32_once(x, rows, cols, {overlapping = true, slope = 0.333})
      end
      local x = random({3, 14, 13, c}, {dtype = "bf16"})
      for _, window in ipairs{1, 3, 6} do
        local attrs = {window = "fixed", pool = {window, window + 1}}
        local rows, cols = regions(x, attrs, {6, 7})
        rounds_f32_once(x, rows, cols, attrs)
      end
      rounds_f32_once(x, ints{2, 3, 9}, ints{5, 6, 8, 13}, {overlapping = true})
      rounds_f32_once(x, ints{{0, 2, 9}, {3, 4, 5}, {1, 13, 14}}, ints{5, 6, 8, 13}, {})
    end
  end)

  it("is that of ties, NaN, infinities, denormals and zeros", function()
    for i, variant in ipairs(variants) do
      for _, slope in ipairs{0, 1, 0.333} do
        local c = ({8, 13, 32, 70})[i]
        local x = specials({2, 9, 8, c})
        local rows, cols = regions(x, variant, {6, 5}, "sample")
        rounds_f32_once(x, rows, cols, with(variant, {slope = slope}),
                        drawn_from(special_dy, {2, 6, 5, c}, 3))
      end
    end
  end)

  -- Signalling NaN become quiet, as by a cast. 19 channels, so that some fill no vector.
  it("is that of every bf16 number, forward and backward", function()
    local bytes, size = {}, 60 * 60 * 19
    for i = 0, size - 1 do
      local bits = i * 7 % 65536
      bytes[i + 1] = string.char(bits % 256, math.floor(bits / 256))
    end
    local all = fmp.from_bytes(table.concat(bytes), {1, 60, 60, 19}, "bf16")
    for _, out in ipairs{60, 41} do
      local rows, cols = ops.fmp_regions(all, {out = out})
      local dy = ops.slice(all, {start = {0, 0, 0, 0}, size = {1, out, out, 19}})
      for _, slope in ipairs{1, 0.333} do
        rounds_f32_once(all, rows, cols, {slope = slope}, dy)
      end
    end
  end)

  it("keeps NaN and infinity among gradients", function()
    local x, ends = fmp.zeros{1, 1, 3, 19, dtype = "bf16"}, ints{0, 1, 2, 3}
    local argmax = fmp.zeros{1, 1, 3, 19, dtype = "u8"}
    local values, place = {}, {0 / 0, 1 / 0, -1 / 0}
    for i = 0, 3 * 19 - 1 do values[i + 1] = place[math.floor(i / 19) + 1] end
    local dy = fmp.from_flat(values, {1, 1, 3, 19}, "bf16")
    for _, kernel in ipairs(kernels) do
      with_kernel(kernel, function()
        local dx = ops.fractional_max_pool_back(dy, argmax, ints{0, 1}, ends, x):flat()
        for c = 1, 19 do
          assert.is_true(dx[c] ~= dx[c])
          assert.equal(1 / 0, dx[19 + c])
          assert.equal(-1 / 0, dx[38 + c])
        end
      end)
    end
  end)

  -- Outputs this large are stored past the caches; with one more channel, as usual.
  it("is that of outputs larger than caches", function()
    for _, c in ipairs{64, 65} do
      local x = random({10, 90, 90, c}, {dtype = "bf16"})
      local rows, cols = ops.fmp_regions(x, {out = 82})
      rounds_f32_once(x, rows, cols, {overlapping = true, slope = 0.1})
    end
  end)

  it("is within one rounding of f64", function()
    for _, slope in ipairs{1, 0.333} do
      for _, variant in ipairs(variants) do
        local x = random({2, 9, 8, 21}, {low = -2, high = 1})
        local rows, cols = regions(x, variant, {6, 5}, "sample")
        local attrs = with(variant, {slope = slope})
        local y, argmax = pool(cast(x, "bf16"), rows, cols, attrs)
        local dy = random(y.shape, {seed = 5})
        optest.bf16{op = "fractional_max_pool", inputs = {x, rows, cols}, attrs = attrs,
                    outputs = 2, kernels = {"ref", "plain"}}
        optest.bf16{op = "fractional_max_pool_back", attrs = attrs, kernels = {"ref", "plain"},
                    inputs = {dy, argmax, rows, cols, x, slope ~= 1 and y or nil}}
      end
    end
  end)

  -- Slopes whose products are exact, since two ops round them and one does not.
  it("with a slope is leaky_relu of the pooling, to the bit", function()
    for _, slope in ipairs{0, 0.25, 2} do
      for _, x in ipairs{random({2, 9, 8, 13}, {dtype = "bf16", low = -3, high = 1}),
                         specials{2, 9, 8, 13}} do
        local rows, cols = regions(x, variants[2], {6, 5}, "sample")
        local fused = with(variants[2], {slope = slope})
        local pooled, wanted_argmax = pool(x, rows, cols, variants[2])
        local wanted = ops.leaky_relu(pooled, {slope = slope})
        local y, argmax = pool(x, rows, cols, fused)
        assert.equal(wanted:bytes(), y:bytes())
        assert.equal(wanted_argmax:bytes(), argmax:bytes())
        local dy = random(y.shape, {dtype = "bf16", seed = 9})
        local dpooled = ops.leaky_relu_back(dy, wanted, {slope = slope})
        assert.equal(
          ops.fractional_max_pool_back(dpooled, argmax, rows, cols, x, variants[2]):bytes(),
          ops.fractional_max_pool_back(dy, argmax, rows, cols, x, y, fused):bytes())
      end
    end
  end)

  it("gives the same bits on one thread and on several", function()
    local x, before = random({5, 40, 41, 13}, {dtype = "bf16"}), fmp.threads()
    local rows, cols = regions(x, variants[2], {27, 33}, "sample")
    local function run(threads)
      fmp.threads(threads)
      local y, argmax = pool(x, rows, cols, variants[2])
      local dx = ops.fractional_max_pool_back(y, argmax, rows, cols, x, variants[2])
      return y:bytes() .. argmax:bytes() .. dx:bytes()
    end
    local one = run(1)
    assert.equal(one, run(3))
    fmp.threads(before)
  end)

  it("refuses gradients and y of another type", function()
    local x, argmax = fmp.zeros{2, 6, 6, 2, dtype = "bf16"}, fmp.zeros{2, 3, 3, 2, dtype = "u8"}
    local ends, dy = ints{0, 2, 3, 6}, fmp.zeros{2, 3, 3, 2}
    local function back(match, attrs, ...)
      optest.fails{op = "fractional_max_pool_back", inputs = {...}, attrs = attrs, match = match}
    end
    back("expected dy bf16 [2,3,3,2], got f32", {}, dy, argmax, ends, ends, x)
    back("f32 [2,3,3,2]", {slope = 0.1}, cast(dy, "bf16"), argmax, ends, ends, x, dy)
  end)
end)
