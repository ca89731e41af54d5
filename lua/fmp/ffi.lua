-- SPDX-License-Identifier: Apache-2.0
--- The interface to the engine: wraps api.h function by function.
-- The only file that touches handles and ffi.gc; what needs neither is in ffi/. An object that
-- owns a handle is a table {handle = cdata} with one of the metatables below, which other files
-- fill with methods.
-- No 64-bit integer leaves this file as cdata: all are Lua numbers, exact below 2^53.

local ffi = require "ffi"
local about = require "fmp.about"
local engine = require "fmp.ffi.engine"
local errors = require "fmp.errors"
local libfmp = require "fmp.libfmp"

local M = {}

-- Metatables of the objects that own a handle.
local Tensor = {__name = "tensor"}
local Resource, Plan = {__name = "resource"}, {__name = "plan"}
local Items = {__name = "numbers"}
-- A number that was passed to a compiled function: a tensor of rank 0 that takes the type of
-- what it is combined with, as a Lua number does. fmp.tensor gives it all that Tensor has.
local Number = {}
M.Number = Number
M.Tensor, M.Resource, M.Plan, M.Items = Tensor, Resource, Plan, Items

-- The directory <prefix>/share/fmp/, with its slash.
M.share = libfmp.share
M.module_file = libfmp.module_file

local C, check = engine.C, engine.check

-- -- errors ------------------------------------------------------------------

local fail, whole = errors.fail, errors.whole
local text_of = about.text_of
M.fail, M.whole, M.shown, M.describe = fail, whole, errors.shown, errors.describe
M.is_own = errors.is_own

-- -- handles -----------------------------------------------------------------

local function refuse(object, class)
  if class == Tensor and getmetatable(object) == Number then return object.handle end
  if getmetatable(object) == class then fail("the %s has been closed", class.__name) end
  errors.wrong_self(object, class.__name)
end

-- The handle of an object. Only here does a Lua value become a C pointer, so only here must
-- nil be kept from becoming NULL.
local function handle_of(object, class)
  return getmetatable(object) == class and rawget(object, "handle") or refuse(object, class)
end

local function tensor_handle(t) return handle_of(t, Tensor) end
local function resource_handle(resource) return handle_of(resource, Resource) end
M.resource_handle = resource_handle

local INT32_LAST = 2 ^ 31 - 1

-- -- engine ------------------------------------------------------------------

function M.version() return ffi.string(C.fmp_version()) end
function M.log_level(level) C.fmp_log_level(whole("log_level", nil, level, 0, INT32_LAST)) end
function M.live_bytes() return tonumber(C.fmp_live_bytes()) end
function M.tensor_bytes() return tonumber(C.fmp_tensor_bytes()) end
function M.fail_allocation(n) C.fmp_fail_allocation(whole("fail_allocation", nil, n, -1)) end
function M.allocation_count() return tonumber(C.fmp_allocation_count()) end

-- The engine's memory is invisible to Lua's collector. So functions that make tensors collect
-- when the engine holds more than twice what was in use after the last collection.
local FLOOR_BYTES = 64 * 2 ^ 20
local collect_above = FLOOR_BYTES

local function relieve_pressure()
  if tonumber(C.fmp_tensor_bytes()) <= collect_above then return end
  collectgarbage()
  collect_above = math.max(FLOOR_BYTES, 2 * tonumber(C.fmp_tensor_bytes()))
end

-- -- data types --------------------------------------------------------------

local dtype_names, dtype_numbers, dtype_slot = {}, {}, ffi.new("uint32_t[1]")

--- The name of a data type's number: "f32" for 1.
function M.dtype_name(number)
  local name = dtype_names[number]
  if not name then
    name = text_of(C.fmp_dtype_name(number)) or "none"
    dtype_names[number] = name
  end
  return name
end

--- The number of a data type; raises the nearest name if there is none.
function M.dtype_number(name)
  local number = dtype_numbers[name]
  if not number then
    check(C.fmp_dtype_find(errors.text("the name of a data type", name), dtype_slot))
    number = dtype_slot[0]
    dtype_numbers[name] = number
  end
  return number
