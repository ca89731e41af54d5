-- SPDX-License-Identifier: Apache-2.0
-- fmp.autotune: kernels chosen by measuring, and the file that keeps the choices.
local fmp = require "fmp"
local raw = require "fmp.ffi"
local fails = require "tests.lua.fails"
local shell = require "tests.lua.shell"

local ops = fmp.ops

local read, write = shell.read, shell.write

local x, w = fmp.randn{4, 13, 13, 32}, fmp.randn{48, 2, 2, 32}

-- A function for each test, so that no plan of one serves another.
local function convolution(winograd)
  return fmp.compile(function(a, b) return ops.conv2d(a, b, nil, {winograd = winograd}) end)
end

local function kernel_of(step)
  return step:text():match("%[" .. fmp.device() .. "/([%w_]+)%]")
end

-- The choice that a file has for conv2d, and where its name stands.
local function choice_in(text) return text:match '"conv2d[^"]*": ?"([%w_]+)"' end

describe("autotune", function()
  local directory, remove, path
  before_each(function()
    directory, remove = shell.scratch()
    path = directory .. "/kernels.json"
  end)
  after_each(function()
    fmp.autotune(false)
    remove()
  end)

  it("takes a kernel that computes the same, and no reference", function()
    local plain, tuned = convolution(), convolution()
    local expected = plain(x, w)
    fmp.autotune(true)
    local y = tuned(x, w)
    assert.not_equal("ref", kernel_of(tuned))
    local difference = (y - expected):abs():max():item()
    assert.is_true(difference < 1e-4, tostring(difference))
  end)

  it("writes each choice to the file, and takes it from there", function()
    local step = convolution()
    fmp.autotune(path)
    local bytes = step(x, w):bytes()
    local text = read(path)
    assert.equal(kernel_of(step), choice_in(text))
    fmp.autotune(false)
    fmp.autotune(path)
    local again = convolution()
    assert.equal(bytes, again(x, w):bytes())
    assert.equal(text, read(path))
  end)

  it("obeys the file, whatever it costs", function()
    local step = convolution()
    fmp.autotune(path)
    step(x, w)
    for _, name in ipairs{"onednn", "winograd_f3"} do
      if ops.conv2d.kernels:find("cpu/" .. name .. " ", 1, true) then
        write(path, (read(path):gsub('("conv2d[^"]*": ?")[%w_]+"', "%1" .. name .. '"')))
        fmp.autotune(path)
        local obedient = convolution()
        obedient(x, w)
        assert.equal(name, kernel_of(obedient))
      end
    end
  end)

  it("measures again where the file names a kernel that does not take the op", function()
    local step = convolution()
    fmp.autotune(path)
    step(x, w)
    -- winograd_f5 is less accurate than "exact" allows.
    for _, name in ipairs{"winograd_f5", "no_such_kernel", "ref"} do
      write(path, (read(path):gsub('("conv2d[^"]*": ?")[%w_]+"', "%1" .. name .. '"')))
      fmp.autotune(path)
      local measured = convolution()
      measured(x, w)
      assert.not_equal(name, kernel_of(measured))
      assert.equal(kernel_of(measured), choice_in(read(path)))
    end
  end)

  it("serves eager ops and gradients, and lets ops alone that draw or write", function()
    fmp.autotune(path)
    fmp.seed(3)
    local net = fmp.nn.Sequential "tuned":add(fmp.nn.Conv2d{16, kernel = 2}, fmp.nn.Dropout(0.5),
                                              fmp.nn.Flatten(), fmp.nn.Linear(3))
    local optimizer, criterion = fmp.optim.SGD{lr = 0.01}, fmp.nn.CrossEntropy()
    local loss = fmp.record(function()
      local value = criterion(net(fmp.randn{2, 9, 9, 16}), fmp.zeros{2, dtype = "i32"})
      optimizer:step(value)
      return value
    end)
    assert.is_true(loss:item() < 100)
    local text = read(path)
    assert.truthy(text:find('"conv2d_back_weights', 1, true))
    assert.falsy(text:find('"sgd', 1, true))
  end)

  it("lets go of it: priorities choose as before", function()
    local before = convolution()
    before(x, w)
    fmp.autotune(true)
    local tuned = convolution()
    tuned(x, w)
    fmp.autotune(false)
    local after = convolution()
    after(x, w)
    assert.equal(kernel_of(before), kernel_of(after))
  end)

  it("refuses files that are something else, and says which", function()
    for text, message in pairs{
      ["{"] = "kernels.json", ["[]"] = "object", ['{"fmp_kernels": 2, "choices": {}}'] = "version",
      ['{"fmp_kernels": 1}'] = "choices", ['{"fmp_kernels": 1, "choices": {"a": 3}}'] = "name",
    } do
      write(path, text)
      fails(message, fmp.autotune, path)
      assert.equal(text, read(path))
    end
    fails("expected true, false or the name of a file", fmp.autotune, 3)
    fails("no/such", function()
      fmp.autotune(directory .. "/no/such/kernels.json")
      convolution()(x, w)
    end)
  end)

  it("leaks nothing where memory is out", function()
    local small, filter = fmp.ones{1, 5, 5, 8}, fmp.ones{8, 2, 2, 8}
    local function measure()
      fmp.autotune(true)
      local step = convolution()
      step(small, filter):free()
      step:clear()
      fmp.autotune(false)
    end
    for _ = 1, 3 do measure() end
    collectgarbage()
    collectgarbage()
    local before, k = fmp.live_bytes(), 0
    repeat
      raw.fail_allocation(k)
      local ok = pcall(measure)
      raw.fail_allocation(-1)
      fmp.autotune(false)
      collectgarbage()
      collectgarbage()
      assert.equal(before, fmp.live_bytes())
      k = k + 1
    until ok or k > 2000
    assert.is_true(k > 20 and k < 2000, tostring(k))
  end)
end)
