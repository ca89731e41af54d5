-- SPDX-License-Identifier: Apache-2.0
local ffi = require "ffi"
local fmp = require "fmp"
local optest = require "tests.lua.optest"

-- op(x) is [rows, columns], stored so that it is.
local function operand(batch, rows, columns, transposed, options)
  local shape = transposed and {columns, rows} or {rows, columns}
  if batch then table.insert(shape, 1, batch) end
  return optest.random(shape, options)
end

local function each_transposition(f)
  for _, ta in ipairs{false, true} do
    for _, tb in ipairs{false, true} do f(ta, tb, {transpose_a = ta, transpose_b = tb}) end
  end
end

describe("matmul", function()
  optest.vectors(optest.here())

  it("differentiates", function()
    each_transposition(function(ta, tb, attrs)
      for _, batches in ipairs{{}, {2, 2}, {2, nil}, {nil, 2}} do
        local a = operand(batches[1], 3, 4, ta)
        local b = operand(batches[2], 4, 2, tb, {seed = 2})
        optest.gradient{op = "matmul", inputs = {a, b}, attrs = attrs}
      end
    end)
  end)

  for _, dtype in ipairs{"f32", "f64"} do
    it("gives with every kernel what the reference gives, " .. dtype, function()
      local sizes = {{1, 1, 1}, {1, 17, 5}, {17, 1, 5}, {3, 3, 1}, {16, 16, 16}, {31, 33, 65},
                     {64, 10, 127}, {129, 63, 17}, {100, 97, 301}, {0, 3, 2}, {3, 0, 2}, {3, 2, 0}}
      for _, size in ipairs(sizes) do
        local m, n, k = unpack(size)
        each_transposition(function(ta, tb, attrs)
          for _, batches in ipairs{{}, {3, 3}, {2, nil}, {nil, 2}} do
            local a = operand(batches[1], m, k, ta, {dtype = dtype})
            local b = operand(batches[2], k, n, tb, {dtype = dtype, seed = 2})
            optest.kernels{op = "matmul", inputs = {a, b}, attrs = attrs, tol = dtype ==
                           "f64" and 1e-13 or 1e-5}
          end
        end)
      end
    end)
  end

  it("computes in bf16 with every kernel, rounding once", function()
    for _, size in ipairs{{1, 1, 1}, {3, 3, 1}, {31, 33, 65}, {0, 3, 2}, {3, 2, 0}} do
      local m, n, k = unpack(size)
      each_transposition(function(ta, tb, attrs)
        for _, batches in ipairs{{}, {3, 3}, {2, nil}, {nil, 2}} do
          local a, b = operand(batches[1], m, k, ta), operand(batches[2], k, n, tb, {seed = 2})
          optest.bf16{op = "matmul", inputs = {a, b}, attrs = attrs, kernels = {"openblas"}}
        end
      end)
    end
  end)

  it("takes views", function()
    local a, b = fmp.tensor{{1, 2, 3}, {4, 5, 6}}, fmp.tensor{{1, 0, 2}, {0, 1, 1}}
    assert.same({{7, 5}, {16, 11}}, a:matmul(b:transpose()):totable())
    local unit = fmp.tensor{{1, 0}, {0, 1}}
    assert.same({{2, 3}, {5, 6}}, a:slice{start = {0, 1}}:matmul(unit):totable())
  end)

  it("lets NaN and infinity through, never what y held before", function()
    for _, kernel in ipairs{"ref", "openblas"} do
      fmp.kernel(kernel)
      local y = fmp.tensor{{0/0, 1}, {1/0, 1}, {1, 1}}:matmul(fmp.tensor{{0, 1}, {1, 1}}):flat()
      fmp.kernel(nil)
      assert.is_true(y[1] ~= y[1] and y[2] ~= y[2])
      assert.is_true(y[3] ~= y[3]) -- infinity times 0
      assert.equal(1/0, y[4])
      assert.same({1, 2}, {y[5], y[6]})
    end
  end)

  it("multiplies bf16, rounded once", function()
    local a = optest.random({3, 40}, {dtype = "f32"}):cast{dtype = "bf16"}
    local b = optest.random({40, 5}, {dtype = "f32", seed = 2}):cast{dtype = "bf16"}
    local expected = a:cast{dtype = "f64"}:matmul(b:cast{dtype = "f64"}):cast{dtype = "bf16"}
    assert.is_true(expected:bytes() == a:matmul(b):bytes())
  end)

  it("leaves the batch open, gradients too", function()
    local w = fmp.parameter(optest.random({3, 2}, {dtype = "f32"}))
    local step = fmp.compile(function(x)
      return unpack(fmp.gradients(x:matmul(w):sum(), {x, w}))
    end)
    for _, n in ipairs{1, 4, 2} do
      local dx, dw = step(fmp.ones{n, 3})
      assert.same({n, 3}, dx.shape)
      assert.same({n, n, n, n, n, n}, dw:flat())
    end
  end)

  local a = fmp.zeros{2, 5}
  for name, case in pairs{
    ["sizes that do not meet"] = {a, fmp.zeros{4, 3}, {},
      "expected b with 5 rows for a f32 [2,5], got f32 [4,3]"},
    ["sizes that do not meet, transposed"] = {a, fmp.zeros{5, 3},
      {transpose_a = true, transpose_b = true},
      "expected b with 2 columns (transpose_b) for a f32 [2,5] (transpose_a), got f32 [5,3]"},
    ["another type"] = {a, fmp.zeros{5, 3, dtype = "f64"}, {},
      "expected b of a's type: f32 [2,5], got f64 [5,3]"},
    ["a vector"] = {a, fmp.zeros{5}, {},
      "expected b [rows,columns] or [batch,rows,columns], got f32 [5]"},
    ["four dimensions"] = {fmp.zeros{1, 1, 2, 5}, a, {},
      "expected a [rows,columns] or [batch,rows,columns]"},
    ["another batch"] = {fmp.zeros{2, 2, 5}, fmp.zeros{3, 5, 2}, {},
      "expected b of a's batch: f32 [2,2,5], got f32 [3,5,2]"},
    ["integers"] = {fmp.zeros{2, 2, dtype = "i32"}, fmp.zeros{2, 2, dtype = "i32"}, {},
      "expected a of f32, f64 or bf16, got i32 [2,2]"},
  } do
    it("refuses " .. name, function()
      optest.fails{op = "matmul", inputs = {case[1], case[2]}, attrs = case[3], match = case[4]}
    end)
  end
end)

describe("matmul's OpenBLAS", function()
  local function processor_flags()
    local file = io.open "/proc/cpuinfo"
    local text = file and file:read "*a" or ""
    if file then file:close() end
    return " " .. (text:match "flags%s*:%s*([^\n]*)" or "") .. " "
  end

  local function library()
    fmp.ones{2, 2}:matmul(fmp.ones{2, 2}) -- opens it
    local ok, lib = pcall(ffi.load, "libopenblas.so.0")
    return ok and lib or nil
  end

  it("has not taken this processor for one without AVX2", function()
    local lib = library()
    if not lib then pending "no libopenblas.so.0 here" return end
    if not processor_flags():find " avx2 " then pending "no AVX2 here" return end
    ffi.cdef "char *openblas_get_corename(void);"
    local core = ffi.string(lib.openblas_get_corename())
    assert.is_nil(("Prescott Nehalem Sandybridge Katmai"):find(core, 1, true), core)
  end)
end)
