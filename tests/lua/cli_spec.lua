-- SPDX-License-Identifier: Apache-2.0
-- fmprun as others see it: output, messages, exit status.
local fmp = require "fmp"
local raw = require "fmp.ffi"

local fmprun = raw.share .. "../../bin/fmprun"
local scratch

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- Runs a shell command; returns what it printed, on both streams, and its exit status.
local function shell(command)
  local pipe = io.popen("{ " .. command .. " ; } 2>&1; echo \"[status $?]\"")
  local text = pipe:read "*a"
  pipe:close()
  local output, status = text:match "^(.*)%[status (%d+)%]\n$"
  return output, tonumber(status)
end

local function run(...)
  local words = {quote(fmprun)}
  for i, word in ipairs {...} do words[i + 1] = quote(word) end
  return shell("cd " .. scratch .. " && " .. table.concat(words, " "))
end

local function write(name, text)
  local file = assert(io.open(scratch .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return name
end

local function contains(text, part)
  assert(text:find(part, 1, true), ("expected '%s' in: %s"):format(part, text))
end

describe("fmprun", function()
  setup(function() scratch = shell("mktemp -d"):match "%S+" end)
  teardown(function() shell("rm -r " .. quote(scratch)) end)

  it("runs a script, whose arguments are its own", function()
    local script = write("s.lua", [[
      print(select("#", ...), ...)
      print(arg[0], arg[1], arg[2], arg[3], #arg)
    ]])
    local output, status = run("--explain", script, "--help", "a b", "-e")
    assert.equal(0, status)
    assert.equal("3\t--help\ta b\t-e\ns.lua\t--help\ta b\t-e\t3\n", output)
  end)

  it("runs a script with a shebang, and one from standard input", function()
    write("bang.lua", "#!/usr/bin/env fmprun\nprint(#arg)")
    assert.equal("1\n", (run("bang.lua", "x")))
    local output = shell("echo 'print(7 * 6, ...)' | " .. quote(fmprun) .. " - q")
    assert.equal("42\tq\n", output)
  end)

  it("runs code, which has fmp and the modules that -l names", function()
    assert.equal("3\n", (run("-e", "print(fmp.ones{3}:sum():item())")))
    assert.equal("1\n2\n", (run("-e", "x = 1 print(x)", "-e", "print(x + 1)")))
    assert.equal("function\n", (run("-l", "fmp.optim", "-e", "print(type(optim.SGD))")))
  end)

  it("finds installed scripts, not commands' names", function()
    write("ops", "print 'mine'")
    assert.equal("mine\n", (run("./ops")))
    local output, status = run("no_such_script.lua")
    assert.equal(1, status)
    contains(output, "fmprun: no script no_such_script.lua, and none of that name in ")
  end)

  it("reports a script's error with its line, in one line, with status 1", function()
    write("bad.lua", "local fmp = require 'fmp'\nlocal x = fmp.ones{2}\n"
                     .. "local y = x + fmp.ones{3}\nprint(y)")
    local output, status = run("bad.lua")
    assert.equal(1, status)
    contains(output, "fmprun: bad.lua:3: add: ")
    assert.is_nil(output:find("[C]", 1, true))
    assert.is_nil(output:find("stack traceback", 1, true))
    assert.equal(1, select(2, output:gsub("\n", "")))
    write("syntax.lua", "x = = 1")
    contains(run("syntax.lua"), "fmprun: syntax.lua:1:")
    contains(run("-e", "error{}"), "fmprun: table:")
  end)

  it("tells from where a failing function was called", function()
    write("deep.lua", "local function f()\n  error 'no'\nend\nlocal function g()\n  f()\n"
                      .. "  return 1\nend\nrequire('fmp').record(g)")
    local output = run("deep.lua")
    contains(output, "fmprun: deep.lua:2: no\n")
    contains(output, "called from deep.lua:8")
  end)

  it("lists ops and describes one", function()
    local output, status = run("ops")
    assert.equal(0, status)
    for _, name in ipairs(raw.op_names()) do contains(output, name .. " ") end
    output = run("ops", "sum")
    for _, part in ipairs {"sum(x) -> (y)", "axes: list of i64", "gradient: yes", "cpu/ref",
                           "plugin: math"} do
      contains(output, part)
    end
    contains(run("ops", "argmax"), "gradient: no")
    output, status = run("ops", "summ")
    assert.equal(1, status)
    contains(output, "did you mean 'sum'?")
  end)

  it("lists plugins, and warns of those that are refused", function()
    contains(run("plugins"), "math 1.0 (ABI 1.0): ")
    write("fmp_broken.so", "not a shared object")
    local output, status = shell("FMP_PLUGIN_PATH=" .. quote(scratch) .. " " .. quote(fmprun)
                                 .. " plugins")
    assert.equal(0, status)
    contains(output, "fmp_broken.so")
    contains(output, "math 1.0")
  end)

  it("reports kernel choices", function()
    contains(run("--explain", "-e", "fmp.ops.matmul(fmp.ones{2,2}, fmp.ones{2,2})"), "matmul")
  end)

  it("prints version and help", function()
    assert.equal("fmprun " .. fmp.version .. "\n", (run("--version")))
    local output, status = run("--help")
    assert.equal(0, status)
    contains(output, "Usage: fmprun [options] SCRIPT")
    contains(output, "new-plugin")
    output, status = run("--nonsense")
    assert.equal(1, status)
    contains(output, "--nonsense")
  end)

  -- Sends the signal once the script says that it runs: starting takes as long as it takes.
  -- A shell lets what runs in its background ignore SIGINT; env does not.
  local interrupt = [[env --default-signal=INT %s -e %s >%s/out 2>&1 & pid=$!
    until grep -q ready %s/out; do sleep 0.02; done
    sleep 0.1; kill -INT $pid; wait $pid; status=$?; cat %s/out; exit $status]]

  it("stops at Ctrl-C, in Lua and in the engine", function()
    for name, code in pairs {
      lua = "jit.off() while true do end",
      engine = "local x = fmp.ones{100, 100} while true do x:matmul(x) end",
    } do
      code = 'print "ready" io.flush() ' .. code
      local output, status = shell("(" .. interrupt:format(quote(fmprun), quote(code), scratch,
                                                           scratch, scratch) .. ")")
      assert.equal(130, status, name .. ": " .. output)
      assert(output:find("interrupted", 1, true), name .. ": " .. output)
    end
  end)
end)

describe("fmprun new-plugin", function()
  local function compiler(name)
    return select(2, shell("command -v " .. name)) == 0
  end

  setup(function() scratch = shell("mktemp -d"):match "%S+" end)
  teardown(function() shell("rm -r " .. quote(scratch)) end)

  local languages = {
    {command = "gcc -std=c11", flags = {}, source = "src/softish.c", needs = "gcc"},
    {command = "g++ -std=c++17", flags = {"--cxx"}, source = "src/softish.cpp", needs = "g++"},
  }

  for _, language in ipairs(languages) do
    it("writes a plugin that builds without warnings and passes its test: " .. language.needs,
    function()
      if not compiler(language.needs) then pending(language.needs .. " is not installed") end
      local directory = "plugin_" .. #language.flags
      local output, status = run("new-plugin", "softish", directory, unpack(language.flags))
      assert.equal(0, status, output)
      output, status = shell(([[cd %s/%s && %s -O2 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        -fPIC -shared -fvisibility=hidden -I %s../../include %s -lm -o fmp_softish.so]]):format(
        scratch, directory, language.command, raw.share, language.source))
      assert.equal(0, status, output)
      output, status = shell(("cd %s/%s && FMP_PLUGIN_PATH=. %s test/softish_test.lua"):format(
        scratch, directory, quote(fmprun)))
      assert.equal("softish: ok\n", output)
      assert.equal(0, status)
      output = shell(("grep -rl swish %s/%s"):format(scratch, directory))
      assert.equal("", output)
    end)
  end

  it("refuses names that C or Lua does not allow, and directories that exist", function()
    for _, name in ipairs {"9op", "a-b", "int", "end", "a b", "../x"} do
      local output, status = run("new-plugin", name)
      assert.equal(1, status)
      contains(output, "expected a name")
    end
    shell("mkdir " .. scratch .. "/there")
    local output, status = run("new-plugin", "there")
    assert.equal(1, status)
    contains(output, "there exists already")
  end)

  it("leaves nothing behind where it fails", function()
    local output, status = run("new-plugin", "lost", "no/such/directory")
    assert.equal(1, status)
    contains(output, "No such file")
    assert.equal("", (shell("ls -A " .. scratch .. " | grep -E 'lost|XXXXXX|no'")))
  end)
end)
