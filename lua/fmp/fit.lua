-- SPDX-License-Identifier: Apache-2.0
--- fmp.fit{net =, loss =, optim =, train =, epochs =}: the loop that trains. It is meant to
-- be read, copied and changed: its core is train_step and train_epoch.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"
local ops = require "fmp.ops"
local evaluate = require "fmp.evaluate"
local later = require "fmp.later"
local progress = require "fmp.progress"
local random = require "fmp.random"
local settings = require "fmp.nn.settings"
local system = require "fmp.system"

-- -- one step ----------------------------------------------------------------

-- A function of a batch that updates the parameters and returns the loss and, if the loss
-- classifies, how many rows were wrong before.
local function train_step(run)
  local net, criterion, optimizer = run.net, run.loss, run.optim
  return evaluate.wrap(function(x, y)
    local output = net(x)
    local loss = criterion(output, y)
    optimizer:step(loss) -- gradients of the parameters, then one fused update
    if criterion.wrong then return loss, criterion:wrong(output, y) end
    return loss
  end, run.compile, run.precision)
end

-- The parameters at the beginning of an epoch: by the time a loss is seen not to be finite,
-- its step has already spoilt the current ones.
local function keep_parameters(run)
  for _, each in ipairs(run.kept or {}) do each.copy:free() end
  run.kept = {}
  for i, w in ipairs(run.net:parameters()) do run.kept[i] = {w = w, copy = ops.copy(w)} end
end

local function check_loss(run, loss, step)
  if loss == loss and math.abs(loss) ~= math.huge then return end
  for _, each in ipairs(run.kept) do each.w:assign(each.copy) end
  if run.optim.forget then run.optim:forget() end -- momenta are spoilt too
  raw.fail("fit: the loss is %s at step %d (epoch %d): training stops here, with the parameters "
           .. "from the beginning of the epoch; a learning rate below %.3g or the optimizer's "
           .. "max_norm may help",
           tostring(loss), step, run.epoch, run.optim.lr)
end

-- -- where it stands ---------------------------------------------------------

-- The part of the whole training that is done; nil if its end is not known.
local function fraction_done(run)
  return run.total and math.min(run.step / run.total, 1)
end

-- The point of the training that a schedule goes by.
local function point(run, epoch)
  local part = run.batches and epoch.batches / run.batches or 0
  return {step = run.step, epoch = run.epoch - 1 + part, fraction = fraction_done(run)}
end

local function speed(epoch) return epoch.seen / math.max(system.seconds() - epoch.started, 1e-9) end

local function figures(epoch)
  local text = ("loss %.4f"):format(epoch.loss / epoch.seen)
  if epoch.wrong then text = text .. ("  error %.2f %%"):format(100 * epoch.wrong / epoch.seen) end
  return text .. ("  %.0f images/s"):format(speed(epoch))
end

local function title(run)
  return run.epochs and ("epoch %d/%d"):format(run.epoch, run.epochs)
         or ("epoch %d"):format(run.epoch)
end

local function show(run, epoch)
  run.progress:update {
    title = title(run), fraction = fraction_done(run),
    part = run.batches and math.min(epoch.batches / math.min(run.batches, run.total), 1),
    text = function() return figures(epoch) end,
  }
end

-- -- one epoch ---------------------------------------------------------------

-- What the device says of a step: waited for when the next step is on its way.
local function take_figures(run, epoch)
  local due = epoch.due
  if not due then return end
  local loss, wrong = unpack(due.reading:wait())
  check_loss(run, loss, due.step)
  epoch.seen = epoch.seen + due.n
  epoch.loss = epoch.loss + evaluate.total_loss(run.loss, loss, due.n)
  if wrong then epoch.wrong = (epoch.wrong or 0) + wrong end
  show(run, epoch)
end

local function train_epoch(run)
  local epoch = {batches = 0, seen = 0, loss = 0, started = system.seconds()}
  for x, y in run.train:epoch() do
    if not run.net.built then run.net:build(x) end
    if epoch.batches == 0 then keep_parameters(run) end
    run.optim:follow(point(run, epoch))
    local reading = later(run.train_step(x, y))
    take_figures(run, epoch)
    run.step, epoch.batches = run.step + 1, epoch.batches + 1
    epoch.due = {reading = reading, step = run.step, n = x.shape[1]}
    if run.step == run.steps then break end
  end
  if epoch.batches == 0 then raw.fail("fit: the training data hold no batches") end
  take_figures(run, epoch)
  return epoch
end

local function percent(name, value)
  return value and ("  %s error %.2f %%"):format(name, value) or ""
end