end

function M.dtype_size(number) return tonumber(C.fmp_dtype_size(number)) end

-- -- plugins -----------------------------------------------------------------

function M.plugin_load(path) check(C.fmp_plugin_load(path)) end
function M.plugin_load_default() check(C.fmp_plugin_load_default()) end

function M.plugins()
  local list, info = {}, about.sized("fmp_plugin_info")
  for i = 0, C.fmp_plugin_count() - 1 do
    check(C.fmp_plugin_get(i, info))
    list[i + 1] = about.plugin(info)
  end
  return list
end

-- -- ops ---------------------------------------------------------------------

local function rows(n, info, get, convert)
  local list = {}
  for i = 0, n - 1 do
    check(get(i, info))
    list[i + 1] = convert(info)
  end
  return list
end

--- An op's whole definition as a table. Its `handle` is for emit.
function M.op(name)
  local slot, info = ffi.new("const fmp_op *[1]"), about.sized("fmp_op_info")
  check(C.fmp_op_find(name, slot))
  local op, arg = slot[0], about.sized("fmp_arg_info")
  check(C.fmp_op_describe(op, info))
  local described = about.op(name, info)
  described.handle = op
  described.inputs = rows(info.n_in, arg, function(i, to) return C.fmp_op_input(op, i, to) end,
                          about.arg)
  described.outputs = rows(info.n_out, arg, function(i, to) return C.fmp_op_output(op, i, to) end,
                           about.arg)
  described.attrs = rows(info.n_attr, about.sized("fmp_attr_info"),
                         function(i, to) return C.fmp_op_attr(op, i, to) end, about.attr)
  return described
end

--- Whether there is an op of that name.
function M.has_op(name) return C.fmp_op_find(name, ffi.new("const fmp_op *[1]")) == C.FMP_OK end

--- The names of all ops, in order of name.
function M.op_names()
  local names, info = {}, about.sized("fmp_op_info")
  for i = 0, C.fmp_op_count() - 1 do
    check(C.fmp_op_describe(C.fmp_op_at(i), info))
    names[i + 1] = text_of(info.name)
  end
  table.sort(names)
  return names
end

--- An op's kernels as text, one per line.
function M.op_kernels(handle) return ffi.string(C.fmp_op_kernels(handle)) end


function M.kernel_force(name)
  check(C.fmp_kernel_force(name and errors.text("the name of a kernel", name)))
end

function M.autotune(path) check(C.fmp_autotune(path)) end
function M.kernel_explain(on) C.fmp_kernel_explain(on and 1 or 0) end

-- -- devices -----------------------------------------------------------------

local device_slot, int_slot = ffi.new("fmp_device *[1]"), ffi.new("int32_t[1]")

-- NULL stands for the default device in functions that take one.
local function device_of(name)
  if name == nil then return nil end
  check(C.fmp_device_find(errors.text("the name of a device", name), device_slot))
  return device_slot[0]
end

function M.device_default()
  check(C.fmp_device_default(device_slot))
  return ffi.string(C.fmp_device_name(device_slot[0]))
end

function M.device_set_default(name) check(C.fmp_device_set_default(device_of(name))) end
function M.device_list() return ffi.string(C.fmp_device_list()) end

local function device_or_default(name)
  return device_of(name) or device_of(M.device_default())
end

function M.device_wait(name) check(C.fmp_device_wait(device_or_default(name))) end

--- Sets (a count) or asks (nil) how many threads a device computes with.
function M.device_threads(name, count)
  local most = tonumber(C.FMP_MAX_THREADS)
  if count ~= nil and not errors.is_whole(count, 1, most) then
    fail("expected 1 to %d threads, got %s", most, M.shown(count))
  end
  check(C.fmp_device_threads(device_or_default(name), count or 0, int_slot))
  return int_slot[0]
end

