-- SPDX-License-Identifier: Apache-2.0
--- fmp.compile(f): f as a function that is traced once for each combination of input
-- shapes and types, and from then on runs as a plan, without Lua between its ops.
--
-- Inputs are tensors and numbers. A number becomes a rank-0 input, so a learning rate that
-- changes from call to call needs no new plan; f sees it as a tensor of f64 that takes the
-- type of the floats it is combined with, as a number does. All results must be tensors:
-- anything else would keep the value it had while tracing. Tensors that f reads from outside
-- are held by reference; everything else that f reads (a Lua number, say) is fixed by the
-- trace, except what is named with depends_on: when that changes, another plan is made. Layers
-- name whether they are training.
--
-- With precision = "bf16" convolutions and matrix products take bf16, by casts that the
-- engine inserts, and what follows them computes in bf16 where that is safe. Parameters,
-- gradients of parameters, losses and results stay f32, so that nothing else changes.
-- Intermediate tensors that f sees may be bf16.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"
local device = require "fmp.device"

local Compiled = {}
Compiled.__index = Compiled

local F64 = raw.dtype_number "f64"

local function first_tensor(args, n)
  for i = 1, n do
    if raw.is_tensor(args[i]) then return args[i] end
  end
end

-- Numbers among the arguments become tensors, in place. Returns which ones are: ";1;3".
local function convert_inputs(args, n)
  local places = ""
  for i = 1, n do
    local value = args[i]
    if type(value) == "number" then
      args[i] = raw.as_number(raw.tensor_number(first_tensor(args, n), F64, value))
    elseif not raw.is_tensor(value) then
      raw.fail("a compiled function takes tensors and numbers; argument %d is %s", i,
               raw.describe(value))
    end
    if raw.is_number(args[i]) then places = places .. ";" .. i end
  end
  return places
end

local function check_results(results, n)
  for i = 1, n do
    if not raw.is_tensor(results[i]) then
      raw.fail("a compiled function must return tensors; result %d is %s", i,
               raw.describe(results[i]))
    end
  end
end

local function pack(...) return {...}, select("#", ...) end

-- The compiled function whose f is being traced.
local tracing

-- Calls f with tensors that have no values; returns its results as a list.
local function traced(f, inputs, n)
  local results, count = pack(f(unpack(inputs, 1, n)))
  check_results(results, count)
  return results, count
end

local function make_plan(self, args, n)
  local inputs = raw.trace_begin(args, n, self.rewrites, self.precision == "bf16")
  for i = 1, n do
    if raw.is_number(args[i]) then raw.as_number(inputs[i]) end
  end
  local outer = tracing -- the trace that this one interrupts, if any
  local function end_trace(ok)
    tracing = outer
    if not ok then raw.trace_abort() end
  end
  tracing = self
  local results, count = guard.call(end_trace, traced, self.f, inputs, n)
  return raw.trace_end(results, count)
end

-- -- plans by inputs; when there are too many, the least recently used is dropped ----

local function drop_oldest(self)
  local oldest
  for key, entry in pairs(self.cache) do
    if not oldest or entry.used < self.cache[oldest].used then oldest = key end
  end
  raw.plan_release(self.cache[oldest].plan)
  self.cache[oldest] = nil
  self.cached = self.cached - 1
end

-- Equal for equal inputs and equal values of everything that any trace has depended on so far.
local function key_for(self, args, n, numbers)
  local key = raw.plan_key(device.kernel_tag(), args, n) .. numbers
  for _, read in ipairs(self.reads) do
    local value = read.object[read.field]
    key = key .. ";" .. type(value) .. tostring(value)
  end
  return key
end

local function plan_for(self, args, n, numbers)
  local entry = self.cache[key_for(self, args, n, numbers)]
  if not entry then
    entry = {plan = make_plan(self, args, n)}
    if self.cached >= self.bound then drop_oldest(self) end
    self.cache[key_for(self, args, n, numbers)] = entry -- the trace may have named more
    self.cached, self.plans = self.cached + 1, self.plans + 1
  end
  self.calls = self.calls + 1
  entry.used = self.calls
  return entry.plan
end

--- Runs the plan for these inputs; traces f first where there is none yet. Inside a
-- recording or another trace f is simply called.
function Compiled:__call(...)
  local args, n = {...}, select("#", ...)
  local numbers = convert_inputs(args, n)
  if raw.mode() ~= raw.RUN then return self.f(unpack(args, 1, n)) end
  return raw.plan_run(plan_for(self, args, n, numbers), args, n)
end

--- The plans that are held, as text, the most recently used first.
function Compiled:text()
  local entries, texts = {}, {}
  for _, entry in pairs(self.cache) do entries[#entries + 1] = entry end
  table.sort(entries, function(a, b) return a.used > b.used end)
  for i, entry in ipairs(entries) do texts[i] = raw.plan_text(entry.plan) end
  return table.concat(texts, "\n")
end

--- Prints the plans: their ops, kernels and memory.
function Compiled:explain() print(self:text()) end

--- Frees all plans now; the next call traces again.
function Compiled:clear()
  while self.cached > 0 do drop_oldest(self) end
end

function Compiled:__tostring()
  return ("compiled function, %d plans made, %d held"):format(self.plans, self.cached)
end

guard.methods(Compiled, "compiled function")

local M = {}

local function is_noted(reads, object, field)
  for _, read in ipairs(reads) do
    if read.object == object and read.field == field then return true end
  end
  return false
end

--- Returns object[field], a boolean, number or string. The plan that is being traced is used
-- only while that value stays the same.
function M.depends_on(object, field)
  if tracing and not is_noted(tracing.reads, object, field) then
    table.insert(tracing.reads, {object = object, field = field})
  end
  return object[field]
end

--- The precision of the trace that is running: "bf16", else "f32".
function M.precision() return tracing and tracing.precision or "f32" end

local precisions = {f32 = true, bf16 = true}

--- Fails unless a value names a precision.
function M.check_precision(what, precision)
  if precisions[precision] then return end
  raw.fail("%s: expected precision \"f32\" or \"bf16\", got %s", what, tostring(precision))
end

-- bound: how many plans are held at a time.
local known = {rewrites = true, precision = "f32", bound = 16}

--- Makes a compiled function of f. Options:
--   rewrites   false: each op runs as traced, equal to eager bit for bit (default true)
--   bound      how many plans are held; the least recently used is dropped (default 16)
--   precision  "f32", or "bf16": see above. Inside a recording or another compiled
--              function, that one's precision applies
-- The result has the fields plans (how many were made) and cached (how many are held),
-- and the methods explain, text and clear.
function M.compile(f, options)
  guard.callable("compile", f)
  options = guard.options("compile", options, known)
  M.check_precision("compile", options.precision)
  raw.whole("compile", "bound", options.bound, 1)
  return setmetatable({f = f, rewrites = options.rewrites, precision = options.precision,
                       bound = options.bound, cache = {}, cached = 0, plans = 0, calls = 0,
                       reads = {}}, Compiled)
end

return M
