-- SPDX-License-Identifier: Apache-2.0
--- What the engine says about plugins, ops, attributes and profiles: its structs as tables.

local ffi = require "ffi"

local C = ffi.C -- for constants

local M = {}

--- A C string as a Lua string; nil for NULL.
function M.text_of(pointer)
  if pointer ~= nil then return ffi.string(pointer) end
  return nil
end

local text_of = M.text_of

--- A struct for the engine to fill, of the size that is declared here.
function M.sized(name)
  local struct = ffi.new(name)
  struct.struct_size = ffi.sizeof(name)
  return struct
end

--- A plugin, from fmp_plugin_info.
function M.plugin(info)
  return {
    name = text_of(info.name), version = text_of(info.version), summary = text_of(info.summary),
    path = text_of(info.path), abi = info.abi_major .. "." .. info.abi_minor,
  }
end

local kind_names = {"bool", "i64", "f64", "string", "dtype", "resource"}

--- An attribute; kind is the number, type its name: "list of i64".
function M.attr(info)
  local name = kind_names[info.kind % 16] or "?"
  return {
    name = text_of(info.name), doc = text_of(info.doc), kind = info.kind,
    default = text_of(info.default_text), allowed = text_of(info.allowed),
    type = info.kind >= 16 and "list of " .. name or name,
  }
end

--- An input or output.
function M.arg(info)
  local marks = info.marks
  return {
    name = text_of(info.name),
    optional = bit.band(marks, C.FMP_ARG_OPTIONAL) ~= 0,
    written = bit.band(marks, C.FMP_ARG_WRITTEN) ~= 0,
    spec_only = bit.band(marks, C.FMP_ARG_SPEC_ONLY) ~= 0,
    variadic = bit.band(marks, C.FMP_ARG_VARIADIC) ~= 0,
  }
end

--- An op, without its inputs, outputs and attributes.
function M.op(name, info)
  return {
    name = name, schema = text_of(info.schema), doc = text_of(info.doc) or "",
    plugin = text_of(info.plugin), gradient_ops = text_of(info.gradient_ops),
    differentiable = info.differentiable ~= 0, variadic = info.variadic ~= 0,
    alias = info.alias ~= 0, flags = info.flags, n_in = info.n_in, n_out = info.n_out,
    version = info.version,
  }
end

--- Figures of a plan's node.
function M.profile_node(figures)
  return {
    scope = text_of(figures.scope), op = text_of(figures.op), kernel = text_of(figures.kernel),
    runs = tonumber(figures.runs), seconds = figures.seconds, flops = figures.flops,
    bytes = figures.bytes,
  }
end

return M
