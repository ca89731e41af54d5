-- SPDX-License-Identifier: Apache-2.0
--- fmp.optim: optimizers. step(loss) takes the gradients of the parameters and updates them
-- in place, with one op for all of them (one for each device and data type).
--
--   local optimizer = fmp.optim.SGD{lr = 0.1, momentum = 0.9, nesterov = true}
--   local step = fmp.compile(function(x, y)
--     local loss = criterion(net(x), y)
--     optimizer:step(loss)
--     return loss
--   end)
--   optimizer:set_lr(0.01)  -- also takes effect in existing plans
--
-- lr may be a schedule (fmp.optim.schedule), which fmp.fit follows from step to step.
-- max_norm: the gradients of a step, taken as one vector for each device and data type, are
-- scaled down to that length if they are longer, by max_norm / (length + 1e-6).
-- params: the parameters to update; not given: all that the loss depends on.
--
-- The learning rate, momenta and the count of steps are variables: tensors made once,
-- outside of any trace, and held by plans by reference.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"
local ops = require "fmp.ops"
local create = require "fmp.create"
local record = require "fmp.record"
local schedule = require "fmp.schedule"

local Optimizer = {}
Optimizer.__index = Optimizer

-- The type of the scalars that w is updated with: f32 has too few digits for weights in f64.
local function scalar_type(w) return w.dtype == "f64" and "f64" or "f32" end

-- A rank-0 variable of that type on the device of w.
local function scalar_like(w, value)
  return create.tensor(value, {device = w.device, dtype = scalar_type(w)})
end

local function zeros_like(w) return ops.fill_like(w, {value = 0}) end

-- -- the learning rate -------------------------------------------------------

local function check_rate(lr)
  if type(lr) ~= "number" then
    raw.fail("optimizer: expected lr as a number or schedule, got %s", type(lr))
  end
end

--- The learning rate that step uses unless it is given one.
function Optimizer:get_lr() return self.lr end

--- Sets the learning rate of all later steps, in existing plans too.
function Optimizer:set_lr(lr)
  check_rate(lr)
  self.lr = lr
  for _, shared in pairs(self.shared) do shared.lr:assign(lr) end
end

--- Sets the rate to the schedule's for a point of the training; see fmp.optim.schedule.
-- Without a schedule the rate stays. Returns the rate.
function Optimizer:follow(point)
  if self.schedule then self:set_lr(self.schedule:rate(point)) end
  return self.lr
end

--- Forgets what earlier steps have left, momenta and Adam's moments: the next step is like a
-- first one, in existing plans too.
function Optimizer:forget()
  for _, slots in pairs(self.slots) do
    for name, t in pairs(slots) do
      if name ~= "w" then t:assign(zeros_like(t)) end
    end
  end
  for _, shared in pairs(self.shared) do
    if shared.count then shared.count:assign(0) end
  end
end

-- One op updates the parameters of one device and type.
local function batch_key(w) return raw.device_identity(w) .. raw.dtype_name(raw.dtype(w)) end

-- What these share: the rate, and what a subclass adds.
local function shared_for(self, w)
  local id = batch_key(w)
  local shared = self.shared[id]
  if not shared then
    shared = record.outside(function()
      local made = {lr = scalar_like(w, self.lr)}
      if self.rule.share then self.rule.share(made, w) end
      return made
    end)
    self.shared[id] = shared
  end
  return shared
end

-- The rate for this step as a tensor. A number in a trace would be fixed for good.
local function rate_tensor(self, w, lr)
  if lr == nil then return shared_for(self, w).lr end
  if raw.is_number(lr) then return ops.cast(lr, {dtype = scalar_type(w)}) end
  if raw.is_tensor(lr) then return lr end
  check_rate(lr)
  if raw.mode() == raw.TRACE then
    raw.fail("optimizer:step: a number as lr would never change in a compiled function; "
             .. "make lr an argument of that function, or use optimizer:set_lr")
  end
  return raw.tensor_number(w, raw.dtype_number(scalar_type(w)), lr)
end

-- -- the step ----------------------------------------------------------------

-- A parameter's own variables. The table keeps w, so that no other tensor can get its id.
local function slots_for(self, w)
  local id = raw.identity(w)
  local slots = self.slots[id]
  if not slots then
    slots = record.outside(self.rule.slots, self.options, w)
    slots.w = w
    self.slots[id] = slots
  end
  return slots
end

local function parameters(self, loss)
  local list = self.params or raw.parameters_of(loss)
  if #list == 0 then
    raw.fail("optimizer:step: the loss depends on no parameter; mark tensors with "
             .. "fmp.parameter, or give the optimizer params = {...}")
  end
  return list
end

-- Once per device, type and step, after its last update: a step that failed does not count.
local function advance(self, list)
  local advanced = {}
  for _, w in ipairs(list) do
    local shared = shared_for(self, w)
    if self.rule.advance and not advanced[shared] then self.rule.advance(shared) end
    advanced[shared] = true
  end
end

