-- SPDX-License-Identifier: Apache-2.0
--- Draws the data set that the training scripts use without --data, in any size.
local fmp = require "fmp"

local parser = require "fmp.argparse"("make_shapes.lua",
  "Draws shapes and textures of ten classes, in the files of CIFAR-10 or MNIST.")
parser:argument("directory", "Where to write; made if it does not exist.")
parser:option("--format", "cifar: 32x32 in colour; mnist: 28x28 in grey.", "cifar")
  :choices{"cifar", "mnist"}
parser:option("--train", "Images for training.", 10000):convert(tonumber)
parser:option("--test", "Images for the test.", 2000):convert(tonumber)
parser:option("--seed", "Each seed gives another set.", 1):convert(tonumber)
local ok, opt = parser:pparse{...}
if not ok then
  io.stderr:write("make_shapes.lua: ", (opt:gsub("\n", "; ")), "; see --help\n")
  error() -- the message is out already
end

fmp.data.drawn.write(opt.directory, opt.format, opt.train, opt.test, opt.seed)
