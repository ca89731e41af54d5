-- SPDX-License-Identifier: Apache-2.0
-- The recorded session is what the prompt prints.
local session = require "tests.lua.session"

describe("docs/session.txt", function()
  it("is what is seen when docs/session.in is typed", function()
    local file = assert(io.open "docs/session.txt")
    local recorded = file:read "*a"
    file:close()
    assert.equal(recorded, session())
  end)
end)
