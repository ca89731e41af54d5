-- SPDX-License-Identifier: Apache-2.0
-- The prompt of fmprun: what it reads, shows, explains and completes.
local prompt = require "tests.lua.prompt"
local raw = require "fmp.ffi"
local sh = require "tests.lua.shell"

local contains, lacks, write = prompt.contains, prompt.lacks, prompt.write
local start, started, leave = prompt.start, prompt.started, prompt.leave

-- Types a part of a line and a tab, and waits for what this makes of it.
local function complete(p, typed, completed)
  p:type(typed .. "\t")
  p:wait(completed)
  p:type "\3"
  p:prompt()
end

-- The same where there are several ways to go on: tab lists them.
local function list(p, typed)
  p:type(typed .. "\t\t")
  p:wait(typed)
  local listed = p:wait("\n> " .. typed)
  p:type "\3"
  p:prompt()
  return listed
end

describe("the prompt", function()
  setup(prompt.setup)
  teardown(prompt.teardown)
  before_each(function() os.remove(prompt.scratch .. "/history") end)
  after_each(prompt.after_each)

  it("greets, answers, and leaves at Ctrl-D and :quit", function()
    local p = start()
    contains(p:prompt(), "fmp " .. raw.version() .. " on ")
    assert.equal("2", p:line "1 + 1")
    leave(p)
    p = started()
    p:type ":quit\r"
    assert.equal(0, p:finish())
  end)

  it("shows each kind of value", function()
    local p = started()
    assert.equal("nil", p:line "nil")
    assert.equal("true, 2.5", p:line "true, 5 / 2")
    assert.equal([["a\n\"b\"\\"]], p:line [['a\n"b"\\']])
    assert.equal("", p:line "x = 3")
    assert.equal("", p:line "print()")
    assert.equal("builtin function, function(a, b, ...)", p:line "print, function(a, b, ...) end")
    assert.equal("{}, {1, 2, {x = 1}}", p:line "{}, {1, 2, {x = 1}}")
    assert.equal("{1, 2, a = 3, b = \"c\", [\"d e\"] = true}",
                 p:line "{b = 'c', 1, 2, ['d e'] = true, a = 3}")
    p:line "t = {name = 'cycle'} t.self = t"
    assert.equal("{name = \"cycle\", self = <the same again>}", p:line "t")
    assert.equal("op relu(x) -> (y), class Linear", p:line "ops.relu, nn.Linear")
    assert.equal("schedule.cosine", p:line "optim.schedule.cosine(0.1)")
    assert.equal("{x = f32 [2] cpu:0}", p:line "{x = fmp.ones{2}}")
    leave(p)
  end)

  it("bounds what it shows of tables and strings", function()
    local p = started()
    p:line "long = {} for i = 1, 1000 do long[i] = i end"
    local text = p:line "long"
    contains(text, " 100,")
    contains(text, "... 900 more")
    assert(#text < 1000, #text)
    contains(p:line "('x'):rep(5000)", "xxx\"... (5000 bytes)")
    p:line "deep = {{{{{{}}}}}}"
    assert.equal("{{{{...}}}}", p:line "deep")
    leave(p)
  end)

  it("shows tensors with type, shape, device and an aligned, shortened body", function()
    local p = started()
    assert.equal("f32 [2,3] cpu:0\n[[  1.00   2.00   3.00]\n [ -4.00 500.25   6.00]]",
                 p:line "fmp.tensor{{1, 2, 3}, {-4, 500.25, 6}}")
    assert.equal("f64 [] cpu:0 0.5", p:line "fmp.tensor(0.5, {dtype = 'f64'})")
    local rows = {}
    for row in p:line("fmp.zeros{100, 100}"):gmatch "[^\n]+" do rows[#rows + 1] = row end
    assert.same({"f32 [100,100] cpu:0", "[[0 0 0 ... 0 0 0]", " [0 0 0 ... 0 0 0]",
                 " [0 0 0 ... 0 0 0]", " ...", " [0 0 0 ... 0 0 0]", " [0 0 0 ... 0 0 0]",
                 " [0 0 0 ... 0 0 0]]"}, rows)
    assert.equal("f32 [3] cpu:0\n[ nan    1 -inf]", p:line "fmp.tensor{0 / 0, 1, -1 / 0}")
    assert.equal("{2, 3}, \"f32\"", p:line "fmp.zeros{2, 3}.shape, fmp.zeros{2, 3}.dtype")
    leave(p)
    p = started({}, {columns = 40})
    for line in p:line("fmp.permutation(60)"):gmatch "[^\n]+" do assert(#line < 40, line) end
    leave(p)
  end)

  it("shows networks as their summary", function()
    local p = started()
    p:line "net = nn.Sequential 'small'"
    p:line "net:add(nn.Conv2d{4, kernel = 3}, nn.ReLU(), nn.Flatten(), nn.Linear(10))"
    p:line "net:build(fmp.ones{1, 6, 6, 3})"
    local text = p:line "net"
    contains(text, "layer")
    contains(text, "1 Conv2d{4, kernel = 3}  [n,4,4,4]         112")
    contains(text, "4 Linear(10)             [n,10]            650")
    contains(text, "small                                      762")
    contains(p:line "nn.Dropout(0.5)", "Dropout(0.5)")
    leave(p)
  end)

  it("keeps the last value in _, and locals", function()
    local p = started()
    p:line "6 * 7, 'second'"
    assert.equal("42", p:line "_")
    p:line "local a, b = _ + 1"
    assert.equal("43, nil", p:line "a, b")
    p:line "local function twice(n) return 2 * n end"
    assert.equal("86", p:line "twice(a)")
    assert.equal("8", p:line "= 2 * 4 -- as in older Lua")
    assert.equal("5", p:line "return 5")
    leave(p)
  end)

  it("goes on asking until a chunk is complete", function()
    local p = started()
    assert.equal("", p:line("function f(n)", ">> "))
    p:line("  return n +", ">> ")
    p:line("    1", ">> ")
    assert.equal("", p:line "end")
    assert.equal("3", p:line "f(2)")
    p:line("{1,", ">> ")
    assert.equal("{1, 2}", p:line "2}")
    p:line("[[a", ">> ")
    assert.equal([["a\nb"]], p:line "b]]")
    p:line("while true do", ">> ")
    p:type "\3"
    p:prompt()
    assert.equal("1", p:line "1")
    leave(p)
  end)

  it("shows errors with the user's lines, and no others", function()
    local p = started()
    assert.equal("error: attempt to index global 'nosuch' (a nil value)", p:line "nosuch.x")
    assert.equal("error: unexpected symbol near '='", p:line "= = 2")
    assert.equal("error: no", p:line "error 'no'")
    contains(p:line "error {}", "error: table: ")
    contains(p:line "fmp.ones{2} + fmp.ones{3}", "error: add: expected ")
    contains(p:line "fmp.ops.reluu(1)", "did you mean 'relu'?")
    p:line("function add(a)", ">> ")
    p:line("  return a + fmp.ones{3}", ">> ")
    p:line "end"
    local text = p:line "fmp.record(add, fmp.ones{2})"
    assert.equal("error: add: expected a and b of shapes that broadcast, got f32 [2] and f32 [3]\n"
                 .. "  stdin:8: return a + fmp.ones{3}\n"
                 .. "  stdin:10: fmp.record(add, fmp.ones{2})", text)
    p:line "function deep() return 1 + deep() end"
    contains(p:line "deep()", "error: stack overflow")
    assert.equal("4", p:line "2 + 2")
    leave(p)
  end)

  it("gives help", function()
    local p = started()
    contains(p:line "?", ":time CODE")
    contains(p:line ":help", "?fmp.optim.schedule")
    contains(p:line "?fmp.ops.conv2d", "conv2d(x, w, b?) -> (y)")
    contains(p:line "?conv2d", "groups: i64, default 1")
    contains(p:line "? fmp.fit", "Trains net, in place, and returns a history")
    contains(p:line "?nn.Conv2d", "Convolution: Conv2d{out, kernel = 3")
    contains(p:line "?SGD", "fmp.optim.SGD(options)\nStochastic gradient descent")
    contains(p:line "?optim", "Adam")
    p:line "x, net = fmp.ones{2}, nn.Sequential()"
    contains(p:line "?x:item", "The one element of a tensor")
    contains(p:line "?net:add", "Adds layers, in order")
    assert.equal("x is f32 [2] cpu:0", p:line "?x")
    assert.equal("The engine's version.", p:line "?fmp.version")
    contains(p:line "?fmp.ops.conv2", "did you mean fmp.ops.conv2d?")
    contains(p:line "?nn.Convd", "did you mean nn.Conv2d?")
    contains(p:line "?qqqqqqqq", "nothing is known about 'qqqqqqqq'")
    contains(p:line ":nosuch", "no command :nosuch; there are :help, :quit, :time")
    leave(p)
  end)

  it("completes names, fields, methods, attributes, commands and files", function()
    write("data_one.bin", "")
    write("data_two.bin", "")
    sh.shell("cd " .. prompt.scratch .. " && mkdir below && touch below/leaf.lua")
    local p = started()
    p:line "x, s, my_table = fmp.ones{2}, 'text', {inner = {leaf = 1}}"
    complete(p, "my_t", "my_table")
    complete(p, "print(my_table.in", "print(my_table.inner")
    complete(p, "my_table.inner.l", "my_table.inner.leaf")
    complete(p, "fmp.ops.perm", "fmp.ops.permutation")
    complete(p, "fmp.optim.sch", "fmp.optim.schedule")
    complete(p, "nn.Seq", "nn.Sequential")
    complete(p, "x:resh", "x:reshape")
    complete(p, "x.devi", "x.device")
    complete(p, "s:gs", "s:gsub")
    complete(p, "func", "function")
    complete(p, "fmp.ops.leaky_relu(x, {sl", "fmp.ops.leaky_relu(x, {slope =")
    complete(p, "x:leaky_relu{sl", "x:leaky_relu{slope =")
    complete(p, "fmp.ops.conv2d(x, x, {stride = {1, 1}, dil", "dilation =")
    complete(p, "nn.Conv2d{8, ker", "nn.Conv2d{8, kernel =")
    complete(p, "fmp.fit{net = 1, epo", "fmp.fit{net = 1, epochs =")
    complete(p, "io.open('below/l", "io.open('below/leaf.lua'")
    complete(p, "dofile \"bel", "dofile \"below/")
    complete(p, ":ti", ":time")
    complete(p, "?fmp.perm", "?fmp.permutation")
    complete(p, "?leaky_relu_b", "?leaky_relu_back")
    local names = list(p, "fmp.ops.conv2d")
    contains(names, "conv2d_back_data")
    contains(names, "conv2d_back_weights")
    names = list(p, "io.open 'data_")
    contains(names, "data_one.bin  data_two.bin")
    names = list(p, "nn.M")
    contains(names, "MSE      MaxPool")
    lacks(names, "Linear")
    assert.equal("1", p:line "1")
    leave(p)
    p = started()
    p:line("for i = 1, 2 do", ">> ")
    p:type "\tprint(i)\r"
    p:wait "  print(i)"
    p:prompt ">> "
    assert.equal("1\n2", p:line "end")
    leave(p)
  end)

  it("completes within what was typed on earlier lines", function()
    local p = started()
    p:line "x = fmp.ones{2}"
    p:line("fmp.ops.leaky_relu(x, {", ">> ")
    p:type "sl\t0.5})\r"
    p:wait "slope = 0.5})"
    contains(p:prompt(), "f32 [2] cpu:0\n[1 1]")
    leave(p)
  end)

  it("tells the time of what was asked, and of what takes long", function()
    local p = started()
    assert.matches("^2\n%(%d[%d.]* [um]?s%)$", p:line ":time 1 + 1")
    assert.matches("^%(%d[%d.]* [um]?s%)$", p:line ":time x = 1")
    contains(p:line ":time nosuch.x", "error: attempt to index")
    contains(p:line ":time", "usage: ")
    assert.equal("", p:line "x = 1")
    p:line "seconds = require('fmp.system').seconds"
    assert.matches("^%(%d[%d.]* s%)$",
                   p:line "local s = seconds() while seconds() - s < 1.05 do end")
    leave(p)
  end)
end)
