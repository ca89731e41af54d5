-- SPDX-License-Identifier: Apache-2.0
--- fmp.evaluate{net =, data =}: how well a network does on examples that it has not seen.
--
-- With tests = n each batch passes through the network n times, with new random regions each
-- time; class probabilities are summed over the passes, and there is an error for each count.

local raw = require "fmp.ffi"
local compiler = require "fmp.compile"
local guard = require "fmp.guard"
local record = require "fmp.record"
local module = require "fmp.nn.module"
local settings = require "fmp.nn.settings"

local M = {}

--- f as a compiled function, or as one whose temporaries are freed when it returns.
function M.wrap(f, compile, precision)
  if compile then return compiler.compile(f, {precision = precision}) end
  return function(...) return record.record(f, ...) end
end

--- Fails unless the values look like a network, a loss and data in batches.
function M.check_parts(what, net, criterion, data)
  if not module.is_module(net) then
    raw.fail("%s: expected net as a network, got %s", what, type(net))
  end
  if not module.is_module(criterion) then
    raw.fail("%s: expected loss as a loss such as nn.CrossEntropy(), got %s", what,
             type(criterion))
  end
  for name, value in pairs(data) do
    local is_table = type(value) == "table" and not raw.is_tensor(value)
    if value and (not is_table or type(value.epoch) ~= "function") then
      raw.fail("%s: expected %s as data in batches, got %s", what, name,
               is_table and "a table without epoch()" or raw.describe(value))
    end
    if value and value.fields and #value.fields < 2 then
      raw.fail("%s: expected %s with two fields, x and y, got '%s' alone", what, name,
               value.fields[1].name)
    end
  end
end

--- Fails unless the precision exists and, where nothing is compiled, is f32.
function M.check_precision(what, precision, compile)
  compiler.check_precision(what, precision)
  if precision ~= "f32" and not compile then
    raw.fail("%s: expected compile = true with precision \"%s\"", what, precision)
  end
end

--- A batch's loss summed over its n examples.
function M.total_loss(criterion, loss, n)
  local is_sum = criterion.attrs and criterion.attrs.reduction == "sum"
  return is_sum and loss or loss * n
end

-- -- one data set ------------------------------------------------------------

-- Adds to `wrong` how many rows of a batch are classified wrongly after each pass.
local function count_wrong(self, x, y, tests, wrong)
  local scores, loss = self.pass(x, y)
  local first_loss = loss:item()
  for test = 1, tests do
    if test > 1 then scores = scores + self.pass(x, y) end
    wrong[test] = (wrong[test] or 0) + self.criterion:wrong(scores, y):item()
  end
  return first_loss
end

local function run(self, data, tests, show)
  local seen, loss, wrong = 0, 0, {}
  for x, y in data:epoch() do
    local n = x.shape[1]
    local batch_loss = self.classifies and count_wrong(self, x, y, tests, wrong)
                       or self.pass(x, y):item()
    seen, loss = seen + n, loss + M.total_loss(self.criterion, batch_loss, n)
    if show then show(seen, wrong[tests]) end
  end
  if seen == 0 then raw.fail("evaluate: the data hold no examples") end
  local result = {count = seen, loss = loss / seen}
  if self.classifies then
    result.errors = {}
    for test = 1, tests do result.errors[test] = 100 * wrong[test] / seen end
    result.error = result.errors[tests]
  end
  return result
end

local Evaluator = {}
Evaluator.__index = Evaluator

--- {loss =, count =}, and for a loss that classifies also {error = percent, errors = {...}}.
-- show, which may be nil, is called after each batch with the number of examples seen and, for
-- a loss that classifies, how many of them were wrong.
function Evaluator:run(data, tests, show)
  if tests > 1 and not self.classifies then
    raw.fail("evaluate: tests = %d needs a loss that classifies; %s does not", tests,
             self.criterion.kind)
  end
  local training = self.net.training
  self.net:evaluate()
  return guard.call(function() self.net:train(training) end, run, self, data, tests,
                    show)
end

guard.methods(Evaluator, "evaluator")

--- Evaluates a network again and again with the same plans.
function M.evaluator(net, criterion, compile, precision)
  local classifies = criterion.wrong ~= nil
  local function pass(x, y)
    local output = net(x)
    if not classifies then return criterion(output, y) end
    return criterion:probabilities(output), criterion(output, y)
  end
  return setmetatable({net = net, criterion = criterion, classifies = classifies,
                       pass = M.wrap(pass, compile, precision)}, Evaluator)
end

-- -- for users ---------------------------------------------------------------

local known = {
  net = false, data = false, loss = false, tests = 1, compile = true, precision = "f32",
}

--- evaluate{net =, data =, loss = nn.CrossEntropy(), tests = 1, compile = true,
-- precision = "f32"} returns {error = percent after all tests, errors = {after 1, after 2,
-- ...}, loss =, count =}; without error and errors for a loss that does not classify.
local function evaluate(_, options)
  options = guard.options("evaluate", options, known)
  local criterion = options.loss or require("fmp.nn.loss").CrossEntropy()
  if not options.data then raw.fail("evaluate: expected data") end
  M.check_parts("evaluate", options.net, criterion, {data = options.data})
  settings.whole("evaluate", "tests", options.tests, 1)
  M.check_precision("evaluate", options.precision, options.compile)
  return M.evaluator(options.net, criterion, options.compile, options.precision)
          :run(options.data, options.tests)
end

--- Errors after 1, 2, ... tests as text, one line each: "test error 1.23 % (1 test)".
function M.report(errors)
  local lines = {}
  for tests, error in ipairs(errors) do
    lines[tests] = ("test error %.2f %% (%d test%s)"):format(error, tests, tests > 1 and "s" or "")
  end
  return table.concat(lines, "\n")
end

return setmetatable(M, {__call = evaluate})
