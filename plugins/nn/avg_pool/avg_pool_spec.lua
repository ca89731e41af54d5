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

-- Each geometry, with and without counting the padding.
local function each(f)
  for _, geometry in ipairs(geometries) do
    for _, count in ipairs{false, true} do
      local attrs = {count_padding = count}
      for name, value in pairs(geometry) do attrs[name] = value end
      f(attrs)
    end
  end
end

describe("avg_pool", function()
  optest.vectors(optest.here())

  it("keeps a constant image, unless padding counts", function()
    for _, attrs in ipairs(geometries) do
      for _, value in ipairs(ops.avg_pool(fmp.full({1, 6, 7, 2}, 3), attrs):flat()) do
        assert.equal(3, value)
      end
    end
    local y = ops.avg_pool(fmp.full({1, 2, 2, 1}, 4), {window = 2, stride = 1, count_padding = true,
                                                       padding = "explicit", pads = 1})
    assert.same({1, 2, 1, 2, 4, 2, 1, 2, 1}, y:flat())
  end)

  -- A mean is a convolution of each channel with equal weights.
  it("is a convolution where padding counts", function()
    local x, window = random{2, 7, 6, 3}, {3, 2}
    local w = fmp.full({3, 3, 2, 1, dtype = "f64"}, 1 / 6)
    for stride = 1, 3 do
      local pads = {padding = "explicit", pads = {2, 1, 0, 1}, stride = stride}
      local conv = ops.conv2d(x, w, {groups = 3, padding = "explicit", pads = pads.pads,
                                     stride = stride}):flat()
      local y = ops.avg_pool(x, {window = window, count_padding = true, padding = "explicit",
                                 pads = pads.pads, stride = stride}):flat()
      assert.equal(#conv, #y)
      for i, value in ipairs(conv) do assert.near(value, y[i], 1e-12) end
    end
  end)

  it("differentiates, and so does its gradient", function()
    each(function(attrs)
      local x = random{2, 6, 7, 2}
      local dy = random(ops.avg_pool(x, attrs).shape, {seed = 2})
      optest.gradient{op = "avg_pool", inputs = {x}, attrs = attrs}
      optest.gradient{op = "avg_pool_back", inputs = {dy, x}, attrs = attrs}
    end)
  end)

  local function check_kernels(x, attrs)
    local dy = random(ops.avg_pool(x, attrs).shape, {dtype = "f32"})
    optest.kernels{op = "avg_pool", inputs = {x}, attrs = attrs, tol = 0}
    if x.shape[4] >= 8 then -- fewer are left to the reference
      optest.kernels{op = "avg_pool_back", inputs = {dy, x}, attrs = attrs, tol = 0}
    end
  end

  it("has kernels that give the same bits, forward and back", function()
    each(function(attrs)
      check_kernels(random({2, 9, 8, 20}, {dtype = "f32"}), attrs)
      for _, c in ipairs{1, 2, 3, 4, 6, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 47, 64, 70} do
        check_kernels(random({1, 7, 6, c}, {dtype = "f32"}), attrs)
      end
    end)
    check_kernels(random({1, 5, 19, 10}, {dtype = "f32"}), {window = 1, stride = {2, 3}})
    check_kernels(random({1, 33, 20, 9}, {dtype = "f32"}), {window = {32, 17}, stride = 1})
    check_kernels(random({0, 6, 6, 16}, {dtype = "f32"}), {window = 2})
  end)

  it("computes in bf16, rounding once", function()
    each(function(attrs)
      local x = random{2, 9, 8, 20}
      optest.bf16{op = "avg_pool", inputs = {x}, attrs = attrs}
      optest.bf16{op = "avg_pool_back", inputs = {ops.avg_pool(x, attrs), x}, attrs = attrs}
    end)
  end)

  it("gives the same bits on one thread and on several", function()
    local x, before = random({5, 40, 41, 13}, {dtype = "f32"}), fmp.threads()
    local attrs = {window = 3, stride = 1}
    local function run()
      local y = ops.avg_pool(x, attrs)
      return {y:flat(), ops.avg_pool_back(y, x, attrs):flat()}
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

  it("takes windows of more than 256 elements", function()
    assert.equal(2, ops.avg_pool(fmp.full({1, 20, 20, 1}, 2), {window = 20}):item())
  end)

  describe("refuses", function()
    local x = fmp.zeros{1, 6, 6, 2}
    local function refuses(match, attrs, input)
      optest.fails{op = "avg_pool", inputs = {input or x}, attrs = attrs, match = match}
    end

    it("images of wrong rank or type", function()
      refuses("expected x [n,h,w,c], got f32 [6,6]", {window = 2}, fmp.zeros{6, 6})
      refuses("expected x of f32, f64 or bf16", {window = 2}, fmp.zeros{1, 6, 6, 2, dtype = "i64"})
    end)

    it("windows, strides and pads that make no sense", function()
      refuses("window", {})
      refuses("fits the padded image's width of 6, got 7", {window = {2, 7}})
      refuses("stride", {window = 2, stride = {0, 1}})
      refuses("expected pads below the window's size of 2, got 0 and 2",
              {window = 2, padding = "explicit", pads = {0, 2, 0, 0}})
    end)

    it("gradients of another shape", function()
      optest.fails{op = "avg_pool_back", inputs = {fmp.zeros{1, 3, 2, 2}, x}, attrs = {window = 2},
                   match = "expected dy f32 [1,3,3,2], got f32 [1,3,2,2]"}
    end)
  end)
end)
