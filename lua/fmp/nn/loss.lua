-- SPDX-License-Identifier: Apache-2.0
--- Losses: called with a network's output and what it should be, they give a number.
--
-- One that classifies also has probabilities(output), which can be summed over several passes,
-- and wrong(scores, labels), the number of rows whose largest score is not the label's.

local ops = require "fmp.ops"
local define = require("fmp.nn.module").define
local settings = require "fmp.nn.settings"

local M = {}

-- A class for one op with the attribute `reduction`.
local function loss(kind, op)
  local class = define(kind)
  function class:setup(given)
    self.attrs = settings.take(kind, given, {reduction = "mean"}, "reduction")
  end
  function class:forward(output, target) return ops[op](output, target, self.attrs) end
  M[kind] = class
  return class
end

--- Squared error, against targets of the output's shape: MSE{reduction = "mean"}.
loss("MSE", "mse")

--- Each output a yes or no: SigmoidCrossEntropy{reduction = "mean"}.
loss("SigmoidCrossEntropy", "sigmoid_cross_entropy")

--- One of several classes: CrossEntropy{reduction = "mean"}. output [n,c]; labels [n],
-- from 0, or probabilities [n,c].
local CrossEntropy = loss("CrossEntropy", "cross_entropy")

function CrossEntropy:probabilities(output) -- luacheck: no self
  return ops.softmax(output)
end

local function classes_of(scores, labels)
  if labels.rank == scores.rank then return ops.argmax(labels) end
  return labels.dtype == "i64" and labels or ops.cast(labels, {dtype = "i64"})
end

function CrossEntropy:wrong(scores, labels) -- luacheck: no self
  local differ = ops.not_equal(ops.argmax(scores), classes_of(scores, labels))
  return ops.sum(ops.cast(differ, {dtype = "f32"}))
end

return M
