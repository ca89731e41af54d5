-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local fails = require "tests.lua.fails"
local shell = require "tests.lua.shell"

local declaration = {
  name = "train.lua", summary = "Trains.",
  options = {
    {"width", 64, "filters", min = 1},
    {"rate", 0.5, "a number"},
    {"mode", "random", "steps", choices = {"random", "pseudorandom"}},
    {"overlapping", true, "share a row"},
    {"dry-run", false, "do nothing"},
    {"epochs", 250},
    {"lr", false, "none unless given", type = "number"},
  },
}

describe("fmp.args", function()
  it("has the common options alone", function()
    local opt = fmp.args("--data", "x/y", "--seed", "3", "--batch", "20")
    assert.equal("x/y", opt.data)
    assert.equal(20, opt.batch)
    assert.equal(10, opt.epochs)
    assert.is_nil(opt.steps)
    assert.is_true(opt.given.seed)
    assert.is_false(opt.given.epochs)
    assert.same({seed = 3, step = 0}, fmp.random_state())
    assert.equal(1, fmp.args().seed)
  end)

  it("takes values of each type, and defaults", function()
    local opt = fmp.args(declaration, "--width", "16", "--rate=0.25", "--mode", "pseudorandom",
                         "--dry-run")
    assert.equal(16, opt.width)
    assert.equal(0.25, opt.rate)
    assert.equal("pseudorandom", opt.mode)
    assert.is_true(opt.overlapping)
    assert.is_true(opt.dry_run)
    assert.equal(250, opt.epochs)
    assert.is_nil(opt.lr)
    assert.equal(0.1, fmp.args(declaration, "--lr", "0.1").lr)
  end)

  it("reads yes and no", function()
    for word, value in pairs {yes = true, no = false, ["true"] = true, off = false} do
      assert.equal(value, fmp.args(declaration, "--overlapping", word).overlapping)
    end
    assert.is_false(fmp.args(declaration, "--overlapping=no", "--width", "2").overlapping)
    assert.is_true(fmp.args(declaration, "--overlapping", "--width", "2").overlapping)
  end)

  it("sets the threads", function()
    local before = fmp.threads()
    fmp.args("--threads", "1")
    assert.equal(1, fmp.threads())
    fmp.threads(before)
  end)

  it("refuses declarations that cannot be", function()
    fails("args: expected each option as {name, default, help}", fmp.args, {options = {3}})
    fails("args: option x: no type 'int'", fmp.args, {options = {{"x", 1, type = "int"}}})
    fails("args: option x is declared twice", fmp.args, {options = {{"x", 1}, {"x", 2}}})
  end)
end)

describe("a script's command line", function()
  local directory, remove

  setup(function()
    directory, remove = shell.scratch()
    local file = assert(io.open(directory .. "/train.lua", "w"))
    file:write [[
      local opt = require("fmp").args({summary = "Trains.", options = {
        {"width", 64, "filters", min = 1}, {"overlapping", true, "share a row"},
        {"mode", "a", "steps", choices = {"a", "b"}}}}, ...)
      print(opt.width)]]
    file:close()
  end)
  teardown(function() remove() end)

  it("is refused in one line, with status 1", function()
    local cases = {
      {"--width", "x", "train.lua: --width: expected a whole number, got 'x'; see --help"},
      {"--width", "0.5", "train.lua: --width: expected a whole number, got '0.5'; see --help"},
      {"--width", "0", "train.lua: --width: expected at least 1, got 0; see --help"},
      {"--width", "-3", "train.lua: --width: expected at least 1, got -3; see --help"},
      {"--width", "1e99", "train.lua: --width: expected a number below 2^53, got 1e99; see --help"},
      {"--lr", "nan", "train.lua: --lr: expected a number, got 'nan'; see --help"},
      {"--lr", "inf", "train.lua: --lr: expected a number below infinity, got inf; see --help"},
      {"--lr", "-0.5", "train.lua: --lr: expected at least 0, got -0.5; see --help"},
      {"--lr", nil, "train.lua: option '--lr' requires an argument; see --help"},
      {"more", nil, "train.lua: too many arguments; see --help"},
      {"--threads", "0", "train.lua: --threads: expected at least 1, got 0; see --help"},
      {"--threads", "9999", "train.lua: --threads: expected 1 to 4096 threads, got 9999; "
                            .. "see --help"},
      {"--device", "nosuch", "train.lua: --device: no device 'nosuch'; see --help"},
      {"--device", "cup", "train.lua: --device: no device 'cup'; did you mean 'cpu'?; see --help"},
      {"--overlapping", "2", "train.lua: --overlapping: expected yes or no, got '2'; see --help"},
      {"--mode", "c",
       "train.lua: argument for option '--mode' must be one of 'a', 'b'; see --help"},
      {"--wdth", "3", "train.lua: unknown option '--wdth'; Did you mean '--width'?; see --help"},
    }
    for _, case in ipairs(cases) do
      local output, status = shell.fmprun(directory, "", "train.lua", case[1], case[2])
      assert.equal(case[3] .. "\n", output)
      assert.equal(1, status)
    end
  end)

  it("explains itself", function()
    local output, status = shell.fmprun(directory, "", "train.lua", "--help")
    assert.equal(0, status)
    for _, part in ipairs {"Trains.", "--width N", "filters (64)", "--overlapping [yes|no]",
                           "share a row (yes)", "--threads N"} do
      assert.truthy(output:find(part, 1, true), part)
    end
  end)
end)
