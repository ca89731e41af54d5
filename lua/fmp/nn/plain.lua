-- SPDX-License-Identifier: Apache-2.0
--- Layers without weights: each is one op with its attributes, but for Dropout.

local raw = require "fmp.ffi"
local ops = require "fmp.ops"
local depends_on = require("fmp.compile").depends_on
local define = require("fmp.nn.module").define
local settings = require "fmp.nn.settings"

local M = {}

-- -- any op ------------------------------------------------------------------

local Op = define "Op"

--- Any op of one input as a layer: Op("clip", {low = -1}). Its name is looked up at once.
function Op:setup(name, attrs)
  if type(name) ~= "string" then raw.fail("Op: expected an op's name, got %s", type(name)) end
  self.op, self.attrs = ops[name], attrs or {}
  self.label = "(" .. name .. ")" .. settings.text(attrs)
end

function Op:forward(x) return self.op(x, self.attrs) end

M.Op = Op

-- A class for one op, whose options are the op's attributes, the first by position.
local function layer(kind, op, first)
  local class = define(kind)
  function class:setup(given)
    self.attrs = {}
    if type(given) ~= "table" then given = {given} end
    for name, value in pairs(given) do
      if name == 1 and not first then raw.fail("%s takes no argument", kind) end
      self.attrs[name == 1 and first or name] = value
    end
  end
  function class:forward(x) return ops[op](x, self.attrs) end
  M[kind] = class
  return class
end

-- -- activations -------------------------------------------------------------

--- y = max(x, 0): ReLU(). x of any shape; y has the same.
layer("ReLU", "relu")

--- y = 1 / (1 + exp(-x)): Sigmoid(). x of any shape; y has the same.
layer("Sigmoid", "sigmoid")

--- y = tanh(x): Tanh(). x of any shape; y has the same.
layer("Tanh", "tanh")

--- y = x where x > 0, else slope * x: LeakyReLU(0.333).
layer("LeakyReLU", "leaky_relu", "slope")

-- -- shapes and pooling ------------------------------------------------------

--- The maximum of each window: MaxPool{2}, MaxPool{3, stride = 2, padding = "same"}.
-- x [n,h,w,c] -> y [n,oh,ow,c]. The options are attributes of the op max_pool.
layer("MaxPool", "max_pool", "window")

--- The mean of each window: AvgPool{2}, with the options of MaxPool.
-- x [n,h,w,c] -> y [n,oh,ow,c].
layer("AvgPool", "avg_pool", "window")

--- All dimensions but the batch as one: Flatten(). x [n,h,w,c] -> y [n,h*w*c].
local Flatten = define "Flatten"

function Flatten:forward(x) return ops.reshape(x, {shape = {0, -1}}) end -- luacheck: no self

M.Flatten = Flatten

-- -- dropout -----------------------------------------------------------------

local Dropout = define "Dropout"

-- In bf16 the draws are those of f32: bf16 has too few numbers below 1.
local draws_in = {bf16 = "f32"}

--- While training, each element becomes zero with probability p and is else divided by 1 - p;
-- while evaluating, nothing happens: Dropout(0.5).
function Dropout:setup(given)
  self.p = settings.number("Dropout", "p", settings.take("Dropout", given, {p = false}, "p").p)
  if not (self.p >= 0 and self.p < 1) then
    raw.fail("Dropout: expected p in [0, 1), got %g", self.p)
  end
end

function Dropout:forward(x)
  if not depends_on(self, "training") or self.p == 0 then return x end
  local kept = ops.greater_equal(ops.uniform(x, {dtype = draws_in[x.dtype]}), self.p)
  return x * ops.cast(kept, {dtype = x.dtype}) * (1 / (1 - self.p))
end

M.Dropout = Dropout

return M
