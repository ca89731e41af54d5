# SPDX-License-Identifier: Apache-2.0
"""Starts of fixed windows, as PyTorch computes them in f64.

It does not return them, but where the maximum of a rising image was found: at the last
element of each window.
"""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases, attribute, tensor, tensors  # noqa: E402

cases = Cases()


def starts(size, out, pool, u):
    """Each argument: [vertical, horizontal]."""
    image = torch.arange(size[0] * size[1], dtype=torch.float64).reshape(1, 1, *size)
    samples = torch.tensor([[[u[1], u[0]]]], dtype=torch.float64)
    _, at = F.fractional_max_pool2d(image, pool, output_size=out, return_indices=True,
                                    _random_samples=samples)
    rows = at[0, 0, :, 0] // size[1] - (pool[0] - 1)
    cols = at[0, 0, 0, :] % size[1] - (pool[1] - 1)
    return rows.int(), cols.int()


def case(size, out, pool, u):
    name = "%s -> %s, pool %s, u %s" % tuple(
        " ".join("%.4g" % v for v in pair) for pair in (size, out, pool, u))
    attrs = {"out": list(out), "pool": list(pool), "u": list(u), "window": "fixed",
             "mode": "pseudorandom"}
    text = ", ".join("%s=%s" % (k, attribute(v)) for k, v in attrs.items())
    x = torch.zeros(1, size[0], size[1], 1)
    cases.rows.append('{name="%s", op="fmp_regions", attrs={%s}, tol=0,\n   inputs={%s},\n'
                      "   outputs=%s" % (name, text, tensor(x), tensors(starts(size, out, pool, u)))
                      + "}")


case((10, 10), (7, 7), (2, 2), (0.0, 0.3))
case((10, 10), (7, 7), (2, 2), (0.6, 0.999))
case((25, 36), (18, 25), (2, 2), (0.02, 0.66))
case((32, 13), (12, 4), (2, 2), (0.3, 0.7))
case((9, 11), (1, 1), (2, 3), (0.4, 0.8))
case((9, 11), (8, 9), (2, 3), (0.4, 0.8))
generator = torch.Generator().manual_seed(1)
for _ in range(40):
    def below(n):
        return int(torch.randint(n, (1,), generator=generator))
    pool = [1 + below(4), 1 + below(4)]
    out = [1 + below(14), 1 + below(14)]
    size = [p + o - 1 + below(12) for p, o in zip(pool, out)]
    u = torch.rand(2, dtype=torch.float64, generator=generator).tolist()
    case(size, out, pool, u)
cases.write(__file__)
