-- SPDX-License-Identifier: Apache-2.0
--- Times fractional_max_pool, forward and backward, on shapes of the paper's networks:
--
--   fmprun scripts/bench/fmp_op.lua                  the kernel that is taken
--   fmprun scripts/bench/fmp_op.lua plain avx2       these kernels, by name
--
-- GB/s count each byte of x, y and argmax once, as if caches caught all else; a copy of as
-- many bytes stands beside them. The fastest of several runs of a compiled step: its memory
-- is kept from run to run, so that the figures are the kernels' and not the page faults'.
local fmp = require "fmp"
local system = require "fmp.system"

local ops = fmp.ops
local RUNS = 30

-- n, channels, in, out
local shapes = {{100, 32, 35, 25}, {100, 64, 24, 17}, {32, 128, 72, 57}, {32, 256, 44, 35}}

-- Windows of the paper's best: random, overlapping, one set for the batch.
local attrs = {overlapping = true}

-- A result of one element: what a step returns is memory of its own.
local function corner(t) return ops.slice(t, {start = {0}, size = {1, 1, 1, 1}}) end

local function fastest_ms(f, ...)
  local fastest = math.huge
  for _ = 1, RUNS do
    local before = system.seconds()
    local results = {f(...)}
    fastest = math.min(fastest, (system.seconds() - before) * 1e3)
    for _, t in ipairs(results) do t:free() end
  end
  return fastest
end

local function measure(shape)
  local n, c, size, out = unpack(shape)
  local x, dy = fmp.randn{n, size, size, c}, fmp.randn{n, out, out, c}
  local rows, cols = ops.fmp_regions(x, {out = out})
  local _, argmax = ops.fractional_max_pool(x, rows, cols,
                                            {overlapping = true, outputs = 2})
  local forward = fmp.compile(function(a)
    local y, taps = ops.fractional_max_pool(a, rows, cols, {overlapping = true, outputs = 2})
    return corner(y), corner(taps)
  end)
  local back = fmp.compile(function(a, b, taps)
    return corner(ops.fractional_max_pool_back(b, taps, rows, cols, a, attrs))
  end)
  local bytes = x.size * 4 + dy.size * 5
  local as_many = fmp.zeros{math.floor(bytes / 8)}
  local copy = fmp.compile(function(a) return a:copy():slice{start = {0}, size = {1}} end)
  local figures = {
    forward = fastest_ms(forward, x), back = fastest_ms(back, x, dy, argmax),
    copy = fastest_ms(copy, as_many), bytes = bytes,
  }
  for _, t in ipairs{x, dy, rows, cols, argmax, as_many} do t:free() end
  return figures
end

local function line(kernel, shape, figures)
  local function column(name)
    return ("%s %7.3f ms %5.1f GB/s"):format(name, figures[name],
                                           figures.bytes / figures[name] / 1e6)
  end
  return ("%-7s %3d x %3d, %2d -> %2d   %s   %s   %s"):format(
    kernel or "best", shape[1], shape[2], shape[3], shape[4], column "forward", column "back",
    column "copy")
end

local function run(kernel)
  fmp.kernel(kernel)
  for _, shape in ipairs(shapes) do print(line(kernel, shape, measure(shape))) end
  fmp.kernel(nil)
end

print(("fractional_max_pool, f32, overlapping, %d threads; n x channels, in -> out"):format(
  fmp.threads()))
if #arg == 0 then run(nil) end
for _, kernel in ipairs(arg) do run(kernel) end
