-- SPDX-License-Identifier: Apache-2.0
-- For every op and every type, what tables and messages say is true: a type that a kernel lists
-- runs on that kernel in some call; a type that an op does not refuse has a kernel; a type that a
-- refusal names as expected is accepted.
local fmp = require "fmp"
local raw = require "fmp.ffi"
local differential = require "tests.lua.differential"

local types = {"f32", "f64", "bf16", "f16", "u8", "i32", "i64"}

-- "cpu/ref priority 0 f32 f64 (math)" by line, as {name =, types = set}.
local function kernels_of(op)
  local list = {}
  for line in (op.kernels .. "\n"):gmatch "(.-)\n" do
    local name, text = line:match "^cpu/(%S+) priority %-?%d+ ?(.-) ?%("
    local kernel = {name = name, types = {}}
    for dtype in (text or ""):gmatch "%S+" do kernel.types[dtype] = true end
    if name then list[#list + 1] = kernel end
  end
  return list
end

-- Case by case of an op, the types of the inputs whose data is read; of one that reads none,
-- those of what it gives.
local function types_seen(case)
  local seen, reads = {}, false
  for i = 1, case.n do
    local input = case.op.inputs[math.min(i, #case.op.inputs)]
    if case.inputs[i] and not (input and input.spec_only) then
      reads = true
      seen[case.inputs[i].dtype] = true
    end
  end
  if reads then return seen end
  for _, y in ipairs(differential.call(case)) do seen[y.dtype] = true end
  return seen
end

-- The kernel that a call runs on.
local function kernel_of(case)
  if case.writes then return nil end
  local compiled = fmp.compile(function() return unpack(differential.call(case)) end,
                               {rewrites = false})
  compiled()
  local text = compiled:text()
  compiled:clear()
  return text
end

local function runs_on(case, name)
  fmp.kernel(name)
  local ok, text = pcall(kernel_of, case)
  fmp.kernel(nil)
  assert(ok, text)
  return text == nil or text:find("/" .. name .. "]", 1, true) ~= nil
end

-- With all data inputs of one type in another one.
local function in_type(case, from, to)
  local changed = {}
  for name, value in pairs(case) do changed[name] = value end
  changed.inputs = {}
  for i = 1, case.n do
    local t = case.inputs[i]
    changed.inputs[i] = t and (t.dtype == from and t:cast{dtype = to} or t) or nil
  end
  return changed
end

-- "expected x of f32, f64 or bf16, got ..." names three.
local function named_types(message)
  local text = message:match "expected [%w_]+ of (.-), got"
  local list = {}
  for word in (text or ""):gmatch "%w+" do
    for _, dtype in ipairs(types) do
      if word == dtype then list[#list + 1] = dtype end
    end
  end
  return list
end

local MOST_CASES = 400

-- Cases enough that each listed type has been seen, or many.
local function check_listed(name)
  local op = fmp.ops[name]
  local kernels = kernels_of(op)
  local missing, n = {}, 0
  for _, kernel in ipairs(kernels) do
    -- A kernel with a single type is for special shapes: its op's spec runs it.
    for dtype in pairs(next(kernel.types, next(kernel.types)) and kernel.types or {}) do
      missing[kernel.name .. " " .. dtype] = {kernel.name, dtype}
      n = n + 1
    end
  end
  for seed = 1, MOST_CASES do
    if n == 0 then break end
    local case = differential.case(name, seed)
    local seen = types_seen(case)
    for key, entry in pairs(missing) do
      if seen[entry[2]] and runs_on(case, entry[1]) then
        missing[key] = nil
        n = n - 1
      end
    end
  end
  assert(n == 0, ("%s lists what it never ran: %s"):format(name, tostring(next(missing))))
end

-- The types of the first input, each put in place of another.
local function check_taken(name, seed)
  local case = differential.case(name, seed)
  local first = case.inputs[1]
  if not first then return end
  local refused, taken = {}, {}
  for _, dtype in ipairs(types) do
    local ok, message = pcall(differential.call, in_type(case, first.dtype, dtype))
    message = tostring(message)
    assert(ok or not message:find("no kernel on", 1, true),
           ("%s takes %s and has no kernel for it: %s"):format(name, dtype, message))
    if ok then taken[dtype] = true else refused[dtype] = message end
  end
  for dtype, message in pairs(refused) do
    for _, other in ipairs(named_types(message)) do
      -- Beside the others' type, which the case has.
      assert(taken[other] or refused[other] and not refused[other]:find("no kernel", 1, true),
             ("%s refuses %s naming %s, which it refuses too: %s"):format(name, dtype, other,
                                                                        message))
    end
  end
  return taken
end

describe("types", function()
  local without = differential.uncovered()
  for _, name in ipairs(raw.op_names()) do
    if not without[name] then
      it(name .. ": what a kernel lists runs on it", function() check_listed(name) end)
      it(name .. ": what is not refused has a kernel", function()
        for seed = 1, 6 do check_taken(name, seed) end
      end)
    end
  end

  it("sums that broadcasting makes of gradients are there in all floats", function()
    for _, dtype in ipairs{"f32", "f64", "bf16"} do
      local a, b = fmp.ones{2, 3, dtype = dtype}, fmp.ones{3, dtype = dtype}
      local gradients = fmp.grad(function(x, y) return ((x + y) * 2):sum() end, {a, b})
      assert.same({2, 2, 2, 2, 2, 2}, gradients[1]:flat())
      assert.same({4, 4, 4}, gradients[2]:flat())
      assert.equal(dtype, gradients[2].dtype)
    end
  end)
end)
