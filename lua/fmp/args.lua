-- SPDX-License-Identifier: Apache-2.0
--- fmp.args(...): the command line of a script, by lua-argparse:
--
--   local opt = fmp.args(...)                    -- the common options, below
--   local opt = fmp.args({summary = "Trains ...", options = {
--     {"width", 64, "filters of the first layer"},
--     {"mode", "random", "how regions are drawn", choices = {"random", "pseudorandom"}},
--     {"epochs", 250},                           -- a common option with another default
--   }}, ...)
--
-- An option is {name, default, help, type =, choices =, min =, max =}. type is "integer", "number",
-- "string" or "boolean", and need not be given where there is a default. A default of nil means
-- that of the common option of the same name, if there is one; false means no default even then.
-- --help prints all options. Seed, threads and device take effect at once. An invalid option ends
-- the script with a message of one line and status 1.

local argparse = require "fmp.argparse"
local raw = require "fmp.ffi"
local device = require "fmp.device"
local random = require "fmp.random"

-- What nearly every script has, in the order of --help.
local common = {
  {"data", nil, "the data's directory", type = "string"},
  {"epochs", 10, "passes over the training data", min = 1},
  {"steps", nil, "end after this many steps, if that is earlier", type = "integer", min = 1},
  {"batch", 50, "examples in a batch", min = 1},
  {"lr", 0.01, "learning rate at the start", type = "number", min = 0},
  {"seed", 1, "seed for everything that is random", min = 0},
  {"threads", nil, "threads to compute with (one per core)", type = "integer", min = 1},
  {"device", nil, "where to compute: cpu, cuda:1, ...", type = "string"},
  {"autotune", nil, "measure which kernels are the fastest, and keep the choices in this file",
   type = "string"},
}

local words_for = {
  yes = true, ["true"] = true, on = true, ["1"] = true,
  no = false, ["false"] = false, off = false, ["0"] = false,
}

-- Above this, a double cannot hold every whole number.
local LARGEST_WHOLE = 2 ^ 53

local function number_of(row, text, whole)
  local value = tonumber(text)
  if not value or value ~= value or whole and value % 1 ~= 0 then
    return nil, ("--%s: expected a %snumber, got '%s'"):format(row.name, whole and "whole " or "",
                                                             text)
  end
  if math.abs(value) >= (whole and LARGEST_WHOLE or math.huge) then
    return nil, ("--%s: expected a number below %s, got %s"):format(
      row.name, whole and "2^53" or "infinity", text)
  end
  if row.min and value < row.min then
    return nil, ("--%s: expected at least %g, got %s"):format(row.name, row.min, text)
  end
  if row.max and value > row.max then
    return nil, ("--%s: expected at most %g, got %s"):format(row.name, row.max, text)
  end
  return value
end

-- The value of a word; nil and a message if it has none.
local convert = {}

function convert.integer(row, text) return number_of(row, text, true) end
function convert.number(row, text) return number_of(row, text, false) end
function convert.string(_, text) return text end

function convert.boolean(row, text)
  local value = words_for[text:lower()]
  if value == nil then
    return nil, ("--%s: expected yes or no, got '%s'"):format(row.name, text)
  end
  return value
end

local function type_of(default)
  if type(default) == "number" then return default % 1 == 0 and "integer" or "number" end
  return default == nil and "string" or type(default)
end

local function check_row(given)
  if type(given) ~= "table" or type(given[1]) ~= "string" then
    raw.fail("args: expected each option as {name, default, help}")
  end
  if given.type and not convert[given.type] then
    raw.fail("args: option %s: no type '%s'; there are integer, number, string, boolean",
             given[1], tostring(given.type))
  end
end

-- An option as declared; what it leaves out comes from the common option of its name, if any.
local function declare(given, base)
  base = base or {}
  local kind = given.type or base.type or type_of(given[2])
  local default = given[2]
  if default == nil then default = base.default end
  if default == false and kind ~= "boolean" then default = nil end
  return {
    name = given[1], default = default, help = given[3] or base.help or "",
    type = kind, choices = given.choices or base.choices,
    min = given.min or base.min, max = given.max or base.max,
  }
end

