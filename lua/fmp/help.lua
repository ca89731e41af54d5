-- SPDX-License-Identifier: Apache-2.0
--- Help texts, made from what plugins registered.

local raw = require "fmp.ffi"

local M = {}

--- The first line of an op's documentation.
function M.summary(op) return op.doc:match "^[^\n]*" end

local function attribute(row)
  local default = row.default and "default " .. row.default or "must be given"
  local allowed = row.allowed and ", allowed " .. row.allowed or ""
  return ("  %s: %s, %s%s\n      %s"):format(row.name, row.type, default, allowed,
                                             row.doc or "")
end

--- An op's schema, documentation and attributes.
function M.op(op)
  local lines = {op.name .. op.schema, op.doc}
  if #op.attrs > 0 then lines[#lines + 1] = "attributes:" end
  for _, row in ipairs(op.attrs) do lines[#lines + 1] = attribute(row) end
  return table.concat(lines, "\n")
end

local function gradient(op)
  if not op.differentiable then return "gradient: no" end
  local by = op.gradient_ops or ""
  return "gradient: yes" .. (by ~= "" and ", by " .. by or "")
end

--- The same, and what only maintainers need: gradient, kernels, plugin.
function M.op_details(op)
  local kernels = op.kernels:gsub("\n+$", ""):gsub("\n", "\n  ")
  if op.alias then kernels = "none needed: the output is another view of the input" end
  return table.concat({M.op(op), gradient(op), "kernels:\n  " .. kernels,
                       "plugin: " .. op.plugin}, "\n")
end

--- All ops, one line each.
function M.op_list()
  local ops, lines, width = require "fmp.ops", {}, 0
  local names = raw.op_names()
  for _, name in ipairs(names) do width = math.max(width, #name) end
  for i, name in ipairs(names) do
    lines[i] = ("%-" .. width .. "s  %s"):format(name, M.summary(ops[name]))
  end
  return table.concat(lines, "\n")
end

--- All plugins, one line each and its file below.
function M.plugin_list()
  local lines = {}
  for i, plugin in ipairs(raw.plugins()) do
    lines[i] = ("%s %s (ABI %s): %s\n  %s"):format(plugin.name, plugin.version, plugin.abi,
                                                  plugin.summary or "", plugin.path)
  end
  return table.concat(lines, "\n")
end

return M
