-- SPDX-License-Identifier: Apache-2.0
-- Every method of every kind of object, called on something else: always an error that names what
-- was expected, never a crash. In a child process, so that a crash is seen as one.
local shell = require "tests.lua.shell"

-- What the child runs; it prints a line for each call that does not fail as it should.
local CHILD = [==[
local fmp = require "fmp"
local raw = require "fmp.ffi"
local nn = fmp.nn

local function kind(name, object, class, options)
  return {name = name, object = object, class = class or getmetatable(object),
          skip = options or {}}
end

local directory = (...)
local tensor = fmp.tensor{1, 2}
local reader = fmp.open("record_reader", {files = directory .. "/r.bin", label_bytes = 1,
                                          height = 1, width = 1, channels = 1, classes = 10})
local set = fmp.data.records{files = directory .. "/r.bin", label_bytes = 1, height = 1,
                             width = 1, channels = 1, classes = 10}
local tensor_class = {}
for _, name in ipairs(require("fmp.tensor").members()) do
  tensor_class[name] = function(self, ...)
    local member = getmetatable(tensor).__index(tensor, name)
    -- A property is asked of whatever the metatable is put to.
    if type(member) ~= "function" then return getmetatable(tensor).__index(self, name) end
    return member(self, ...)
  end
end

local sequential = nn.Sequential("net", nn.Linear(2))
local kinds = {
  kind("tensor", tensor, tensor_class),
  kind("resource", reader),
  kind("op", fmp.ops.relu),
  kind("compiled function", fmp.compile(function(x) return x end)),
  kind("set", set), kind("batches", set:batch{1}),
  kind("layer", sequential, getmetatable(getmetatable(sequential)).__index,
       {setup = "is called by the class alone"}),
  kind("optimizer", fmp.optim.SGD{}),
  kind("schedule", fmp.optim.schedule.constant(1)),
  kind("evaluator", fmp.evaluate.evaluator(sequential, nn.CrossEntropy(), false, "f32")),
}

local freed = fmp.tensor{1, 2}
freed:free()
local closed = fmp.open("record_reader", {files = directory .. "/r.bin", label_bytes = 1,
                                          height = 1, width = 1, channels = 1, classes = 10})
closed:close()
-- Objects whose handles are gone, or never were.
local hollow = setmetatable({}, getmetatable(tensor))
local robbed = fmp.tensor{1}
robbed.handle = nil

local selves = {
  {"nothing", nil}, {"a number", 1}, {"a string", "x"}, {"a boolean", true}, {"a table", {}},
  {"a function", print}, {"a userdata", io.stdout}, {"a table with a handle", {handle = io.stdout}},
  {"a table with another's handle", {handle = reader.handle}},
  {"a freed tensor", freed}, {"a closed resource", closed}, {"a hollow tensor", hollow},
  {"a robbed tensor", robbed},
}
for _, each in ipairs(kinds) do selves[#selves + 1] = {"the " .. each.name, each.object} end

-- A freed tensor and a closed resource are still told what they were.
local harmless = {
  ["tensor"] = {shape = 1, rank = 1, size = 1, dtype = 1, device = 1, name = 1, is_parameter = 1,
                free = 1, to = 1, assign = 1},
  ["resource"] = {close = 1},
}
local function may_succeed(each, self, method)
  local gone = {tensor = freed, resource = closed}
  return rawequal(self[2], gone[each.name]) and self[2] ~= nil and harmless[each.name][method]
end

local arguments = {{}, {1}, {{}}, {tensor}, {"x"}, {freed}}
local calls = 0

local function try(each, method, f, self)
  for _, list in ipairs(arguments) do
    calls = calls + 1
    local ok, message = pcall(f, self[2], unpack(list))
    if ok and not may_succeed(each, self, method) then
      print(("%s.%s of %s: no error"):format(each.name, method, self[1]))
    elseif not ok and not may_succeed(each, self, method) then
      local text = tostring(message)
      if not (text:find "expected" or text:find "has been closed" or text:find "is empty") then
        print(("%s.%s of %s: %s"):format(each.name, method, self[1], text))
      end
    end
  end
end

for _, each in ipairs(kinds) do
  local methods = 0
  for method, f in pairs(each.class) do
    if type(f) == "function" and method:sub(1, 2) ~= "__" and not each.skip[method] then
      methods = methods + 1
      for i = 1, #selves do
        if not rawequal(selves[i][2], each.object) then try(each, method, f, selves[i]) end
      end
    end
  end
  if methods == 0 then print(each.name .. ": no method found") end
end
print(calls > 3000 and "done" or "too few calls: " .. calls)
]==]

describe("methods called on something else", function()
  local directory, remove

  setup(function()
    directory, remove = shell.scratch()
    shell.write(directory .. "/r.bin", "\1\2\3\4")
    shell.write(directory .. "/child.lua", CHILD)
  end)
  teardown(function() remove() end)

  it("say what was expected, whatever it is", function()
    local output, status = shell.fmprun(directory, "", "child.lua", directory)
    assert.equal("done\n", output)
    assert.equal(0, status)
  end)

  it("tell the method and the colon", function()
    local output = shell.fmprun(directory, "", "-e", "fmp.tensor{1}.free({})")
    assert.equal("fmprun: (command line):1: expected a tensor, got a table; methods are called "
                 .. "with a colon, x:name()\n", output)
    output = shell.fmprun(directory, "", "-e", "fmp.nn.Linear(1).train(false)")
    assert.equal("fmprun: (command line):1: expected a layer, got a boolean; methods are called "
                 .. "with a colon, x:train()\n", output)
  end)
end)
