# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: images scaled, centred on a field, cut to it and mirrored, as
PyTorch's scaling, padding (which cuts where it is negative) and flip do it."""
import os
import sys

import torch
from torch.nn.functional import pad

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
import torch_cases  # noqa: E402

torch_cases.NAMES[torch.uint8] = "u8"


def margins(size, field):
    """Before and after; the odd pixel is missing, or cut off, at the end."""
    before = (field - size) // 2 if field >= size else -((size - field) // 2)
    return before, field - size - before


def prepare(x, scale=1.0, shift=0.0, field=None, flip=0):
    y = x.to(torch.float32) * scale + shift
    y = torch.flip(y, [2]) if flip else y
    if field is None:
        return y
    top, bottom = margins(x.shape[1], field[0])
    left, right = margins(x.shape[2], field[1])
    return pad(y, (0, 0, left, right, top, bottom))


torch.manual_seed(1)
cases = torch_cases.Cases()
for name, shape, attrs in [
    ("bytes as they are", (2, 3, 4, 3), {}),
    ("scaled", (2, 3, 4, 1), {"scale": 0.0078125, "shift": -1.0}),
    ("on a larger field", (2, 3, 4, 3), {"scale": 0.5, "field": [6, 7]}),
    ("cut to a smaller field", (1, 7, 6, 2), {"shift": 1.0, "field": [4, 3]}),
    ("cut one way, padded the other", (1, 6, 3, 1), {"field": [3, 6]}),
    ("mirrored", (2, 3, 5, 2), {"scale": 0.25, "flip": 1}),
]:
    x = torch.randint(0, 256, shape, dtype=torch.uint8)
    cases.add(name, "prepare_images", lambda x: prepare(x, **attrs), [x], attrs, wrt=[],
              grads=False, tol=1e-6)
cases.write(__file__)
