-- SPDX-License-Identifier: Apache-2.0
local fmp = require "fmp"
local optest = require "tests.lua.optest"

-- {values[start], values[start + step] ...}, from 0; size -1: to the end; nil: not there.
local function expected_slice(values, start, size, step)
  local result, n = {}, #values
  if start > n then return nil end
  if size < 0 then size = math.ceil((n - start) / step) end
  for i = 0, size - 1 do
    local value = values[start + i * step + 1]
    if value == nil then return nil end
    result[#result + 1] = value
  end
  return result
end

describe("slice", function()
  optest.vectors(optest.here())

  it("takes or refuses every start, size and step of short lists", function()
    for n = 0, 5 do
      local values = {}
      for i = 1, n do values[i] = i end
      local x = fmp.from_flat(values, {n})
      for start = 0, 6 do
        for size = -1, 6 do
          for step = 1, 4 do
            local expected = expected_slice(values, start, size, step)
            local attrs = {start = start, size = size, step = step}
            local ok, y = pcall(fmp.ops.slice, x, attrs)
            assert.equal(expected ~= nil, ok,
                         ("n %d start %d size %d step %d"):format(n, start, size, step))
            if ok then assert.same(expected, y:flat()) end
          end
        end
      end
    end
  end)

  it("differentiates", function()
    local x = optest.random{3, 5, 4}
    for _, attrs in ipairs{{}, {start = {1}}, {start = {0, 1}, size = {-1, 2}, step = {2, 3}}} do
      optest.gradient{op = "slice", inputs = {x}, attrs = attrs}
      local dy = optest.random(x:slice(attrs).shape, {seed = 2})
      optest.gradient{op = "slice_back", inputs = {dy, x}, attrs = attrs, wrt = {1}}
    end
  end)

  it("leaves the batch open, gradients too", function()
    local step = fmp.compile(function(x)
      local y = x:slice{start = {0, 1}, size = {-1, 2}}
      return fmp.gradients((y * y):sum(), {x})[1]
    end)
    for _, n in ipairs{1, 4, 2} do
      local dx = step(fmp.ones{n, 4}):totable()
      for i = 1, n do assert.same({0, 2, 2, 0}, dx[i]) end
    end
  end)

  it("slices every type", function()
    for _, dtype in ipairs{"f32", "f64", "bf16", "f16", "u8", "i32", "i64"} do
      local x = fmp.tensor({{1, 2, 3}, {4, 5, 6}}):cast{dtype = dtype}
      assert.same({{2}, {5}}, x:slice{start = {0, 1}, step = {1, 2}}:cast{dtype = "f32"}:totable())
      assert.same({{0, 1, 0}, {0, 4, 0}},
                  x:slice{size = {-1, 1}}:slice_back(x, {start = {0, 1}, size = {-1, 1}})
                   :cast{dtype = "f32"}:totable())
    end
  end)

  local x = fmp.zeros{2, 3}
  for name, case in pairs{
    ["a start beyond the end"] = {{start = {0, 4}},
      "within dimension 2 of x f32 [2,3], got start 4"},
    ["a size beyond the end"] = {{start = {1}, size = {2}}, "start 1, size 2, step 1"},
    ["a step beyond the end"] = {{size = {-1, 3}, step = {1, 2}}, "start 0, size 3, step 2"},
    ["a negative start"] = {{start = {-1}}, "start"},
    ["a negative size"] = {{size = {-2}}, "size"},
    ["step 0"] = {{step = {0}}, "step"},
    ["more values than dimensions"] = {{start = {0, 0, 0}},
                                       "at most 2 values of start for x f32 [2,3], got 3"},
    ["a start near 2^63"] = {{start = {2^62}}, "within dimension 1"},
    ["a size near 2^63"] = {{size = {2^62}, step = {2^62}}, "within dimension 1"},
  } do
    it("refuses " .. name, function()
      optest.fails{op = "slice", inputs = {x}, attrs = case[1], match = case[2]}
    end)
  end

  it("takes one element with a step near 2^63", function()
    assert.same({{0, 0, 0}}, x:slice{size = {1}, step = {2^62}}:totable())
    assert.same({{0, 0, 0}}, x:slice{step = {2^62}}:totable())
  end)

  it("refuses dy of another shape in slice_back", function()
    optest.fails{op = "slice_back", inputs = {fmp.zeros{2, 2}, x}, attrs = {start = {0, 2}},
                 match = "expected dy of the slice's shape f32 [2,1], got f32 [2,2]"}
  end)
end)
