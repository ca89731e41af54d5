-- SPDX-License-Identifier: Apache-2.0
-- The kernels "winograd" of conv2d and its gradients.
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local inputs = dofile(optest.here() .. "inputs.lua")
local arrays, directions, kernel_of = inputs.arrays, inputs.directions, inputs.kernel_of
local doubles, relative_error = inputs.doubles, inputs.relative_error
local with_kernel = inputs.with_kernel
local ops = fmp.ops

-- Kernels of one tile for all shapes, and the allowed ||error|| / ||y||, some times what is
-- usual.
local tolerance = {winograd_f1 = 1e-6, winograd_f2 = 1e-6, winograd_f3 = 1e-6,
                   winograd_f3x1 = 1e-6, winograd_f4 = 5e-6, winograd_f5 = 1e-5}

-- Each tile in each direction against the reference in f64.
local function check(n, height, width, ic, oc, attrs)
  attrs = attrs or {}
  attrs.winograd = "fast"
  local given = arrays(n, height, width, ic, oc, attrs, "f32")
  local exact = inputs.doubles_of(given)
  for name, direction in pairs(directions) do
    local expected = with_kernel("ref", direction, exact[1], exact[2], exact[3], exact[4], attrs)
    for kernel, most in pairs(tolerance) do
      local y = with_kernel(kernel, function()
        assert.equal(kernel, kernel_of(direction, given, attrs))
        return direction(given[1], given[2], given[3], given[4], attrs)
      end)
      local err = relative_error(y, expected)
      assert(err <= most, ("%s, %s, %dx%dx%dx%d -> %d: error %g"):format(
        name, kernel, n, height, width, ic, oc, err))
    end
  end
end

