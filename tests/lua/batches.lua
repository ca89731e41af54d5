-- SPDX-License-Identifier: Apache-2.0
--- Data in batches out of a list of {x, y}, as fit and evaluate want them.
return function(list)
  return {
    epoch = function()
      local i = 0
      return function()
        i = i + 1
        if list[i] then return list[i][1], list[i][2] end
      end
    end,
    batches = function() return #list end,
  }
end
