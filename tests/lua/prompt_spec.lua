-- SPDX-License-Identifier: Apache-2.0
-- The prompt of fmprun, driven through a pseudo-terminal, and in a pipe.
local pty = require "tests.lua.pty"
local raw = require "fmp.ffi"
local sh = require "tests.lua.shell"

local fmprun = raw.share .. "../../bin/fmprun"
local scratch, remove, session

local function contains(text, part)
  assert(text:find(part, 1, true), ("expected '%s' in: %s"):format(part, text))
end

local function lacks(text, part)
  assert(not text:find(part, 1, true), ("did not expect '%s' in: %s"):format(part, text))
end

-- fmprun on a terminal; words: its arguments. options as for pty.start.
local function start(words, options)
  options = options or {}
  local environment = {TERM = "xterm", HOME = scratch, FMP_HISTORY = scratch .. "/history",
                       XDG_STATE_HOME = false, NO_COLOR = false}
  for name, value in pairs(options.environment or {}) do environment[name] = value end
  session = pty.start({fmprun, unpack(words or {})}, {
    directory = scratch, environment = environment, columns = options.columns})
  return session
end

local function started(...)
  local p = start(...)
  p:prompt()
  return p
end

local function leave(p)
  p:type "\4"
  local status = p:finish()
  assert(status == 0, ("status %s: %s"):format(status, p:text()))
end

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

