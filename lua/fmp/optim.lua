-- SPDX-License-Identifier: Apache-2.0
--- fmp.optim: optimizers. step(loss) takes the gradients of the parameters and updates them
-- in place, one op for each parameter.
--
--   local optimizer = fmp.optim.SGD{lr = 0.1, momentum = 0.9, nesterov = true}
--   local step = fmp.compile(function(x, y)
--     local loss = criterion(net(x), y)
--     optimizer:step(loss)
--     return loss
--   end)
--   optimizer:set_lr(0.01)  -- takes effect in plans that exist
--
-- lr may be a schedule (fmp.optim.schedule), which fmp.fit follows from step to step.
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

-- A rank-0 f32 variable on the device of w.
local function scalar_like(w, value)
  return create.tensor(value, {device = w.device})
end

local function zeros_like(w) return ops.fill_like(w, {value = 0}) end

-- -- the learning rate -------------------------------------------------------

local function check_rate(lr)
  if type(lr) ~= "number" then
    raw.fail("optimizer: expected lr as a number or schedule, got %s", type(lr))
  end
end

--- The learning rate that step uses where it is given none.
function Optimizer:get_lr() return self.lr end

--- Sets it, for steps to come and in plans that exist.
function Optimizer:set_lr(lr)
  check_rate(lr)
  self.lr = lr
  for _, shared in pairs(self.shared) do shared.lr:assign(lr) end
end

--- Sets the rate that the schedule has for a point of the training; see fmp.schedule.
-- Without a schedule the rate stays. Returns the rate.
function Optimizer:follow(point)
  if self.schedule then self:set_lr(self.schedule:rate(point)) end
  return self.lr
end

--- Forgets what was gathered from earlier steps, momenta and Adam's moments: the next step
-- is as a first one, in plans that exist too.
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

-- What all parameters of one device share: the rate, and what a subclass adds.
local function shared_for(self, w)
  local id = raw.device_identity(w)
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
  if raw.is_tensor(lr) then return lr end
  check_rate(lr)
  if raw.mode() == raw.TRACE then
    raw.fail("optimizer:step: a number as lr would never change in a compiled function; "
             .. "make lr an argument of that function, or use optimizer:set_lr")
  end
  return raw.tensor_number(w, raw.dtype_number "f32", lr)
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

-- Once per device and step, before its first parameter is updated.
local function advance(self, list)
  local advanced = {}
  for _, w in ipairs(list) do
    local shared = shared_for(self, w)
    if self.rule.advance and not advanced[shared] then self.rule.advance(shared) end
    advanced[shared] = true
  end
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
  advance(self, list)
  for i, w in ipairs(list) do
    self.rule.update(self.options, w, gradients[i], rate_tensor(self, w, lr),
                     slots_for(self, w), shared_for(self, w))
  end
end

local function check_params(what, params)
  if not params then return nil end
  if type(params) ~= "table" then
    raw.fail("%s: expected params as a list of tensors, got %s", what, type(params))
  end
  for i, w in ipairs(params) do
    if not raw.is_tensor(w) then
      raw.fail("%s: expected params to hold tensors, got %s as number %d", what, type(w), i)
    end
  end
  return params
end

-- rule: {name, options with defaults, slots(options, w), update(...), share?, advance?}.
local function make(rule, options)
  options = guard.options(rule.name, options, rule.options)
  local planned = schedule.is(options.lr) and options.lr or nil
  local lr = planned and planned.lr or options.lr
  check_rate(lr)
  return setmetatable({rule = rule, options = options, lr = lr, schedule = planned,
                       slots = {}, shared = {},
                       params = check_params(rule.name, options.params)}, Optimizer)
end

-- -- rules -------------------------------------------------------------------

local M = {schedule = schedule}

local sgd = {
  name = "SGD",
  options = {lr = 0.01, momentum = 0, nesterov = false, weight_decay = 0, params = false},
}

function sgd.slots(options, w)
  return {momentum = options.momentum ~= 0 and zeros_like(w) or nil}
end

function sgd.update(options, w, gradient, lr, slots)
  ops.sgd(w, slots.momentum, gradient, lr, {
    momentum = options.momentum, nesterov = options.nesterov,
    weight_decay = options.weight_decay,
  })
end

--- Stochastic gradient descent: SGD{lr = 0.01, momentum = 0, nesterov = false,
-- weight_decay = 0, params = nil}.
function M.SGD(options) return make(sgd, options) end

local adam = {
  name = "Adam",
  options = {lr = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0,
             params = false},
}

-- The count of steps must grow in plans too, so an op has to do it: descending by rate 1
-- along the gradient -1 adds 1.
function adam.share(shared, w)
  shared.count, shared.one = scalar_like(w, 0), scalar_like(w, 1)
  shared.minus_one = scalar_like(w, -1)
end

function adam.advance(shared) ops.sgd(shared.count, nil, shared.minus_one, shared.one) end

function adam.slots(_, w) return {mean = zeros_like(w), square = zeros_like(w)} end

function adam.update(options, w, gradient, lr, slots, shared)
  ops.adam(w, slots.mean, slots.square, gradient, lr, shared.count, {
    beta1 = options.beta1, beta2 = options.beta2, epsilon = options.epsilon,
    weight_decay = options.weight_decay,
  })
end

--- Adam: Adam{lr = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0,
-- params = nil}.
function M.Adam(options) return make(adam, options) end

return M
