-- SPDX-License-Identifier: Apache-2.0
--- fmp.nn: layers, networks, losses. Parameters are made at the first use, when the sizes
-- of inputs are known, and drawn by the engine's generator: fmp.seed fixes them.
--
--   local net = nn.Sequential "small"
--   net:add(nn.Conv2d{32, kernel = 3}, nn.ReLU(), nn.MaxPool{2}, nn.Flatten(), nn.Linear(10))
--   net(x)                 nn.CrossEntropy()(net(x), labels)
--   net:parameters()  net:train()  net:evaluate()  print(net:summary())

local module = require "fmp.nn.module"

local M = {
  define = module.define,
  is_module = module.is_module,
  init = require "fmp.nn.initialisers",
  Sequential = require "fmp.nn.sequential",
}

for _, file in ipairs {"weighted", "plain", "fractional", "loss"} do
  for name, value in pairs(require("fmp.nn." .. file)) do M[name] = value end
end

return M
