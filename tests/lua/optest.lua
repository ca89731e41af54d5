-- SPDX-License-Identifier: Apache-2.0
--- What specs of ops share: stored vectors, finite differences, kernels against the
-- reference, refusals. Used inside a busted `describe`:
--
--   local optest = require "tests.lua.optest"
--   describe("conv2d", function()
--     optest.vectors(optest.here())
--     it("differentiates", function()
--       optest.gradient{op = "conv2d", inputs = {x, w}, attrs = {stride = 2}}
--     end)
--   end)
--
-- A case of vectors.lua:
--   {name =, op =, attrs = {...}, inputs = {value or false ...}, outputs = {value or false ...},
--    dout = value, grads = {value or false ...}, written = {value or false ...}, tol = 1e-5}
-- with value = {dtype =, shape =, data = {flat list}}. outputs: false is not compared.
-- grads are those of sum(outputs[1] * dout), or of sum(outputs[1]) without dout.
-- written: what inputs hold after the call, for ops that write them.

-- busted's functions, which are not globals in a module that is loaded by require.
local busted = require "busted"
local fmp = require "fmp"
local compare = require "tests.lua.compare"

local M = {}

-- -- where and what ----------------------------------------------------------

--- The directory of the spec file that calls this, with its slash.
function M.here()
  return debug.getinfo(2, "S").source:match "^@(.*/)" or "./"
end

-- Ends the running test as pending. The global `pending` of a test does that, but only code
-- of the spec file itself sees it; busted knows what it raises by its metatable, which all
-- instances share.
local function pending(reason) require("busted.core")().pending(reason) end

local function copy(values)
  local result = {}
  for name, value in pairs(values or {}) do result[name] = value end
  return result
end

-- Calls an op and returns its first n outputs as a list.
local function call(case, inputs, n_inputs, n_outputs)
  local op, arguments = fmp.ops[case.op], {}
  local attrs = copy(case.attrs)
  if op.counts_outputs then attrs.outputs = n_outputs end
  for i = 1, n_inputs do arguments[i] = inputs[i] or nil end
  arguments[n_inputs + 1] = attrs
  return {op(unpack(arguments, 1, n_inputs + 1))}
end

--- Runs f with kernels of one name forced; nil forces none.
function M.with_kernel(name, f, ...)
  fmp.kernel(name)
  local results = {pcall(f, ...)}
  fmp.kernel(nil)
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, table.maxn(results))
end