-- All options in order: the script's own first, then the common ones that are left.
local function declared(options)
  local bases, rows, seen = {}, {}, {}
  for _, row in ipairs(common) do bases[row[1]] = declare(row) end
  for _, given in ipairs(options) do
    check_row(given)
    local row = declare(given, bases[given[1]])
    if seen[row.name] then raw.fail("args: option %s is declared twice", row.name) end
    rows[#rows + 1], seen[row.name] = row, true
  end
  for _, row in ipairs(common) do
    if not seen[row[1]] then rows[#rows + 1] = bases[row[1]] end
  end
  return rows
end

local function shown(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  return type(value) == "number" and ("%.6g"):format(value) or tostring(value)
end

local metavars = {integer = "N", number = "X", string = "WORD", boolean = "yes|no"}

local function add_option(parser, row)
  local help = row.help
  if row.default ~= nil then help = ("%s (%s)"):format(help, shown(row.default)) end
  local option = parser:option("--" .. row.name, help):target(row.name)
  option:convert(function(text) return convert[row.type](row, text) end)
  option:argname(row.choices and table.concat(row.choices, "|") or metavars[row.type])
  if row.choices then option:choices(row.choices) end
  -- A switch alone means yes.
  if row.type == "boolean" then option:args "?" end
end

local function make_parser(declaration, rows)
  local parser = argparse(declaration.name or (arg and arg[0] or "script"):match "[^/]*$",
                          declaration.summary)
  parser:usage_max_width(96):help_max_width(96)
  for _, row in ipairs(rows) do add_option(parser, row) end
  return parser
end

-- Values by name, "-" in names as "_", with defaults; given tells which were on the line.
local function values(rows, parsed)
  local opt = {given = {}}
  for _, row in ipairs(rows) do
    local value, key = parsed[row.name], row.name:gsub("-", "_")
    opt.given[key] = value ~= nil
    -- An option with an optional argument comes as a list.
    if type(value) == "table" then
      value = value[1]
      if value == nil then value = true end
    end
    if value == nil then value = row.default end
    opt[key] = value
  end
  return opt
end

-- What takes effect at once, and how; each may refuse.
local effects = {
  {"device", device.device}, {"threads", device.threads}, {"seed", random.seed},
  {"autotune", device.autotune},
}

-- True, or false and what is wrong with which option. The position of the script's call is
-- removed from the message: the fault is not there.
local function apply(opt)
  for _, effect in ipairs(effects) do
    local name, set = effect[1], effect[2]
    if opt[name] then
      local ok, message = pcall(set, opt[name])
      if not ok then
        return false, ("--%s: %s"):format(name, message:match "^[^\n]-:%d+: (.*)" or message)
      end
    end
  end
  return true
end

-- argparse takes any word that begins with "-" for an option: "--lr", "-1" is "--lr=-1".
local function join_negative(words)
  local joined = {}
  for _, word in ipairs(words) do
    local last = joined[#joined]
    if tonumber(word) and word:sub(1, 1) == "-" and last and last:find "^%-%-[^=]+$" then
      joined[#joined] = last .. "=" .. word
    else
      joined[#joined + 1] = word
    end
  end
  return joined
end

-- The fault is in what the user typed, not in a line of the script: no position, no trace.
local function refuse(parser, message)
  io.stdout:flush()
  -- Its suggestions are on a line of their own.
  message = message:gsub("\n", "; ")
  io.stderr:write(("%s: %s; see --help\n"):format(parser._name, message))
  error()
end

--- The options of a command line as a table: args(...) or args(declaration, ...), where ...
-- are the script's arguments. opt.given.NAME tells whether the option was given.
return function(declaration, ...)
  local words = {...}
  if type(declaration) ~= "table" then
    if declaration ~= nil then table.insert(words, 1, declaration) end
    declaration = {}
  end
  local rows = declared(declaration.options or {})
  local parser = make_parser(declaration, rows)
  local ok, parsed = parser:pparse(join_negative(words))
  if not ok then refuse(parser, parsed) end
  local opt = values(rows, parsed)
  local applied, why = apply(opt)
  if not applied then refuse(parser, why) end
  return opt
end
