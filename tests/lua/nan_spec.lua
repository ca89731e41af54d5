-- SPDX-License-Identifier: Apache-2.0
-- NaNs of any bits. LuaJIT represents tables, strings and nil by NaNs that arithmetic never gives,
-- but a file can contain such bits. Whatever is read must arrive as a number, and nothing may
-- crash. In a child process, so that a crash is seen as one.
local fmp = require "fmp"
local shell = require "tests.lua.shell"

local CHILD = [==[
local fmp = require "fmp"
local bit = require "bit"
local checked = 0

local function expect_nan(what, value)
  checked = checked + 1
  if type(value) ~= "number" or value == value then print(what .. ": " .. type(value)) end
end

local function little_endian(words)
  local bytes = {}
  for _, word in ipairs(words) do
    for shift = 0, 24, 8 do
      bytes[#bytes + 1] = string.char(bit.band(bit.rshift(word, shift), 255))
    end
  end
  return table.concat(bytes)
end

local function try(dtype, bytes)
  local t = fmp.from_bytes(bytes:rep(3), {3}, dtype)
  local function hex(c) return ("%02x"):format(c:byte()) end
  local name = dtype .. " " .. bytes:reverse():gsub(".", hex)
  for i, value in ipairs(t:flat()) do expect_nan(name .. " flat " .. i, value) end
  for _, value in ipairs(t:totable()) do expect_nan(name .. " totable", value) end
  expect_nan(name .. " item", fmp.from_bytes(bytes, {}, dtype):item())
  expect_nan(name .. " item, as f64", fmp.from_bytes(bytes, {}, dtype):cast{dtype = "f64"}:item())
  expect_nan(name .. " computed", (-fmp.from_bytes(bytes, {}, dtype):cast{dtype = "f64"}):item())
  if not tostring(t):find("[nan nan nan]", 1, true) then print(name .. ": " .. tostring(t)) end
  if #tostring(fmp.from_bytes(bytes, {}, dtype)) == 0 then print(name) end
  if t:bytes() ~= bytes:rep(3) then print(name .. ": the bytes have changed") end
  collectgarbage()
end

-- Every tag that LuaJIT has stands in the upper 17 bits; pointers below.
local lows = {{0x00001234, 0}, {0xffffffff, 0x7fff}, {0, 1}, {0xdeadbeef, 0x5555}}
for high = 0x7ff0, 0xffff do
  if high <= 0x7fff or high >= 0xfff0 then
    local low = lows[high % #lows + 1]
    for _, half in ipairs {0, 0x8000} do
      local upper = bit.bor(bit.lshift(high, 16), half, low[2])
      local is_infinite = bit.band(upper, 0x000fffff) == 0 and low[1] == 0
      if not is_infinite then try("f64", little_endian{low[1], upper}) end
    end
  end
end
-- Two that were once taken for something else.
try("f64", little_endian{0x00001234, 0xfffa0000})
try("f64", little_endian{0xffffffff, 0xfffdffff})
-- The payloads of the shorter types move to the top of a double's.
for payload = 1, 127 do
  for _, sign in ipairs {0x7f80, 0xff80} do
    local high = sign + payload
    try("f32", little_endian{bit.bor(bit.lshift(high, 16), payload)})
    try("bf16", little_endian{high}:sub(1, 2))
  end
end
for payload = 1, 1023, 7 do
  try("f16", little_endian{0x7c00 + payload}:sub(1, 2))
  try("f16", little_endian{0xfc00 + payload}:sub(1, 2))
end
print(checked > 5000 and "done" or "too few: " .. checked)
]==]

describe("NaNs of any bits", function()
  it("are numbers for Lua, and keep their bytes", function()
    local directory, remove = shell.scratch()
    shell.write(directory .. "/child.lua", CHILD)
    local output, status = shell.fmprun(directory, "", "child.lua")
    remove()
    assert.equal("done\n", output)
    assert.equal(0, status)
  end)

  it("do not change what is no NaN", function()
    local values = {0, -0, 1, -1, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308,
                    1 / 0, -1 / 0, 1 / 3}
    local t = fmp.tensor(values, {dtype = "f64"})
    assert.same(values, t:flat())
    assert.equal(-1 / 0, 1 / t:flat()[2])
    for i, value in ipairs(values) do
      assert.equal(value, fmp.tensor(value, {dtype = "f64"}):item(), i)
    end
  end)
end)
