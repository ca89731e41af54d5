-- SPDX-License-Identifier: Apache-2.0
--- The command line of fmprun.
--
--   fmprun [options] SCRIPT [arguments]     fmprun plugins | ops [NAME] | new-plugin NAME
--   fmprun                                  the prompt
--
-- Everything after SCRIPT belongs to the script and is not looked at.

local argparse = require "fmp.argparse"
local failure = require "fmp.failure"
local raw = require "fmp.ffi"
local system = require "fmp.system"

local M = {}

-- -- running scripts ---------------------------------------------------------

-- The script's file: as named, or else among the installed ones.
local function find_script(name)
  if name == "-" then return nil end
  if system.is_readable(name) then return name end
  local installed = raw.share .. "scripts/" .. name
  if name:sub(1, 1) ~= "/" and system.is_readable(installed) then return installed end
  error(("no script %s, and none of that name in %sscripts"):format(name, raw.share), 0)
end

-- Code given with -e may use the library without requiring it.
local function code_environment()
  return setmetatable({fmp = require "fmp"}, {__index = _G, __newindex = _G})
end

local function run_code(code, environment)
  local chunk, why = loadstring(code, "=(command line)")
  if not chunk then error(why, 0) end
  setfenv(chunk, environment)()
end

-- arg as the stand-alone Lua sets it: the script at 0, the words before it at negative indices.
local function renumber(words, position)
  local renumbered = {}
  for i = 0, #words do renumbered[i - position] = words[i] end
  return renumbered
end

local function run_script(words, position)
  local path = find_script(words[position])
  local chunk, why = loadfile(path)
  if not chunk then error(why, 0) end
  _G.arg = renumber(words, position)
  chunk(unpack(words, position + 1))
end

-- -- commands ----------------------------------------------------------------

local commands = {}

function commands.plugins()
  require "fmp"
  print(require("fmp.help").plugin_list())
end

function commands.ops(options)
  local ops, help = require("fmp").ops, require "fmp.help"
  print(options.name and help.op_details(ops[options.name]) or help.op_list())
end

commands["new-plugin"] = function(options)
  local path = require("fmp.newplugin").write(options.name, options.directory, options.cxx)
  print(("wrote %s; next:\n  cmake -S %s -B %s-build && cmake --build %s-build && "
         .. "ctest --test-dir %s-build"):format(path, path, path, path, path))
end

-- -- the command line --------------------------------------------------------

local usage = [[
Usage: fmprun [options] SCRIPT [arguments of the script]
       fmprun [options] -               (a script from standard input)
       fmprun [-i] [options]            (a prompt)
       fmprun ops [NAME] | plugins | new-plugin NAME [DIR] [--cxx] ]]

local function make_parser()
  local parser = argparse("fmprun", "Runs Lua scripts that compose and train networks.")
  parser:usage(usage)
  parser:epilog("A script that is not found at the given path is looked up among the "
                .. "installed ones. Scripts say require \"fmp\"; code given with -e has fmp. "
                .. "At the prompt ? shows help; in a pipe the prompt prints values only, and the "
                .. "first error ends it with status 1.")
  parser:require_command(false):command_target("command")
  parser:flag("-i", "Stay in the prompt after the script, or the code of -e."):target("stay")
  parser:option("-e", "Run this code."):argname("CODE"):count("*"):target("code")
  parser:option("-l", "Require this module, and give it to -e as a global of its name.")
    :argname("NAME"):count("*"):target("modules")
  parser:flag("--explain", "Report each choice of a kernel on stderr.")
  parser:flag("--profile", "At the end, report on stderr where the time of compiled steps went.")
  parser:flag("--version", "Print the version and exit."):action(function()
    print("fmprun " .. raw.version())
    os.exit(0)
  end)
  parser:command("plugins", "List the plugins that are loaded.")
  parser:command("ops", "List all ops, or describe one.")
    :argument("name", "The op to describe."):args("?")
  local new = parser:command("new-plugin", "Write a plugin with one op, to start from.")
  new:argument("name", "The op's name: letters, digits and _.")
  new:argument("directory", "Where to put it; must not exist. Default: NAME."):args("?")
  new:flag("--cxx", "In C++17 rather than C.")
  return parser
end

local takes_value = {["-e"] = true, ["-l"] = true}

-- The index of the first word that is neither an option nor an option's value.
local function first_word(words)
  local i = 1
  while words[i] do
    local word = words[i]
    if word == "-" or word:sub(1, 1) ~= "-" then return i end
    i = i + (takes_value[word] and 2 or 1)
  end
end

local function slice(words, first, last)
  local part = {}
  for i = first, last do part[#part + 1] = words[i] end
  return part
end

-- Whether a report is to be printed at the end.
local profiling = false

local function start_profile()
  profiling = true
  require("fmp.profile").start()
end

local function run_options(options, environment)
  if options.explain then raw.kernel_explain(true) end
  if options.profile then start_profile() end
  for _, name in ipairs(options.modules) do environment[name:match "[^.]+$"] = require(name) end
  for _, code in ipairs(options.code) do run_code(code, environment) end
end

-- Everything that the command line asks for except the prompt.
local function run_all(words, position, options, environment)
  run_options(options, environment)
  if options.command then
    commands[options.command](options)
  elseif position then
    run_script(words, position)
  end
end

-- The report is also printed after a run that failed or was stopped.
local function report_profile()
  if profiling then io.stderr:write(require("fmp.profile").text(), "\n") end
end

-- With nothing else to do, a prompt, as in other interpreters.
local function wants_prompt(options, position)
  return options.stay or not position and #options.code == 0 and not options.command
end

local function run(words)
  local parser, position = make_parser(), first_word(words)
  local is_command = position and commands[words[position]]
  local last = (is_command or not position) and #words or position - 1
  local ok, options = parser:pparse(slice(words, 1, last))
  if not ok then error(options .. "; see fmprun --help", 0) end
  local needs_code = #options.code > 0 or #options.modules > 0 or wants_prompt(options, position)
  local environment = needs_code and code_environment() or nil
  local function before() run_all(words, position, options, environment) end
  if wants_prompt(options, position) then return require("fmp.prompt").run(environment, before) end
  before()
  return 0
end

--- Runs fmprun for words, a table like `arg`; returns the exit status.
function M.main(words)
  local ok, result, frames = failure.call(xpcall, function() return run(words) end)
  report_profile()
  if ok then return result end
  -- error() without a message: the script has said all that it wanted to.
  if result ~= nil then failure.report(failure.describe(result, frames)) end
  return 1
end

return M
