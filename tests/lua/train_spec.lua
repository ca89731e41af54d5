-- SPDX-License-Identifier: Apache-2.0
-- The training scripts as users run them, on small drawn sets.
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local shell = require "tests.lua.shell"

local directory, remove
local fmprun = require("fmp.ffi").share .. "../../bin/fmprun"

local function run(...) return shell.fmprun(directory, "", ...) end

-- A network and a set so small that a training takes a second.
local small = {"--width", "4", "--layers", "3", "--ratio", "1.9", "--epochs", "2", "--batch",
               "25", "--threads", "1"}

local function train(script, data, ...)
  local words = {script, "--data", data, unpack(small)}
  for _, word in ipairs {...} do words[#words + 1] = word end
  return run(unpack(words))
end

local function one_line(text, output, status)
  assert.equal(1, status)
  assert.truthy(output:find(text, 1, true), ("expected '%s' in: %s"):format(text, output))
  -- What was printed before goes to the other stream, but is seen here too.
  local last = output:match "([^\n]*)\n$"
  assert.truthy(last:find(text, 1, true), "more than one line: " .. output)
end

local read, write = shell.read, shell.write

describe("a training script", function()
  setup(function()
    directory, remove = shell.scratch()
    for _, format in ipairs {"cifar", "mnist"} do
      fmp.data.drawn.write(directory .. "/" .. format, format, 200, 60, 1)
    end
  end)
  teardown(function() remove() end)

  for _, format in ipairs {"cifar", "mnist"} do
    it("trains, tests, and says the error last: " .. format, function()
      local output, status = train(("train_%s.lua"):format(format), format)
      assert.equal(0, status, output)
      assert.truthy(output:find("epoch 2/2  loss", 1, true), output)
      assert.truthy(output:find("\ntest error %d+%.%d%d %% %(1 test%)\n$"), output)
      -- No terminal: nothing that moves a cursor.
      assert.falsy(output:find "[\r\27]")
    end)

    it("has a line for each count of tests: " .. format, function()
      local output = train(("train_%s.lua"):format(format), format, "--tests", "12")
      local counts = {}
      for count in output:gmatch "\ntest error [%d.]+ %% %((%d+) tests?%)" do
        counts[#counts + 1] = tonumber(count)
      end
      assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, counts)
      assert.truthy(output:find("%(12 tests%)\n$"))
    end)
  end

  it("does the same again for the same seed, and something else for another", function()
    local function result(seed)
      -- The speed differs from run to run.
      local output = train("train_cifar.lua", "cifar", "--seed", seed, "--augment")
      return (output:gsub("%d+ images/s", ""):gsub("%d+:%d%d", ""))
    end
    assert.equal(result "1", result "1")
    assert.are_not.equal(result "1", result "2")
  end)

  -- The output of two steps, without the speed, which differs from run to run, and the network.
  local function two_steps(format, ...)
    local output, status = train(("train_%s.lua"):format(format), format, "--steps", "2", ...)
    assert.equal(0, status, output)
    local lines = assert(output:match "\n(epoch .*)$", output)
    return (lines:gsub("%d+ images/s", ""):gsub("%d+:%d%d", ""))
  end

  -- Each of these is another network, other draws or another way, so another loss.
  for format, other_mode in pairs {cifar = "pseudorandom", mnist = "random"} do
    it("trains otherwise with each option: " .. format, function()
      local usual = two_steps(format)
      assert.equal(usual, two_steps(format, "--device", "cpu"))
      local options = {
        {"--mode", other_mode}, {"--window", "boundaries"}, {"--overlapping", "no"},
        {"--per", "batch"}, {"--augment"}, {"--augment", "yes"}, {"--dropout", "0.5"},
        {"--lr", "0.5"}, {"--max-norm", "0.1"}, {"--seed", "5"}, {"--batch", "20"},
        {"--width", "5"}, {"--layers", "2"}, {"--ratio", "1.6"}, {"--steps", "1"},
      }
      local seen = {[usual] = "no option"}
      for _, words in ipairs(options) do
        local result, name = two_steps(format, unpack(words)), table.concat(words, " ")
        local as_before = seen[result]
        assert(not as_before or words[1] == "--augment" and as_before == "--augment",
               name .. " is the same as " .. tostring(as_before))
        seen[result] = name
      end
      assert.truthy(two_steps(format, "--epochs", "7"):find("epoch 1/7", 1, true))
    end)
  end

  it("trains on the fine or the coarse labels of CIFAR-100, or on fewer classes", function()
    assert(fmp.system.make_directory(directory .. "/hundred"))
    for from, to in pairs {data_batch_1 = "train", test_batch = "test"} do
      local bytes, whole = {}, read(("%s/cifar/%s.bin"):format(directory, from))
      for at = 1, #whole, 3073 do
        local label = whole:byte(at)
        bytes[#bytes + 1] = string.char(2 * label, 11 * label) .. whole:sub(at + 1, at + 3072)
      end
      write(("%s/hundred/%s.bin"):format(directory, to), table.concat(bytes))
    end
    local function outputs(...)
      local output, status = train("train_cifar.lua", "hundred", "--steps", "1", ...)
      assert.equal(0, status, output)
      return output:match "Linear%((%d+)%)"
    end
    assert.equal("100", outputs())
    assert.equal("100", outputs("--classes", "100"))
    assert.equal("20", outputs("--classes", "20"))
    local few = train("train_mnist.lua", "mnist", "--classes", "12", "--steps", "1")
    assert.truthy(few:find("Linear(12)", 1, true), few)
    one_line("expected a label below 3", train("train_mnist.lua", "mnist", "--classes", "3"))
  end)

  -- A clock on which a minute passes whenever somebody looks: something is shown at each step.
  local clock = "local s, n = require 'fmp.system', 0; "
                .. "s.seconds = function() n = n + 60 return n end"

  it("has lines that stay, with the time left, where the output is no terminal", function()
    local output = run("-e", clock, "train_mnist.lua", "--data", "mnist", "--tests", "2",
                       unpack(small))
    assert.truthy(output:find("\nepoch 1/2  %s*%d+ %%  loss [%d.]+  error [%d.]+ %%  %d+ images/s  "
                              .. "[%d:]+ left\n"), output)
    assert.falsy(output:find "[\r\27]")
  end)

  it("draws a bar on a terminal, and leaves nothing of it", function()
    local words = {shell.quote(fmprun), "-e", shell.quote(clock), "train_mnist.lua", "--data",
                   "mnist", unpack(small)}
    local output, status = shell.shell(("cd %s && TERM=xterm script -qec %s /dev/null </dev/null")
      :format(directory, shell.quote("stty cols 90; " .. table.concat(words, " "))))
    assert.equal(0, status, output)
    local _, bars = output:gsub("\repoch 1/2 %[=* *%] loss [%d.]+  error [%d.]+ %%  "
                                .. "%d+ images/s  [%d:]+ left\27%[K", "")
    assert.equal(8, bars, output) -- of 8 steps
    assert.truthy(output:find("\repoch 1/2 test %[=+%] error [%d.]+ %%  [%d:]+\27%[K"), output)
    assert.truthy(output:find("\r\27%[Kepoch 2/2  loss [^\r\27]*\r\n"
                              .. "test error [%d.]+ %% %(1 test%)\r\n$"), output)
  end)

  it("says in one line what is wrong with the data, with status 1", function()
    local bytes = read(directory .. "/cifar/data_batch_1.bin")
    local test = read(directory .. "/cifar/test_batch.bin")
    local cases = {
      {"no data in 'missing'", nil},
      {"data_batch_1.bin", ""},
      {"data_batch_1.bin", bytes:sub(1, 5000)},
      {"data_batch_1.bin", "\11" .. bytes:sub(2)},
    }
    for i, case in ipairs(cases) do
      local data = case[2] and "bad" .. i or "missing"
      if case[2] then
        assert(fmp.system.make_directory(directory .. "/" .. data))
        write(directory .. "/" .. data .. "/data_batch_1.bin", case[2])
        write(directory .. "/" .. data .. "/test_batch.bin", test)
      end
      one_line(case[1], train("train_cifar.lua", data))
    end
    one_line("--classes 20: the files have 10", train("train_cifar.lua", "cifar", "--classes",
                                                      "20"))
  end)

  it("says in one line what cannot be trained, with status 1", function()
    one_line("fit: the loss is nan at step",
             train("train_cifar.lua", "cifar", "--lr", "1e30"))
    one_line("fmp_sizes: expected ratio above 1, got 1",
             train("train_cifar.lua", "cifar", "--ratio", "1"))
    one_line("fmp_sizes: expected ratio above 1, got 0",
             train("train_mnist.lua", "mnist", "--ratio", "0"))
    one_line("train_mnist.lua: --ratio: expected at least 0, got -2; see --help",
             train("train_mnist.lua", "mnist", "--ratio", "-2"))
    one_line("fmp_sizes: expected an input of at most 65535 pixels",
             train("train_mnist.lua", "mnist", "--layers", "90"))
    one_line("--mode", train("train_cifar.lua", "cifar", "--mode", "spiral"))
    one_line("--window fixed: its regions always overlap",
             train("train_cifar.lua", "cifar", "--window", "fixed", "--overlapping", "no"))
  end)

  it("tests on fewer images than are in a batch", function()
    local output, status = train("train_mnist.lua", "mnist", "--batch", "100")
    assert.equal(0, status, output)
  end)
end)

describe("fmp.data.drawn", function()
  setup(function() directory, remove = shell.scratch() end)
  teardown(function() remove() end)

  it("draws the same set for a seed, with every class", function()
    local names = {"a", "b", "c"}
    for i, name in ipairs(names) do
      fmp.data.drawn.write(directory .. "/" .. name, "cifar", 300, 5, i == 3 and 2 or 1)
    end
    local a = read(directory .. "/a/data_batch_1.bin")
    assert.equal(300 * 3073, #a)
    assert.equal(a, read(directory .. "/b/data_batch_1.bin"))
    assert.are_not.equal(a, read(directory .. "/c/data_batch_1.bin"))
    local seen = {}
    for i = 0, 299 do seen[a:byte(i * 3073 + 1)] = true end
    for class = 0, 9 do assert.is_true(seen[class]) end
  end)

  it("is kept in the cache once it is drawn, and is whole there", function()
    local small_set = "local s = fmp.data.drawn local write = s.write; "
      .. "s.write = function(d, f) print 'drawn' write(d, f, 20, 10, 1) end; "
      .. "print(s.default 'mnist')"
    local environment = "XDG_CACHE_HOME=" .. shell.quote(directory .. "/cache")
    local first = shell.fmprun(directory, environment, "-e", small_set)
    local second = shell.fmprun(directory, environment, "-e", small_set)
    assert.equal("drawn\n" .. second, first)
    assert.equal(16 + 20 * 784, #read(second:match "[^\n]+" .. "/train-images-idx3-ubyte"))
    assert.equal(second, (shell.shell("ls -d " .. directory .. "/cache/fmp/*")))
  end)

  it("is drawn aside, and leaves nothing there when that fails or another was faster", function()
    local code = "local s = fmp.data.drawn local write = s.write; s.write = function(d, f) %s end; "
                 .. "print(pcall(s.default, 'cifar'))"
    local function left_by(name, body)
      local output = shell.fmprun(directory, "XDG_CACHE_HOME=" .. shell.quote(directory .. name),
                                  "-e", code:format("write(d, f, 20, 10, 1) " .. body))
      return output, (shell.shell(("ls %s%s/fmp"):format(directory, name)))
    end
    local output, left = left_by("/failing", "error 'full'")
    assert.truthy(output:find "^false.*full")
    assert.equal("", left)
    output, left = left_by("/racing", "write(d:match '^(.*)%.%d+$', f, 30, 10, 1)")
    assert.truthy(output:find "^true")
    assert.equal("shapes-1-cifar\n", left)
    assert.equal(30 * 3073, #read(directory .. "/racing/fmp/shapes-1-cifar/data_batch_1.bin"))
  end)

  it("writes over no file", function()
    for format, name in pairs {cifar = "test_batch.bin", mnist = "t10k-labels-idx1-ubyte"} do
      local path = ("%s/mine-%s/%s"):format(directory, format, name)
      assert(fmp.system.make_directory(path:match "^.*/"))
      write(path, "mine")
      local output, status = run("make_shapes.lua", "mine-" .. format, "--format", format)
      one_line(name .. " exists already", output, status)
      assert.equal("mine", read(path))
      assert.equal(name .. "\n", (shell.shell("ls " .. path:match "^.*/")))
    end
  end)

  it("says where it cannot write, and what it cannot draw", function()
    write(directory .. "/file", "")
    fails("Not a directory", fmp.data.drawn.write, directory .. "/file/x", "cifar", 1, 1, 1)
    fails("/file/x: Not a directory", fmp.data.drawn.write, directory .. "/file/x/y", "cifar", 1,
          1, 1)
    fails("data.drawn: expected images to train as a whole number from 1 to 2147483647, "
          .. "got 0",
          fmp.data.drawn.write, directory, "cifar", 0, 1, 1)
    one_line("make_shapes.lua: argument for option '--format' must be one of 'cifar', 'mnist'",
             run("make_shapes.lua", "x", "--format", "gif"))
    fails("no format 'gif'", fmp.data.drawn.write, directory, "gif", 1, 1, 1)
    local output, status = shell.fmprun(directory, "XDG_CACHE_HOME=/proc/none",
                                        "train_cifar.lua", "--steps", "1")
    one_line("data.drawn: cannot make the directory /proc/none", output, status)
  end)
end)
