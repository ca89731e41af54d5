# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of fractional_max_pool with fixed windows, from PyTorch in f64.

The starts are written out here once more, by PyTorch's formula; it is given u, never
starts, so a wrong one would show. Images NHWC; PyTorch has channels first.
"""
import math
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(1)
cases = Cases()


def starts(size, out, pool, u):
    alpha = (size - pool) / (out - 1) if out > 1 else 0
    walk = [math.floor((i + u) * alpha) - math.floor(u * alpha) for i in range(out - 1)]
    return walk + [size - pool]


def sequences(size, out, pool, u):
    """A list of u: a sequence for each image."""
    if isinstance(u, list):
        return torch.tensor([starts(size, out, pool, v) for v in u], dtype=torch.int32)
    return torch.tensor(starts(size, out, pool, u), dtype=torch.int32)


def case(name, shape, out, pool, u, x=None):
    """u: [vertical, horizontal], each a number or a list of one for each image."""
    n, height, width, c = shape
    count = n * height * width * c
    if x is None:
        x = (torch.randperm(count).float() - count / 2) / 4
    sides = [v if isinstance(v, list) else [v] * n for v in u]
    samples = torch.tensor([[[h, w]] * c for w, h in zip(*sides)], dtype=torch.float64)

    def pooled(x, rows, cols):
        y = F.fractional_max_pool2d(x.double().permute(0, 3, 1, 2), pool, output_size=out,
                                    _random_samples=samples)
        return y.permute(0, 2, 3, 1).float()

    rows, cols = (sequences(*side) for side in zip((height, width), out, pool, u))
    cases.add(name, "fractional_max_pool", pooled, [x.reshape(shape), rows, cols],
              {"window": "fixed", "pool": list(pool)}, tol=1e-6)


case("10 -> 7", (2, 10, 10, 3), (7, 7), (2, 2), (0.3, 0.6))
case("5 -> 3, 17 channels", (1, 5, 5, 17), (3, 3), (2, 2), (0.1, 0.9))
case("oblong, pool 3 x 2", (1, 9, 7, 2), (5, 6), (3, 2), (0.25, 0.75))
case("pixels in many windows", (1, 8, 7, 2), (4, 4), (5, 4), (0.5, 0.5))
case("pixels in none", (2, 13, 11, 3), (4, 3), (2, 2), (0.4, 0.7))
case("one window", (2, 5, 4, 2), (1, 1), (2, 3), (0.5, 0.5))
case("for each image its own", (3, 9, 8, 2), (5, 6), (2, 2), ([0.1, 0.5, 0.8], [0.9, 0.2, 0.6]))
case("rows for each image", (3, 9, 8, 2), (5, 6), (2, 2), ([0.05, 0.4, 0.95], 0.35))
case("ties go to the first", (1, 6, 6, 1), (4, 4), (2, 2), (0.5, 0.5),
     x=torch.tensor([1.0, 1, 2, 0, 2, 2] * 6))
nan = float("nan")
case("NaN wins", (1, 4, 4, 1), (3, 3), (2, 2), (0.5, 0.5),
     x=torch.tensor([1.0, nan, 2, 3, 4, 5, 6, 7, float("inf"), 8, 9, nan, 1, 2, 3, 4]))
cases.write(__file__)
