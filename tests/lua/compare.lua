-- SPDX-License-Identifier: Apache-2.0
--- Comparison of tensors with expected values. NaN equals NaN, infinities equal
-- themselves, and numbers agree within tol * max(1, |expected|).

local M = {}

local function agree(expected, got, tol)
  if expected ~= expected then return got ~= got end
  if expected == got then return true end
  if math.abs(expected) == math.huge then return false end
  return math.abs(expected - got) <= tol * math.max(1, math.abs(expected))
end

local function shape_text(shape) return "[" .. table.concat(shape, ",") .. "]" end

--- Asserts that {shape =, data =} agrees with another such.
function M.list(what, expected, got, tol)
  local wanted, came = shape_text(expected.shape), shape_text(got.shape)
  assert(wanted == came, ("%s: expected shape %s, got %s"):format(what, wanted, came))
  assert(#expected.data == #got.data,
         ("%s: expected %d elements, got %d"):format(what, #expected.data, #got.data))
  for i, value in ipairs(expected.data) do
    assert(agree(value, got.data[i], tol), ("%s: element %d of %s: expected %.9g, got %.9g")
           :format(what, i, wanted, value, got.data[i]))
  end
end

--- Asserts that a tensor agrees with {shape =, data = flat list}.
function M.value(what, expected, t, tol)
  assert(t, what .. ": expected a tensor, got nil")
  M.list(what, expected, {shape = t.shape, data = t:flat()}, tol)
end

return M
