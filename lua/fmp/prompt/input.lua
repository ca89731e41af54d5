-- SPDX-License-Identifier: Apache-2.0
--- From what was typed to a chunk: an expression, or statements whose locals stay.

local M = {}

-- Names that the environment defines, and that nobody types.
M.KEEP, M.PASS = "_PROMPT_KEEP_LOCALS", "_PROMPT_PASS_ON"

--- Stands around expressions, so that the call in "f(x)" is no tail call and the line is
-- still on the stack when f fails.
function M.pass(...) return ... end

--- A function that copies its caller's locals into the environment: it is called after the
-- last statement, where those of the outermost block are visible.
function M.keeper(environment)
  return function()
    for i = 1, math.huge do
      local name, value = debug.getlocal(2, i)
      if not name then return end
      if name:find "^[%a_]" then environment[name] = value end
    end
  end
end

-- Line numbers run through the whole session, as if it were one file.
local function load_at(line, code) return loadstring(("\n"):rep(line - 1) .. code, "=stdin") end

-- The closing bracket is on a line of its own only if a comment would hide it: messages give the
-- line of the bracket.
local function load_call(line, expression)
  local code = "return " .. M.PASS .. "(" .. expression
  return load_at(line, code .. ")") or load_at(line, code .. "\n)")
end

local function ends_early(message) return message:find "near '<eof>'$" ~= nil end

--- The chunk for a text that begins at a line of the session; or nil and "incomplete"; or
-- nil and the message of the syntax error. "= x" is "x", as in older Lua.
function M.compile(text, line)
  local expression = text:gsub("^%s*=", "", 1)
  local chunk, unfinished = load_at(line, "return " .. expression)
  if chunk then return load_call(line, expression) or chunk end
  chunk = load_at(line, ("%s\n%s()"):format(text, M.KEEP))
  if chunk then return chunk end
  local message
  chunk, message = load_at(line, text) -- one that ends with return
  if chunk then return chunk end
  if ends_early(message) or ends_early(unfinished) then return nil, "incomplete" end
  return nil, message
end

return M