-- The parameters as lists of indices, one list per op, in order of first use.
local function batches_of(list)
  local batches, known = {}, {}
  for i, w in ipairs(list) do
    local key = batch_key(w)
    if not known[key] then
      known[key] = {}
      batches[#batches + 1] = known[key]
    end
    table.insert(known[key], i)
  end
  return batches
end

-- The factor that scales gradients, taken as one vector, down to a length: PyTorch's formula.
local function clip_factor(batch, gradients, max_norm)
  local squares
  for _, i in ipairs(batch) do
    local sum = ops.sum(gradients[i] * gradients[i])
    squares = squares and squares + sum or sum
  end
  return ops.minimum(max_norm / (ops.sqrt(squares) + 1e-6), 1)
end

local function clip(batch, gradients, max_norm)
  local factor = clip_factor(batch, gradients, max_norm)
  for _, i in ipairs(batch) do gradients[i] = gradients[i] * factor end
end

local function update(self, batch, list, gradients, lr)
  local inputs, n = {}, 0
  local function add(...)
    for i = 1, select("#", ...) do inputs[n + i] = select(i, ...) end
    n = n + select("#", ...)
  end
  local first = list[batch[1]]
  if self.options.max_norm then clip(batch, gradients, self.options.max_norm) end
  add(self.rule.first(rate_tensor(self, first, lr), shared_for(self, first)))
  for _, i in ipairs(batch) do
    add(self.rule.group(list[i], gradients[i], slots_for(self, list[i])))
  end
  self.rule.op():apply(inputs, n, self.rule.attrs(self.options))
end

--- Updates the parameters by the gradients of loss: those of `params`, or all that the
-- loss depends on. lr replaces the optimizer's rate for this step: a tensor of rank 0
-- (as an argument of a compiled function is) or, in a recording, a number.
function Optimizer:step(loss, lr)
  if raw.mode() == raw.RUN then
    raw.fail("optimizer:step must be called inside fmp.record or fmp.compile: "
             .. "only they record what the gradients are made from")
  end
  if not raw.is_tensor(loss) then
    raw.fail("optimizer:step: expected the loss as a tensor, got %s", type(loss))
  end
  local list = parameters(self, loss)
  local gradients = record.gradients(loss, list)
  for _, batch in ipairs(batches_of(list)) do update(self, batch, list, gradients, lr) end
  advance(self, list)
end

local function check_params(what, params)
  if not params then return nil end
  if type(params) ~= "table" then
    raw.fail("%s: expected params as a list of tensors, got %s", what, type(params))
  end
  local seen = {}
  for i, w in ipairs(params) do
    if not raw.is_tensor(w) then
      raw.fail("%s: expected params to hold tensors, got %s as number %d", what, type(w), i)
    end
    local id = raw.identity(w)
    if seen[id] then
      raw.fail("%s: expected each of params once, got number %d again as number %d", what,
               seen[id], i)
    end
    seen[id] = i
  end
  return params
end

local function check_max_norm(what, max_norm)
  if max_norm and not (type(max_norm) == "number" and max_norm > 0) then
    raw.fail("%s: expected max_norm as a number above 0, got %s", what, tostring(max_norm))
  end
end

-- rule: name, options with defaults, and these functions:
--   op()                the op that updates
--   attrs(options)      its attributes
--   first(lr, shared)   its inputs ahead of the parameters
--   group(w, g, slots)  its inputs for one parameter
--   slots(options, w)   the variables of one parameter
--   share(shared, w)    adds variables of a device and type (optional)
--   advance(shared)     what happens once at the end of each step (optional)
local function make(rule, options)
  options = guard.options(rule.name, options, rule.options)
  local planned = schedule.is(options.lr) and options.lr or nil
  local lr = planned and planned.lr or options.lr
  check_rate(lr)
  check_max_norm(rule.name, options.max_norm)
  return setmetatable({rule = rule, options = options, lr = lr, schedule = planned,
                       slots = {}, shared = {},
                       params = check_params(rule.name, options.params)}, Optimizer)
end

guard.methods(Optimizer, "optimizer")

-- -- rules -------------------------------------------------------------------

local M = {schedule = schedule}

local sgd = {
  name = "SGD",
  options = {lr = 0.01, momentum = 0, nesterov = false, weight_decay = 0, params = false,
             max_norm = false},
}

function sgd.slots(options, w)
  return {momentum = options.momentum ~= 0 and zeros_like(w) or nil}
end

function sgd.op() return ops.sgd_all end

function sgd.attrs(options)
  return {momentum = options.momentum, nesterov = options.nesterov,
          weight_decay = options.weight_decay}
end

function sgd.first(lr) return lr end

function sgd.group(w, gradient, slots) return w, slots.momentum, gradient end

--- Stochastic gradient descent: SGD{lr = 0.01, momentum = 0, nesterov = false,
-- weight_decay = 0, params = nil, max_norm = nil}.
function M.SGD(options) return make(sgd, options) end

local adam = {
  name = "Adam",
  options = {lr = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0,
             params = false, max_norm = false},
}

-- The count of steps must grow in plans too, so an op has to do it: a step of SGD with rate 1
-- and gradient -1 adds 1.
function adam.share(shared, w)
  shared.count, shared.one = scalar_like(w, 0), scalar_like(w, 1)
  shared.minus_one = scalar_like(w, -1)
end

function adam.advance(shared) ops.sgd(shared.count, nil, shared.minus_one, shared.one) end

function adam.slots(_, w) return {mean = zeros_like(w), square = zeros_like(w)} end

function adam.op() return ops.adam_all end

function adam.attrs(options)
  return {beta1 = options.beta1, beta2 = options.beta2, epsilon = options.epsilon,
          weight_decay = options.weight_decay}
end

-- The number of this step; the count is that of completed steps.
function adam.first(lr, shared) return lr, shared.count + shared.one end

function adam.group(w, gradient, slots) return w, slots.mean, slots.square, gradient end

--- Adam: Adam{lr = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0,
-- params = nil, max_norm = nil}.
function M.Adam(options) return make(adam, options) end

return M
