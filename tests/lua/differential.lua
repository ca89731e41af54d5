-- SPDX-License-Identifier: Apache-2.0
--- Cases made from a seed, of every registered op and of chains of ops, each computed in all
-- the ways that must agree:
--
--   the reference kernel            within the tolerance of the op, below
--   the kernels chosen, on 1 thread and on 2      bit for bit, but for ops of libraries
--   compiled without rewrites                     bit for bit what runs eagerly
--   compiled with rewrites                        the same; of chains within a tolerance
--
-- and their gradients likewise. What an op's calls look like follows from its definition: tensors
-- of one type whose shapes broadcast, attributes within their limits. Where that is not enough, a
-- file cases.lua in the op's directory describes them, {op = function(d) return inputs, attrs end},
-- with the generators below as `d`. So a new op is covered without any edit.
--
--   M.check(seed)    raises what differs; returns what was checked: an op's name or "chain"
--   M.uncovered()    ops that no case can be made for, with the reason

local bit = require "bit"
local fmp = require "fmp"
local optest = require "tests.lua.optest"
local raw = require "fmp.ffi"

local M = {}

local inf, nan = 1 / 0, 0 / 0
local floor, abs, max = math.floor, math.abs, math.max

-- -- draws -------------------------------------------------------------------

local FLOATS = {"f32", "f32", "f64", "bf16"}
local NUMBERS = {"f32", "f32", "f64", "bf16", "u8", "i32", "i64"}
local ANY = {"f32", "f64", "bf16", "f16", "u8", "i32", "i64"}

local special = {
  f32 = {inf, -inf, nan, -nan, 0, -0.0, 1e-45, -1e-40, 1.2e-38, 3.4e38, -3.4e38, 1, -1},
  f64 = {inf, -inf, nan, -nan, 0, -0.0, 5e-324, -1e-310, 2.3e-308, 1.7e308, -1.7e308, 1, -1},
  bf16 = {inf, -inf, nan, 0, -0.0, 9.2e-41, -1e-39, 1.2e-38, 3.3e38, -3.3e38, 1, -1},
  f16 = {inf, -inf, nan, 0, -0.0, 6e-8, -6e-8, 65504, -65504, 1, -1},
  u8 = {0, 1, 255, 128},
  i32 = {0, 1, -1, 2 ^ 31 - 1, -2 ^ 31},
  i64 = {0, 1, -1, 2 ^ 53, -2 ^ 53},
}

local whole_range = {u8 = {0, 255}, i32 = {-100, 100}, i64 = {-100, 100}}

