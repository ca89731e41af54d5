-- SPDX-License-Identifier: Apache-2.0
--- Recordings, gradients and scopes: calls of a function between two calls of the engine.

local raw = require "fmp.ffi"
local guard = require "fmp.guard"

local M = {}

-- Appends the tensors among values to list, those in plain tables too.
local function collect(list, seen, ...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if raw.is_tensor(value) then
      list[#list + 1] = value
    elseif type(value) == "table" and not seen[value] then
      seen[value] = true
      for _, each in pairs(value) do collect(list, seen, each) end
    end
  end
  return list
end

local function end_record(ok, ...)
  raw.record_end(ok and collect({}, {}, ...) or {})
end

--- Calls f(...) and records the ops that it runs, so that f can take gradients.
-- Returns what f returns. Tensors made in f and not returned, alone or in tables, are
-- freed as f ends, without waiting for the collector. Inside another recording or a
-- trace it only calls f.
function M.record(f, ...)
  guard.callable("record", f)
  raw.record_begin()
  return guard.call(end_record, f, ...)
end

--- Inside a recording or compiled function: d(loss)/d(x) for each x of a list, zeros
-- where loss does not depend on x. loss must have one element.
function M.gradients(loss, list)
  if not raw.is_tensor(loss) then
    raw.fail("gradients: expected a tensor as loss, got %s", type(loss))
  end
  if type(list) ~= "table" or raw.is_tensor(list) then
    raw.fail("gradients: expected a list of tensors after the loss")
  end
  for i = 1, #list do
    if not raw.is_tensor(list[i]) then
      raw.fail("gradients: expected tensor %d, got %s", i, type(list[i]))
    end
  end
  return raw.gradients(loss, list)
end

local function loss_and_gradients(f, list)
  local loss = f(unpack(list))
  return M.gradients(loss, list), loss
end

--- Gradients of f at the tensors xs: f is called with unpack(xs) and returns a loss of
-- one element. Returns the list of gradients, and the loss. A single tensor may stand
-- for a list of one; then so does its gradient.
function M.grad(f, xs)
  guard.callable("grad", f)
  if raw.is_tensor(xs) then
    local list, loss = M.record(loss_and_gradients, f, {xs})
    return list[1], loss
  end
  return M.record(loss_and_gradients, f, xs)
end

--- Calls f(...) so that its ops run at once, outside any recording or trace: for variables
-- that are made on first use.
function M.outside(f, ...)
  guard.callable("outside", f)
  raw.outside_begin()
  return guard.call(raw.outside_end, f, ...)
end

--- Calls f(...) with `name` added to the path, such as "cifar_fmp/3", that is part of error
-- messages, graphs and the keys of random draws.
function M.scope(name, f, ...)
  guard.callable("scope", f)
  if type(name) ~= "string" then raw.fail("scope: expected a name, got %s", type(name)) end
  raw.scope_push(name)
  return guard.call(raw.scope_pop, f, ...)
end

--- What currently happens to ops: "run", "record" or "trace".
function M.mode()
  local mode = raw.mode()
  return mode == raw.TRACE and "trace" or mode == raw.RECORD and "record" or "run"
end

return M
