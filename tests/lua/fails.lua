-- SPDX-License-Identifier: Apache-2.0
--- fails(text, f, ...): asserts that f(...) raises a string that contains the plain text;
-- returns the message.

return function(text, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, ("expected a failure with '%s', but it ran"):format(text))
  assert(type(message) == "string", "expected a string as error, got " .. type(message))
  assert(message:find(text, 1, true),
         ("expected '%s' in the message, got: %s"):format(text, message))
  return message
end