-- A generator of its own for each case: the seed is mixed well, since neighbouring seeds must not
-- give similar cases.
local function draws(seed)
  local d = {}
  local state = 0

  local function uniform()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end

  function d.int(low, high) return low + floor(uniform() * (high - low + 1)) end
  function d.pick(list) return list[d.int(1, #list)] end
  function d.chance(p) return uniform() < p end
  function d.float() return d.pick(FLOATS) end
  function d.number() return d.pick(NUMBERS) end -- what can be computed with
  function d.any() return d.pick(ANY) end

  --- A shape of rank low to high, sizes least (0, seldom) to most.
  function d.shape(low, high, most, least)
    local shape = {}
    for i = 1, d.int(low, high) do
      local empty = (least or 0) < 1 and d.chance(0.03)
      shape[i] = empty and 0 or d.int(max(1, least or 1), most)
    end
    return shape
  end

  --- n whole numbers.
  function d.list(n, low, high)
    local list = {}
    for i = 1, n do list[i] = d.int(low, high) end
    return list
  end

  --- The numbers 1 to n in some order.
  function d.order(n)
    local list = {}
    for i = 1, n do list[i] = i end
    for i = n, 2, -1 do
      local j = d.int(1, i)
      list[i], list[j] = list[j], list[i]
    end
    return list
  end

  --- A shape that broadcasts to the one given.
  function d.repeating(shape)
    local result = {}
    for i = d.chance(0.3) and d.int(1, #shape + 1) or 1, #shape do
      result[#result + 1] = d.chance(0.25) and 1 or shape[i]
    end
    return result
  end

  --- An attribute of any size, or a special value.
  function d.value()
    return d.chance(0.8) and (uniform() - 0.5) * 8 or d.pick{0, -0.0, inf, -inf, 1e300, 255, -1}
  end

  d.with = optest.with

  local function element(dtype)
    local range = whole_range[dtype]
    if d.mode == "special" and d.chance(0.15) then return d.pick(special[dtype]) end
    if range then return d.int(range[1], range[2]) end
    local value = (uniform() + uniform() - 1) * 2
    if d.mode == "sparse" and (value < 0 or d.chance(0.5)) then return 0 end
    return d.mode == "wide" and value * 10 ^ d.int(-6, 6) or value
  end

  local function filled(shape, dtype, draw)
    local n, list = 1, {}
    for _, size in ipairs(shape) do n = n * size end
    for i = 1, n do list[i] = draw(dtype) end
    return fmp.from_flat(list, shape, dtype)
  end

  --- Values as the case's mode has them.
  function d.tensor(shape, dtype) return filled(shape, dtype, element) end

  --- The same without infinity and NaN.
  function d.finite(shape, dtype)
    return filled(shape, dtype, function()
      local value
      repeat value = element(dtype) until value - value == 0
      return value
    end)
  end

  --- Numbers from low to high, whole ones in types that have no others.
  function d.whole(shape, dtype, low, high)
    return filled(shape, dtype, function()
      return whole_range[dtype] and d.int(low, high) or low + (high - low) * uniform()
    end)
  end

  state = (seed * 7919 + 12345) % 2147483646 + 1
  for _ = 1, 5 do uniform() end
  d.mode = d.pick{"plain", "plain", "plain", "special", "special", "sparse", "wide"}
  return d
end

-- -- calls from definitions --------------------------------------------------

local BOOL, I64, F64, STRING, DTYPE, RESOURCE, LIST = 1, 2, 3, 4, 5, 6, 16

local function words(text)
  local list = {}
  for word in text:gmatch "[^|]+" do list[#list + 1] = word end
  return list
end

-- A number within limits like "[0,inf)".
local function within(d, allowed, whole)
  local low, high = (allowed or "[-4,4]"):match "[%[%(]([^,]*),([^%]%)]*)"
  low, high = tonumber(low) or -4, tonumber(high) or 4
  low, high = max(low, -4), math.min(high, max(low, -4) + 4)
  if whole then return d.int(math.ceil(low), floor(high)) end
  return low + (high - low) * d.int(1, 15) / 16
end

local function attribute(d, row)
  local kind = row.kind
  if kind == BOOL then return d.chance(0.5) end
  if kind == I64 then return within(d, row.allowed, true) end
  if kind == F64 then return within(d, row.allowed, false) end
  if kind == STRING and row.allowed then return d.pick(words(row.allowed)) end
  if kind == DTYPE then return d.number() end
  if kind == LIST + I64 then
    local list = {}
    for i = 1, d.int(0, 3) do list[i] = within(d, row.allowed, true) end
    return list
  end
end

-- Inputs of one type and of shapes that broadcast, half of the time of one shape.
local function by_definition(op, d)
  local shape, dtype = d.shape(0, 4, 9), d.chance(0.9) and d.number() or d.any()
  if d.chance(0.1) then shape = {d.int(1000, 40000)} end
  local inputs, attrs, alike = {n = #op.inputs}, {}, d.chance(0.5)
  for i in ipairs(op.inputs) do
    inputs[i] = d.tensor((alike or i == 1) and shape or d.repeating(shape), dtype)
  end
  for _, row in ipairs(op.attrs) do
    if d.chance(0.7) then attrs[row.name] = attribute(d, row) end
  end
  return inputs, attrs
end

local described -- op -> function of its directory's cases.lua

local function load_described()
  described = {}
  local found = assert(io.popen "find plugins -name cases.lua | sort")
  for path in found:lines() do
    for name, make in pairs(dofile(path)) do
      assert(fmp.ops[name], path .. " is of no op: " .. name)
      described[name] = make
    end
  end
  found:close()
end

local function takes_resource(op)
  for _, row in ipairs(op.attrs) do
    if row.kind % LIST == RESOURCE then return true end
  end
  return false
end

local names -- of the ops that cases are made of

--- Ops that have no cases, with the reason.
function M.uncovered()
  local list = {}
  for _, name in ipairs(raw.op_names()) do
    if takes_resource(fmp.ops[name]) then list[name] = "it reads from a resource" end
  end
  return list
end

local function covered()
  if names then return names end
  load_described()
  names = {}
  local out = M.uncovered()
  for _, name in ipairs(raw.op_names()) do
    if not out[name] then names[#names + 1] = name end
  end
  return names
end

-- -- running -----------------------------------------------------------------

-- Kernels that were prepared for another number of threads are prepared anew.
local function on_threads(count, f, ...)
  fmp.threads(count)
  return f(...)
end

local function writes(op)
  for _, input in ipairs(op.inputs) do
    if input.written then return true end
  end
  return false
end

local function call(case, inputs)
  local arguments, attrs = {}, {}
  for name, value in pairs(case.attrs) do attrs[name] = value end
  for i = 1, case.n do arguments[i] = inputs[i] or nil end
  arguments[case.n + 1] = attrs
  return {case.op(unpack(arguments, 1, case.n + 1))}
end

-- Inputs that the op may write, apart from those of other runs.
local function copies(case)
  local list = {}
  for i = 1, case.n do
    list[i] = case.inputs[i] and fmp.from_bytes(case.inputs[i]:bytes(), case.inputs[i].shape,
                                                case.inputs[i].dtype)
  end
  return list
end

-- The same draws each time.
local function seeded() fmp.random_state{seed = 7, step = 0} end

local function values(list, n)
  local result = {}
  for i = 1, n or #list do
    local t = list[i]
    result[i] = t and {bytes = t:bytes(), shape = table.concat(t.shape, ","), dtype = t.dtype,
                       t = t}
  end
  return result
end

-- Tensors of a case, in one list without holes, and back.
local function arguments_of(case)
  local list, at = {}, {}
  for i = 1, case.n do
    if case.inputs[i] then
      list[#list + 1] = case.inputs[i]
      at[#list] = i
    end
  end
  return list, at
end

local function all_outputs(case, inputs)
  seeded()
  return values(fmp.record(function() return call(case, inputs) end))
end

local function run_eager(case)
  if not case.writes then return all_outputs(case, case.inputs) end
  local inputs = copies(case)
  call(case, inputs)
  return values(inputs, case.n)
end

local function run_compiled(case, rewrites)
  local own = case.writes and copies(case) or case.inputs
  local list, at = arguments_of{inputs = own, n = case.n}
  local compiled = fmp.compile(function(...)
    local inputs, given = {}, {...}
    for k, i in ipairs(at) do inputs[i] = given[k] end
    return unpack(call(case, inputs))
  end, {rewrites = rewrites})
  seeded()
  local outputs = {compiled(unpack(list))}
  local result = case.writes and values(own, case.n) or values(outputs)
  compiled:clear()
  return result
end

-- The gradients by the tensors of case.wrt, of outputs weighted by numbers that are fixed.
local function loss_of(case, inputs)
  local total
  for i, y in ipairs(call(case, inputs)) do
    if y.dtype == "f32" or y.dtype == "f64" or y.dtype == "bf16" then
      local part = (y * case.weights[i]):sum()
      total = total and total + part or part
    end
  end
  return total
end

local function wanted(case, inputs)
  local list = {}
  for k, i in ipairs(case.wrt) do list[k] = inputs[i] end
  return list
end

local function eager_gradients(case)
  seeded()
  return values(fmp.record(function()
    return fmp.gradients(loss_of(case, case.inputs), wanted(case, case.inputs))
  end))
end

local function compiled_gradients(case, rewrites)
  local list, at = arguments_of(case)
  local compiled = fmp.compile(function(...)
    local inputs, given = {}, {...}
    for k, i in ipairs(at) do inputs[i] = given[k] end
    return unpack(fmp.gradients(loss_of(case, inputs), wanted(case, inputs)))
  end, {rewrites = rewrites})
  seeded()
  local result = values{compiled(unpack(list))}
  compiled:clear()
  return result
end

-- -- tolerances --------------------------------------------------------------

-- Ops whose kernels add up in another order than the reference, or with less precision: how many
-- roundings of the type are allowed, relative to the sum of the addends' magnitudes. All others
-- give the reference's bits.
local roundings = {
  matmul = 64, conv2d = 64, conv2d_back_data = 64, conv2d_back_weights = 128, sum = 2, mean = 2,
  sum_to = 2,
}
local ROUNDINGS_F64 = 128 -- at least: f64 is not summed in anything wider

-- Ops whose kernels cut sums into parts by the number of threads: not the same bits on another.
local by_threads = {matmul = true, conv2d = true, conv2d_back_data = true,
                    conv2d_back_weights = true}

local unit = {f32 = 2 ^ -24, f64 = 2 ^ -53, bf16 = 2 ^ -8}

-- -- comparison --------------------------------------------------------------

local function element_text(what, i, a, b)
  return ("%s: element %d: %.9g and %.9g"):format(what, i, a, b)
end

-- Equal bits, except that any NaN equals any other.
local function same_bits(what, a, b)
  assert(a.shape == b.shape and a.dtype == b.dtype, what .. ": another spec")
  if a.bytes == b.bytes then return end
  local x, y = a.t:flat(), b.t:flat()
  for i = 1, #x do
    local same = x[i] == y[i] and (x[i] ~= 0 or 1 / x[i] == 1 / y[i]) or
                 x[i] ~= x[i] and y[i] ~= y[i]
    if not same then error(element_text(what, i, x[i], y[i]), 0) end
  end
end

local function magnitude(list)
  local most = 0
  for _, value in ipairs(list) do
    if value == value and abs(value) < inf then most = max(most, abs(value)) end
  end
  return most
end

-- scale: a list of what an error is relative to, or a number.
local function near(what, a, b, n, scale)
  assert(a.shape == b.shape and a.dtype == b.dtype, what .. ": another spec")
  if a.bytes == b.bytes then return end
  local x, y, tol = a.t:flat(), b.t:flat(), n * (unit[a.dtype] or 0)
  for i = 1, #x do
    local size = type(scale) == "table" and scale[i] or scale or abs(x[i])
    local same = x[i] == y[i] or x[i] ~= x[i] and y[i] ~= y[i] or
                 abs(x[i] - y[i]) <= tol * size + 2 ^ -126 * n
    -- Sums that overflow on the way in one order of addition and not in another.
    same = same or size >= 1e38 and a.dtype ~= "f64" or size >= 1e307 or size ~= size
    if not same then error(element_text(what, i, x[i], y[i]), 0) end
  end
end

local function each(what, a, b, compare, ...)
  assert(#a == #b, what .. ": another number of results")
  for i = 1, #a do
    if a[i] then compare(("%s, result %d"):format(what, i), a[i], b[i], ...) end
  end
end

-- What is added up in each element: the op on magnitudes.
local function magnitudes_of(case)
  local sizes = {}
  for i = 1, case.n do
    local t = case.inputs[i]
    sizes[i] = t and (t.dtype == "u8" and t or t:cast{dtype = "f64"}:abs()) or nil
  end
  local attrs = {}
  for name, value in pairs(case.attrs) do attrs[name] = value end
  attrs.slope = nil
  return optest.with_kernel("ref", call, {op = case.op, attrs = attrs, n = case.n}, sizes)[1]:flat()
end

-- Of gradients: relative to the largest of them.
local function near_largest(what, a, b, n) near(what, a, b, n, magnitude(a.t:flat())) end

-- -- checks ------------------------------------------------------------------

local FLOAT = {f32 = true, f64 = true, bf16 = true}

local function check_results(case)
  local ref = on_threads(1, optest.with_kernel, "ref", run_eager, case)
  local one, two = run_eager(case), on_threads(2, run_eager, case)
  local n, scale = roundings[case.name], nil
  if n and FLOAT[ref[1].dtype] then
    if ref[1].dtype == "f64" then n = max(n, ROUNDINGS_F64) end
    scale = magnitudes_of(case)
    local winograd = case.attrs.winograd
    if winograd and winograd ~= "off" then scale = magnitude(scale) end -- of a tile its largest
  end
  local alike = by_threads[case.name] and near or same_bits
  each("reference and chosen kernel", ref, one, scale and near or same_bits, n, scale)
  each("1 and 2 threads", one, two, alike, n, scale)
  if case.random then return end
  each("eager and compiled without rewrites", two, run_compiled(case, false), same_bits)
  each("eager and compiled", two, run_compiled(case, true), alike, n, scale)
end

local function is_float(t) return t and FLOAT[t.dtype] end

local function prepare_gradients(case, by)
  if not case.op.differentiable or case.writes or case.random then return false end
  case.wrt, case.weights = by, {}
  if not by then
    case.wrt = {}
    for i = 1, case.n do
      local input = case.op.inputs[math.min(i, #case.op.inputs)]
      if is_float(case.inputs[i]) and not input.spec_only then case.wrt[#case.wrt + 1] = i end
    end
  end
  if #case.wrt == 0 then return false end
  local any = false
  for i, y in ipairs(call(case, case.inputs)) do
    any = any or is_float(y)
    if is_float(y) then case.weights[i] = case.d.whole(y.shape, y.dtype, -1, 1) end
  end
  return any
end

local function check_gradients(case)
  local two = on_threads(2, eager_gradients, case)
  local alike = by_threads[case.name] and near_largest or same_bits
  each("gradients, eager and compiled without rewrites", two, compiled_gradients(case, false),
       same_bits)
  each("gradients, eager and compiled", two, compiled_gradients(case, true), alike, 256)
end

-- -- single ops --------------------------------------------------------------

local MOST_TRIES, RANDOM = 60, 2 -- FMP_OP_RANDOM

-- Calls from the definition alone may be of types or shapes that the op refuses.
local function make_case(name, d)
  local op, why = fmp.ops[name], nil
  for _ = 1, described[name] and 1 or MOST_TRIES do
    local inputs, attrs, wrt
    if described[name] then
      inputs, attrs, wrt = described[name](d)
    else
      inputs, attrs = by_definition(op, d)
    end
    local case = {name = name, op = op, d = d, inputs = inputs, attrs = attrs or {},
                  n = inputs.n or #inputs, writes = writes(op),
                  random = bit.band(op.flags, RANDOM) ~= 0}
    local ok, message = pcall(call, case, case.writes and copies(case) or inputs)
    if ok then return case, wrt end
    why = message
  end
  error(("no call that %s takes; say what they look like in cases.lua in its directory: %s")
        :format(name, tostring(why)), 0)
end

--- A case of an op, as check makes it, for other tests.
function M.case(name, seed)
  covered()
  return (make_case(name, draws(seed)))
end

--- Calls the op of a case; its outputs as a list.
function M.call(case)
  seeded()
  return call(case, case.writes and copies(case) or case.inputs)
end

local function text_of(value)
  if type(value) ~= "table" then return tostring(value) end
  local list = {}
  for i, item in ipairs(value) do list[i] = tostring(item) end
  return "{" .. table.concat(list, ",") .. "}"
end

local function describe(case)
  local list = {}
  for i = 1, case.n do
    local t = case.inputs[i]
    list[i] = t and ("%s [%s]"):format(t.dtype, table.concat(t.shape, ",")) or "nil"
  end
  for name, value in pairs(case.attrs) do list[#list + 1] = name .. "=" .. text_of(value) end
  return ("%s(%s)"):format(case.name, table.concat(list, ", "))
end

-- Runs f; a failure names the call that it belongs to.
local function describing(case, f)
  local ok, message = pcall(f, case)
  if not ok then error(describe(case) .. ": " .. tostring(message), 0) end
end

--- Checks a case that M.case made.
function M.check_case(case, wrt)
  describing(case, check_results)
  if prepare_gradients(case, wrt) then describing(case, check_gradients) end
end

-- -- chains ------------------------------------------------------------------

-- Layers that keep [n,h,w,c], each with what it needs: a function of x, and the shape that
-- comes out. Regions are drawn ahead, so that all runs pool alike.
local layers = {}

function layers.conv2d(d, shape, dtype)
  local k = math.min(d.int(1, 3), shape[2], shape[3])
  local w = d.tensor({d.pick{1, 3, 8}, k, k, shape[4]}, dtype)
  local b = d.chance(0.5) and d.tensor({w.shape[1]}, dtype) or nil
  local winograd = (d.mode == "special" or d.mode == "wide") and "off" or "exact"
  return function(x, p) return fmp.ops.conv2d(x, p[1], p[2], {winograd = winograd}) end, {w, b}
end

function layers.leaky_relu(d)
  local slope = d.pick{0, 0.25, 0.333, 1, 2}
  return function(x) return x:leaky_relu{slope = slope} end, {}
end

function layers.relu() return function(x) return x:relu() end, {} end
function layers.tanh() return function(x) return x:tanh() end, {} end

function layers.scale(d, shape, dtype)
  return function(x, p) return x * p[1] end, {d.tensor({shape[4]}, dtype)}
end

function layers.max_pool(d, shape)
  local attrs = {window = math.min(d.int(1, 3), shape[2], shape[3]), stride = d.int(1, 2)}
  return function(x) return x:max_pool(attrs) end, {}
end

function layers.avg_pool(d, shape)
  local attrs = {window = math.min(d.int(1, 3), shape[2], shape[3]), stride = d.int(1, 2)}
  return function(x) return x:avg_pool(attrs) end, {}
end

function layers.fractional_max_pool(d, shape)
  local function ends(n)
    local list = d.order(n - 1)
    for i = d.int(0, n - 1) + 1, n - 1 do list[i] = nil end
    list[#list + 1], list[#list + 2] = 0, n
    table.sort(list)
    return fmp.tensor(list, {dtype = "i32"})
  end
  local rows, cols, overlapping = ends(shape[2]), ends(shape[3]), d.chance(0.5)
  return function(x)
    return x:fractional_max_pool(rows, cols, {overlapping = overlapping})
  end, {}
end

local orders = {
  {"conv2d", "leaky_relu", "fractional_max_pool"}, {"conv2d", "leaky_relu", "max_pool"},
  {"conv2d", "relu", "fractional_max_pool", "conv2d"},
  {"conv2d", "fractional_max_pool", "leaky_relu"},
  {"scale", "leaky_relu", "fractional_max_pool"}, {"scale", "relu", "max_pool"},
  {"fractional_max_pool", "leaky_relu"}, {"leaky_relu", "max_pool", "tanh"},
  {"conv2d", "leaky_relu", "avg_pool"}, {"max_pool", "relu", "scale"},
  {"leaky_relu", "leaky_relu", "fractional_max_pool", "leaky_relu"},
}

local function any_order(d)
  local kinds = {}
  for name in pairs(layers) do kinds[#kinds + 1] = name end
  table.sort(kinds)
  local list = {}
  for i = 1, d.int(2, 5) do list[i] = d.pick(kinds) end
  return list
end

local function make_chain(d)
  local dtype = d.pick{"f32", "f32", "f64", "bf16"}
  local x = d.tensor({d.int(1, 2), d.int(5, 11), d.int(5, 11), d.pick{1, 3, 8}}, dtype)
  local steps, at = {}, x
  for _, kind in ipairs(d.chance(0.6) and d.pick(orders) or any_order(d)) do
    local f, parameters = layers[kind](d, at.shape, dtype)
    steps[#steps + 1] = {f = f, parameters = parameters, kind = kind}
    at = f(at, parameters)
  end
  -- Parameters are arguments: x, then those of each step.
  local case = {d = d, inputs = {x}, attrs = {}, n = 1, wrt = {1}, weights = {}}
  for _, step in ipairs(steps) do
    step.at = {}
    for i = 1, 2 do
      if step.parameters[i] then
        case.n = case.n + 1
        case.inputs[case.n], case.wrt[case.n], step.at[i] = step.parameters[i], case.n, case.n
      end
    end
  end
  function case.op(...)
    local given = {...}
    local y = given[1]
    for _, step in ipairs(steps) do
      y = step.f(y, {step.at[1] and given[step.at[1]], step.at[2] and given[step.at[2]]})
    end
    return y
  end
  local kinds = {}
  for i, step in ipairs(steps) do
    kinds[i] = step.kind
    case.sums = case.sums or by_threads[step.kind]
  end
  case.name = "chain of " .. table.concat(kinds, ", ")
  case.weights[1] = d.whole(at.shape, dtype, -1, 1)
  return case
end

-- Convolutions that apply an activation themselves round once less in bf16, and sums are in
-- another order: errors are relative to the largest number. Where rounding makes two elements
-- equal, as happens in bf16, a gradient may go to the other one; and NaN may spread differently.
local function check_chain(d)
  describing(make_chain(d), function(case)
    local alike = case.sums and near_largest or same_bits
    local two = on_threads(2, run_eager, case)
    each("eager and compiled without rewrites", two, run_compiled(case, false), alike, 64)
    local rewritten = run_compiled(case, true)
    if d.mode ~= "special" then each("eager and compiled", two, rewritten, near_largest, 64) end
    local gradients = eager_gradients(case)
    each("gradients, eager and compiled without rewrites", gradients,
         compiled_gradients(case, false), alike, 256)
    if case.inputs[1].dtype == "bf16" or d.mode == "special" or d.mode == "wide" then return end
    each("gradients, eager and compiled", gradients, compiled_gradients(case, true),
         near_largest, 256)
  end)
end

-- -- cases -------------------------------------------------------------------

local CHAIN_EVERY = 10

--- Which op a seed is of, or "chain".
function M.what(seed)
  local list = covered()
  if seed % CHAIN_EVERY == 0 then return "chain" end
  return list[(seed - 1 - floor(seed / CHAIN_EVERY)) % #list + 1]
end

--- Checks the case of a seed; raises what differs, with the line that repeats it.
function M.check(seed)
  local what, d = M.what(seed), draws(seed)
  local threads = fmp.threads()
  local ok, message = pcall(function()
    if what == "chain" then check_chain(d) else M.check_case(make_case(what, d)) end
  end)
  fmp.threads(threads)
  if ok then return what end
  error(("seed %d: %s (%s): %s\n  repeat: fmprun tests/lua/differential_run.lua %d"):format(
    seed, what, d.mode, tostring(message), seed), 0)
end

return M