local function write(name, text)
  local file = assert(io.open(scratch .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return name
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("the prompt", function()
  setup(function() scratch, remove = sh.scratch() end)
  teardown(function() remove() end)
  before_each(function() os.remove(scratch .. "/history") end)
  after_each(function()
    if session then session:kill() end
    session = nil
  end)

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
    contains(p:line "?qqqqqqqq", "nothing is known of 'qqqqqqqq'")
    contains(p:line ":nosuch", "no command :nosuch; there are :help, :quit, :time")
    leave(p)
  end)

  it("completes names, fields, methods, attributes, commands and files", function()
    write("data_one.bin", "")
    write("data_two.bin", "")
    sh.shell("mkdir " .. scratch .. "/below && touch " .. scratch .. "/below/leaf.lua")
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

describe("the terminal", function()
  setup(function() scratch, remove = sh.scratch() end)
  teardown(function() remove() end)
  after_each(function()
    if session then session:kill() end
    session = nil
  end)

  it("may be resized while a line is typed", function()
    local p = started({}, {columns = 100})
    p:type "fmp.permut"
    p:wait "fmp.permut"
    p:resize(40)
    p:type "ation(60)\r"
    for line in p:prompt():gmatch "[^\n]+" do assert(#line < 40, line) end
    leave(p)
  end)

  it("takes letters beyond ASCII, whatever the locale", function()
    for _, locale in ipairs {"C", "C.UTF-8"} do
      local p = started({}, {environment = {LC_ALL = locale}})
      p:type "'\195\169', #'\195\169x'\127\127\195\169'\r"
      contains(p:prompt(), '"\195\169", 4')
      leave(p)
    end
  end)

  it("is in order again when a signal ends or stops the program", function()
    local p = started()
    p:type "half a li"
    p:wait "half a li"
    sh.shell("kill -TERM " .. p.process)
    assert.same({nil, 15}, {p:finish()})
    p = pty.start({"/bin/sh", "-i"}, {directory = scratch, environment = {
      PS1 = "$ ", ENV = false, TERM = "xterm", FMP_HISTORY = ""}})
    session = p
    p:prompt "$ "
    p:type(sh.quote(fmprun) .. "\r")
    p:prompt()
    p:type "6 *"
    p:wait "6 *"
    p:type "\26"
    p:prompt "$ "
    assert.matches("%sicanon", p:line("stty -a", "$ "))
    p:type "fg\r"
    p:wait "> 6 *"
    p:type "7\r"
    contains(p:prompt(), "42")
    p:type "\28"
    p:prompt "$ "
    assert.matches("%sicanon", p:line("stty -a", "$ "))
    p:type "exit\r"
    p:finish()
  end)
end)

describe("Ctrl-C at the prompt", function()
  setup(function() scratch, remove = sh.scratch() end)
  teardown(function() remove() end)
  after_each(function()
    if session then session:kill() end
    session = nil
  end)

  -- Runs code that prints "running" and then goes on for ever.
  local function interrupt(p, code)
    p:type(code .. "\r")
    p:wait "\nrunning"
    p:type "\3"
    contains(p:prompt(), "interrupted")
    assert.equal("2", p:line "1 + 1")
  end

  it("clears the line", function()
    local p = started()
    p:type "some thing"
    p:wait "some thing"
    p:type "\3"
    assert.equal("^C", (p:prompt():gsub("%s", "")))
    assert.equal("2", p:line "1 + 1")
    leave(p)
  end)

  it("clears the line when the signal comes from elsewhere", function()
    local p = started()
    p:type "some thing"
    p:wait "some thing"
    sh.shell("kill -INT " .. p.process)
    p:prompt()
    assert.equal("2", p:line "1 + 1")
    leave(p)
  end)

  it("stops engine ops, alone and in compiled functions", function()
    local p = started()
    p:line "x = fmp.ones{100, 100}"
    interrupt(p, "print 'running' while true do x:matmul(x) end")
    p:line "many = fmp.compile(function(y) for i = 1, 100 do y = y:matmul(x) end return y end)"
    p:line "many(x)"
    interrupt(p, "print 'running' while true do many(x) end")
    assert.equal('"run"', p:line "fmp.mode()")
    leave(p)
  end)

  it("leaves no recording open", function()
    local p = started()
    p:line "x = fmp.parameter(fmp.ones{4})"
    interrupt(p, "print 'running' while true do fmp.grad(function(a) return a:sum() end, x) end")
    assert.equal('"run"', p:line "fmp.mode()")
    interrupt(p, "fmp.record(function() print 'running' while true do x:sum() end end)")
    assert.equal('"run"', p:line "fmp.mode()")
    leave(p)
  end)

  it("stops loops of Lua, interpreted and compiled", function()
    local p = started()
    interrupt(p, "print 'running' while true do end")
    interrupt(p, "print 'running' local n = 0 for i = 1, 1e15 do n = n + i % 7 end")
    interrupt(p, "jit.off() print 'running' while true do end")
    p:line "jit.on()"
    p:line("function caught()", ">> ")
    p:line("  print 'running'", ">> ")
    p:line("  pcall(function() while true do end end)", ">> ")
    p:line("  while true do end", ">> ")
    p:line "end"
    p:type "caught()\r"
    p:wait "\nrunning"
    p:type "\3\3\3"
    -- The first error may be caught, and later keys count as one where they come together.
    while not pcall(function() p:wait("interrupted", 1) end) do p:type "\3" end
    p:prompt()
    assert.equal("2", p:line "1 + 1")
    leave(p)
  end)

  it("stops a training, whose parameters stay", function()
    local p = started()
    for _, line in ipairs {
      "shapes = require 'fmp.shapes'", "fmp.seed(1)",
      "net = nn.Sequential('net', nn.Flatten(), nn.Linear(10))",
      "batch = {fmp.rand{50, 8, 8, 1}, fmp.zeros{50, dtype = 'i32'}}",
      "steps = 0",
      "function running() if steps == 20 then print 'running' end end",
      "function next_batch() steps = steps + 1 running() return unpack(batch) end",
      "endless = {epoch = function() steps = 0 return next_batch end}",
      "loss, sgd = nn.CrossEntropy(), optim.SGD{lr = 0.01}",
    } do assert.equal("", p:line(line)) end
    local fit = "fmp.fit{net = net, loss = loss, optim = sgd, train = endless, epochs = 1%s}"
    interrupt(p, fit:format "")
    assert.equal('"run", 2, true', p:line "fmp.mode(), #net:parameters(), net.training")
    assert.equal("f32 [50,10] cpu:0", (p:line("net(batch[1])"):match "^[^\n]*"))
    interrupt(p, fit:format ", compile = false")
    assert.equal('"run"', p:line "fmp.mode()")
    leave(p)
  end)

  it("stops a script of -i, and stays", function()
    write("endless.lua", "print 'running' while true do end")
    local p = start {"-i", "endless.lua"}
    p:wait "\nrunning"
    p:type "\3"
    contains(p:prompt(), "interrupted")
    assert.equal("2", p:line "1 + 1")
    leave(p)
  end)
end)

describe("the history", function()
  setup(function() scratch, remove = sh.scratch() end)
  teardown(function() remove() end)
  before_each(function() os.remove(scratch .. "/history") end)
  after_each(function()
    if session then session:kill() end
    session = nil
  end)

  it("is there again in the next session, entries of many lines whole", function()
    local p = started()
    p:line "first = 1"
    p:line("function f()", ">> ")
    p:line("  return 'back\\\\slash'", ">> ")
    p:line "end"
    p:line "f()"
    p:line "f()"
    p:line "'last'"
    p:type "\27[A\27[A\27[A"
    p:wait "function f()\n  return 'back\\\\slash'\nend"
    p:type "\3"
    p:prompt()
    leave(p)
    assert.equal("first = 1\nfunction f()\\n  return 'back\\\\\\\\slash'\\nend\nf()\n'last'\n",
                 read(scratch .. "/history"))
    p = started()
    p:type "\27[A\27[A\27[A"
    p:wait "function f()\n  return 'back\\\\slash'\nend"
    p:type "\r"
    p:prompt()
    assert.equal([["back\\slash"]], p:line "f()")
    p:type "\18first"
    p:wait "first = 1"
    p:type "\r"
    p:prompt()
    leave(p)
  end)

  it("is written at once, and by several prompts into one file", function()
    local p = started()
    local q = started()
    p:line "from_p = 1"
    q:line "from_q = 2"
    p:line "from_p = 3"
    assert.equal("from_p = 1\nfrom_q = 2\nfrom_p = 3\n", read(scratch .. "/history"))
    p:kill()
    leave(q)
  end)

  it("lies in XDG_STATE_HOME, or in HOME", function()
    local state = scratch .. "/state"
    local p = started({}, {environment = {FMP_HISTORY = false, XDG_STATE_HOME = state}})
    p:line "1"
    leave(p)
    assert.equal("1\n", read(state .. "/fmp/history"))
    p = started({}, {environment = {FMP_HISTORY = false}})
    p:line "2"
    leave(p)
    assert.equal("2\n", read(scratch .. "/.local/state/fmp/history"))
  end)

  it("is done without where it cannot be written, which is said once", function()
    local p = started({}, {environment = {FMP_HISTORY = "/nowhere/at/all"}})
    contains(p:line "1", "the history is not kept: /nowhere/at/all: No such file or directory")
    assert.equal("2", p:line "2")
    p:type "\27[A\27[A\r"
    contains(p:prompt(), "\n1")
    leave(p)
    p = started({}, {environment = {FMP_HISTORY = ""}})
    assert.equal("1", p:line "1")
    leave(p)
  end)

  it("drops its older half when it has grown", function()
    local file = assert(io.open(scratch .. "/history", "w"))
    for i = 1, 70000 do file:write(("x = %011d\n"):format(i)) end
    file:close()
    local p = started()
    p:line "newest = 1"
    leave(p)
    local text = read(scratch .. "/history")
    assert(#text > 2 ^ 19 - 100 and #text < 2 ^ 19 + 2 ^ 16, #text)
    assert.matches("^x = %d+\n", text)
    assert.matches("x = 00000070000\nnewest = 1\n$", text)
    assert.equal("", (sh.shell("ls " .. scratch .. " | grep part || true")))
  end)
end)

describe("the command line", function()
  setup(function() scratch, remove = sh.scratch() end)
  teardown(function() remove() end)
  after_each(function()
    if session then session:kill() end
    session = nil
  end)

  it("-i runs a script or code and stays, after an error too", function()
    write("good.lua", "made = {...} print 'done'")
    write("bad.lua", "before = 1\nlocal function f()\n  error 'broken'\nend\nf()")
    local p = start {"-i", "good.lua", "a", "b"}
    contains(p:prompt(), "done")
    assert.equal('{"a", "b"}', p:line "made")
    leave(p)
    p = start {"-i", "bad.lua"}
    contains(p:prompt(), "error: bad.lua:3: broken\n  bad.lua:3\n  bad.lua:5")
    assert.equal("1", p:line "before")
    leave(p)
    p = started {"-i", "-e", "y = 5"}
    assert.equal("5", p:line "y")
    leave(p)
    p = started {"-l", "fmp.optim"}
    assert.equal("true", p:line "optim == fmp.optim")
    leave(p)
    p = started {"-i"}
    assert.equal("1", p:line "1")
    leave(p)
  end)

  it("in a pipe prints values and nothing else", function()
    local function pipe(text, ...)
      write("input", text)
      return sh.shell(("cd %s && %s %s < input"):format(scratch, sh.quote(fmprun),
                                                        table.concat({...}, " ")))
    end
    assert.equal("2\n", (pipe "1+1"))
    assert.same({"", 0}, {pipe ""})
    assert.equal("3\n\"a\"\n", (pipe "x = 3\nfor i = 1, 2 do\nend\nx\n'a'\n"))
    assert.equal("nn.Linear", pipe("?Linear"):match "nn.Linear" or "nn.Linear")
    assert.equal("7\n", (pipe("z + 1", "-i", "-e", "z=6")))
    assert.same({"fmprun: stdin:2: attempt to index global 'nosuch' (a nil value)\n", 1},
                {pipe "x = 1\nnosuch.y\nprint 'not reached'"})
    assert.same({"fmprun: stdin:1: '=' expected near 'y'\n", 1}, {pipe "x y\nprint 1"})
    assert.same({"fmprun: stdin:2: the input ends too early\n", 1}, {pipe "do\nprint(1)"})
    assert.same({"fmprun: stdin:2: no\n  called from stdin:4\n", 1},
                {pipe "function f()\nerror 'no'\nend\nf()"})
    assert.same({"1\n", 0}, {pipe "1\n:quit\nprint 'not reached'"})
    lacks(pipe "fmp.ones{2}\n?\n:time 1\n", "\27")
  end)

  it("writes no colours", function()
    local p = started()
    p:line "fmp.ones{2}"
    p:line "nosuch.x"
    p:line "?"
    leave(p)
    lacks(p:bytes(), "\27[3")
    lacks(p:bytes(), "\27[0m")
  end)

  it("gets on with terminals that can do little", function()
    local p = started({}, {environment = {TERM = "dumb"}})
    assert.equal("2", p:line "1 + 1")
    leave(p)
  end)
end)
