-- SPDX-License-Identifier: Apache-2.0
--- Times fractional_max_pool alone, forward and backward, on shapes of the paper's networks:
--
--   fmprun scripts/bench/fmp_op.lua                    the kernel that is chosen
--   fmprun scripts/bench/fmp_op.lua --kernel avx2      this one, by name
--
-- GB/s count each byte of x, y and argmax once, as if caches caught all other accesses; a copy of
-- as many bytes is shown beside them. Medians of rounds that run forward, backward and the copy
-- in turn, so that whatever slows the machine affects all three. Each is a compiled step, whose
-- memory is kept from run to run: the figures are those of the kernels, not of page faults.
--
-- The last lines are for programs: "pool_ms N C IN OUT FORWARD_MS BACK_MS COPY_MS BYTES".
local fmp = require "fmp"
local stats = require "fmp.stats"
local system = require "fmp.system"

local ops = fmp.ops

-- n, channels, in, out
local shapes = {{100, 32, 35, 25}, {100, 64, 24, 17}, {32, 128, 72, 57}, {32, 256, 44, 35}}

-- The kind of windows with the paper's best results: random, overlapping. One set of regions for
-- the batch.
local opt = fmp.args({
  summary = "Times fractional_max_pool alone, forward and backward.",
  options = {
    {"kernel", nil, "force this kernel: plain, avx2, avx512, ref", type = "string"},
    {"rounds", 30, "runs of each, of which the median is shown", min = 1},
    {"window", "boundaries", "fixed: 2x2 pixels; boundaries: 2 or 3 wide",
     choices = {"boundaries", "fixed"}},
    {"batch", false, "examples, instead of each shape's own number", type = "integer", min = 1},
    {"per", "batch", "regions are drawn for each of these", choices = {"batch", "sample"}},
    {"dtype", "f32", "of x and y", choices = {"f32", "bf16"}},
  },
}, ...)

local pooling = {overlapping = true, window = opt.window, outputs = 2}
local element_bytes = opt.dtype == "bf16" and 2 or 4
local pooling_back = {overlapping = true, window = opt.window}

-- Reduced to one element, since a step allocates memory for its result.
local function corner(t) return ops.slice(t, {start = {0}, size = {1, 1, 1, 1}}) end

local function timed_ms(f, ...)
  local before = system.seconds()
  local results = {f(...)}
  local ms = (system.seconds() - before) * 1e3
  for _, t in ipairs(results) do t:free() end
  return ms
end

-- The three steps of a shape, as functions without arguments; the bytes that each moves; and
-- a function that frees all memory.
local function prepare(shape)
  local n, c, size, out = unpack(shape)
  local x = fmp.randn{n, size, size, c}:cast{dtype = opt.dtype}
  local dy = fmp.randn{n, out, out, c}:cast{dtype = opt.dtype}
  local rows, cols = ops.fmp_regions(x, {out = out, window = opt.window, per = opt.per})
  local _, argmax = ops.fractional_max_pool(x, rows, cols, pooling)
  local bytes = x.size * element_bytes + dy.size * (element_bytes + 1)
  local as_many = fmp.zeros{math.floor(bytes / 8)}

  local forward = fmp.compile(function(a)
    local y, taps = ops.fractional_max_pool(a, rows, cols, pooling)
    return corner(y), corner(taps)
  end)
  local back = fmp.compile(function(a, b, taps)
    return corner(ops.fractional_max_pool_back(b, taps, rows, cols, a, pooling_back))
  end)
  local copy = fmp.compile(function(a) return a:copy():slice{start = {0}, size = {1}} end)

  local steps = {
    forward = function() return timed_ms(forward, x) end,
    back = function() return timed_ms(back, x, dy, argmax) end,
    copy = function() return timed_ms(copy, as_many) end,
  }
  return steps, bytes, function()
    for _, step in ipairs{forward, back, copy} do step:clear() end
    for _, t in ipairs{x, dy, rows, cols, argmax, as_many} do t:free() end
  end
end

local names = {"forward", "back", "copy"}

local function measure(shape)
  local steps, bytes, free = prepare(shape)
  local times, figures = {forward = {}, back = {}, copy = {}}, {bytes = bytes}
  for _, name in ipairs(names) do steps[name]() end -- makes the plan
  for round = 1, opt.rounds do
    for _, name in ipairs(names) do times[name][round] = steps[name]() end
  end
  for _, name in ipairs(names) do figures[name] = stats.median(times[name]) end
  free()
  return figures
end

local function line(shape, figures)
  local function column(name)
    return ("%s %7.3f ms %5.1f GB/s"):format(name, figures[name],
                                           figures.bytes / figures[name] / 1e6)
  end
  return ("%3d x %3d, %2d -> %2d   %s   %s   %s"):format(
    shape[1], shape[2], shape[3], shape[4], column "forward", column "back", column "copy")
end

local function record(shape, figures)
  return ("pool_ms %d %d %d %d %.4f %.4f %.4f %d"):format(
    shape[1], shape[2], shape[3], shape[4], figures.forward, figures.back, figures.copy,
    figures.bytes)
end

if opt.kernel then fmp.kernel(opt.kernel) end
print(("fractional_max_pool, %s, overlapping, %s windows, regions per %s, kernel %s, %d threads; "
       .. "n x channels, in -> out"):format(opt.dtype, opt.window, opt.per,
                                          opt.kernel or "as chosen", fmp.threads()))
local records = {}
for i, shape in ipairs(shapes) do
  shape[1] = opt.batch or shape[1]
  local figures = measure(shape)
  print(line(shape, figures))
  records[i] = record(shape, figures)
end
print(table.concat(records, "\n"))
