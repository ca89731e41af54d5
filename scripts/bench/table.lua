-- SPDX-License-Identifier: Apache-2.0
--- What compare.sh measured, as tables: table.lua RESULTS [DOCUMENT]. Prints them, and writes
-- them between the marks of DOCUMENT if one is given.
--
-- RESULTS has rows of section, row, figure and value, separated by tabs, one of each for every
-- round. Medians are over rounds; ratios are of medians.
local stats = require "fmp.stats"

local path, document = ...
if not path then error("usage: table.lua RESULTS [DOCUMENT]", 0) end

-- -- results -----------------------------------------------------------------

-- data[section] = {order = rows in order, [row] = {figure = list of values}}
local function read(file_name)
  local file, why = io.open(file_name)
  if not file then error(why, 0) end
  local data = {}
  for text in file:lines() do
    local section, row, figure, value = text:match "^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$"
    if not section then error(file_name .. ": no row: " .. text, 0) end
    data[section] = data[section] or {order = {}}
    local rows = data[section]
    if not rows[row] then
      rows[row] = {}
      table.insert(rows.order, row)
    end
    rows[row][figure] = rows[row][figure] or {}
    table.insert(rows[row][figure], value)
  end
  file:close()
  return data
end

local data = read(path)

-- The values of a figure as a list, nil if there are none.
local function values(section, row, figure)
  return data[section] and data[section][row] and data[section][row][figure]
end

local function numbers(list)
  local result = {}
  for i, value in ipairs(list) do result[i] = tonumber(value) end
  return #result > 0 and result or nil
end

