-- SPDX-License-Identifier: Apache-2.0
-- Whole numbers that Lua hands over: each is checked as Lua's number, before C's conversion would
-- wrap it around, and the message has what the user wrote.
local fmp = require "fmp"
local raw = require "fmp.ffi"
local shell = require "tests.lua.shell"
local nn = fmp.nn

-- None of these can be a number of threads, of rows, a seed, a position ...
local never = {-1, -2 ^ 31, -2 ^ 63, 0.5, 2 ^ 31 + 0.5, 1 / 0, -1 / 0, 0 / 0, "7", {{}}, true}
-- Whole, and more than some C type holds.
local large = {2 ^ 31, 2 ^ 32, 2 ^ 32 + 1, 2 ^ 53, 2 ^ 63, 2 ^ 64, 1e300}

-- fits: large ones that are right, up to this; others must be refused by their digits.
local takers = {
  {"threads", fmp.threads},
  {"seed", fmp.seed, fits = 2 ^ 53 - 1},
  {"random_state seed", function(v) fmp.random_state{seed = v, step = 0} end, fits = 2 ^ 53 - 1},
  {"random_state step", function(v) fmp.random_state{seed = 0, step = v} end, fits = 2 ^ 53 - 1},
  {"zeros", function(v) return fmp.zeros{v, 0} end, fits = 2 ^ 53 - 1},
  {"ones", function(v) return fmp.ones{0, v} end, fits = 2 ^ 53 - 1},
  {"full", function(v) return fmp.full({v, 0}, 1) end, fits = 2 ^ 53 - 1},
  {"randn", function(v) return fmp.randn{v, 0} end, fits = 2 ^ 53 - 1},
  {"from_flat", function(v) return fmp.from_flat({}, {v, 0}) end, fits = 2 ^ 53 - 1},
  {"from_bytes", function(v) return fmp.from_bytes("", {v, 0}) end, fits = 2 ^ 53 - 1},
  {"bound", function(v) fmp.compile(print, {bound = v}) end, fits = 2 ^ 53 - 1},
  {"outputs", function(v) fmp.ops.max_pool(fmp.zeros{1, 2, 2, 1}, {window = 2, outputs = v}) end},
  {"reshape", function(v) fmp.ops.reshape(fmp.zeros{4}, {shape = {v}}) end, legal = {[-1] = true}},
  {"axes", function(v) fmp.ops.sum(fmp.zeros{4}, {axes = v}) end, legal = {[-1] = true}},
  {"Conv2d", function(v) nn.Conv2d{v, kernel = 1} end, fits = 2 ^ 53 - 1},
  {"Conv2d kernel", function(v) nn.Conv2d{1, kernel = v} end, fits = 2 ^ 53 - 1},
  {"Linear", function(v) nn.Linear(v) end, fits = 2 ^ 53 - 1},
  {"FractionalMaxPool", function(v) nn.FractionalMaxPool{v} end, fits = 2 ^ 53 - 1},
  {"fmp_sizes", function(v) nn.fmp_sizes{layers = v, ratio = 2} end},
  {"schedule", function(v) fmp.optim.schedule.cosine{1, epochs = v} end, fits = 2 ^ 53 - 1},
  {"drawn", function(v) fmp.data.drawn.write("/proc/none", "cifar", v, 1, 1) end},
  {"drawn seed", function(v) fmp.data.drawn.write("/proc/none", "cifar", 1, 1, v) end,
   other = true},
  {"assign i32", function(v) fmp.zeros{1, dtype = "i32"}:assign(v) end,
   legal = {[-1] = true, [-2 ^ 31] = true}},
  {"number beside u8", function(v) return fmp.zeros{1, dtype = "u8"} + v end},
}

local function expect_refusal(taker, value)
  local ok, message = pcall(taker[2], value)
  local shown = type(value) == "number" and raw.shown(value) or ""
  assert(not ok, taker[1] .. " takes " .. tostring(value))
  assert(message:find(shown, 1, true),
         ("%s of %s: expected the value in: %s"):format(taker[1], shown, message))
  assert.is_nil(message:find "attempt to")
end

describe("whole numbers", function()
  local threads = fmp.threads()
  after_each(function() fmp.threads(threads) end)

  for _, taker in ipairs(takers) do
    it("are checked before they are converted: " .. taker[1], function()
      for _, value in ipairs(never) do
        if not (taker.legal and taker.legal[value]) then expect_refusal(taker, value) end
      end
      for _, value in ipairs(large) do
        if taker.fits and value <= taker.fits then
          taker[2](value)
        elseif not (taker.other and value < 2 ^ 53) then
          expect_refusal(taker, value)
        end
      end
    end)
  end

  it("keep all their digits where they are stored", function()
    local state = {seed = 2 ^ 53 - 1, step = 2 ^ 53 - 3}
    fmp.random_state(state)
    assert.same(state, fmp.random_state())
    assert.same({2 ^ 53 - 1, 0}, fmp.zeros{2 ^ 53 - 1, 0}.shape)
    assert.same({2 ^ 53}, fmp.tensor({2 ^ 53}, {dtype = "i64"}):flat())
    fmp.seed(1)
  end)

  it("keep them on command lines", function()
    local directory, remove = shell.scratch()
    shell.write(directory .. "/s.lua", "require('fmp').args(...)")
    for _, text in ipairs {"2147483648", "4294967297", "9007199254740991"} do
      local output, status = shell.fmprun(directory, "", "s.lua", "--threads", text)
      assert.equal(1, status)
      assert.equal(("s.lua: --threads: expected 1 to 4096 threads, got %s; see --help\n")
                   :format(text), output)
    end
    remove()
  end)
end)
