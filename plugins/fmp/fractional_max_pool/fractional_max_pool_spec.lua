-- SPDX-License-Identifier: Apache-2.0
-- Stored vectors are PyTorch's, for fixed windows; boundaries are checked against TensorFlow's
-- own test cases and against the definition, written out below.
local fmp = require "fmp"
local raw = require "fmp.ffi"
local optest = require "tests.lua.optest"

local ops, random, with = fmp.ops, optest.random, optest.with

local function ints(list) return fmp.tensor(list, {dtype = "i32"}) end

local function pool(x, rows, cols, attrs)
  return ops.fractional_max_pool(x, rows, cols, with(attrs or {}, {outputs = 2}))
end

-- What fmp_regions and fractional_max_pool need of these attributes, for an image's size.
local variants = {
  {name = "disjoint", window = "boundaries", overlapping = false, mode = "random"},
  {name = "overlapping", window = "boundaries", overlapping = true, mode = "random"},
  {name = "pseudorandom", window = "boundaries", overlapping = true, mode = "pseudorandom"},
  {name = "fixed", window = "fixed", pool = {2, 2}, mode = "random"},
  {name = "fixed oblong", window = "fixed", pool = {3, 1}, mode = "pseudorandom"},
}

local function regions(x, variant, out, per)
  return ops.fmp_regions(x, {out = out, mode = variant.mode, window = variant.window,
                             pool = variant.pool, per = per})
end

local function pool_attrs(variant)
  return {window = variant.window, pool = variant.pool, overlapping = variant.overlapping}
end

-- -- the definition -----------------------------------------------------------

-- First and last pixel of window i (from 1) of one sequence along an axis of `size` pixels.
local function window_of(list, i, size, attrs, axis)
  if attrs.window == "fixed" then return list[i], list[i] + attrs.pool[axis] - 1 end
  if attrs.overlapping then return list[i], math.min(list[i + 1], size - 1) end
  return list[i], list[i + 1] - 1
end

-- One channel of one image: the largest, the first of equals. at(i, j) is a pixel.
local function largest(at, top, bottom, left, right)
  local best, offset
  for i = top, bottom do
    for j = left, right do
      local value = at(i, j)
      if not best or value > best then
        best, offset = value, (i - top) * (right - left + 1) + j - left
      end
    end
  end
  return best, offset
end