-- The line about an epoch that stays on the terminal.
local function epoch_text(run, row)
  local test_loss = row.test_loss and not row.test_error
                    and ("  test loss %.4f"):format(row.test_loss) or ""
  return ("%s  loss %.4f%s%s%s  %.0f images/s  lr %.3g  %s"):format(
    title(run), row.loss, percent("train", row.train_error), percent("test", row.test_error),
    test_loss, row.images_per_second, row.lr, progress.time_text(row.seconds))
end

-- What the history keeps of an epoch.
local function summarise(run, epoch)
  return {
    epoch = run.epoch, step = run.step, lr = run.optim.lr, loss = epoch.loss / epoch.seen,
    train_error = epoch.wrong and 100 * epoch.wrong / epoch.seen,
    images_per_second = speed(epoch), started = epoch.started,
  }
end

-- The progress of a test. The estimate of the time left goes by training alone.
local function show_test(run, seen, wrong)
  run.progress:update {
    title = title(run) .. " test", part = run.test.size and seen / run.test:size(),
    text = function() return wrong and ("error %.2f %%"):format(100 * wrong / seen) or "" end,
  }
end

local function test(run, row)
  if not run.test then return end
  local result = run.evaluator:run(run.test, run.is_last and run.tests or 1,
                                   function(...) show_test(run, ...) end)
  row.test_loss, row.test_error, row.test_errors = result.loss, result.errors and result.errors[1],
    result.errors
end

local function is_last(run)
  return run.epoch == run.epochs or run.step == run.steps
end

local function run_epoch(run)
  run.epoch = run.epoch + 1
  run.net:train()
  local row = summarise(run, train_epoch(run))
  run.is_last = is_last(run)
  test(run, row)
  row.seconds, row.started = system.seconds() - row.started, nil
  run.history[#run.history + 1] = row
  run.progress:line(epoch_text(run, row))
end

-- -- the training ------------------------------------------------------------

local known = {
  net = false, loss = false, optim = false, train = false, test = false, epochs = false,
  steps = false, tests = 1, compile = true, precision = "f32", progress = false, log = print,
  seed = false,
}

local function check(options)
  for _, name in ipairs {"net", "loss", "optim", "train"} do
    if not options[name] then raw.fail("fit: expected %s", name) end
  end
  evaluate.check_parts("fit", options.net, options.loss,
                       {train = options.train, test = options.test})
  local optim = options.optim
  if type(optim) ~= "table" or raw.is_tensor(optim) or type(optim.follow) ~= "function" then
    raw.fail("fit: expected optim as an optimizer such as optim.SGD{}, got %s",
             raw.describe(optim))
  end
  if not options.epochs and not options.steps then raw.fail("fit: expected epochs or steps") end
  if options.epochs then settings.whole("fit", "epochs", options.epochs, 1) end
  if options.steps then settings.whole("fit", "steps", options.steps, 1) end
  settings.whole("fit", "tests", options.tests, 1)
  evaluate.check_precision("fit", options.precision, options.compile)
end

local function count_steps(run)
  local by_epochs = run.epochs and run.batches and run.epochs * run.batches
  return by_epochs and run.steps and math.min(by_epochs, run.steps) or by_epochs or run.steps
end

local function prepare(options)
  local run = {epoch = 0, step = 0, history = {}}
  for name, value in pairs(options) do run[name] = value or nil end
  run.batches = run.train.batches and run.train:batches()
  run.total = count_steps(run)
  run.progress = progress.new(run.progress, run.log)
  run.train_step = train_step(run)
  run.evaluator = evaluate.evaluator(run.net, run.loss, run.compile, run.precision)
  return run
end

local function train(run)
  repeat run_epoch(run) until run.is_last
  return run.history
end

--- Trains net, in place, and returns a history: for each epoch {epoch, step, loss, lr,
-- train_error, test_loss, test_error, test_errors, images_per_second, seconds}, errors in
-- percent.
--   net, loss, optim   nn.Sequential..., nn.CrossEntropy(), optim.SGD{...}
--   train, test        data in batches; test, which may be missing, is used after each epoch
--   epochs, steps      when to end: whichever comes first
--   tests = 1          passes over the test data after the last epoch; see fmp.evaluate
--   compile = true     false: op by op
--   precision = "f32"  or "bf16", for training and tests; see fmp.compile
--   progress           "bar", "lines", "none"; not given: "bar" on a terminal, else "lines"
--   log = print        where lines go
--   seed               calls fmp.seed first
-- If the loss is not finite, training stops with an error that names the step. The parameters
-- are then those from the beginning of the epoch, and the optimizer is reset.
return function(options)
  options = guard.options("fit", options, known)
  check(options)
  if options.seed then random.seed(options.seed) end
  local run = prepare(options)
  return guard.call(function() run.progress:clear() end, train, run)
end
