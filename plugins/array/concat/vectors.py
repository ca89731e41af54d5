# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: concat and concat_back as PyTorch computes them."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(4)
cases = Cases()
JOINS = [(1, [(2,)]), (1, [(2,), (3,)]), (-1, [(1,), (0,), (2,)]), (1, [(2, 3), (1, 3)]),
         (2, [(2, 3), (2, 1), (2, 4)]), (-2, [(2, 3), (0, 3), (3, 3)]),
         (3, [(2, 2, 3, 2), (2, 2, 1, 2)]), (4, [(2, 3, 3, 3), (2, 3, 3, 5)]),
         (1, [(0, 2), (0, 2)]), (2, [(1, 1)] * 9)]
for axis, shapes in JOINS:
    dim = axis if axis < 0 else axis - 1
    xs = [torch.randn(s) for s in shapes]
    name = "%s, axis %d" % (" ".join(map(str, map(list, shapes))), axis)
    cases.add("concat " + name, "concat", lambda *xs: torch.cat(xs, dim), xs, {"axis": axis})
    sizes = [s[dim] for s in shapes]
    for index in {0, len(xs) - 1, len(xs) // 2}:
        dy, attrs = torch.randn(torch.cat(xs, dim).shape), {"axis": axis, "index": index}
        cases.add("concat_back %s, index %d" % (name, index), "concat_back",
                  lambda dy, *xs: torch.split(dy, sizes, dim)[index], [dy, *xs], attrs, wrt=[0])
cases.write(__file__)
