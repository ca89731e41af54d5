-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops, random = fmp.ops, optest.random

local function f32(shape, seed) return random(shape, {dtype = "f32", seed = seed}) end

-- TensorFlow's padding of one axis: how many before, how many after, and the output's size.
local function same_pads(size, taps, stride, dilation)
  local out = math.ceil(size / stride)
  local total = math.max((out - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
  return math.floor(total / 2), math.ceil(total / 2), out
end

-- Windows of every kind on images of shape {n, h, w}; f(x's shape, w's shape, attributes).
local function each_geometry(image, f)
  local n, h, width = unpack(image)
  local paddings = {
    {padding = "valid"}, {padding = "same"}, {padding = "explicit", pads = {2, 0, 1, 3}},
  }
  for _, channels in ipairs{{1, 1, 1}, {3, 5, 1}, {4, 6, 2}, {3, 3, 3}} do
    local ic, oc, groups = unpack(channels)
    for _, taps in ipairs{{1, 1}, {2, 2}, {3, 2}} do
      for stride = 1, 3 do
        for dilation = 1, 2 do
          for _, padding in ipairs(paddings) do
            f({n, h, width, ic}, {oc, taps[1], taps[2], ic / groups},
              {stride = {stride, 3 - math.floor(stride / 2)}, dilation = {dilation, 1},
               groups = groups, padding = padding.padding, pads = padding.pads})
          end
        end
      end
    end
  end
end

describe("conv2d", function()
  optest.vectors(optest.here())

  describe("shapes", function()
    local function shape_of(x, w, attrs)
      return ops.conv2d(fmp.zeros(x), fmp.zeros(w), attrs).shape
    end

    it("are those of the talk", function()
      -- 7x7 under 3x3 with stride 2.
      assert.same({1, 3, 3, 1}, shape_of({1, 7, 7, 1}, {1, 3, 3, 1}, {stride = 2}))
      -- Three filters of 5x5x3 on 32x32x3, two zeros around it.
      assert.same({1, 32, 32, 3},
                  shape_of({1, 32, 32, 3}, {3, 5, 5, 3}, {padding = "explicit", pads = 2}))
      -- AlexNet's first layer: 224 becomes 55 only by uneven padding.
      assert.same({1, 55, 55, 96}, shape_of({1, 224, 224, 3}, {96, 11, 11, 3},
                  {stride = 4, padding = "explicit", pads = {1, 2, 1, 2}}))
      assert.same({1, 54, 54, 96},
                  shape_of({1, 224, 224, 3}, {96, 11, 11, 3}, {stride = 4}))
    end)

    it("count 34,944 parameters in AlexNet's first layer", function()
      local w, b = fmp.zeros{96, 11, 11, 3}, fmp.zeros{96}
      local y = ops.conv2d(fmp.zeros{1, 11, 11, 3}, w, b)
      assert.same({1, 1, 1, 96}, y.shape)
      assert.equal(34944, w.size + b.size)
    end)

    it("of padding same are TensorFlow's, at every place of the window", function()
      for size = 1, 7 do
        for taps = 1, 4 do
          for stride = 1, 3 do
            for dilation = 1, 2 do
              local before, after, out = same_pads(size, taps, stride, dilation)
              local x, w = random{1, size, size, 1}, random{1, taps, taps, 1}
              local same = ops.conv2d(x, w, {padding = "same", stride = stride,
                                             dilation = dilation})
              local explicit = ops.conv2d(x, w, {padding = "explicit", stride = stride,
                                                 dilation = dilation,
                                                 pads = {before, after, before, after}})
              assert.same({1, out, out, 1}, same.shape)
              assert.same(explicit:flat(), same:flat())
            end
          end
        end
      end
    end)

    it("take one number for both directions and for all four pads", function()
      local x, w = random{1, 6, 7, 2}, random{3, 2, 2, 2}
      local short = ops.conv2d(x, w, {stride = 2, dilation = 3, padding = "explicit", pads = 1})
      local long = ops.conv2d(x, w, {stride = {2, 2}, dilation = {3, 3}, padding = "explicit",
                                     pads = {1, 1, 1, 1}})
      assert.same(long.shape, short.shape)
      assert.same(long:flat(), short:flat())
    end)
  end)

  it("differentiates, by images, filters and bias", function()
    each_geometry({1, 5, 4}, function(x, w, attrs)
      optest.gradient{op = "conv2d", inputs = {random(x), random(w, {seed = 2}), random{w[1]}},
                      attrs = attrs}
    end)
  end)

  it("applies a leaky rectifier of its own, and differentiates it", function()
    for _, slope in ipairs{0, 0.25, 3} do
      local x, w, b = random{2, 5, 4, 3}, random({4, 2, 3, 3}, {seed = 2}), random{4}
      local apart = ops.leaky_relu(ops.conv2d(x, w, b), {slope = slope})
      local own = ops.conv2d(x, w, b, {slope = slope})
      assert.same(apart:flat(), own:flat())
      optest.gradient{op = "conv2d", inputs = {x, w, b}, attrs = {slope = slope}}
      optest.gradient{op = "conv2d", inputs = {x, w}, attrs = {slope = slope}}
    end
    optest.fails{op = "conv2d", inputs = {random{1, 3, 3, 1}, random{1, 2, 2, 1}},
                 attrs = {slope = -1}, match = "attribute 'slope'"}
  end)

  it("takes over a leaky rectifier that stands behind it in a plan", function()
    local x, w, b = f32{2, 6, 5, 8}, f32({16, 2, 2, 8}, 2), f32({16}, 3)
    local function run(f, rewrites)
      local compiled = fmp.compile(f, {rewrites = rewrites})
      local results = {compiled(x)}
      return results, select(2, compiled:text():gsub("relu", "")), compiled:text()
    end
    local function check(f, count)
      local got, found = run(f, true)
      local want = run(f, false)
      assert.equal(count, found)
      for i, y in ipairs(want) do
        local largest = y:abs():max():item()
        assert.near(0, (y - got[i]):abs():max():item(), 1e-6 * largest)
      end
    end
    local function leaky(y, slope) return ops.leaky_relu(y, {slope = slope}) end
    check(function(t) return leaky(ops.conv2d(t, w, b, {stride = {2, 1}}), 0.3) end, 0)
    check(function(t) return leaky(ops.conv2d(t, w, {padding = "same"}), 2) end, 0)
    -- With gradients: leaky_relu_back stays.
    check(function(t)
      local loss = leaky(ops.conv2d(t, w, b), 0.3):square():mean()
      return loss, fmp.gradients(loss, {w})[1], fmp.gradients(loss, {b})[1]
    end, 1)
    -- Not if the sum is read elsewhere, not twice, not relu, and not a slope of 0, which is relu.
    check(function(t)
      local y = ops.conv2d(t, w, b)
      return leaky(y, 0.3), y:sum()
    end, 1)
    check(function(t) return leaky(leaky(ops.conv2d(t, w, b), 0.3), 0.5) end, 1)
    check(function(t) return ops.relu(ops.conv2d(t, w, b)) end, 1)
    check(function(t) return leaky(ops.conv2d(t, w, b), 0) end, 1)
  end)

  it("differentiates its gradients", function()
    local attrs = {stride = {2, 1}, padding = "explicit", pads = {1, 0, 2, 1}, groups = 2}
    local x, w = random{2, 5, 4, 4}, random({2, 3, 2, 2}, {seed = 2})
    local dy = random(ops.conv2d(x, w, attrs).shape, {seed = 3})
    optest.gradient{op = "conv2d_back_data", inputs = {dy, w, x}, attrs = attrs}
    optest.gradient{op = "conv2d_back_weights", inputs = {x, dy, w}, attrs = attrs}
  end)

  -- <conv(x, w), dy> = <x, back_data(dy, w)> = <w, back_weights(x, dy)>: all three are one
  -- sum of products, taken in different orders.
  it("has gradients that are its adjoints", function()
    each_geometry({2, 6, 5}, function(x_shape, w_shape, attrs)
      local x, w = random(x_shape), random(w_shape, {seed = 2})
      local y = ops.conv2d(x, w, attrs)
      local dy = random(y.shape, {seed = 3})
      local forward = (y * dy):sum():item()
      local by_x = (x * ops.conv2d_back_data(dy, w, x, attrs)):sum():item()
      local by_w = (w * ops.conv2d_back_weights(x, dy, w, attrs)):sum():item()
      assert.near(forward, by_x, 1e-9)
      assert.near(forward, by_w, 1e-9)
    end)
  end)

  describe("fast kernels agree with the reference", function()
    local function compare(x_shape, w_shape, attrs)
      local x, w, b = f32(x_shape), f32(w_shape, 2), f32({w_shape[1]}, 3)
      local dy = f32(ops.conv2d(x, w, attrs).shape, 4)
      optest.kernels{op = "conv2d", inputs = {x, w, b}, attrs = attrs, tol = 2e-5}
      optest.kernels{op = "conv2d", inputs = {x, w}, attrs = attrs, tol = 2e-5}
      local sloped = {slope = 0.3}
      for name, value in pairs(attrs) do sloped[name] = value end
      optest.kernels{op = "conv2d", inputs = {x, w, b}, attrs = sloped, tol = 2e-5}
      optest.kernels{op = "conv2d_back_data", inputs = {dy, w, x}, attrs = attrs, tol = 2e-5}
      optest.kernels{op = "conv2d_back_weights", inputs = {x, dy, w}, attrs = attrs, tol = 5e-5}
    end

    it("on small odd geometries", function() each_geometry({2, 6, 5}, compare) end)

    it("on numbers of channels around a vector's length", function()
      for _, channels in ipairs{{1, 16}, {3, 17}, {8, 8}, {15, 33}, {16, 64}, {31, 1}, {48, 20}} do
        compare({3, 9, 7, channels[1]}, {channels[2], 3, 3, channels[1]}, {padding = "same"})
        compare({1, 8, 8, channels[1]}, {channels[2], 2, 2, channels[1]}, {stride = 2})
      end
    end)

    it("on many groups", function()
      compare({2, 7, 6, 32}, {32, 3, 3, 1}, {groups = 32, padding = "same"})
      compare({2, 7, 6, 16}, {48, 2, 2, 4}, {groups = 4, stride = {1, 2}})
    end)

    it("with more padding than window", function()
      compare({1, 3, 3, 2}, {3, 2, 2, 2}, {padding = "explicit", pads = {4, 3, 5, 2}})
    end)
  end)

  describe("in bf16", function()
    -- All directions; the gradients also for f32 masters, which keep them in f32.
    local function compare(x_shape, w_shape, attrs, kernels)
      local x, w, b = f32(x_shape), f32(w_shape, 2), f32({w_shape[1]}, 3)
      local dy = f32(ops.conv2d(x, w, attrs).shape, 4)
      optest.bf16{op = "conv2d", inputs = {x, w, b}, attrs = attrs, kernels = kernels}
      optest.bf16{op = "conv2d", inputs = {x, w}, attrs = attrs, kernels = kernels}
      for _, gives in ipairs{"bf16", "f32"} do
        local as_is = gives == "f32" and {3} or nil
        optest.bf16{op = "conv2d_back_data", inputs = {dy, w, x}, attrs = attrs, gives = gives,
                    f32 = as_is, kernels = kernels}
        optest.bf16{op = "conv2d_back_weights", inputs = {x, dy, w}, attrs = attrs,
                    gives = gives, f32 = as_is, kernels = kernels}
      end
    end

    it("agrees with f64 but for one rounding, on small odd geometries", function()
      local count = 0
      each_geometry({2, 6, 5}, function(x, w, attrs)
        count = count + 1
        if count % 5 == 0 then compare(x, w, attrs, {"onednn_f32"}) end
      end)
    end)

    it("agrees on numbers of channels around a vector's length", function()
      for _, channels in ipairs{{1, 16}, {3, 17}, {8, 8}, {15, 33}, {32, 64}} do
        compare({2, 7, 6, channels[1]}, {channels[2], 2, 2, channels[1]}, {}, {"onednn_f32"})
      end
      compare({2, 7, 6, 16}, {48, 2, 2, 4}, {groups = 4, stride = {1, 2}}, {"onednn_f32"})
    end)

    it("applies its activation before it rounds", function()
      optest.bf16{op = "conv2d", inputs = {f32{2, 9, 8, 5}, f32({12, 2, 2, 5}, 2), f32({12}, 3)},
                  attrs = {slope = 0.3}, kernels = {"onednn_f32"}}
    end)

    it("runs on oneDNN's bf16 where the processor has it", function()
      if not ops.conv2d.kernels:find "cpu/onednn priority %d+ f32 bf16" then
        pending "no AVX-512 BF16 here: oneDNN's own bf16 is not registered"
      end
      compare({4, 12, 12, 32}, {64, 2, 2, 32}, {}, {"onednn"})
      compare({4, 12, 12, 16}, {32, 3, 3, 16}, {padding = "same"}, {"onednn"})
    end)

    it("refuses other mixtures", function()
      local x, w = fmp.zeros{1, 4, 4, 2}, fmp.zeros{3, 2, 2, 2}
      local low_x, low_w = x:cast{dtype = "bf16"}, w:cast{dtype = "bf16"}
      local dy, low_dy = fmp.zeros{1, 3, 3, 3}, fmp.zeros{1, 3, 3, 3}:cast{dtype = "bf16"}
      optest.fails{op = "conv2d", inputs = {low_x, w}, match = "expected w of x's type"}
      optest.fails{op = "conv2d_back_weights", inputs = {x, low_dy, w},
                   match = "expected dy f32 [1,3,3,3], got bf16 [1,3,3,3]"}
      optest.fails{op = "conv2d_back_weights", inputs = {x, dy, low_w},
                   match = "expected w of x's type"}
      optest.fails{op = "conv2d_back_data", inputs = {low_dy, w, x},
                   match = "got bf16 [1,3,3,3]"}
    end)
  end)

  -- A sample of tests/nightly/library_grid.sh's, one of each kind that it found; see
  -- docs/decisions/shapes-refused-to-onednn.md.
  describe("where oneDNN computes wrongly or refuses", function()
    local function largest_error(op, inputs, attrs)
      fmp.kernel "ref"
      local expected = ops[op](inputs[1], inputs[2], inputs[3], attrs):cast{dtype = "f64"}
      fmp.kernel(nil)
      local got = ops[op](inputs[1], inputs[2], inputs[3], attrs):cast{dtype = "f64"}
      return (got - expected):abs():max():item() / expected:abs():max():item()
    end

    local function compare(x_shape, w_shape, attrs)
      for dtype, tol in pairs{f32 = 2e-5, bf16 = 2 ^ -7} do
        local x = f32(x_shape):cast{dtype = dtype}
        local w = f32(w_shape, 2):cast{dtype = dtype}
        local dy = f32(ops.conv2d(x, w, attrs).shape, 3):cast{dtype = dtype}
        for _, case in ipairs{{"conv2d", {x, w}}, {"conv2d_back_data", {dy, w, x}},
                              {"conv2d_back_weights", {x, dy, w}}} do
          local op, inputs = unpack(case)
          for run = 1, 3 do
            local error = largest_error(op, inputs, attrs)
            assert(error <= tol, ("%s, %s, run %d: relative error %g"):format(op, dtype, run,
                                                                              error))
          end
        end
      end
    end

    for name, case in pairs{
      ["strided 1x1 over few channels"] = {{32, 32, 32, 3}, {32, 1, 1, 3}, {stride = 2}},
      ["strided 1x1 over 5 channels"] = {{3, 10, 10, 5}, {8, 1, 1, 5}, {stride = 2}},
      ["strided 1x1 over 15 channels"] = {{5, 21, 9, 15}, {25, 1, 1, 15}, {stride = 3}},
      ["strided 1x1, one axis alone"] = {{5, 5, 16, 3}, {13, 1, 1, 3}, {stride = {1, 2}}},
      ["images narrower than a stride"] = {{3, 10, 2, 24}, {24, 3, 3, 4},
        {stride = {2, 3}, groups = 6, padding = "explicit", pads = {0, 0, 0, 2}}},
      ["rows dilated apart in wide images"] = {{3, 11, 37, 21}, {3, 3, 3, 21},
        {dilation = {2, 1}}},
      ["an odd number of channels over 30 pixels"] = {{5, 6, 5, 16}, {29, 1, 1, 16}, {}},
      ["windows that end short of the image"] = {{1, 2, 13, 9}, {16, 2, 4, 9},
        {stride = 3, dilation = {1, 2}, padding = "explicit", pads = {0, 2, 2, 0}}},
      ["more padding than kernels are made for"] = {{1, 4, 4, 2}, {3, 2, 2, 2},
        {stride = 1000000, padding = "explicit", pads = 1000000}},
    } do
      it("takes another kernel: " .. name, function()
        local before = fmp.threads()
        for _, threads in ipairs{1, 2} do
          fmp.threads(threads)
          compare(unpack(case))
        end
        fmp.threads(before)
      end)
    end
  end)

  it("gives the same bits on one thread and on several, by the reference", function()
    local x, w = random{5, 20, 21, 8}, random{16, 3, 3, 8} -- large enough to be shared out
    local before = fmp.threads()
    local function run()
      local y = ops.conv2d(x, w)
      return {y:flat(), ops.conv2d_back_data(y, w, x):flat(),
              ops.conv2d_back_weights(x, y, w):flat()}
    end
    fmp.threads(1)
    local one = run()
    fmp.threads(3)
    local three = run()
    fmp.threads(before)
    assert.same(one, three)
  end)

  it("agrees on one thread and on several, whatever the kernel", function()
    local x, w, b = f32{4, 12, 12, 16}, f32({32, 3, 3, 16}, 2), f32({32}, 3)
    local before = fmp.threads()
    local function run()
      local y = ops.conv2d(x, w, b)
      return {y, ops.conv2d_back_data(y, w, x), ops.conv2d_back_weights(x, y, w)}
    end
    fmp.threads(2)
    local two = run()
    fmp.threads(1)
    local one = run()
    fmp.threads(before)
    for i, y in ipairs(one) do
      local largest = y:abs():max():item()
      assert.near(0, (y - two[i]):abs():max():item(), 1e-5 * largest)
    end
  end)

  it("gives the same bits run after run", function()
    local x, w = f32{4, 12, 12, 16}, f32({32, 3, 3, 16}, 2)
    local first, second = ops.conv2d(x, w), ops.conv2d(x, w)
    assert.same(first:flat(), second:flat())
    assert.same(ops.conv2d_back_weights(x, first, w):flat(),
                ops.conv2d_back_weights(x, second, w):flat())
  end)

  it("keeps NaN and infinity to the windows that see them", function()
    local x = fmp.ones{1, 1, 5, 1}
    x = ops.concat(ops.slice(x, {start = {0, 0, 0, 0}, size = {1, 1, 4, 1}}),
                   fmp.full({1, 1, 1, 1}, 0 / 0), {axis = 3})
    local y = ops.conv2d(x, fmp.ones{1, 1, 2, 1}):flat()
    assert.same({2, 2, 2}, {y[1], y[2], y[3]})
    assert.is_true(y[4] ~= y[4])
  end)

  it("takes an empty batch", function()
    local x, w = fmp.zeros{0, 4, 4, 2}, fmp.ones{3, 2, 2, 2}
    local y = ops.conv2d(x, w)
    assert.same({0, 3, 3, 3}, y.shape)
    assert.equal(0, ops.conv2d_back_weights(x, y, w):sum():item())
  end)

  describe("refuses", function()
    local x, w = fmp.zeros{2, 6, 6, 4}, fmp.zeros{8, 3, 3, 4}
    local function refuses(match, attrs, ...)
      local inputs = select("#", ...) > 0 and {...} or {x, w}
      optest.fails{op = "conv2d", inputs = inputs, attrs = attrs, match = match}
    end

    it("arrays of wrong ranks", function()
      refuses("expected x [n,h,w,c], got f32 [50,2700]", {}, fmp.zeros{50, 2700}, w)
      refuses("expected w [oc,kh,kw,c/groups], got f32 [8,4]", {}, x, fmp.zeros{8, 4})
      refuses("expected b [8]", {}, x, w, fmp.zeros{8, 1})
    end)

    it("channels that do not fit", function()
      refuses("expected w [oc,kh,kw,4]", {}, x, fmp.zeros{8, 3, 3, 5})
      refuses("got [8,3,3,5]", {}, x, fmp.zeros{8, 3, 3, 5})
      refuses("expected w [oc,kh,kw,2]", {groups = 2})
      refuses("expected b [8]", {}, x, w, fmp.zeros{7})
      refuses("at least 1 channel", {}, fmp.zeros{2, 6, 6, 0}, fmp.zeros{8, 3, 3, 0})
    end)

    it("groups that do not divide", function()
      refuses("groups that divide x's 4 channels, got 3", {groups = 3})
      refuses("groups that divide w's 6 output channels, got 4", {groups = 4}, x,
              fmp.zeros{6, 3, 3, 1})
      refuses("groups", {groups = 0})
    end)

    it("mixed and whole-number types", function()
      refuses("expected w of x's type", {}, x, fmp.zeros{8, 3, 3, 4, dtype = "f64"})
      refuses("expected b of x's type", {}, x, w, fmp.zeros{8, dtype = "f64"})
      refuses("expected x of f32, f64 or bf16", {}, fmp.zeros{2, 6, 6, 4, dtype = "i32"},
              fmp.zeros{8, 3, 3, 4, dtype = "i32"})
    end)

    it("windows beyond the image", function()
      refuses("fits the padded image's height of 2, got 3", {}, fmp.zeros{1, 2, 6, 4}, w)
      refuses("fits the padded image's width of 2, got 3", {}, fmp.zeros{1, 6, 2, 4}, w)
      refuses("height of 6, got 7", {dilation = 3})
      refuses("height", {}, fmp.zeros{1, 0, 6, 4}, w)
      refuses("expected a window of height 1", {}, x, fmp.zeros{8, 0, 3, 4})
    end)

    it("strides, dilations and pads that make no sense", function()
      refuses("stride", {stride = 0})
      refuses("stride", {stride = {1, -2}})
      refuses("expected stride of 1 or 2 numbers [vertical,horizontal], got 3",
              {stride = {1, 1, 1}})
      refuses("dilation", {dilation = 0})
      refuses("expected dilation of 1 or 2 numbers", {dilation = {1, 1, 1}})
      refuses("padding", {padding = "full"})
      refuses("[top,bottom,left,right], got 2", {padding = "explicit", pads = {1, 1}})
      refuses("[top,bottom,left,right], got 0", {padding = "explicit"})
      refuses("expected no pads with padding \"same\"", {padding = "same", pads = 1})
      refuses("pads", {padding = "explicit", pads = -1})
    end)

    it("numbers beyond reason", function()
      refuses("stride", {stride = 2 ^ 40})
      refuses("dilation", {dilation = 2 ^ 33})
      refuses("padded image", {dilation = 2 ^ 31 - 1})
      refuses("2^63 bytes", {padding = "explicit", pads = 2 ^ 31 - 1}, x, w)
    end)

    it("gradients of another shape", function()
      local dy = fmp.zeros{2, 4, 4, 8}
      local function back(match, op, ...)
        optest.fails{op = op, inputs = {...}, attrs = {}, match = match}
      end
      back("expected dy f32 [2,4,4,8], got f32 [2,4,5,8]", "conv2d_back_data",
           fmp.zeros{2, 4, 5, 8}, w, x)
      back("expected dy f32 [2,4,4,8], got f32 [8]", "conv2d_back_weights", x, fmp.zeros{8}, w)
      back("expected x [n,h,w,c]", "conv2d_back_data", dy, w, fmp.zeros{2, 6})
      back("expected w [oc,kh,kw,c/groups]", "conv2d_back_weights", x, dy, fmp.zeros{2})
    end)
  end)
end)