describe("winograd", function()
  if not inputs.has_kernel() then
    pending "no winograd kernels: the processor has neither AVX-512 nor AVX2 with FMA"
    return
  end

  describe("agrees with the reference in f64", function()
    it("on every size around the tiles'", function()
      for size = 2, 12 do check(2, size, 14 - size, 5, 7) end
    end)

    it("on numbers of channels around a vector's and a register block's", function()
      for _, c in ipairs{{1, 1}, {1, 33}, {70, 1}, {8, 16}, {9, 15}, {16, 17}, {17, 31},
                         {24, 32}, {31, 65}, {48, 70}, {64, 64}, {69, 3}} do
        check(1, 7, 6, c[1], c[2])
      end
    end)

    it("on all numbers of channels up to 70, and sizes up to 41", function()
      for c = 1, 70 do check(1, 2 + 7 * c % 40, 2 + 11 * c % 39, c, 71 - c) end
    end)

    it("with padding, even and uneven, and with more than the window", function()
      check(2, 6, 5, 8, 9, {padding = "same"})
      check(1, 5, 8, 3, 4, {padding = "explicit", pads = 1})
      check(2, 4, 4, 6, 5, {padding = "explicit", pads = {0, 1, 1, 0}})
      check(1, 3, 4, 4, 6, {padding = "explicit", pads = {3, 2, 4, 1}})
    end)

    it("on more tiles than a block, of many images", function()
      check(3, 40, 39, 6, 5)
      check(60, 3, 2, 4, 18)
    end)
  end)

  it("applies a leaky rectifier as it stores", function()
    local given = arrays(2, 7, 6, 9, 17, {}, "f32")
    for kernel in pairs(tolerance) do
      local own = with_kernel(kernel, ops.conv2d, given[1], given[2], given[3],
                              {slope = 0.3, winograd = "fast"})
      local apart = with_kernel(kernel, ops.conv2d, given[1], given[2], given[3],
                                {winograd = "fast"})
      assert.equal(ops.leaky_relu(apart, {slope = 0.3}):bytes(), own:bytes())
    end
  end)

  it("gives the same bits run after run", function()
    local given = arrays(5, 13, 11, 16, 24, {}, "f32")
    for _, direction in pairs(directions) do
      local function run() return direction(given[1], given[2], given[3], given[4]):bytes() end
      assert.equal(with_kernel("winograd_f3x1", run), with_kernel("winograd_f3x1", run))
    end
  end)

  it("takes nothing but 2x2 with stride 1, no dilation and one group, in f32", function()
    local x, w = fmp.ones{1, 9, 9, 64}, fmp.ones{64, 2, 2, 64}
    local function kernel(...)
      return with_kernel("winograd_f3", kernel_of, directions.forward, {...},
                         select(select("#", ...), ...))
    end
    assert.equal("winograd_f3", kernel(x, w, nil, nil, {}))
    assert.equal("onednn", kernel(x, w, nil, nil, {winograd = "off"}))
    assert.equal("onednn", kernel(x, w, nil, nil, {stride = {1, 2}}))
    assert.equal("onednn", kernel(x, w, nil, nil, {dilation = 2}))
    assert.equal("onednn", kernel(x, fmp.ones{64, 2, 2, 32}, nil, nil, {groups = 2}))
    assert.equal("onednn", kernel(x, fmp.ones{64, 3, 2, 64}, nil, nil, {}))
    assert.equal("ref", kernel(doubles(x), doubles(w), nil, nil, {}))
  end)

  it("offers tiles that lose accuracy to those who ask for speed alone", function()
    local given = arrays(1, 9, 9, 16, 16, {}, "f32")
    local function kernel(name, winograd)
      return with_kernel(name, kernel_of, directions.forward, given, {winograd = winograd})
    end
    for _, name in ipairs{"winograd_f4", "winograd_f5"} do
      assert.equal(name, kernel(name, "fast"))
      assert.not_equal(name, kernel(name, "exact"))
    end
    assert.equal("winograd_f3", kernel("winograd_f3", "exact"))
    assert.equal("onednn", kernel("winograd_f3", "off"))
  end)

  -- How `exact` chooses among the tiles that keep its bound (see bound_spec.lua): on such numbers
  -- its error is at most 1.2 times that of the direct kernel. Layers of the paper's networks, with
  -- few images, and with so many that by weights there is enough to add up.
  describe("exact errs as a direct convolution on dense random numbers", function()
    local function error_of(direction, given, expected, attrs)
      return relative_error(direction(given[1], given[2], given[3], given[4], attrs), expected)
    end

    -- kernel: a name, or nil for the one that is chosen.
    local function check_direction(name, given, exact, kernel)
      local direction = directions[name]
      local expected = with_kernel("ref", direction, exact[1], exact[2], exact[3], exact[4])
      local ours = with_kernel(kernel, error_of, direction, given, expected, {})
      local direct = error_of(direction, given, expected, {winograd = "off"})
      assert(ours <= 1.2 * direct, ("%s, %s: %g, direct %g"):format(
        name, kernel or "chosen", ours, direct))
    end

    -- Whether it is chosen for the first of the named directions, with as few threads as here.
    local function check_layer(names, n, size, ic, oc)
      local given, chosen = arrays(n, size, size, ic, oc, {}, "f32"), {}
      local exact = inputs.doubles_of(given)
      for i, name in ipairs(names) do
        chosen[i] = kernel_of(directions[name], given, {}) == "winograd"
        if chosen[i] then check_direction(name, given, exact) end
      end
      assert.is_true(chosen[1] or fmp.threads() > 2)
    end

    -- Each tile that `exact` allows if it is asked for by name; F1 is a direct convolution.
    local function check_allowed(name, given)
      local exact = inputs.doubles_of(given)
      for kernel, tile in pairs(inputs.tiles) do
        if tile.m > 1 and with_kernel(kernel, kernel_of, directions[name], given, {}) == kernel then
          check_direction(name, given, exact, kernel)
        end
      end
    end

    it("of few channels, which sum few roundings of their own", function()
      for _, channels in ipairs{1, 2, 3, 5, 8, 11, 16, 20, 24, 33} do
        check_allowed("forward", arrays(2, 19, 22, channels, 24, {}, "f32"))
        check_allowed("back_data", arrays(2, 19, 22, 24, channels, {}, "f32"))
      end
    end)

    it("by weights of few pixels", function()
      for size = 2, 20, 3 do
        check_allowed("back_weights", arrays(1, size, size + 1, 16, 24, {}, "f32"))
        check_allowed("back_weights", arrays(2, size + 1, size, 8, 24, {}, "f32"))
      end
    end)

    it("as products of matrices, where images are tiny", function()
      local given = arrays(40, 2, 2, 192, 224, {}, "f32")
      local exact = inputs.doubles_of(given)
      for name in pairs(directions) do check_direction(name, given, exact, "winograd_f1") end
    end)

    -- Images, size, channels in and out.
    for _, layer in ipairs{{2, 25, 32, 64}, {2, 17, 64, 96}, {4, 11, 96, 128}, {8, 7, 128, 160},
                           {32, 4, 160, 192}, {1, 74, 16, 32}, {1, 58, 32, 48}, {1, 45, 48, 64},
                           {1, 35, 64, 80}, {1, 27, 80, 96}, {2, 21, 96, 112}, {2, 16, 112, 128}} do
      local n, size, ic, oc = unpack(layer)
      it(("at %d x %d x %d -> %d"):format(size, size, ic, oc), function()
        check_layer({"forward", "back_data", "back_weights"}, n, size, ic, oc)
      end)
    end

    for _, layer in ipairs{{12, 25, 32, 64}, {25, 11, 96, 128}, {42, 4, 160, 192}, {5, 58, 32, 48},
                           {10, 27, 80, 96}} do
      local n, size, ic, oc = unpack(layer)
      it(("by weights of %d images at %d x %d x %d -> %d"):format(n, size, size, ic, oc), function()
        check_layer({"back_weights"}, n, size, ic, oc)
      end)
    end
  end)
end)
