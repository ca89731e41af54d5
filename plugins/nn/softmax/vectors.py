# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: softmax and log_softmax as PyTorch computes them."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_cases import Cases  # noqa: E402

INF, NAN = float("inf"), float("nan")

torch.manual_seed(2)
cases = Cases()
extremes = torch.tensor([[1000.0, 0, -1000], [-INF, 0, 1], [-INF, -INF, -INF], [INF, 0, 1],
                         [NAN, 0, 1], [-INF, NAN, -INF], [-1000, -1001, -1002], [5, 5, 5]])
for op, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
    for shape in [(6,), (1, 1), (4, 10), (2, 3, 4), (2, 3, 1, 5)]:
        for axis in [-1, *range(1, len(shape) + 1), -len(shape)]:
            dim = axis if axis < 0 else axis - 1
            cases.add("%s %s axis %d" % (op, list(shape), axis), op,
                      lambda x: function(x, dim), [2 * torch.randn(shape)], {"axis": axis})
    cases.add(op + " extremes", op, lambda x: function(x, -1), [extremes], grads=False)
cases.write(__file__)
