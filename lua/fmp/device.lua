-- SPDX-License-Identifier: Apache-2.0
--- Devices, their threads, and which kernels are chosen.

local raw = require "fmp.ffi"

local M = {}

--- The name of the default device, at first the one that the environment names, as in
-- FMP_DEVICE=cuda:1, or the host's. With a name ("cpu", "cuda:1") makes that the default first.
function M.device(name)
  if name ~= nil then raw.device_set_default(name) end
  return raw.device_default()
end

--- All backends as text, one per line.
function M.devices() return raw.device_list() end

local set_threads -- the number that was last set; nil: none

--- How many threads the default device computes with. With a number sets it first.
function M.threads(count)
  local now = raw.device_threads(nil, count)
  if count ~= nil then set_threads = now end
  return now
end

--- Waits for all work that was enqueued on a device, or on the default one. Reading a tensor waits
-- by itself; see also fmp.later.
function M.wait(name) raw.device_wait(name) end

local forced, tags, n_tags = nil, {}, 0
local tuned = nil -- the file of fmp.autotune, "" for memory; nil: off

--- From now on uses the kernel of this name ("ref") for each op that has one; nil: the best.
function M.kernel(name)
  raw.kernel_force(name)
  forced = name
end

--- From now on, where several kernels can compute an op, measures which is the fastest, once
-- for each op with its attributes and shapes. fmp.autotune(true) keeps the choices in memory;
-- fmp.autotune "kernels.json" uses the choices in that file and adds new ones to it, so that
-- runs repeat bit for bit; fmp.autotune(false) goes back to choosing by priority. Only kernels
-- of the accuracy that an op asks for are candidates.
function M.autotune(file)
  if file == nil then file = true end
  if type(file) ~= "boolean" and (type(file) ~= "string" or file == "") then
    raw.fail("autotune: expected true, false or the name of a file, got %s", tostring(file))
  end
  local path = file == true and "" or file or nil
  raw.autotune(path)
  tuned = path
end

--- A number that stands for how kernels are chosen and prepared. Plans that were made under
-- another number are not used.
function M.kernel_tag()
  if forced == nil and tuned == nil and set_threads == nil then return 0 end
  local key = ("%s\n%s\n%s"):format(tostring(forced), tostring(tuned), tostring(set_threads))
  if not tags[key] then
    n_tags = n_tags + 1
    tags[key] = n_tags
  end
  return tags[key]
end

return M
