-- SPDX-License-Identifier: Apache-2.0
std = "luajit"
max_line_length = 100
-- Stored test vectors are generated.
exclude_files = {"**/vectors.lua"}
files["**/*_spec.lua"] = {std = "luajit+busted"}
