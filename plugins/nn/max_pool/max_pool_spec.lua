-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops, random = fmp.ops, optest.random

local geometries = {
  {window = 2},
  {window = 3, stride = 2},
  {window = {3, 2}, stride = {1, 3}},
  {window = {1, 4}, stride = {3, 1}},
  {window = 3, stride = 1, padding = "same"},
  {window = {2, 3}, stride = 2, padding = "same"},
  {window = 3, stride = 2, padding = "explicit", pads = {2, 0, 1, 2}},
  {window = 4, stride = 1, padding = "explicit", pads = 3},
}

-- What max_pool is by definition, for one channel of one image: the largest, the first of
-- equals, as lists over the output. pads: [top, bottom, left, right].
local function by_definition(x, height, width, window, stride, pads)
  local values, offsets = {}, {}
  for top = -pads[1], height + pads[2] - window[1], stride[1] do
    for left = -pads[3], width + pads[4] - window[2], stride[2] do
      local best, offset
      for k = 0, window[1] - 1 do
        for l = 0, window[2] - 1 do
          local i, j = top + k, left + l
          local inside = i >= 0 and i < height and j >= 0 and j < width
          local value = inside and x[i * width + j + 1]
          if inside and (not best or value > best) then
            best, offset = value, k * window[2] + l
          end
        end
      end
      values[#values + 1], offsets[#offsets + 1] = best, offset
    end
  end
  return values, offsets
end

describe("max_pool", function()
  optest.vectors(optest.here())

  it("is its definition, argmax included", function()
    for _, dtype in ipairs{"f32", "f64"} do
      for height = 3, 7 do
        for _, window in ipairs{{1, 1}, {2, 2}, {3, 2}, {2, 3}} do
          for stride = 1, 3 do
            for _, pads in ipairs{{0, 0, 0, 0}, {1, 0, 0, 1}} do
              if pads[1] < window[1] and pads[4] < window[2] then
                local x = random({1, height, 5, 1}, {dtype = dtype})
                local y, argmax = ops.max_pool(x, {window = window, stride = stride, outputs = 2,
                                                   padding = "explicit", pads = pads})
                local values, offsets = by_definition(x:flat(), height, 5, window,
                                                      {stride, stride}, pads)
                assert.same(values, y:flat())
                assert.same(offsets, argmax:flat())
                assert.equal("u8", argmax.dtype)
              end
            end
          end
        end
      end
    end
  end)

  it("computes in bf16, exactly forward and rounding once back", function()
    for _, attrs in ipairs(geometries) do
      local x = random{2, 9, 8, 20}
      local low = x:cast{dtype = "bf16"}
      local y, argmax = ops.max_pool(low:cast{dtype = "f32"}, {
        window = attrs.window, stride = attrs.stride, padding = attrs.padding, pads = attrs.pads,
        outputs = 2})
      local low_y, low_argmax = ops.max_pool(low, {
        window = attrs.window, stride = attrs.stride, padding = attrs.padding, pads = attrs.pads,
        outputs = 2})
      assert.equal("bf16", low_y.dtype)
      assert.same(y:flat(), low_y:flat())
      assert.same(argmax:flat(), low_argmax:flat())
      optest.bf16{op = "max_pool_back", inputs = {random(y.shape), argmax, x}, attrs = attrs}
    end
  end)

  it("steps by its window unless a stride is given", function()
    assert.same({1, 3, 2, 2}, ops.max_pool(fmp.zeros{1, 7, 7, 2}, {window = {2, 3}}).shape)
    assert.same({1, 3, 3, 2},
                ops.max_pool(fmp.zeros{1, 7, 7, 2}, {window = 3, stride = 2}).shape)
  end)

  it("never lets padding win", function()
    local y, argmax = ops.max_pool(fmp.full({1, 2, 2, 1}, -7),
                                   {window = 2, stride = 1, padding = "explicit", pads = 1,
                                    outputs = 2})
    for _, value in ipairs(y:flat()) do assert.equal(-7, value) end
    assert.same({3, 2, 2, 1, 0, 0, 1, 0, 0}, argmax:flat())
    local lowest = ops.max_pool(fmp.full({1, 2, 2, 1}, -1 / 0), {window = 2, padding = "same"})
    assert.same({-1 / 0}, lowest:flat())
  end)

  it("lets the first of equals win, and NaN over all", function()
    local nan = 0 / 0
    local function pool(list)
      local y, argmax = ops.max_pool(fmp.from_flat(list, {1, 2, 2, 1}, "f32"),
                                     {window = 2, outputs = 2})
      return y:item(), argmax:item()
    end
    assert.equal(1, select(2, pool{0, 5, 5, 5}))
    assert.equal(0, select(2, pool{0, -0, 0, 0}))
    for at = 0, 3 do
      local list = {1, 1 / 0, 3, 4}
      list[at + 1] = nan
      local y, argmax = pool(list)
      assert.is_true(y ~= y)
      assert.equal(at, argmax)
    end
    assert.equal(1, select(2, pool{0, nan, nan, 1 / 0}))
  end)

  it("gives the same values whether argmax is asked for or not", function()
    local x = random({2, 6, 7, 5}, {dtype = "f32"})
    for _, attrs in ipairs(geometries) do
      local alone = ops.max_pool(x, attrs)
      local with = {outputs = 2}
      for name, value in pairs(attrs) do with[name] = value end
      assert.same(alone:flat(), ops.max_pool(x, with):flat())
    end
  end)

  it("differentiates", function()
    for _, attrs in ipairs(geometries) do
      optest.gradient{op = "max_pool", inputs = {random({2, 6, 7, 2}, {apart = 1e-3})},
                      attrs = attrs}
    end
  end)

  -- Eighths, so that many are equal, and some NaN.
  local function coarse(shape)
    local list = random(shape, {low = -2, high = 2}):flat()
    for i, value in ipairs(list) do list[i] = i % 23 == 0 and 0 / 0 or math.floor(value * 8) / 8 end
    return fmp.from_flat(list, shape, "f32")
  end

  local function check_kernels(x, attrs)
    local with = {outputs = 2}
    for name, value in pairs(attrs) do with[name] = value end
    local y, argmax = ops.max_pool(x, with)
    local dy = random(y.shape, {dtype = "f32"})
    optest.kernels{op = "max_pool", inputs = {x}, attrs = attrs, outputs = 2, tol = 0}
    optest.kernels{op = "max_pool", inputs = {x}, attrs = attrs, outputs = 1, tol = 0}
    if x.shape[4] >= 8 then -- fewer are left to the reference
      optest.kernels{op = "max_pool_back", inputs = {dy, argmax, x}, attrs = attrs, tol = 0}
    end
  end

  it("has kernels that give the same bits, forward and back", function()
    for _, attrs in ipairs(geometries) do
      check_kernels(random({2, 9, 8, 20}, {dtype = "f32"}), attrs)
      for _, c in ipairs{1, 2, 3, 4, 6, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 47, 64, 70} do
        check_kernels(coarse{1, 7, 6, c}, attrs)
      end
    end
    check_kernels(coarse{1, 5, 19, 10}, {window = 1, stride = {2, 3}})
    check_kernels(coarse{1, 33, 18, 9}, {window = 16, stride = 1})
    check_kernels(coarse{0, 6, 6, 16}, {window = 2})
  end)

  it("gives the same bits on one thread and on several", function()
    local x, before = random({5, 40, 41, 13}, {dtype = "f32"}), fmp.threads()
    local attrs = {window = 3, stride = 1, outputs = 2}
    local function run()
      local y, argmax = ops.max_pool(x, attrs)
      local dx = ops.max_pool_back(y, argmax, x, {window = 3, stride = 1})
      return {y:flat(), argmax:flat(), dx:flat()}
    end
    local results = {}
    for threads = 1, 3 do
      fmp.threads(threads)
      results[threads] = run()
    end
    fmp.threads(before)
    assert.same(results[1], results[2])
    assert.same(results[1], results[3])
  end)

  it("takes a window of 256 elements", function()
    local x = fmp.from_flat({9}, {1, 1, 1, 1}, "f32")
    x = ops.pad(x, {before = {0, 15, 15, 0}, after = {0, 0, 0, 0}})
    local y, argmax = ops.max_pool(x, {window = 16, outputs = 2})
    assert.equal(9, y:item())
    assert.equal(255, argmax:item())
  end)

  describe("refuses", function()
    local x = fmp.zeros{1, 6, 6, 2}
    local function refuses(match, attrs, input)
      optest.fails{op = "max_pool", inputs = {input or x}, attrs = attrs, match = match}
    end

    it("images of wrong rank or type", function()
      refuses("expected x [n,h,w,c], got f32 [6,6]", {window = 2}, fmp.zeros{6, 6})
      refuses("expected x of f32, f64 or bf16", {window = 2}, fmp.zeros{1, 6, 6, 2, dtype = "u8"})
      refuses("at least 1 channel", {window = 2}, fmp.zeros{1, 6, 6, 0})
    end)

    it("windows that do not fit or have too many elements", function()
      refuses("window", {})
      refuses("window", {window = 0})
      refuses("fits the padded image's height of 6, got 7", {window = 7})
      refuses("expected window of 1 or 2 numbers", {window = {2, 2, 2}})
      refuses("at most 256 elements, got 289", {window = 17}, fmp.zeros{1, 20, 20, 1})
      refuses("2^31", {window = 2}, fmp.zeros{0, 2 ^ 31, 2, 1})
    end)

    it("strides and pads that make no sense", function()
      refuses("stride", {window = 2, stride = 0})
      refuses("expected pads below the window's size of 2, got 2 and 0",
              {window = 2, padding = "explicit", pads = {2, 0, 0, 0}})
      refuses("got 0 and 3", {window = 2, padding = "explicit", pads = {0, 0, 0, 3}})
      refuses("expected no pads", {window = 2, pads = 1})
      refuses("expected pads of 1 or 4 numbers", {window = 2, padding = "explicit", pads = {1, 1}})
    end)

    it("gradients and argmaxes that no max_pool made", function()
      local dy, argmax = fmp.zeros{1, 3, 3, 2}, fmp.zeros{1, 3, 3, 2, dtype = "u8"}
      local function back(match, ...)
        optest.fails{op = "max_pool_back", inputs = {...}, attrs = {window = 2}, match = match}
      end
      back("expected dy f32 [1,3,3,2], got f32 [1,3,2,2]", fmp.zeros{1, 3, 2, 2}, argmax, x)
      back("expected argmax u8 [1,3,3,2], got f32 [1,3,3,2]", dy, dy, x)
      back("expected argmax inside the window and the image, got 4", dy,
           fmp.full({1, 3, 3, 2, dtype = "u8"}, 4), x)
      optest.fails{op = "max_pool_back", inputs = {fmp.zeros{1, 1, 1, 1},
                   fmp.zeros{1, 1, 1, 1, dtype = "u8"}, fmp.zeros{1, 1, 1, 1}},
                   attrs = {window = 2, padding = "explicit", pads = {1, 0, 1, 0}},
                   match = "got 0 at [0,0,0,0]"}
    end)

    -- By the kernel that is taken for so many channels, and by the reference.
    it("any bad argmax, wherever it is", function()
      local x20, shape = fmp.zeros{2, 5, 6, 20}, {2, 3, 3, 20}
      local attrs = {window = 3, stride = 2, padding = "explicit", pads = {1, 1, 1, 0}}
      local good = select(2, ops.max_pool(x20, {window = 3, stride = 2, padding = "explicit",
                                                pads = attrs.pads, outputs = 2})):flat()
      local function back(n, i, j, c, value)
        local list, at = {unpack(good)}, ((n * 3 + i) * 3 + j) * 20 + c
        list[at + 1] = value
        local argmax = fmp.from_flat(list, shape, "u8")
        for _, kernel in ipairs{"ref", false} do
          fmp.kernel(kernel or nil)
          optest.fails{op = "max_pool_back", inputs = {fmp.zeros(shape), argmax, x20},
                       attrs = attrs, match = ("got %d at [%d,%d,%d,%d]"):format(value, n, i, j, c)}
          fmp.kernel(nil)
        end
      end
      back(0, 0, 0, 0, 0) -- padding above
      back(0, 0, 2, 7, 2)
      back(0, 1, 0, 11, 6) -- to the left
      back(1, 2, 1, 19, 7) -- below
      back(0, 1, 1, 3, 9) -- outside of the window
      back(1, 2, 2, 19, 255)
      back(1, 1, 2, 16, 10)
    end)
  end)
end)