-- An op's kernels on the default device: a list of {name =, dtypes = {f32 = true ...}}.
local function kernels_of(op)
  local backend, list = fmp.device():match "^[^:]+", {}
  for line in (op.kernels .. "\n"):gmatch "(.-)\n" do
    local its_backend, name, types = line:match "^([^/]+)/(%S+) priority %-?%d+ ?(.-) ?%("
    if its_backend == backend then
      local kernel = {name = name, dtypes = {}}
      for dtype in types:gmatch "%S+" do kernel.dtypes[dtype] = true end
      list[#list + 1] = kernel
    end
  end
  return list
end

-- Whether the op with these inputs really runs the named kernel, and not a substitute:
-- the text of its plan says so, as "cpu/ref". An op without outputs writes its inputs, and
-- so must not be run to find out.
local function takes(case, inputs, n_inputs, name)
  local op = fmp.ops[case.op]
  if op.n_out == 0 then return true end
  local compiled = fmp.compile(function()
    return unpack(call(case, inputs, n_inputs, math.max(1, op.results)))
  end, {rewrites = false})
  return M.with_kernel(name, function()
    compiled()
    return compiled:text():find("/" .. name .. "]", 1, true) ~= nil
  end)
end

-- -- stored vectors ----------------------------------------------------------

local AS_GIVEN = "as given"

-- The type of a stored value in a variant of its case: f32 gives way to the variant's.
local function dtype_in(value, variant)
  return value.dtype == "f32" and variant ~= AS_GIVEN and variant or value.dtype
end

local function tensor_of(value, variant)
  if not value then return nil end
  return fmp.from_flat(value.data, value.shape, dtype_in(value, variant))
end

local function tensors_of(values, dtype)
  local list = {}
  for i = 1, #values do list[i] = tensor_of(values[i], dtype) end
  return list
end

-- Types that a case runs in: its own, and f64 in place of f32.
local function dtypes_of(case)
  for _, input in ipairs(case.inputs) do
    if input and input.dtype == "f32" then return {"f32", "f64"} end
  end
  return {AS_GIVEN}
end

local function input_types_ok(case, kernel, dtype)
  for _, input in ipairs(case.inputs) do
    if input and not kernel.dtypes[dtype_in(input, dtype)] then return false end
  end
  return true
end

local function check_values(what, expected, got, tol)
  for i = 1, #expected do
    if expected[i] then compare.value(("%s %d"):format(what, i), expected[i], got[i], tol) end
  end
end

local function check_forward(case, dtype, tol)
  local inputs = tensors_of(case.inputs, dtype)
  local outputs = call(case, inputs, #case.inputs, #(case.outputs or {}))
  check_values("output", case.outputs or {}, outputs, tol)
  check_values("written input", case.written or {}, inputs, tol)
end

local function loss_of(case, inputs)
  local y = call(case, inputs, #case.inputs, #case.outputs)[1]
  if case.dout then y = y * fmp.from_flat(case.dout.data, case.dout.shape, y.dtype) end
  return y:sum()
end

local function check_grads(case, dtype, tol)
  local inputs, wanted, expected = tensors_of(case.inputs, dtype), {}, {}
  for i, grad in ipairs(case.grads) do
    if grad then
      wanted[#wanted + 1], expected[#expected + 1] = inputs[i], grad
    end
  end
  local got = fmp.record(function()
    return fmp.gradients(loss_of(case, inputs), wanted)
  end)
  check_values("gradient", expected, got, tol)
end

local function check_case(case, dtype)
  local tol = case.tol or 1e-5
  check_forward(case, dtype, tol)
  if case.grads then check_grads(case, dtype, tol) end
end

local function vector_test(case, kernel, dtype)
  busted.it(("%s [%s, %s]"):format(case.name, kernel and kernel.name or "no kernel", dtype),
  function() M.with_kernel(kernel and kernel.name, check_case, case, dtype) end)
end

local function takes_case(case, kernel, dtype)
  return input_types_ok(case, kernel, dtype) and
         takes(case, tensors_of(case.inputs, dtype), #case.inputs, kernel.name)
end

-- A kernel that no case reached is a skip.
local function note_unused(op, kernels, used)
  for _, kernel in ipairs(kernels) do
    if not used[kernel] then
      busted.it(("%s [%s]"):format(op, kernel.name), function()
        pending(("kernel %s takes none of these cases"):format(kernel.name))
      end)
    end
  end
end

--- Makes a test of each case of vectors.lua in directory `here`, for each kernel of its op
-- that takes it and each of f32 and f64 that the kernel computes in.
function M.vectors(here)
  local kernels, used = {}, {}
  for _, case in ipairs(dofile(here .. "vectors.lua")) do
    kernels[case.op] = kernels[case.op] or kernels_of(fmp.ops[case.op])
    for _, dtype in ipairs(dtypes_of(case)) do
      if #kernels[case.op] == 0 then vector_test(case, nil, dtype) end
      for _, kernel in ipairs(kernels[case.op]) do
        if takes_case(case, kernel, dtype) then
          used[kernel] = true
          vector_test(case, kernel, dtype)
        end
      end
    end
  end
  for op, list in pairs(kernels) do note_unused(op, list, used) end
end

-- -- finite differences ------------------------------------------------------

-- Multiplies each output by fixed random numbers, and sums everything.
local function weighted_sum(outputs, weights)
  local total
  for i, y in ipairs(outputs) do
    weights[i] = weights[i] or M.random(y.shape, {seed = 100 + i})
    local part = (y * weights[i]):sum()
    total = total and total + part or part
  end
  return total
end

-- (f(x + h e) - f(x - h e)) / 2h for each element e of input i.
local function differences(f, inputs, i, h)
  local shape, values, result = inputs[i].shape, inputs[i]:flat(), {}
  local function at(element, shift)
    local moved, shifted = copy(inputs), copy(values)
    shifted[element] = shifted[element] + shift
    moved[i] = fmp.from_flat(shifted, shape, "f64")
    return f(moved):item()
  end
  for element, value in ipairs(values) do
    local step = h * math.max(1, math.abs(value))
    result[element] = (at(element, step) - at(element, -step)) / (2 * step)
  end
  return result
end

local function float_inputs(inputs, n)
  local list = {}
  for i = 1, n do
    if inputs[i] and inputs[i].dtype == "f64" then list[#list + 1] = i end
  end
  return list
end

local function count_inputs(inputs) return table.maxn(inputs) end

-- Runs f on one thread: tensors this small gain nothing from more, and tests that wait
-- for threads are slow on a busy machine.
local function on_one_thread(f, ...)
  local before = fmp.threads()
  fmp.threads(1)
  local results = {pcall(f, ...)}
  fmp.threads(before)
  if not results[1] then error(results[2], 0) end
end

-- A recording in which random ops draw the same numbers each time.
local function seeded_record(f, ...)
  fmp.random_state{seed = 7, step = 0}
  return fmp.record(f, ...)
end

local function check_gradient(case)
  local n, inputs, weights = count_inputs(case.inputs), case.inputs, {}
  local wrt = case.wrt or float_inputs(inputs, n)
  assert(#wrt > 0, "optest.gradient: no input to differentiate by")
  local function loss(at) return weighted_sum(call(case, at, n, case.outputs or 1), weights) end
  loss(inputs) -- makes the weights, which recordings must not own
  local wanted = {}
  for k, i in ipairs(wrt) do wanted[k] = inputs[i] end
  local analytic = seeded_record(function() return fmp.gradients(loss(inputs), wanted) end)
  for k, i in ipairs(wrt) do
    local function f(at) return seeded_record(loss, at) end
    local expected = {shape = inputs[i].shape, data = differences(f, inputs, i, case.h or 1e-5)}
    compare.value(("d(loss)/d(input %d)"):format(i), expected, analytic[k], case.tol or 1e-6)
  end
end

--- Asserts that analytic gradients equal central differences, in f64:
--   {op =, inputs = {tensors}, attrs =, wrt = {indices}, outputs = 1, tol = 1e-6, h = 1e-5}
-- wrt: all f64 inputs if absent. outputs: how many outputs enter the loss, each with its
-- own random weights.
function M.gradient(case) on_one_thread(check_gradient, case) end

-- -- kernels against the reference -------------------------------------------

local function outputs_of(case, n)
  local results = {}
  local count = case.outputs or math.max(1, fmp.ops[case.op].results)
  local outputs = seeded_record(call, case, case.inputs, n, count)
  for i, y in ipairs(outputs) do results[i] = {shape = y.shape, data = y:flat()} end
  return results
end

--- Asserts that every kernel that takes the inputs gives what kernel "ref" gives:
--   {op =, inputs = {tensors}, attrs =, outputs = count or all that must be there, tol = 1e-5}
-- Pending if there is none but ref.
function M.kernels(case)
  local n, others = count_inputs(case.inputs), 0
  local expected = M.with_kernel("ref", outputs_of, case, n)
  for _, kernel in ipairs(kernels_of(fmp.ops[case.op])) do
    if kernel.name ~= "ref" and takes(case, case.inputs, n, kernel.name) then
      others = others + 1
      local got = M.with_kernel(kernel.name, outputs_of, case, n)
      for i = 1, #expected do
        compare.list(("%s: output %d"):format(kernel.name, i), expected[i], got[i],
                     case.tol or 1e-5)
      end
    end
  end
  if others == 0 then pending("no kernel but ref takes this") end
end

-- -- bf16 --------------------------------------------------------------------

-- Inputs in another float type; `rest` holds the indices of those that keep theirs.
local function floats_in(inputs, n, dtype, rest)
  local list, keeps = {}, {}
  for _, i in ipairs(rest or {}) do keeps[i] = true end
  for i = 1, n do
    local x = inputs[i]
    local is_float = x and (x.dtype == "f32" or x.dtype == "f64" or x.dtype == "bf16")
    list[i] = is_float and not keeps[i] and fmp.ops.cast(x, {dtype = dtype}) or x
  end
  return list
end

-- Rounded once to `unit` of itself, after sums whose error is that of f32.
local function check_rounded(what, expected, got, unit)
  local largest = 0
  for _, value in ipairs(expected.data) do largest = math.max(largest, math.abs(value)) end
  assert(#expected.data == #got.data, what .. ": another number of elements")
  for i, value in ipairs(expected.data) do
    local error = math.abs(value - got.data[i])
    assert(error <= unit * math.abs(value) + 2 ^ -20 * largest,
           ("%s: element %d: expected %.9g, got %.9g"):format(what, i, value, got.data[i]))
  end
end

--- Asserts that every kernel that takes the inputs in bf16 gives what the reference gives in
-- f64 for the same numbers, but for one rounding:
--   {op =, inputs = {tensors}, attrs =, outputs = count, gives = "bf16", f32 = {indices of
--    inputs that stay in f32}, kernels = {names that must be among them}}
function M.bf16(case)
  local n, unit = count_inputs(case.inputs), case.gives == "f32" and 2 ^ -20 or 2 ^ -8
  local low = copy(case)
  low.inputs = floats_in(case.inputs, n, "bf16", case.f32)
  local exact = copy(case)
  exact.inputs = floats_in(low.inputs, n, "f64")
  local expected, missing = M.with_kernel("ref", outputs_of, exact, n), {ref = true}
  for _, name in ipairs(case.kernels or {}) do missing[name] = true end
  for _, kernel in ipairs(kernels_of(fmp.ops[case.op])) do
    if kernel.dtypes.bf16 and takes(low, low.inputs, n, kernel.name) then
      missing[kernel.name] = nil
      local got = M.with_kernel(kernel.name, outputs_of, low, n)
      for i = 1, #expected do
        check_rounded(("%s, bf16: output %d"):format(kernel.name, i), expected[i], got[i], unit)
      end
    end
  end
  local y = call(case, low.inputs, n, case.outputs or 1)[1]
  assert(y.dtype == (case.gives or "bf16"), ("%s of bf16 gave %s"):format(case.op, y.dtype))
  assert(next(missing) == nil, ("no kernel %s that takes bf16"):format(tostring(next(missing))))
end

-- -- refusals ----------------------------------------------------------------

--- Asserts that an op refuses, at once or when the device gets to it: {op =, inputs =, attrs =,
-- match = "plain text"}.
function M.fails(case)
  local n = count_inputs(case.inputs or {})
  local arguments = {}
  for i = 1, n do arguments[i] = case.inputs[i] or nil end
  arguments[n + 1] = copy(case.attrs)
  local ok, message = pcall(function()
    fmp.ops[case.op](unpack(arguments, 1, n + 1))
    fmp.wait()
  end)
  assert(not ok, case.op .. ": expected a refusal, but it ran")
  assert(tostring(message):find(case.match, 1, true),
         ("%s: expected the message to contain '%s', got '%s'"):format(case.op, case.match,
                                                                     tostring(message)))
end

-- -- values ------------------------------------------------------------------

-- Park and Miller's generator: 31 bits, the same everywhere.
local function generator(seed)
  local state = (seed * 7919 + 12345) % 2147483647
  return function()
    state = state * 16807 % 2147483647
    return state / 2147483647
  end
end

-- n values of [low, high], in random order, pairwise and from 0 at least `apart` apart:
-- cell centres of a grid, without those near 0, moved by less than what is left over.
local function apart_values(n, low, high, apart, draw)
  local cells = n + 2 + math.ceil(2 * apart * n / (high - low))
  local width, centres = (high - low) / cells, {}
  for i = 1, cells do
    local centre = low + (i - 0.5) * width
    if math.abs(centre) >= apart + width / 2 then centres[#centres + 1] = centre end
  end
  assert(width > apart and #centres >= n,
         ("optest.random: %d values do not fit %g apart into [%g, %g]"):format(n, apart, low, high))
  for i = #centres, 2, -1 do
    local j = math.floor(draw() * i) + 1
    centres[i], centres[j] = centres[j], centres[i]
  end
  for i = 1, n do centres[i] = centres[i] + (draw() - 0.5) * (width - apart) * 0.9 end
  return centres
end

--- The fields of both tables; those of `more` stand where both have one.
function M.with(attrs, more)
  local all = {}
  for name, value in pairs(attrs) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

--- A tensor of fixed random values: random(shape, {dtype = "f64", low = -1, high = 1,
-- seed = 1, apart = nil}). apart: values differ from each other and from 0 by at least
-- that, so that no kink lies within a finite difference.
function M.random(shape, options)
  options = options or {}
  local low, high = options.low or -1, options.high or 1
  local draw, n = generator(options.seed or 1), 1
  for _, size in ipairs(shape) do n = n * size end
  local values
  if options.apart then
    values = apart_values(n, low, high, options.apart, draw)
  else
    values = {}
    for i = 1, n do values[i] = low + (high - low) * draw() end
  end
  for i = n + 1, #values do values[i] = nil end
  return fmp.from_flat(values, shape, options.dtype or "f64")
end

return M
