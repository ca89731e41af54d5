-- SPDX-License-Identifier: Apache-2.0
--- A queue of batches as Lua sees it: epochs to go through, and a position to keep. Its `fields`
-- and `classes` are the set's.

local guard = require "fmp.guard"
local ops = require "fmp.ops"
local record = require "fmp.record"

local Batches = {}
Batches.__index = Batches

-- Fields of the op batch_queue_info.
local EPOCH, BATCH, BATCHES, EXAMPLES, BATCH_SIZE, EPOCHS = 1, 2, 3, 4, 5, 6

local function read_info(queue) return ops.batch_queue_info({queue = queue}):flat() end

-- Asked at once, also while a function is traced.
local function info(self) return record.outside(read_info, self.queue) end

--- Goes through one epoch:  for x, y in train:epoch() do ... end
-- gives the fields of the set in their order, each [n,...].
-- An epoch that an earlier loop left is not resumed: the next one begins. After restore() the
-- first call gives the rest of the epoch in which state() was taken. If the number of epochs is
-- limited and all have been delivered, the loop ends at once.
function Batches:epoch()
  local now = info(self)
  if now[BATCH] > 0 and not self.resumed then
    self:seek(now[EPOCH] + 1)
    now = info(self)
  end
  self.resumed = false
  local left = now[BATCHES] - now[BATCH]
  if now[EPOCHS] > 0 and now[EPOCH] >= now[EPOCHS] then left = 0 end
  local function delivered(...) -- not reached by a batch that failed
    left = left - 1
    return ...
  end
  return function()
    if left == 0 then return nil end
    return delivered(self:next())
  end
end

--- The next batch, a tensor for each field of the set, whatever epoch it belongs to. After the
-- last epoch: an error.
function Batches:next()
  return ops.next_batch({queue = self.queue, outputs = #self.fields})
end

--- Continues with the first batch of an epoch, counted from 0.
function Batches:seek(epoch)
  record.outside(ops.batch_queue_seek, {queue = self.queue, epoch = epoch})
  self.resumed = false
  return self
end

--- The number of examples in an epoch.
function Batches:size() return info(self)[EXAMPLES] end
--- The number of batches in an epoch.
function Batches:batches() return info(self)[BATCHES] end
--- The number of examples in a batch; the last of an epoch may have fewer.
function Batches:batch_size() return info(self)[BATCH_SIZE] end
--- The epoch of the next batch, and the batch's number in it, both from 0.
function Batches:position()
  local now = info(self)
  return now[EPOCH], now[BATCH]
end

--- The shape of a field in one example, of the first field if no name is given: height, width and
-- channels for images.
function Batches:shape(name) return self.set:shape(name) end

--- Seed, epoch and batch as a string, for restore().
function Batches:state() return self.queue:save() end

--- Continues from where state() was called: same examples, same order, same augmentation.
function Batches:restore(state)
  self.queue:restore(state)
  self.resumed = true
  return self
end

--- Ends the threads now rather than at the next collection.
function Batches:close() self.queue:close() end

function Batches:__tostring()
  if not self.queue.handle then return "closed batches" end
  local now = info(self)
  return ("%d batches of %d from %d examples, at epoch %d, batch %d"):format(
    now[BATCHES], now[BATCH_SIZE], now[EXAMPLES], now[EPOCH], now[BATCH])
end

guard.methods(Batches, "queue of batches")

local M = {}

--- Batches of a queue that was opened on a set.
function M.new(queue, set)
  return setmetatable({queue = queue, set = set, fields = set.fields, classes = set.classes,
                       resumed = false}, Batches)
end

return M
