-- SPDX-License-Identifier: Apache-2.0
-- Stored vectors are PyTorch's starts of fixed windows. The wide grid of sizes is walked in
-- C, in tests/unit/fmp_regions_test.c. Seeds are fixed: what passes once passes always.
local fmp = require "fmp"
local optest = require "tests.lua.optest"

local ops = fmp.ops

local function image(height, width, n) return fmp.zeros{n or 1, height, width or height, 1} end

local function positions(size, attrs) return ops.fmp_regions(image(size), attrs):flat() end

local function pseudo(size, out, u, sequence)
  return positions(size, {out = out, mode = "pseudorandom", u = u, sequence = sequence})
end

-- Steps of a sequence: {0, 2, 3} is "21".
local function steps(list)
  local text = {}
  for i = 2, #list do text[i - 1] = list[i] - list[i - 1] end
  return table.concat(text)
end

-- The list `values` cut into lists of n.
local function cut(values, n)
  local lists = {}
  for i, value in ipairs(values) do
    local row = math.floor((i - 1) / n) + 1
    lists[row] = lists[row] or {}
    table.insert(lists[row], value)
  end
  return lists
end

-- The steps of each sequence of a tensor [n, length].
local function steps_of(t)
  local texts = {}
  for i, list in ipairs(cut(t:flat(), t.shape[2])) do texts[i] = steps(list) end
  return texts
end

local function count_of(list)
  local counts, different = {}, 0
  for _, item in ipairs(list) do
    if not counts[item] then different = different + 1 end
    counts[item] = (counts[item] or 0) + 1
  end
  return counts, different
end

local function chi_square(counts, cells, expected)
  local sum, seen = 0, 0
  for _, count in pairs(counts) do
    sum, seen = sum + (count - expected) ^ 2 / expected, seen + 1
  end
  return sum + (cells - seen) * expected
end