-- -- tensors -----------------------------------------------------------------

local tensor_slot = ffi.new("fmp_tensor *[1]")
local spec_slot = ffi.new("fmp_spec")

-- Takes over one reference.
local function adopt(handle)
  return setmetatable({handle = ffi.gc(handle, C.fmp_tensor_release)}, Tensor)
end

-- The same for tensors that are new, and may be big.
local function adopt_new(handle)
  local t = adopt(handle)
  relieve_pressure()
  return t
end

local function fill_spec(spec, dtype, shape)
  if #shape > C.FMP_MAX_RANK then
    fail("expected at most %d dimensions, got %d", tonumber(C.FMP_MAX_RANK), #shape)
  end
  ffi.fill(spec, ffi.sizeof("fmp_spec"))
  spec.dtype, spec.rank = dtype, #shape
  for i = 1, #shape do spec.shape[i - 1] = whole("shape", "dimension " .. i, shape[i], 0) end
  return spec
end

--- A tensor that owns a copy of `bytes` bytes at `data`, which must fit dtype and shape.
function M.tensor_from(device, dtype, shape, data, bytes)
  local spec = fill_spec(spec_slot, dtype, shape)
  check(C.fmp_tensor_from(device_of(device), spec, data, bytes, tensor_slot))
  return adopt_new(tensor_slot[0])
end

--- A rank-0 tensor on the device of `like`, a tensor, or on the default device. It must not be
-- written: others may have the same.
function M.tensor_number(like, dtype, value)
  local device = like and C.fmp_tensor_device(tensor_handle(like)) or nil
  check(C.fmp_tensor_constant(device, dtype, value, tensor_slot))
  return adopt(tensor_slot[0])
end

function M.is_tensor(value)
  local class = getmetatable(value)
  return class == Tensor or class == Number
end

--- Whether a value is a tensor with a type of its own, not a number of a compiled function's.
function M.is_typed(value) return getmetatable(value) == Tensor end
function M.is_number(value) return getmetatable(value) == Number end
--- Makes a tensor such a number; returns it.
function M.as_number(t) return setmetatable(t, Number) end
function M.is_resource(value) return getmetatable(value) == Resource end

local function read_spec(t)
  C.fmp_tensor_spec(tensor_handle(t), spec_slot)
  return spec_slot
end

function M.dtype(t) return read_spec(t).dtype end
function M.rank(t) return read_spec(t).rank end

function M.shape(t)
  local spec, shape = read_spec(t), {}
  for i = 1, spec.rank do shape[i] = tonumber(spec.shape[i - 1]) end
  return shape
end

function M.size(t)
  local spec, n = read_spec(t), 1
  for i = 0, spec.rank - 1 do n = n * tonumber(spec.shape[i]) end
  return n
end

function M.device(t)
  return ffi.string(C.fmp_device_name(C.fmp_tensor_device(tensor_handle(t))))
end

--- 0: has a value; 1: has none until its plan runs; 2: emptied.
function M.state(t) return C.fmp_tensor_state(tensor_handle(t)) end
function M.read(t, buffer, bytes) check(C.fmp_tensor_read(tensor_handle(t), buffer, bytes)) end
function M.write(t, buffer, bytes) check(C.fmp_tensor_write(tensor_handle(t), buffer, bytes)) end
function M.empty(t) C.fmp_tensor_empty(tensor_handle(t)) end

-- Lua reads doubles only as converted by C: LuaJIT would take the bits of some NaNs, which a
-- file can contain, for a table or a string at an arbitrary address.
local double_slot = ffi.new("double[1]")

function M.item(t)
  check(C.fmp_tensor_item(tensor_handle(t), double_slot))
  return double_slot[0]
end

--- The bytes of all elements, for number_at.
function M.bytes(t)
  local bytes = M.size(t) * M.dtype_size(M.dtype(t))
  local buffer = ffi.new("uint8_t[?]", bytes)
  M.read(t, buffer, bytes)
  return buffer, bytes
end

--- The number at an index, from 1, of such bytes.
function M.number_at(bytes, index, dtype)
  check(C.fmp_to_doubles(dtype, bytes + (index - 1) * M.dtype_size(dtype), 1, double_slot))
  return double_slot[0]
end

--- All elements as a list of numbers.
function M.numbers(t)
  local n, dtype, list = M.size(t), M.dtype(t), {}
  local values = ffi.new("double[?]", n)
  check(C.fmp_to_doubles(dtype, M.bytes(t), n, values))
  for i = 1, n do list[i] = values[i - 1] end
  return list
end

function M.to_device(t, device)
  check(C.fmp_tensor_to(tensor_handle(t), device_of(device), tensor_slot))
  return adopt_new(tensor_slot[0])
end

function M.set_parameter(t, on) C.fmp_tensor_set_parameter(tensor_handle(t), on and 1 or 0) end
function M.is_parameter(t) return C.fmp_tensor_is_parameter(tensor_handle(t)) ~= 0 end
function M.set_name(t, name)
  check(C.fmp_tensor_set_name(tensor_handle(t), name and errors.text("a name", name)))
end

function M.name(t) return text_of(C.fmp_tensor_name(tensor_handle(t))) end

--- A number that tells tensors apart while they live: two Lua objects may hold one tensor.
function M.identity(t) return tonumber(ffi.cast("intptr_t", tensor_handle(t))) end

--- The same for the device that a tensor is on.
function M.device_identity(t)
  return tonumber(ffi.cast("intptr_t", C.fmp_tensor_device(tensor_handle(t))))
end

-- -- emission ----------------------------------------------------------------

-- Handles of list[1..n] as a C array, NULL for nil and false. The array is used again
-- by the next call: the engine only reads it while a call lasts.
local handle_room, handle_array = 32, ffi.new("fmp_tensor *[32]")

local function handles(list, n)
  if n > handle_room then
    handle_room = 2 * n
    handle_array = ffi.new("fmp_tensor *[?]", handle_room)
  end
  for i = 1, n do
    local t = list[i]
    handle_array[i - 1] = t and tensor_handle(t) or nil
  end
  return handle_array
end

-- An array in which calls return up to n new tensors.
local result_room, result_array = 32, ffi.new("fmp_tensor *[32]")

local function results(n)
  if n > result_room then
    result_room = 2 * n
    result_array = ffi.new("fmp_tensor *[?]", result_room)
  end
  return result_array
end

local function adopt_all(array, n)
  local list = {}
  for i = 1, n do
    if array[i - 1] ~= nil then list[i] = adopt(array[i - 1]) end
  end
  relieve_pressure()
  return list
end

--- Emits an op: attrs an fmp_attr array, inputs a list with nil for what is absent.
-- Returns its first n_out outputs.
function M.emit(op, attrs, n_attr, inputs, n_in, n_out)
  local out = results(n_out)
  check(C.fmp_emit(op, attrs, n_attr, handles(inputs, n_in), n_in, out, n_out))
  if n_out == 1 then return adopt_new(out[0]) end
  return unpack(adopt_all(out, n_out), 1, n_out)
end

--- The same for one or two tensors without attributes, which most calls are: makes no list,
-- and has no loop that LuaJIT would have to trace. b = nil: one tensor.
function M.emit_plain(op, a, b, n_out)
  local inputs, out = handle_array, results(n_out)
  inputs[0] = tensor_handle(a)
  if b then inputs[1] = tensor_handle(b) end
  local status = C.fmp_emit(op, nil, 0, inputs, b and 2 or 1, out, n_out)
  check(status)
  if n_out == 1 then return adopt_new(out[0]) end
  return unpack(adopt_all(out, n_out), 1, n_out)
end

-- -- numbers that are read later -----------------------------------------------

--- Begins to read tensors of one element each; see fmp.later.
function M.items_read(tensors, n)
  local slot = ffi.new("fmp_items *[1]")
  check(C.fmp_items_read(handles(tensors, n), n, slot))
  return setmetatable({handle = ffi.gc(slot[0], C.fmp_items_release), n = n}, Items)
end

--- Waits for them; returns a list of numbers.
function M.items_wait(items)
  local values, numbers = ffi.new("double[?]", items.n), {}
  check(C.fmp_items_wait(handle_of(items, Items), values))
  for i = 1, items.n do numbers[i] = values[i - 1] end
  return numbers
end

-- -- scopes, randomness ------------------------------------------------------

function M.scope_push(name) check(C.fmp_scope_push(name)) end
function M.scope_pop() C.fmp_scope_pop() end
function M.scope_path() return ffi.string(C.fmp_scope_path()) end

function M.random_set(seed, step)
  C.fmp_random_set(whole("random_state", "seed", seed, 0),
                   whole("random_state", "step", step, 0))
end

function M.random_get()
  local pair = ffi.new("uint64_t[2]")
  C.fmp_random_get(pair, pair + 1)
  return tonumber(pair[0]), tonumber(pair[1])
end

function M.random_seed(seed) C.fmp_random_seed(whole("seed", nil, seed, 0)) end

-- -- recording and gradients -------------------------------------------------

--- What the thread currently does with ops.
M.RUN, M.RECORD, M.TRACE = 0, 1, 2
function M.mode() return C.fmp_mode() end

function M.record_begin() check(C.fmp_record_begin()) end
--- Ends a recording and keeps the tensors of a list.
function M.record_end(keep) C.fmp_record_end(handles(keep, #keep), #keep) end
function M.outside_begin() check(C.fmp_outside_begin()) end
function M.outside_end() C.fmp_outside_end() end

--- d(loss)/d(x) for each x of a list.
function M.gradients(loss, list)
  local n = #list
  local dx = results(n)
  check(C.fmp_gradients(tensor_handle(loss), handles(list, n), n, dx))
  return adopt_all(dx, n)
end

--- The parameters that a loss depends on, in order of first use.
function M.parameters_of(loss)
  check(C.fmp_parameters_of(tensor_handle(loss), nil, 0, int_slot))
  local n, list = int_slot[0], {}
  local found = ffi.new("fmp_tensor *[?]", math.max(n, 1))
  check(C.fmp_parameters_of(tensor_handle(loss), found, n, int_slot))
  for i = 1, n do list[i] = adopt(C.fmp_tensor_retain(found[i - 1])) end
  return list
end

--- Leaves all recordings, traces and scopes that an interrupted call may have left open.
function M.settle()
  for _ = 1, 64 do C.fmp_outside_end() end -- more than can be nested; ending none is harmless
  if M.mode() == M.TRACE then C.fmp_trace_abort() end
  while M.mode() == M.RECORD do C.fmp_record_end(nil, 0) end
  while M.scope_path() ~= "" do C.fmp_scope_pop() end
end

-- -- traces and plans --------------------------------------------------------

-- All that a plan depends on besides its function: kernel choice, device and input specs.
local key_type = ffi.typeof "struct { int64_t tag; fmp_device *device; fmp_spec specs[?]; }"
local spec_bytes = ffi.sizeof("fmp_spec")
local key_room, key = 8, key_type(8)

-- Fills the key for inputs[1..n]; the device is the first input's, or the default.
local function fill_key(tag, inputs, n)
  if n > key_room then
    key_room = 2 * n
    key = key_type(key_room)
  end
  key.tag = tag
  if n > 0 then
    key.device = C.fmp_tensor_device(tensor_handle(inputs[1]))
  else
    check(C.fmp_device_default(device_slot))
    key.device = device_slot[0]
  end
  for i = 1, n do C.fmp_tensor_spec(tensor_handle(inputs[i]), key.specs[i - 1]) end
end

--- A string that is equal for equal tag, device and specs.
function M.plan_key(tag, inputs, n)
  fill_key(tag, inputs, n)
  return ffi.string(key, 16 + n * spec_bytes)
end

--- Begins a trace for inputs like these; returns the tensors that stand for them.
function M.trace_begin(inputs, n, rewrites, low_precision)
  fill_key(0, inputs, n)
  local placeholders = results(n)
  local flags = (rewrites and 0 or C.FMP_NO_REWRITES)
                + (low_precision and C.FMP_LOW_PRECISION or 0)
  check(C.fmp_trace_begin(key.device, key.specs, n, flags, placeholders))
  return adopt_all(placeholders, n)
end

function M.trace_abort() C.fmp_trace_abort() end

--- Ends a trace and makes its plan and one instance of it.
function M.trace_end(outputs, n)
  local graph, plan = ffi.new("fmp_graph *[1]"), ffi.new("fmp_plan *[1]")
  local instance = ffi.new("fmp_instance *[1]")
  check(C.fmp_trace_end(handles(outputs, n), n, graph))
  local status = C.fmp_plan_new(graph[0], nil, 0, 0, plan)
  C.fmp_graph_release(graph[0])
  check(status)
  status = C.fmp_instance_new(plan[0], 0, instance)
  C.fmp_plan_release(plan[0]) -- the instance holds it
  check(status)
  return setmetatable({handle = ffi.gc(instance[0], C.fmp_instance_release), plan = plan[0],
                       n_out = n}, Plan)
end

--- Runs a plan once; returns its outputs.
function M.plan_run(plan, inputs, n)
  local n_out = plan.n_out
  local out = results(n_out)
  check(C.fmp_instance_run(handle_of(plan, Plan), handles(inputs, n), n, out, n_out))
  if n_out == 1 then return adopt_new(out[0]) end
  return unpack(adopt_all(out, n_out), 1, n_out)
end

function M.plan_text(plan) return ffi.string(C.fmp_plan_text(plan.plan)) end
function M.plan_nodes(plan) return C.fmp_plan_nodes(plan.plan) end
function M.plan_arena_bytes(plan) return tonumber(C.fmp_plan_arena_bytes(plan.plan)) end

--- Gives up a plan's memory now rather than at the next collection.
function M.plan_release(plan)
  C.fmp_instance_release(ffi.gc(handle_of(plan, Plan), nil))
  plan.handle, plan.plan = nil, nil
end

-- -- resources ---------------------------------------------------------------

--- All kinds of resource: a list of {name, doc, plugin, attrs}.
function M.resource_kinds()
  local list, info = {}, about.sized("fmp_resource_info")
  for kind = 0, C.fmp_resource_kinds() - 1 do
    check(C.fmp_resource_describe(kind, info))
    list[kind + 1] = {
      name = text_of(info.name), doc = text_of(info.doc), plugin = text_of(info.plugin),
      attrs = rows(info.n_attr, about.sized("fmp_attr_info"),
                   function(i, to) return C.fmp_resource_attr(kind, i, to) end, about.attr),
    }
  end
  return list
end

function M.resource_open(name, attrs, n_attr)
  local slot = ffi.new("fmp_resource *[1]")
  check(C.fmp_resource_open(name, attrs, n_attr, slot))
  return setmetatable({handle = ffi.gc(slot[0], C.fmp_resource_release)}, Resource)
end

function M.resource_name(resource)
  return ffi.string(C.fmp_resource_name(resource_handle(resource)))
end

function M.resource_save(resource)
  local bytes, n = ffi.new("const void *[1]"), ffi.new("int64_t[1]")
  check(C.fmp_resource_save(resource_handle(resource), bytes, n))
  return ffi.string(bytes[0], tonumber(n[0]))
end

function M.resource_restore(resource, saved)
  check(C.fmp_resource_restore(resource_handle(resource), saved, #saved))
end

--- Closing again does nothing.
function M.resource_close(resource)
  if M.is_resource(resource) and not resource.handle then return end
  C.fmp_resource_release(ffi.gc(resource_handle(resource), nil))
  resource.handle = nil
end

return M