-- The list of image n (from 0) of a tensor of sequences, and how many windows it has.
local function sequence(t, n, attrs)
  local length, values, list = t.shape[#t.shape], t:flat(), {}
  local offset = #t.shape == 2 and n * length or 0
  for i = 1, length do list[i] = values[offset + i] end
  return list, attrs.window == "fixed" and length or length - 1
end

local function by_definition(x, rows, cols, attrs)
  local n, height, width, c = unpack(x.shape)
  local pixels, values, offsets = x:flat(), {}, {}
  for image = 0, n - 1 do
    local ys, oh = sequence(rows, image, attrs)
    local xs, ow = sequence(cols, image, attrs)
    for i = 1, oh do
      local top, bottom = window_of(ys, i, height, attrs, 1)
      for j = 1, ow do
        local left, right = window_of(xs, j, width, attrs, 2)
        for channel = 1, c do
          local function at(row, column)
            return pixels[((image * height + row) * width + column) * c + channel]
          end
          values[#values + 1], offsets[#offsets + 1] = largest(at, top, bottom, left, right)
        end
      end
    end
  end
  return values, offsets
end

-- -- values ---------------------------------------------------------------------

describe("fractional_max_pool", function()
  optest.vectors(optest.here())

  it("is its definition, argmax included", function()
    fmp.random_state{seed = 1, step = 0}
    for _, variant in ipairs(variants) do
      local attrs = pool_attrs(variant)
      for _, size in ipairs{{4, 7, 2, 4}, {9, 8, 6, 5}, {13, 5, 5, 3}, {6, 11, 1, 8}} do
        for _, per in ipairs{"batch", "sample"} do
          for _, dtype in ipairs{"f32", "f64"} do
            local x = random({2, size[1], size[2], 3}, {dtype = dtype})
            local rows, cols = regions(x, variant, {size[3], size[4]}, per)
            local y, argmax = pool(x, rows, cols, attrs)
            local values, offsets = by_definition(x, rows, cols, attrs)
            assert.same({2, size[3], size[4], 3}, y.shape)
            assert.same(values, y:flat())
            assert.equal("u8", argmax.dtype)
            assert.same(offsets, argmax:flat())
          end
        end
      end
    end
  end)

  it("takes the paper's random regions 25 -> 18", function()
    local x, lists = random({1, 25, 25, 2}, {dtype = "f32"}), {}
    for i, steps in ipairs{"211112112211112122", "111222121121112121", "121122112111211212"} do
      local list = {0}
      for step in steps:gmatch "." do list[#list + 1] = list[#list] + tonumber(step) end
      assert.equal(25, list[19])
      lists[i] = list
    end
    for i, list in ipairs(lists) do
      for _, overlapping in ipairs{false, true} do
        local attrs = {overlapping = overlapping}
        local rows, cols = ints(list), ints(lists[i % 3 + 1])
        local y, argmax = pool(x, rows, cols, attrs)
        local values, offsets = by_definition(x, rows, cols, attrs)
        assert.same({1, 18, 18, 2}, y.shape)
        assert.same(values, y:flat())
        assert.same(offsets, argmax:flat())
      end
    end
  end)

  -- Values and gradients of a max_pool that has the same windows.
  local function equals_max_pool(x, rows, cols, attrs, max_attrs)
    local dout
    local function step(f)
      return fmp.record(function()
        local y = f()
        dout = dout or random(y.shape, {seed = 3, dtype = x.dtype})
        return y, fmp.gradients((y * dout):sum(), {x})[1]
      end)
    end
    local y, dx = step(function() return ops.fractional_max_pool(x, rows, cols, attrs) end)
    local wanted, dwanted = step(function() return ops.max_pool(x, max_attrs) end)
    assert.same(wanted.shape, y.shape)
    assert.equal(wanted:bytes(), y:bytes())
    assert.same(dwanted:flat(), dx:flat())
  end

  it("is a 2 x 2 max_pool for boundaries 0, 2 ... 10 (TensorFlow's test)", function()
    local boundaries = ints{0, 2, 4, 6, 8, 10}
    for _, c in ipairs{1, 3, 16, 19} do
      equals_max_pool(random({3, 10, 10, c}, {dtype = "f32"}), boundaries, boundaries, {},
                      {window = 2})
    end
  end)

  it("is a 3 x 3 max_pool of stride 2 for overlapping 0, 2, 4, 7 (TensorFlow's test)", function()
    local boundaries = ints{0, 2, 4, 7}
    for _, c in ipairs{1, 3, 16, 19} do
      equals_max_pool(random({3, 7, 7, c}, {dtype = "f32"}), boundaries, boundaries,
                      {overlapping = true}, {window = 3, stride = 2})
    end
  end)

  it("is TensorFlow's documented example", function()
    local x = fmp.from_flat({20, 5, 16, 3, 7}, {1, 1, 5, 1}, "f32")
    local y = ops.fractional_max_pool(x, ints{0, 1}, ints{0, 2, 4}, {overlapping = true})
    assert.same({20, 16}, y:flat())
  end)

  it("is max_pool wherever drawn windows are all equal", function()
    for window = 1, 5 do
      for count = 1, 4 do
        local size = window * count
        local x = random({2, size, size, 5}, {dtype = "f64"})
        for _, mode in ipairs{"random", "pseudorandom"} do
          local rows, cols = ops.fmp_regions(x, {out = count, mode = mode})
          equals_max_pool(x, rows, cols, {}, {window = window})
        end
        local starts, other = ops.fmp_regions(x, {out = count, window = "fixed", pool = window})
        equals_max_pool(x, starts, other, {window = "fixed", pool = window}, {window = window})
      end
    end
  end)

  it("gives the same values whether argmax is asked for or not", function()
    local x = random({2, 12, 13, 37}, {dtype = "f32"})
    for _, kernel in ipairs{"ref", "plain", "avx2", "avx512"} do
      fmp.kernel(kernel)
      for _, variant in ipairs(variants) do
        local rows, cols = regions(x, variant, {8, 9})
        local alone = ops.fractional_max_pool(x, rows, cols, pool_attrs(variant))
        assert.equal(alone:bytes(), pool(x, rows, cols, pool_attrs(variant)):bytes())
      end
      fmp.kernel(nil)
    end
  end)

  it("takes windows of 256 elements", function()
    local pixels = {}
    for i = 1, 256 do pixels[i] = i end
    local x = fmp.from_flat(pixels, {1, 16, 16, 1}, "f32")
    local ends = ints{0, 16}
    local y, argmax = pool(x, ends, ends)
    assert.equal(256, y:item())
    assert.equal(255, argmax:item())
    local dx = ops.fractional_max_pool_back(y, argmax, ends, ends, x)
    assert.equal(256, dx:flat()[256])
    assert.equal(256, dx:sum():item())
  end)

  -- -- gradients ----------------------------------------------------------------

  it("differentiates", function()
    for _, variant in ipairs(variants) do
      for _, per in ipairs{"batch", "sample"} do
        local x = random({2, 7, 6, 2}, {apart = 1e-3})
        local rows, cols = regions(x, variant, {5, 4}, per)
        optest.gradient{op = "fractional_max_pool", inputs = {x, rows, cols}, wrt = {1},
                        attrs = pool_attrs(variant)}
      end
    end
  end)

  it("differentiates where windows skip pixels or share many", function()
    local x = random({1, 9, 8, 2}, {apart = 1e-3})
    for _, attrs in ipairs{{window = "fixed", pool = 5}, {window = "fixed", pool = {1, 2}}} do
      local rows, cols = ops.fmp_regions(x, with(attrs, {out = {4, 3}}))
      optest.gradient{op = "fractional_max_pool", inputs = {x, rows, cols}, wrt = {1},
                      attrs = attrs}
    end
    optest.gradient{op = "fractional_max_pool", inputs = {x, ints{2, 3, 5}, ints{1, 4}}, wrt = {1}}
  end)

  it("differentiates through drawn regions, eager and compiled", function()
    local x = random({3, 12, 11, 4}, {dtype = "f32"})
    local function step(a)
      local rows, cols = ops.fmp_regions(a, {out = {8, 9}, per = "sample"})
      local y = ops.fractional_max_pool(a, rows, cols, {overlapping = true})
      return y, fmp.gradients((y * y):sum(), {a})[1]
    end
    local function run(f)
      local bytes = {}
      fmp.random_state{seed = 3, step = 1}
      for i = 1, 3 do
        local y, dx = f(x)
        bytes[i] = y:bytes() .. dx:bytes()
      end
      return bytes
    end
    local eager = run(function(a) return fmp.record(step, a) end)
    assert.same(eager, run(fmp.compile(step)))
    assert.not_equal(eager[1], eager[2])
  end)

  -- -- kernels --------------------------------------------------------------------

  local function kernels_agree(x, rows, cols, attrs)
    optest.kernels{op = "fractional_max_pool", inputs = {x, rows, cols}, attrs = attrs,
                   outputs = 2, tol = 0}
    local y, argmax = pool(x, rows, cols, attrs)
    local dy = random(y.shape, {dtype = "f32", seed = 5})
    local activated = attrs.slope and attrs.slope ~= 1
    optest.kernels{op = "fractional_max_pool_back",
                   inputs = {dy, argmax, rows, cols, x, activated and y or nil}, attrs = attrs,
                   tol = 0}
  end

  it("has kernels that agree to the bit, for 1 to 70 channels", function()
    fmp.random_state{seed = 1, step = 0}
    for c = 1, 70 do
      local x = random({2, 9, 8, c}, {dtype = "f32", seed = c})
      local variant = variants[c % #variants + 1]
      local rows, cols = regions(x, variant, {6, 5}, c % 2 == 0 and "sample" or "batch")
      kernels_agree(x, rows, cols, pool_attrs(variant))
    end
  end)

  it("has kernels that agree for small, large, skipping and crowded windows", function()
    for _, c in ipairs{1, 13, 33} do
      for _, size in ipairs{{1, 1, 1, 1}, {2, 7, 1, 7}, {17, 15, 5, 3}, {15, 16, 1, 1}} do
        local x = random({2, size[1], size[2], c}, {dtype = "f32"})
        for _, attrs in ipairs{{overlapping = false}, {overlapping = true}} do
          local rows, cols = ops.fmp_regions(x, {out = {size[3], size[4]}, per = "sample"})
          kernels_agree(x, rows, cols, attrs)
        end
      end
      local x = random({3, 14, 13, c}, {dtype = "f32"})
      for _, window in ipairs{1, 3, 6} do
        local attrs = {window = "fixed", pool = {window, window + 1}}
        local rows, cols = ops.fmp_regions(x, with(attrs, {out = {6, 7}}))
        kernels_agree(x, rows, cols, attrs)
      end
      kernels_agree(x, ints{2, 3, 9}, ints{5, 6, 8, 13}, {overlapping = true})
      kernels_agree(x, ints{{0, 2, 9}, {3, 4, 5}, {1, 13, 14}}, ints{5, 6, 8, 13}, {})
    end
  end)

  it("has kernels that agree on ties, NaN, infinities and zeros", function()
    local special = {0 / 0, 1 / 0, -1 / 0, 0, -0, 1, 1, 1, -1}
    local values, draw = {}, random({2 * 9 * 8 * 37}, {low = 0, high = #special}):flat()
    for i, value in ipairs(draw) do values[i] = special[math.floor(value) + 1] end
    local x = fmp.from_flat(values, {2, 9, 8, 37}, "f32")
    for _, variant in ipairs(variants) do
      local rows, cols = regions(x, variant, {6, 5}, "sample")
      kernels_agree(x, rows, cols, pool_attrs(variant))
    end
  end)

  it("lets the first of equals win, and NaN over all", function()
    local nan, ends = 0 / 0, ints{0, 2}
    local function of(list)
      local y, argmax = pool(fmp.from_flat(list, {1, 2, 2, 1}, "f32"), ends, ends)
      return y:item(), argmax:item()
    end
    assert.equal(1, select(2, of{0, 5, 5, 5}))
    assert.equal(0, select(2, of{-0, 0, 0, 0}))
    assert.equal(1, select(2, of{0, nan, nan, 1 / 0}))
    for at = 0, 3 do
      local list = {1, 1 / 0, 3, 4}
      list[at + 1] = nan
      local y, argmax = of(list)
      assert.is_true(y ~= y)
      assert.equal(at, argmax)
    end
  end)

  -- -- slope ----------------------------------------------------------------------

  local function with_kernel(name, f)
    fmp.kernel(name)
    local results = {f()}
    fmp.kernel(nil)
    return unpack(results)
  end

  -- Fused and as two ops: values, argmax and gradient.
  local function same_as_leaky_relu(kernel, x, rows, cols, attrs, slope)
    with_kernel(kernel, function()
      local fused = with(attrs, {slope = slope})
      local y, argmax = pool(x, rows, cols, fused)
      local pooled, wanted_argmax = pool(x, rows, cols, attrs)
      local wanted = ops.leaky_relu(pooled, {slope = slope})
      assert.equal(wanted:bytes(), y:bytes())
      assert.equal(wanted_argmax:bytes(), argmax:bytes())
      local dy = random(y.shape, {dtype = x.dtype, seed = 9})
      local dx = ops.fractional_max_pool_back(dy, argmax, rows, cols, x, y, fused)
      local dpooled = ops.leaky_relu_back(dy, wanted, {slope = slope})
      local dwanted = ops.fractional_max_pool_back(dpooled, argmax, rows, cols, x, attrs)
      assert.equal(dwanted:bytes(), dx:bytes())
    end)
  end

  -- Values with which wrong rounding, order or sign would show.
  local function specials(shape, dtype)
    local special = {0 / 0, 1 / 0, -1 / 0, 0, -0, 1e-40, -1e-40, -1, -1, -3.3}
    local size, values = 1, {}
    for _, n in ipairs(shape) do size = size * n end
    for i, value in ipairs(random({size}, {low = 0, high = #special}):flat()) do
      values[i] = special[math.floor(value) + 1]
    end
    return fmp.from_flat(values, shape, dtype)
  end

  it("with a slope is leaky_relu of the pooling, to the bit", function()
    for _, kernel in ipairs{"ref", "plain", "avx2", "avx512"} do
      for i, variant in ipairs(variants) do
        for _, slope in ipairs{0, 0.333, 1, 2.5} do
          local shape = {2, 9, 8, ({1, 8, 13, 32, 70})[i]}
          local rows, cols = regions(fmp.zeros(shape), variant, {6, 5}, "sample")
          local low = random(shape, {dtype = "f32", low = -3, high = 1})
          if slope ~= 1 then
            same_as_leaky_relu(kernel, low, rows, cols, pool_attrs(variant), slope)
            same_as_leaky_relu(kernel, specials(shape, "f32"), rows, cols, pool_attrs(variant),
                               slope)
          else
            local plain = ops.fractional_max_pool(low, rows, cols, pool_attrs(variant))
            local one = ops.fractional_max_pool(low, rows, cols,
                                                with(pool_attrs(variant), {slope = 1}))
            assert.equal(plain:bytes(), one:bytes())
          end
        end
      end
    end
    local x = random({2, 9, 8, 3}, {low = -3, high = 1})
    local rows, cols = regions(x, variants[2], {6, 5})
    same_as_leaky_relu("ref", x, rows, cols, pool_attrs(variants[2]), 0.1)
  end)

  it("has kernels that agree with a slope, for 1 to 70 channels", function()
    for c = 1, 70 do
      local x = random({2, 9, 8, c}, {dtype = "f32", seed = c, low = -3, high = 1})
      local variant = variants[c % #variants + 1]
      local rows, cols = regions(x, variant, {6, 5}, c % 2 == 0 and "sample" or "batch")
      kernels_agree(x, rows, cols, with(pool_attrs(variant), {slope = 0.333}))
    end
  end)

  it("differentiates with a slope", function()
    for _, variant in ipairs(variants) do
      for _, slope in ipairs{0, 0.333, 2} do
        local x = random({2, 7, 6, 2}, {apart = 1e-3, low = -2, high = 0.5})
        local rows, cols = regions(x, variant, {5, 4}, "sample")
        optest.gradient{op = "fractional_max_pool", inputs = {x, rows, cols}, wrt = {1},
                        attrs = with(pool_attrs(variant), {slope = slope})}
      end
    end
  end)

  -- Outputs this large are stored past the caches, and such stores must have arrived when others
  -- read; with one more channel they are stored as usual.
  it("has kernels that agree on outputs larger than caches", function()
    for _, c in ipairs{48, 49} do
      local x = random({16, 70, 70, c}, {dtype = "f32"})
      local rows, cols = ops.fmp_regions(x, {out = 55})
      for _, slope in ipairs{1, 0.1} do
        kernels_agree(x, rows, cols, {overlapping = true, slope = slope})
      end
    end
  end)

  it("gives the same bits on one thread and on several", function()
    local x, before = random({5, 40, 41, 13}, {dtype = "f32"}), fmp.threads()
    for _, variant in ipairs(variants) do
      local attrs = pool_attrs(variant)
      local rows, cols = regions(x, variant, {27, 33}, "sample")
      local function run(threads)
        fmp.threads(threads)
        local y, argmax = pool(x, rows, cols, attrs)
        local dx = ops.fractional_max_pool_back(y, argmax, rows, cols, x, attrs)
        return y:bytes() .. argmax:bytes() .. dx:bytes()
      end
      local one = run(1)
      assert.equal(one, run(2))
      assert.equal(one, run(3))
    end
    fmp.threads(before)
  end)

  -- What a process with FMP_SIMD set has as kernels.
  local function kernels_with(level)
    local pipe = io.popen(("FMP_SIMD=%s '%s' -e 'print(require(\"fmp\").ops.fractional_max_pool"
                           .. ".kernels)'"):format(level, raw.share .. "../../bin/fmprun"))
    local text = pipe:read "*a"
    pipe:close()
    return text
  end

  it("offers no kernel beyond FMP_SIMD", function()
    local function has(level, name) return kernels_with(level):find("cpu/" .. name) ~= nil end
    assert.is_true(has("plain", "plain"))
    assert.is_false(has("plain", "avx2"))
    assert.is_false(has("plain", "avx512"))
    assert.is_false(has("avx2", "avx512"))
    assert.equal(ops.fractional_max_pool.kernels:find "avx2" ~= nil, has("avx2", "avx2"))
    assert.equal(ops.fractional_max_pool.kernels:find "avx512" ~= nil, has("avx512", "avx512"))
  end)

  it("takes no images", function()
    local x = fmp.zeros{0, 9, 8, 3}
    for _, per in ipairs{"batch", "sample"} do
      local rows, cols = ops.fmp_regions(x, {out = {6, 5}, per = per})
      local y, argmax = pool(x, rows, cols)
      assert.same({0, 6, 5, 3}, y.shape)
      assert.same({0, 9, 8, 3}, ops.fractional_max_pool_back(y, argmax, rows, cols, x).shape)
    end
  end)

  -- -- refusals -------------------------------------------------------------------

  describe("refuses", function()
    local x = fmp.zeros{2, 6, 6, 2}
    local good = ints{0, 2, 3, 6}
    local function refuses(match, rows, attrs, cols, image)
      optest.fails{op = "fractional_max_pool", inputs = {image or x, rows, cols or good},
                   attrs = attrs, match = match}
    end

    it("positions that do not rise or leave the image", function()
      refuses("expected rows that rise, got 2 after 2 at position 2", ints{0, 2, 2, 6})
      refuses("expected rows that rise, got 1 after 3 at position 2", ints{0, 3, 1, 6})
      refuses("expected rows from 0 to 6, got -1 at position 0", ints{-1, 2, 3, 6})
      refuses("expected rows from 0 to 6, got 7 at position 3", ints{0, 2, 3, 7})
      refuses("got -2147483648 at position 1", ints{0, -2 ^ 31, 3, 6})
      refuses("got 2147483647 at position 1", ints{0, 2 ^ 31 - 1, 3, 6})
      refuses("expected rows from 0 to 4, got 5 at position 3", ints{0, 2, 3, 5},
              {window = "fixed"})
      refuses("expected cols that rise", good, {}, ints{0, 4, 3, 6})
      refuses("expected cols from 0 to 6, got 9 at position 3", good, {},
              ints{{0, 2, 3, 6}, {0, 2, 3, 9}})
    end)

    it("windows by their own size, not by that of the image", function()
      local image = optest.random({2, 40, 50, 3}, {dtype = "f32"})
      for _, rows in ipairs{{0, 10, 20}, {35, 36, 40}, {0, 16}} do
        for _, cols in ipairs{{0, 10, 20}, {7, 20}, {48, 49, 50}} do
          local y, argmax = fmp.ops.fractional_max_pool(image, ints(rows), ints(cols),
                                                        {outputs = 2})
          assert.same({2, #rows - 1, #cols - 1, 3}, y.shape)
          local inner = image:slice{start = {0, rows[1], cols[1]},
                                    size = {-1, rows[2] - rows[1], cols[2] - cols[1]}}
          assert.same(inner:max{axes = {2, 3}}:flat(),
                      y:slice{size = {-1, 1, 1}}:reshape{shape = {2, 3}}:flat())
          assert.same(image.shape, fmp.ops.fractional_max_pool_back(
                        y, argmax, ints(rows), ints(cols), image).shape)
        end
      end
    end)

    it("windows of more than 256 elements", function()
      local image = fmp.zeros{1, 20, 20, 1}
      refuses("expected windows of at most 256 elements, got 20 x 20", ints{0, 20}, {}, ints{0, 20},
              image)
      refuses("got 17 x 18", ints{0, 17, 20}, {}, ints{0, 18, 20}, image)
      refuses("got 17 x 16", ints{0, 3}, {window = "fixed", pool = {17, 16}}, ints{0, 3}, image)
      refuses("got 300 x 1", ints{0, 300}, {}, ints{0, 1}, fmp.zeros{1, 300, 1, 1})
    end)

    it("sequences of wrong type or shape", function()
      local wanted = "expected rows of i32 [length] or, for 2 images, i32 [2,length], got "
      refuses(wanted .. "f32 [4]", fmp.tensor{0, 2, 3, 6})
      refuses(wanted .. "i32 [3,4]", ints{{0, 2, 3, 6}, {0, 2, 3, 6}, {0, 2, 3, 6}})
      refuses(wanted .. "i32 []", ints(1))
      refuses("expected cols of i32", good, {}, fmp.zeros{4})
      refuses("expected 1 to 6 windows along the image's height of 6, got 0", ints{3})
      refuses("expected 1 to 6 windows along the image's height of 6, got 7",
              ints{0, 1, 2, 3, 4, 5, 6, 7})
      refuses("expected a pool of height 1 to 3 for 4 windows in 6 pixels, got 4", good,
              {window = "fixed", pool = 4})
      refuses("expected a pool of height 1 to 3 for 4 windows in 6 pixels, got 0", good,
              {window = "fixed", pool = 0})
    end)

    it("what is no image", function()
      refuses("expected x [n,h,w,c], got f32 [6,6]", good, {}, good, fmp.zeros{6, 6})
      refuses("expected x of f32, f64 or bf16, got u8", good, {}, good,
              fmp.zeros{1, 6, 6, 2, dtype = "u8"})
      refuses("at least 1 channel", good, {}, good, fmp.zeros{1, 6, 6, 0})
    end)

    it("gradients of another shape", function()
      local dy, argmax = fmp.zeros{2, 3, 3, 2}, fmp.zeros{2, 3, 3, 2, dtype = "u8"}
      local function back(match, ...)
        optest.fails{op = "fractional_max_pool_back", inputs = {...}, match = match}
      end
      back("expected dy f32 [2,3,3,2], got f32 [2,3,2,2]", fmp.zeros{2, 3, 2, 2}, argmax, good,
           good, x)
      back("expected dy f32 [2,3,3,2], got f64", fmp.zeros{2, 3, 3, 2, dtype = "f64"}, argmax, good,
           good, x)
      back("expected argmax u8 [2,3,3,2], got f32 [2,3,3,2]", dy, dy, good, good, x)
      back("expected rows that rise", dy, argmax, ints{0, 3, 3, 6}, good, x)
    end)

    it("a slope with no y, and a y with no slope", function()
      local dy, argmax = fmp.zeros{2, 3, 3, 2}, fmp.zeros{2, 3, 3, 2, dtype = "u8"}
      local function back(match, slope, ...)
        optest.fails{op = "fractional_max_pool_back", inputs = {dy, argmax, good, good, x, ...},
                     attrs = {slope = slope}, match = match}
      end
      back("expected y f32 [2,3,3,2], since slope is 0.1, got none", 0.1)
      back("expected no y, since slope is 1, got f32 [2,3,3,2]", 1, dy)
      back("f32 [2,3,2,2]", 0.1, fmp.zeros{2, 3, 2, 2})
      refuses("slope", good, {slope = -0.1})
    end)

    -- Bytes that no pooling made: they name no pixel of their window, in the image or outside.
    it("nothing of an argmax that no pooling made, but passes it over", function()
      local argmax = fmp.full({2, 3, 3, 2, dtype = "u8"}, 255)
      for _, kernel in ipairs{"ref", "plain", "avx2", "avx512"} do
        fmp.kernel(kernel)
        local dx = ops.fractional_max_pool_back(fmp.ones{2, 3, 3, 2}, argmax, good, good, x)
        fmp.kernel(nil)
        assert.equal(0, dx:abs():sum():item())
      end
    end)
  end)
end)