-- TensorFlow's positions p(i) = ceil(a (i + u)) - 1 come from any u in (low, high].
local function origin(size, list)
  local a, low, high = size / (#list - 1), 0, math.huge
  for i = 1, #list - 2 do
    low = math.max(low, list[i + 1] / a - i)
    high = math.min(high, (list[i + 1] + 1) / a - i)
  end
  return low, high
end

-- The largest u for which all steps are legal; see fmp_regions.
local function largest_u(size, out)
  local a, k = size / out, math.floor(size / out)
  return math.min((k + 2) / a - 1, (size + 1 - k) / a - (out - 1))
end

describe("fmp_regions", function()
  optest.vectors(optest.here())

  it("draws u over all of its range and not beyond", function()
    fmp.seed(11)
    for _, pair in ipairs {{10, 7}, {36, 25}, {25, 11}, {30, 14}, {50, 16}} do
      local size, out = pair[1], pair[2]
      local limit, least, most = largest_u(size, out), math.huge, 0
      for _ = 1, 400 do
        local list = positions(size, {out = out, mode = "pseudorandom"})
        local low, high = origin(size, cut(list, out + 1)[1])
        -- No position was corrected: a single u within the range gives them all.
        assert.is_true(low < high + 1e-9 and low < limit + 1e-9, size .. " -> " .. out)
        least, most = math.min(least, high), math.max(most, low)
      end
      assert.is_true(least < 0.2 * limit and most > 0.7 * limit, size .. " -> " .. out)
    end
  end)

  -- -- oracles ----------------------------------------------------------------

  it("gives TensorFlow's sequences", function()
    assert.same({0, 1, 3, 4, 6, 7, 8, 10}, pseudo(10, 7, 0.3))
    assert.same({0, 2, 3, 5, 6, 7, 9, 10}, pseudo(10, 7, 0.6))
    assert.same({0, 2, 4, 6, 7, 9, 11, 13, 15, 16, 18, 20}, pseudo(20, 11, 0.325))
  end)

  it("gives the paper's pseudorandom regions 25 -> 18", function()
    for _, sequence in ipairs{"tensorflow", "paper"} do
      assert.equal("112112121121211212", steps(pseudo(25, 18, 0.02, sequence)))
      for u = 0.645, 0.68, 0.005 do
        assert.equal("212112121121121211", steps(pseudo(25, 18, u, sequence)))
      end
      for u = 0.445, 0.48, 0.005 do
        assert.equal("211211212112121121", steps(pseudo(25, 18, u, sequence)))
      end
    end
  end)

  -- Its random regions are checked where they are given: in fractional_max_pool_spec.lua.
  it("draws random regions 25 -> 18 as the paper's: 11 steps of 1 and 7 of 2", function()
    local rows = ops.fmp_regions(image(25, 25, 500), {out = 18, per = "sample"})
    for _, text in ipairs(steps_of(rows)) do
      assert.equal(18, #text)
      assert.equal(11, select(2, text:gsub("1", "")))
      assert.equal(7, select(2, text:gsub("2", "")))
    end
  end)

  it("gives PyTorch's starts", function()
    local function starts(u)
      return positions(10, {out = 7, mode = "pseudorandom", window = "fixed", u = u})
    end
    assert.same({0, 1, 2, 4, 5, 6, 8}, starts(0))
    assert.same({0, 1, 3, 4, 5, 7, 8}, starts(0.3))
    assert.same({0, 2, 3, 4, 6, 7, 8}, starts(0.6))
  end)

  it("skips pixels with a fixed pool too small for the ratio, as PyTorch", function()
    local starts = positions(32, {out = 12, mode = "pseudorandom", window = "fixed", u = 0.3})
    local seen, skipped = {}, {}
    for _, start in ipairs(starts) do seen[start], seen[start + 1] = true, true end
    for pixel = 0, 31 do
      if not seen[pixel] then skipped[#skipped + 1] = pixel end
    end
    assert.same({2, 5, 10, 13, 16, 21, 24, 27}, skipped)
  end)

  -- -- formulas ---------------------------------------------------------------

  it("follows each convention's formula", function()
    local formulas = {
      paper = function(alpha, i, u) return math.ceil(alpha * (i + u)) - math.ceil(alpha * u) end,
      graham = function(alpha, i, u) return math.floor(alpha * (i + u)) - math.floor(alpha * u) end,
    }
    for sequence, formula in pairs(formulas) do
      for _, size in ipairs{{25, 18}, {36, 25}, {94, 73}, {17, 6}} do
        local length, out = size[1], size[2]
        for u = 0.01, 0.99, 0.07 do
          local expected = {}
          for i = 0, out do expected[i + 1] = formula(length / out, i, u) end
          assert.same(expected, pseudo(length, out, u, sequence))
        end
      end
    end
  end)

  -- Sequences for u in (0, largest], as a set of their steps.
  local function family(sequence, largest)
    local list = {}
    for i = 1, 1000 do list[i] = steps(pseudo(25, 18, largest * (i - 0.5) / 1000, sequence)) end
    return count_of(list)
  end

  it("has one family of sequences for the paper's and Graham's formula", function()
    local paper, count = family("paper", 1)
    assert.equal(18, count) -- the rotations of one word
    local graham, as_many = family("graham", 1)
    assert.equal(18, as_many)
    for text in pairs(graham) do assert.is_truthy(paper[text]) end
    -- TensorFlow's first position is 0 even where alpha u > 1 and its formula says 1
    for text in pairs((family("tensorflow", 18 / 25))) do assert.is_truthy(paper[text]) end
    for _, sequence in ipairs{"paper", "graham"} do
      local rows = ops.fmp_regions(image(25, 25, 300), {out = 18, per = "sample",
                                                        mode = "pseudorandom", sequence = sequence})
      for _, text in ipairs(steps_of(rows)) do assert.is_truthy(paper[text]) end
    end
  end)

  it("ends right where doubles would miss it", function()
    for u = 0, 1, 1 / 64 do
      assert.equal(15, pseudo(15, 11, u, "graham")[12])
    end
    -- u = 0 breaks TensorFlow's formula for a whole ratio
    for _, sequence in ipairs{"tensorflow", "paper", "graham"} do
      assert.same({0, 2, 4, 6, 8, 10}, pseudo(10, 5, 0, sequence))
      assert.same({0, 2, 4, 6, 8, 10}, pseudo(10, 5, 1, sequence))
    end
    -- alpha 1.732 and u 0.8: the formula's first step would be 3
    assert.equal(0, select(2, steps(pseudo(433, 250, 0.8)):gsub("3", "")))
  end)

  it("takes u for rows and columns", function()
    local rows, cols = ops.fmp_regions(image(10, 20), {out = {7, 11}, mode = "pseudorandom",
                                                       u = {0.6, 0.325}})
    assert.same({0, 2, 3, 5, 6, 7, 9, 10}, rows:flat())
    assert.same({0, 2, 4, 6, 7, 9, 11, 13, 15, 16, 18, 20}, cols:flat())
  end)

  it("has shapes as documented", function()
    local x = image(9, 12, 5)
    local function shapes(attrs)
      local rows, cols = ops.fmp_regions(x, attrs)
      assert.equal("i32", rows.dtype)
      return {rows.shape, cols.shape}
    end
    assert.same({{7}, {9}}, shapes{out = {6, 8}})
    assert.same({{6}, {8}}, shapes{out = {6, 8}, window = "fixed"})
    assert.same({{5, 7}, {5, 9}}, shapes{out = {6, 8}, per = "sample"})
    assert.same({{5, 6}, {5, 8}}, shapes{out = {6, 8}, per = "sample", window = "fixed"})
  end)

  it("has a single window as large as it can be", function()
    assert.same({0, 9}, positions(9, {out = 1}))
    assert.same({7}, positions(9, {out = 1, window = "fixed"}))
    assert.same({0, 1, 2, 3}, positions(3, {out = 3}))
    assert.same({0}, positions(1, {out = 1, window = "fixed", pool = 1}))
  end)

  -- -- draws -------------------------------------------------------------------

  it("shuffles uniformly, rows and columns independently", function()
    fmp.random_state{seed = 1, step = 0}
    local n = 12000
    local rows, cols = ops.fmp_regions(image(7, 8, n), {out = {5, 6}, per = "sample"})
    local vertical, horizontal = steps_of(rows), steps_of(cols)
    local both = {}
    for i = 1, n do both[i] = vertical[i] .. " " .. horizontal[i] end
    -- 10 and 15 orders; limits that 1 seed in 1,000 misses at 9, 14 and 149 degrees of freedom
    assert.is_true(chi_square(count_of(vertical), 10, n / 10) < 27.9)
    assert.is_true(chi_square(count_of(horizontal), 15, n / 15) < 36.1)
    assert.is_true(chi_square(count_of(both), 150, n / 150) < 208)
  end)

  -- u uniform on (0, max]: TensorFlow's p(1) is 2 where 7/5 (1 + u) > 2, u > 3/7.
  it("draws u uniformly", function()
    fmp.random_state{seed = 2, step = 0}
    local n, longer = 10000, 0
    local rows = ops.fmp_regions(image(7, 7, n), {out = 5, per = "sample", mode = "pseudorandom"})
    for _, text in ipairs(steps_of(rows)) do
      if text:sub(1, 1) == "2" then longer = longer + 1 end
    end
    assert.near(4 / 7, longer / n, 3.3 * math.sqrt(12 / 49 / n))
  end)

  local modes = {
    {mode = "random"}, {mode = "pseudorandom"},
    {mode = "random", window = "fixed"}, {mode = "pseudorandom", window = "fixed"},
  }

  local with = optest.with

  -- For 95 pixels in 54 windows (93 in 53 steps) there are 54 (53) pseudorandom sequences, so
  -- some repeat.
  local function check_different(mode, list)
    local _, different = count_of(list)
    assert.is_true(different >= (mode.mode == "random" and 1 or 0.5) * #list)
  end

  it("draws rows and columns apart, and anew at each step", function()
    for _, mode in ipairs(modes) do
      local attrs, seen, apart = with(mode, {out = 54}), {}, 0
      fmp.random_state{seed = 5, step = 0}
      for step = 1, 12 do
        local rows, cols = ops.fmp_regions(image(95), attrs)
        if rows:bytes() ~= cols:bytes() then apart = apart + 1 end
        seen[step] = table.concat(rows:flat(), " ")
      end
      check_different(mode, seen)
      assert.is_true(apart >= (mode.mode == "random" and 12 or 9))
    end
  end)

  it("draws anew for each sample if asked to", function()
    for _, mode in ipairs(modes) do
      local rows, cols = ops.fmp_regions(image(95, 95, 20), with(mode, {out = 54, per = "sample"}))
      local texts = steps_of(rows)
      for _, text in ipairs(steps_of(cols)) do texts[#texts + 1] = text end
      check_different(mode, texts)
    end
  end)

  it("draws sample 0 as it draws for a batch", function()
    for _, mode in ipairs(modes) do
      local attrs = with(mode, {out = 25})
      fmp.random_state{seed = 5, step = 3}
      local batch = ops.fmp_regions(image(36), attrs)
      fmp.random_state{seed = 5, step = 3}
      local samples = ops.fmp_regions(image(36, 36, 3), with(attrs, {per = "sample"}))
      assert.same(batch:flat(), cut(samples:flat(), batch.size)[1])
    end
  end)

  it("draws the same on one thread and on several", function()
    local before = fmp.threads()
    local function draw(threads, attrs)
      fmp.threads(threads)
      fmp.random_state{seed = 9, step = 4}
      local rows, cols = ops.fmp_regions(image(94, 93, 500), attrs)
      return rows:bytes() .. cols:bytes()
    end
    for _, mode in ipairs(modes) do
      local attrs = with(mode, {out = 73, per = "sample"})
      assert.equal(draw(1, attrs), draw(2, attrs))
      assert.equal(draw(1, attrs), draw(3, attrs))
    end
    fmp.threads(before)
  end)

  it("draws the same eager and compiled, step after step", function()
    local x = fmp.randn{4, 36, 35, 2}
    local function step(a)
      local rows, cols = ops.fmp_regions(a, {out = {25, 24}, per = "sample"})
      local again = ops.fmp_regions(a, {out = 25})
      return rows, cols, again
    end
    local function three(f)
      local bytes = {}
      fmp.random_state{seed = 11, step = 7}
      for i = 1, 3 do
        local rows, cols, again = f(x)
        bytes[i] = {rows:bytes(), cols:bytes(), again:bytes()}
      end
      return bytes
    end
    local eager = three(function(a) return fmp.record(step, a) end)
    assert.same(eager, three(fmp.compile(step)))
    assert.same(eager, three(fmp.compile(step, {rewrites = false})))
    assert.not_same(eager[1], eager[2])
    assert.not_same(eager[2], eager[3])
  end)

  it("reads no more of x than its shape", function()
    for _, dtype in ipairs{"f32", "f64", "u8", "bf16"} do
      local x = fmp.zeros{2, 10, 10, 3}:cast{dtype = dtype}
      assert.same({0, 1, 3, 4, 6, 7, 8, 10},
                  ops.fmp_regions(x, {out = 7, mode = "pseudorandom", u = 0.3}):flat())
    end
    local rows = ops.fmp_regions(fmp.zeros{0, 10, 10, 3}, {out = 7, per = "sample"})
    assert.same({0, 8}, rows.shape)
  end)

  -- -- refusals ------------------------------------------------------------------

  describe("refuses", function()
    local function refuses(match, attrs, x)
      optest.fails{op = "fmp_regions", inputs = {x or image(10)}, attrs = attrs, match = match}
    end

    it("an output that cannot be", function()
      local wanted = "expected 1 to 10 windows along the image's height of 10, got "
      for _, out in ipairs{0, -1, 11, 2 ^ 40} do
        refuses(wanted .. ("%d"):format(out), {out = out})
        refuses(wanted, {out = out, window = "fixed"})
      end
      refuses("along the image's width of 10, got 0", {out = {5, 0}})
      refuses("expected out of 1 or 2 numbers [vertical,horizontal], got 3", {out = {1, 2, 3}})
      refuses("expected out of 1 or 2 numbers [vertical,horizontal], got 0", {out = {}})
      refuses("out", {})
    end)

    it("windows of more than 256 elements", function()
      refuses("expected windows of at most 256 elements, got 17 x 17", {out = 1}, image(17))
      refuses("got 17 x 16", {out = 2}, image(33, 32))
      refuses("got 17 x 16", {out = 1, window = "fixed", pool = {17, 16}}, image(40))
      refuses("at most 256 elements", {out = 1}, image(1000, 1))
      assert.same({0, 256}, (ops.fmp_regions(image(256, 1), {out = 1}):flat()))
    end)

    it("a fixed pool that does not fit", function()
      local wanted = "expected a pool of height 1 to 4 for 7 windows in 10 pixels, got "
      for _, pool in ipairs{0, -3, 5, 2 ^ 40} do
        refuses(wanted .. ("%d"):format(pool), {out = 7, window = "fixed", pool = pool})
      end
      refuses("expected a pool of width", {out = 7, window = "fixed", pool = {4, 5}})
      refuses("expected pool of 1 or 2 numbers", {out = 7, pool = {1, 2, 3}})
    end)

    it("a u that cannot be", function()
      refuses("u", {out = 7, mode = "pseudorandom", u = -0.1})
      refuses("u", {out = 7, mode = "pseudorandom", u = 1.5})
      refuses("u", {out = 7, mode = "pseudorandom", u = 0 / 0})
      refuses("expected u of at most 2 numbers [vertical,horizontal], got 3",
              {out = 7, mode = "pseudorandom", u = {0.1, 0.2, 0.3}})
      refuses('expected no u with mode "random"', {out = 7, u = 0.5})
    end)

    it("words that it does not know", function()
      refuses("mode", {out = 7, mode = "quasirandom"})
      refuses("window", {out = 7, window = "sliding"})
      refuses("per", {out = 7, per = "channel"})
      refuses("sequence", {out = 7, sequence = "torch"})
    end)

    it("what is no image", function()
      refuses("expected x [n,h,w,c], got f32 [10,10]", {out = 7}, fmp.zeros{10, 10})
      refuses("expected an image of height 1 to 2^31 - 1, got 0", {out = 7}, image(0))
      refuses("expected an image of width 1 to 2^31 - 1, got 2147483648", {out = 7},
              image(10, 2 ^ 31, 0))
    end)
  end)
end)
