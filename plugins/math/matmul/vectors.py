# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: matmul as PyTorch computes it."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(6)
cases = Cases()


def product(a, b, ta, tb):
    return (a.mT if ta else a) @ (b.mT if tb else b)


def stored(batch, rows, columns, transposed):
    return torch.randn(*batch, *((columns, rows) if transposed else (rows, columns)))


SIZES = [((), (), 2, 3, 4), ((), (), 1, 1, 1), ((), (), 5, 1, 3), ((), (), 1, 7, 2),
         ((), (), 3, 2, 0), ((), (), 0, 2, 3), ((), (), 2, 0, 3), ((3,), (3,), 2, 4, 5),
         ((0,), (0,), 2, 3, 4), ((2,), (), 3, 2, 4), ((), (2,), 3, 2, 4)]
for batch_a, batch_b, m, n, k in SIZES:
    for ta in (False, True):
        for tb in (False, True):
            a, b = stored(batch_a, m, k, ta), stored(batch_b, k, n, tb)
            cases.add("matmul %s%s by %s%s" % (list(a.shape), "^T" * ta, list(b.shape), "^T" * tb),
                      "matmul", lambda a, b: product(a, b, ta, tb), [a, b],
                      {"transpose_a": ta, "transpose_b": tb})
cases.write(__file__)
