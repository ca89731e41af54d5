-- SPDX-License-Identifier: Apache-2.0
--- Layers with weights. The number of input channels is seen at the first use.

local raw = require "fmp.ffi"
local ops = require "fmp.ops"
local guard = require "fmp.guard"
local precision = require("fmp.compile").precision
local define = require("fmp.nn.module").define
local initial = require "fmp.nn.initialisers"
local settings = require "fmp.nn.settings"

local M = {}

-- Whether precision = "bf16" has made x from f32. No layer has parameters for any other bf16.
local function is_lowered(x) return x.dtype == "bf16" and precision() == "bf16" end

-- Worded as by the engine, which cannot check before there are weights.
local function check_input(op, x, shape, rank)
  local path = raw.scope_path()
  local where = path == "" and op or path .. ": " .. op
  if not raw.is_tensor(x) then raw.fail("%s: expected a tensor, got %s", where, type(x)) end
  local got = ("%s [%s]"):format(x.dtype, table.concat(x.shape, ","))
  if x.rank ~= rank then raw.fail("%s: expected x %s, got %s", where, shape, got) end
  if x.dtype ~= "f32" and x.dtype ~= "f64" and not is_lowered(x) then
    raw.fail("%s: expected x of f32 or f64, got %s; see fmp.ops.cast", where, got)
  end
end

local function check_init(what, init)
  if not init then return initial.he() end
  guard.callable(what .. ": init", init)
  return init
end

-- -- convolution -------------------------------------------------------------

local Conv2d = define "Conv2d"

-- A number for both directions, or a list of two.
local function pair(what, name, value)
  local list = type(value) == "table" and value or {value, value}
  if #list ~= 2 then
    raw.fail("%s: expected %s as a number or {height, width}, got a list of %d", what, name, #list)
  end
  settings.whole(what, name, list[1], 1)
  settings.whole(what, name, list[2], 1)
  return list
end

-- padding: "valid", "same", a number for all sides, or {top, bottom, left, right}.
local function set_padding(attrs, padding)
  if type(padding) == "number" then padding = {padding, padding, padding, padding} end
  if type(padding) == "table" then
    attrs.padding, attrs.pads = "explicit", padding
  else
    attrs.padding = padding
  end
end

local conv_options = {
  out = false, kernel = false, stride = 1, padding = "valid", dilation = 1, groups = 1,
  bias = true, init = false, winograd = "exact",
}

--- Convolution: Conv2d{out, kernel = 3, stride = 1, padding = "valid", dilation = 1,
-- groups = 1, bias = true, init = nn.init.he(), winograd = "exact"}. x [n,h,w,c] ->
-- y [n,oh,ow,out]. kernel, stride, dilation: a number or {height, width}. winograd: "exact",
-- "fast" or "off", as in conv2d. With 2x2 kernels and stride 1, outputs may be computed in
-- tiles of up to 3x3 ("fast": 5x5): their error is proportional to the largest input of the
-- tile, and a NaN or an infinity spoils the whole tile. "off" is for inputs that may be
-- thousands of times as large as their neighbours.
function Conv2d:setup(given)
  local options = settings.take("Conv2d", given, conv_options, "out")
  self.out = settings.whole("Conv2d", "the number of filters", options.out, 1)
  self.window = pair("Conv2d", "kernel", options.kernel)
  self.groups = settings.whole("Conv2d", "groups", options.groups, 1)
  self.bias, self.init = options.bias, check_init("Conv2d", options.init)
  self.attrs = {stride = pair("Conv2d", "stride", options.stride), groups = self.groups,
                dilation = pair("Conv2d", "dilation", options.dilation),
                winograd = options.winograd}
  set_padding(self.attrs, options.padding)
end

function Conv2d:weight(x)
  local h, w = self.window[1], self.window[2]
  local channels = math.floor(x.shape[4] / self.groups)
  local fans = {into = h * w * channels, out_of = h * w * self.out / self.groups}
  return self:parameter("weight", {self.out, h, w, channels}, x, self.init, fans)
end

function Conv2d:forward(x)
  check_input("conv2d", x, "[n,h,w,c]", 4)
  local weight = self:weight(x)
  local bias = self.bias and self:parameter("bias", {self.out}, x, initial.zeros) or nil
  return ops.conv2d(x, weight, bias, self.attrs)
end

-- -- linear ------------------------------------------------------------------

local Linear = define "Linear"

--- y = x W^T + b: Linear(out) or Linear{out, bias = true, init = nn.init.he()}.
-- x [n,c] -> y [n,out].
function Linear:setup(given)
  local options = settings.take("Linear", given, {out = false, bias = true, init = false}, "out")
  self.out = settings.whole("Linear", "the number of outputs", options.out, 1)
  self.bias, self.init = options.bias, check_init("Linear", options.init)
end

function Linear:forward(x)
  check_input("linear", x, "[n,c]", 2)
  local channels = x.shape[2]
  local weight = self:parameter("weight", {self.out, channels}, x, self.init,
                                {into = channels, out_of = self.out})
  local y = ops.matmul(x, weight, {transpose_b = true})
  if not self.bias then return y end
  return y + self:parameter("bias", {self.out}, x, initial.zeros)
end

M.Conv2d, M.Linear = Conv2d, Linear

return M
