# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: reshape and reshape_like as PyTorch computes them."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(1)
cases = Cases()
for shape, wanted in [((6,), (2, 3)), ((2, 3), (3, 2)), ((2, 3, 4), (2, 12)), ((2, 3, 4), (24,)),
                      ((1,), ()), ((), (1, 1)), ((4, 1, 6), (2, 2, 3, 2)), ((0, 3), (3, 0)[::-1]),
                      ((1, 2, 1, 3, 1), (3, 1, 2)), ((2,) * 8, (16, 16))]:
    x = torch.randn(shape)
    if 0 not in wanted:
        cases.add("reshape %s to %s" % (list(shape), list(wanted)), "reshape",
                  lambda x: x.reshape(wanted), [x], {"shape": list(wanted)})
    cases.add("reshape_like %s to %s" % (list(shape), list(wanted)), "reshape_like",
              lambda x, like: x.reshape(wanted), [x, torch.zeros(wanted)], wrt=[0])
BY = [((2, 3, 4), [0, -1], (2, 12)), ((2, 3, 4), [-1, 0, 2], (4, 3, 2)),
      ((2, 3, 4), [0, 0, 2, -1], (2, 3, 2, 2)), ((0, 3, 4), [0, -1], (0, 12)),
      ((5,), [-1], (5,)), ((3, 0), [0, -1], (3, 0)), ((), [-1], (1,))]
for shape, asked, wanted in BY:
    cases.add("reshape %s by %s" % (list(shape), asked), "reshape", lambda x: x.reshape(wanted),
              [torch.randn(shape)], {"shape": asked})
cases.write(__file__)
