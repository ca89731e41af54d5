-- SPDX-License-Identifier: Apache-2.0
-- The prompt of fmprun among signals, files, pipes and options.
local prompt = require "tests.lua.prompt"
local sh = require "tests.lua.shell"

local contains, lacks = prompt.contains, prompt.lacks
local start, started, leave = prompt.start, prompt.started, prompt.leave
local read, write = prompt.read, prompt.write

describe("the terminal", function()
  setup(prompt.setup)
  teardown(prompt.teardown)
  after_each(prompt.after_each)

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
    p = prompt.start_program({"/bin/sh", "-i"}, {environment = {PS1 = "$ ", ENV = false}})
    p:prompt "$ "
    p:type(sh.quote(prompt.fmprun) .. "\r")
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
  setup(prompt.setup)
  teardown(prompt.teardown)
  after_each(prompt.after_each)

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
      "shapes = require 'fmp.data.drawn'", "fmp.seed(1)",
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
  setup(prompt.setup)
  teardown(prompt.teardown)
  before_each(function() os.remove(prompt.scratch .. "/history") end)
  after_each(prompt.after_each)

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
                 read(prompt.scratch .. "/history"))
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
    assert.equal("from_p = 1\nfrom_q = 2\nfrom_p = 3\n", read(prompt.scratch .. "/history"))
    p:kill()
    leave(q)
  end)

  it("lies in XDG_STATE_HOME, or in HOME", function()
    local state = prompt.scratch .. "/state"
    local p = started({}, {environment = {FMP_HISTORY = false, XDG_STATE_HOME = state}})
    p:line "1"
    leave(p)
    assert.equal("1\n", read(state .. "/fmp/history"))
    p = started({}, {environment = {FMP_HISTORY = false}})
    p:line "2"
    leave(p)
    assert.equal("2\n", read(prompt.scratch .. "/.local/state/fmp/history"))
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
    local file = assert(io.open(prompt.scratch .. "/history", "w"))
    for i = 1, 70000 do file:write(("x = %011d\n"):format(i)) end
    file:close()
    local p = started()
    p:line "newest = 1"
    leave(p)
    local text = read(prompt.scratch .. "/history")
    assert(#text > 2 ^ 19 - 100 and #text < 2 ^ 19 + 2 ^ 16, #text)
    assert.matches("^x = %d+\n", text)
    assert.matches("x = 00000070000\nnewest = 1\n$", text)
    assert.equal("", (sh.shell("ls " .. prompt.scratch .. " | grep part || true")))
  end)
end)

describe("the command line", function()
  setup(prompt.setup)
  teardown(prompt.teardown)
  after_each(prompt.after_each)

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
      return sh.shell(("cd %s && %s %s < input"):format(prompt.scratch, sh.quote(prompt.fmprun),
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