local function words_of(value)
  local words = {}
  for word in value:gmatch "%S+" do words[#words + 1] = word end
  return words
end

-- The median of word number `column` of the values in a list; nil if none has a number there.
local function column_median(list, column)
  local picked = {}
  for i, value in ipairs(list) do picked[i] = words_of(value)[column] end
  picked = numbers(picked)
  return picked and stats.median(picked)
end

-- The median over rounds of a figure, or of word number `column` in it.
local function median(section, row, figure, column)
  local list = values(section, row, figure)
  return list and column_median(list, column or 1)
end

local lines = {}
local function add(format, ...)
  lines[#lines + 1] = select("#", ...) > 0 and format:format(...) or format
end

local function shown(format, value) return value and format:format(value) or "" end

local function ratio(a, b) return a and b and a / b or nil end

-- -- the machine -------------------------------------------------------------

local function about(row, figure) return (values("about", row, figure) or {})[1] end

local function add_about()
  add("%s, %s cores, %s threads, best instructions: %s; load average before: %s.",
      about("machine", "processor"), about("machine", "cores"), about("machine", "threads"),
      about("machine", "instructions"), about("machine", "load"))
  add("fmp %s (%s)%s%s. %s rounds of %s steps.", about("versions", "fmp"),
      about("versions", "commit"), shown(", PyTorch %s", about("versions", "PyTorch")),
      shown(", TensorFlow %s", about("versions", "TensorFlow")), about("runs", "rounds"),
      about("runs", "steps"))
end

-- -- training steps ----------------------------------------------------------

local function step_row(net, row, ours)
  local failure = values(net, row, "failed")
  if failure then
    add("| %s | %s | | |", row, "not run: " .. failure[1])
    return
  end
  local ms = median(net, row, "ms")
  local list = numbers(values(net, row, "ms"))
  table.sort(list)
  add("| %s | %.1f | %.1f to %.1f | %s |", row, ms, list[1], list[#list],
      shown("%.2f", ratio(ms, ours)))
end

local function add_steps(net, title)
  if not data[net] then return end
  add ""
  add("| training step, %s | median ms | rounds | times fmp f32 |", title)
  add "|---|---|---|---|"
  local ours = median(net, "fmp, f32", "ms")
  for _, row in ipairs(data[net].order) do step_row(net, row, ours) end
end

-- The least median among the rows of a net for which `counts` is true.
local function best(net, counts)
  local least
  for _, row in ipairs(data[net] and data[net].order or {}) do
    local ms = counts(row) and median(net, row, "ms")
    if ms then least = math.min(least or ms, ms) end
  end
  return least
end

local function is_torch_f32(row) return row:find "^PyTorch" and not row:find "bf16" end
local function is_tensorflow(row) return row:find "^TensorFlow" end
local function is_peer(row) return row:find "^PyTorch" or row:find "^TensorFlow" end

-- -- ops ---------------------------------------------------------------------

local FORWARD, BACK, COPY, BYTES = 5, 6, 7, 8

-- A pool row's medians by shape: {["100 32 35 25"] = {forward, back, copy, bytes}}, and the
-- shapes in order.
local function pools(row)
  local by_shape, order = {}, {}
  for _, value in ipairs(values("pool_ms", row, "figures") or {}) do
    local shape = value:match "^%S+ %S+ %S+ %S+"
    if not by_shape[shape] then
      by_shape[shape] = {}
      order[#order + 1] = shape
    end
    table.insert(by_shape[shape], value)
  end
  for shape, list in pairs(by_shape) do
    local columns = {}
    for column = FORWARD, BYTES do columns[column] = column_median(list, column) end
    by_shape[shape] = columns
  end
  return by_shape, order
end

local function pool_line(row, shape, figures)
  local n, c, size, out = shape:match "(%S+) (%S+) (%S+) (%S+)"
  local function cell(column)
    return ("%.2f ms, %.1f GB/s"):format(figures[column],
                                       figures[BYTES] / figures[column] / 1e6)
  end
  add("| %s | %s, %s, %s → %s | %s | %s | %s |", row, n, c, size, out, cell(FORWARD), cell(BACK),
      cell(COPY))
end

-- Medians of a direction's sums: direct, exact, fast.
local function conv_sums(net, direction)
  local list = {}
  for _, value in ipairs(values("conv_ms", net, "figures") or {}) do
    if words_of(value)[1] == direction then list[#list + 1] = value end
  end
  return column_median(list, 2), column_median(list, 3), column_median(list, 4)
end

-- conv_op.lua's lines "DIRECTION OFF EXACT FAST" of a net.
local function add_convs()
  if not data.conv_ms then return end
  add ""
  add "| sum of 2×2 convolutions alone | direct | exact | fast |"
  add "|---|---|---|---|"
  for _, net in ipairs(data.conv_ms.order) do
    for _, direction in ipairs{"forward", "back_data", "back_weights"} do
      local off, exact, fast = conv_sums(net, direction)
      if off then
        add("| %s, %s | %.1f ms | %.1f ms, %.2f times as fast | %.1f ms, %.2f times |", net,
            direction, off, exact, off / exact, fast, off / fast)
      end
    end
  end
end

local function add_pools()
  if not data.pool_ms then return end
  add ""
  add "| pooling alone | N, C, in → out | forward | backward | copy of as many bytes |"
  add "|---|---|---|---|---|"
  for _, row in ipairs(data.pool_ms.order) do
    local by_shape, order = pools(row)
    for _, shape in ipairs(order) do pool_line(row, shape, by_shape[shape]) end
  end
end

-- The geometric mean over shapes of theirs / ours in a column.
local function pool_ratio(theirs, ours, column)
  local a, order = pools(theirs)
  local b = pools(ours)
  local sum = 0
  for _, shape in ipairs(order) do
    if not b[shape] then return nil end
    sum = sum + math.log(a[shape][column] / b[shape][column])
  end
  return #order > 0 and math.exp(sum / #order) or nil
end

-- The smallest share of the copy's speed over shapes.
local function copy_share(row, column)
  local by_shape, order = pools(row)
  local least
  for _, shape in ipairs(order) do
    local share = by_shape[shape][COPY] / by_shape[shape][column]
    least = math.min(least or share, share)
  end
  return least
end

-- -- summary -----------------------------------------------------------------

local function add_line(what, format, value)
  if value then add("| %s | " .. format .. " |", what, value) end
end

local function add_net_ratios(net)
  local ours, bf16 = median(net, "fmp, f32", "ms"), median(net, "fmp, bf16", "ms")
  local fast = median(net, "fmp, f32, winograd fast", "ms")
  add_line(net .. ": best PyTorch f32 / fmp f32", "%.2f", ratio(best(net, is_torch_f32), ours))
  add_line(net .. ": best PyTorch f32 / fmp f32, winograd fast", "%.2f",
            ratio(best(net, is_torch_f32), fast))
  add_line(net .. ": TensorFlow / fmp f32", "%.2f", ratio(best(net, is_tensorflow), ours))
  add_line(net .. ": best peer, any precision / fmp bf16", "%.2f", ratio(best(net, is_peer), bf16))
  add_line(net .. ": fmp f32 / its bare convolutions", "%.2f",
            ratio(ours, median(net, "bare convolutions, f32", "ms")))
  add_line(net .. ": fmp bf16 / its bare convolutions", "%.2f",
            ratio(bf16, median(net, "bare convolutions, bf16", "ms")))
end

local function add_ratios()
  add ""
  add "| ratio of medians | |"
  add "|---|---|"
  for _, net in ipairs{"mnist", "cifar"} do add_net_ratios(net) end
  add_line("pooling forward: PyTorch / fmp, geometric mean", "%.1f",
            pool_ratio("PyTorch", "fmp", FORWARD))
  add_line("pooling backward: PyTorch / fmp, geometric mean", "%.1f",
            pool_ratio("PyTorch", "fmp", BACK))
  add_line("pooling forward: least share of the copy's speed", "%.2f", copy_share("fmp", FORWARD))
  add_line("pooling backward: least share of the copy's speed", "%.2f", copy_share("fmp", BACK))
  add_line("peak memory, training on mnist: fmp / PyTorch", "%.2f",
            ratio(median("memory", "fmp", "kib"), median("memory", "PyTorch", "kib")))
  add_line("eager add of 4 numbers: fmp / PyTorch", "%.2f",
            ratio(median("eager_us", "fmp dispatch", "figures"),
                  median("eager_us", "PyTorch", "figures")))
end

local function add_single_figures()
  add ""
  add "| figure | |"
  add "|---|---|"
  add_line("fmp: eager add of 4 numbers, freed at once", "%.2f µs",
         median("eager_us", "fmp dispatch", "figures"))
  add_line("fmp: eager add of 4 numbers, left to the collector", "%.2f µs",
         median("eager_collected_us", "fmp dispatch", "figures"))
  add_line("PyTorch: eager add of 4 numbers", "%.2f µs", median("eager_us", "PyTorch", "figures"))
  add_line("fmp: node of a plan without its kernel", "%.0f ns",
         median("node_ns", "fmp dispatch", "figures"))
  add_line("fmp: node of a plan that adds 4 numbers", "%.0f ns",
         median("node_cpu_ns", "fmp dispatch", "figures"))
  for _, row in ipairs(data.memory and data.memory.order or {}) do
    local kib = median("memory", row, "kib")
    add_line("peak memory, " .. row, "%.0f MiB", kib and kib / 1024)
  end
end

-- -- output ------------------------------------------------------------------

local BEGIN, END = "<!-- compare.sh: begin -->", "<!-- compare.sh: end -->"

-- Written under another name and renamed: the document is never incomplete.
local function write_into(name, text)
  local file, why = io.open(name)
  if not file then error(why, 0) end
  local old = file:read "*a"
  file:close()
  local _, first = old:find(BEGIN, 1, true)
  local last = first and old:find(END, first, true)
  if not last then error(name .. ": expected the marks " .. BEGIN .. " and " .. END, 0) end
  local aside = name .. ".new"
  file = assert(io.open(aside, "w"))
  assert(file:write(old:sub(1, first), "\n", text, "\n", old:sub(last)))
  assert(file:close())
  assert(os.rename(aside, name))
end

add_about()
add_ratios()
add_steps("mnist", "mnist: width 32, batch 100")
add_steps("cifar", "cifar: width 16, batch 32")
add_convs()
add_pools()
add_single_figures()
local text = table.concat(lines, "\n")
print(text)
if document then write_into(document, text) end
