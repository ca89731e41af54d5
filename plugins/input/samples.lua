-- SPDX-License-Identifier: Apache-2.0
--- Small data files for the specs of this family, in a directory that goes with the test.

local fmp = require "fmp"

local M = {}

local Directory = {}
Directory.__index = Directory

--- A new directory; remove() it in teardown.
function M.directory()
  local pipe = assert(io.popen "mktemp -d")
  local path = pipe:read "*l"
  pipe:close()
  return setmetatable({path = path}, Directory)
end

function Directory:remove() os.execute("rm -r '" .. self.path .. "'") end

--- Writes a file; returns its path.
function Directory:write(name, bytes)
  local path = self.path .. "/" .. name
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

--- The bytes of `bytes` as gzip makes them.
function Directory:gzip(bytes)
  local path = self:write("unpacked", bytes)
  local pipe = assert(io.popen("gzip -c '" .. path .. "'"))
  local packed = pipe:read "*a"
  pipe:close()
  return packed
end

--- n records of a label byte and an image [1,2,1] that holds the record's number.
function M.numbered(n)
  local records = {}
  for i = 0, n - 1 do
    records[i + 1] = string.char(i % 10, i % 256, math.floor(i / 256))
  end
  return table.concat(records)
end

--- Attributes of a record_reader for a file of these.
function M.numbered_layout(files)
  return {files = files, height = 1, width = 2, channels = 1}
end

--- The numbers of the records in a batch x of such images.
function M.numbers(x)
  local flat, numbers = x:flat(), {}
  for i = 1, #flat, 2 do numbers[#numbers + 1] = flat[i] + 256 * flat[i + 1] end
  return numbers
end

--- A queue on a reader: the next `count` batches as a list of {x, y}.
function M.batches(reader, attributes, count)
  local all = {source = reader, dtype = "u8"}
  for name, value in pairs(attributes) do all[name] = value end
  local queue, list = fmp.open("batch_queue", all), {}
  for i = 1, count do list[i] = {fmp.ops.next_batch({queue = queue, outputs = 2})} end
  queue:close()
  return list
end

--- The numbers of all records that `count` batches deliver, in order.
function M.delivered(reader, attributes, count)
  local numbers = {}
  for _, batch in ipairs(M.batches(reader, attributes, count)) do
    for _, number in ipairs(M.numbers(batch[1])) do numbers[#numbers + 1] = number end
  end
  return numbers
end

--- How many examples a reader has, and the shape of its first field.
function M.images(reader)
  local count, specs = fmp.ops.source_info({source = reader})
  local row = specs:totable()[1]
  return {count:item(), {unpack(row, 3, 2 + row[2])}}
end

--- "\0\0\8" and dimensions, big-endian, as an IDX file begins.
function M.idx(dims, bytes)
  local parts = {"\0\0\8", string.char(#dims)}
  for _, n in ipairs(dims) do
    parts[#parts + 1] = string.char(math.floor(n / 2 ^ 24) % 256, math.floor(n / 2 ^ 16) % 256,
                                    math.floor(n / 256) % 256, n % 256)
  end
  return table.concat(parts) .. bytes
end

return M
