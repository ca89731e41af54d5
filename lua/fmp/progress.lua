-- SPDX-License-Identifier: Apache-2.0
--- The progress of training: on a terminal a moving bar, and for each epoch a line that stays;
-- elsewhere plain lines, one per epoch and one every half minute in between.

local system = require "fmp.system"

local Progress = {}
Progress.__index = Progress

local BAR_SECONDS, LINE_SECONDS, BAR_WIDTH = 0.2, 30, 30

--- 75 seconds as "1:15".
local function time_text(seconds)
  if not (seconds >= 0 and seconds < 1e8) then return "?" end
  local s = math.floor(seconds + 0.5)
  local h, m = math.floor(s / 3600), math.floor(s / 60) % 60
  if h > 0 then return ("%d:%02d:%02d"):format(h, m, s % 60) end
  return ("%d:%02d"):format(m, s % 60)
end

local function bar_text(fraction, width)
  local full = math.min(math.floor(fraction * width), width)
  return "[" .. ("="):rep(full) .. (" "):rep(width - full) .. "]"
end

--- style: "bar", "lines", "none", or nil: by whether the output is a terminal. print: where
-- lines go.
local function new(style, print)
  style = style or (system.is_screen() and "bar" or "lines")
  local started = system.seconds()
  return setmetatable({style = style, print = print, started = started, shown = started,
                       drawn = false}, Progress)
end

-- Seconds left at the present speed; nil if the end is not known.
local function left(self, fraction)
  if not fraction or fraction <= 0 then return nil end
  return (system.seconds() - self.started) * (1 - fraction) / fraction
end

-- Lines appear at once, in files and pipes too.
local function say(self, text)
  self.print(text)
  io.stdout:flush()
end

-- The bar fills what the texts before and after it leave of the line.
local function draw(self, before, fraction, behind)
  local room = system.columns() - 1
  local width = math.min(room - #before - #behind - #" [] ", BAR_WIDTH)
  local bar = width > 2 and bar_text(fraction, width) .. " " or ""
  io.stdout:write("\r", (before .. " " .. bar .. behind):sub(1, room), "\27[K")
  io.stdout:flush()
  self.drawn = true
end

--- Shows the state from time to time. state: {title =, part =, fraction =, text =}: "epoch
-- 2/3", the part of it that is done, the part of everything, and a function that makes the text.
function Progress:update(state)
  if self.style == "none" then return end
  local now = system.seconds()
  local wait = self.style == "bar" and BAR_SECONDS or LINE_SECONDS
  if now - self.shown < wait then return end
  self.shown = now
  local rest = left(self, state.fraction)
  local time = rest and time_text(rest) .. " left" or time_text(now - self.started)
  if self.style == "bar" then
    draw(self, state.title, state.part or 0, state.text() .. "  " .. time)
  else
    local part = state.part and ("%3.0f %%  "):format(100 * state.part) or ""
    say(self, ("%s  %s%s  %s"):format(state.title, part, state.text(), time))
  end
end

--- Erases the bar, so that what is printed next begins on an empty line.
function Progress:clear()
  if not self.drawn then return end
  io.stdout:write("\r\27[K")
  io.stdout:flush()
  self.drawn = false
end

--- A line that stays.
function Progress:line(text)
  self:clear()
  self.shown = system.seconds()
  if self.style ~= "none" then say(self, text) end
end

return {new = new, time_text = time_text}
