-- SPDX-License-Identifier: Apache-2.0
--- fmp.optim.schedule: learning rates that change while training.
--
--   optim.SGD{lr = optim.schedule.cosine{0.02}}     down to 0 over the whole training
--
-- rate(point) gives the rate of a step from {step =, epoch =, fraction =}: steps done,
-- epochs done (2.5: half of the third), and the part of the whole training that is done,
-- nil if its end is not known.

local guard = require "fmp.guard"
local raw = require "fmp.ffi"
local settings = require "fmp.nn.settings"

local Schedule = {}
Schedule.__index = Schedule

function Schedule:rate(point) return self.at(point) end

guard.methods(Schedule, "schedule")

function Schedule:__tostring() return "schedule." .. self.kind end

local M = {}

--- Whether a value is a schedule.
function M.is(value) return getmetatable(value) == Schedule end

local function new(kind, lr, at)
  if not (lr >= 0 and lr < math.huge) then
    raw.fail("schedule.%s: expected lr of 0 or more, got %g", kind, lr)
  end
  return setmetatable({kind = kind, lr = lr, at = at}, Schedule)
end

local function take(kind, given, known)
  known.lr = false
  local options = settings.take("schedule." .. kind, given, known, "lr")
  settings.number("schedule." .. kind, "lr", options.lr)
  return options
end

--- Always lr: constant(0.1).
function M.constant(given)
  local lr = take("constant", given, {}).lr
  return new("constant", lr, function() return lr end)
end

--- lr * exp(-decay * epoch): exponential{0.003, decay = 0.01}.
function M.exponential(given)
  local options = take("exponential", given, {decay = false})
  local decay = settings.number("schedule.exponential", "decay", options.decay)
  return new("exponential", options.lr, function(point)
    return options.lr * math.exp(-decay * point.epoch)
  end)
end

local function check_epochs(at)
  for i = 1, #at do
    settings.number("schedule.steps", "each epoch of `at`", at[i])
    if i > 1 and at[i] <= at[i - 1] then
      raw.fail("schedule.steps: expected the epochs of `at` to increase, got %g after %g", at[i],
               at[i - 1])
    end
  end
end

--- lr, multiplied by factor at each of the epochs `at`: steps{0.1, at = {60, 120}, factor = 0.1}.
function M.steps(given)
  local options = take("steps", given, {at = false, factor = 0.1})
  if type(options.at) ~= "table" then
    raw.fail("schedule.steps: expected at as a list of epochs, got %s", type(options.at))
  end
  check_epochs(options.at)
  settings.number("schedule.steps", "factor", options.factor)
  return new("steps", options.lr, function(point)
    local lr = options.lr
    for _, epoch in ipairs(options.at) do
      if point.epoch >= epoch then lr = lr * options.factor end
    end
    return lr
  end)
end

-- The part of a cosine's length that is done, from 0 to 1.
local function done(options, point)
  local part
  if options.steps then
    part = point.step / options.steps
  elseif options.epochs then
    part = point.epoch / options.epochs
  else
    part = point.fraction
             or raw.fail("schedule.cosine: expected epochs or steps, as the training has no end")
  end
  return math.min(part, 1)
end

--- Half a cosine from lr down to `last`, over the given epochs or steps or, without either,
-- over the whole training: cosine{0.02, epochs = 3, last = 0, warmup = 0}. During the first
-- `warmup` steps the rate rises linearly to the cosine's.
function M.cosine(given)
  local options = take("cosine", given, {epochs = false, steps = false, last = 0, warmup = 0})
  for _, name in ipairs {"epochs", "steps"} do
    if options[name] then settings.whole("schedule.cosine", name, options[name], 1) end
  end
  settings.whole("schedule.cosine", "warmup", options.warmup, 0)
  settings.number("schedule.cosine", "last", options.last)
  return new("cosine", options.lr, function(point)
    local height = (1 + math.cos(math.pi * done(options, point))) / 2
    local rising = options.warmup > 0 and math.min((point.step + 1) / options.warmup, 1) or 1
    return rising * (options.last + (options.lr - options.last) * height)
  end)
end

return M
