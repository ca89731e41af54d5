-- SPDX-License-Identifier: Apache-2.0
--- lua-argparse, from the installation's own file. A script, or a file in the working
-- directory, may use the name "argparse" for something else.

local share = require("fmp.libfmp").share

local chunk, why = loadfile(share .. "vendor/argparse.lua")
if not chunk then error("lua-argparse is missing: " .. why, 0) end

return chunk "argparse"
