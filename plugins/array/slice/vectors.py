# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: slice and slice_back as PyTorch computes them."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(3)
cases = Cases()


def box(shape, start, size, step):
    """Python slices; lists may be shorter than the shape, size -1 is to the end."""
    slices = []
    for i, n in enumerate(shape):
        first = start[i] if i < len(start) else 0
        every = step[i] if i < len(step) else 1
        count = size[i] if i < len(size) else -1
        slices.append(slice(first, n if count < 0 else first + count * every, every))
        if count >= 0:
            assert len(range(n)[slices[-1]]) == count
    return tuple(slices)


def back(dy, x, slices):
    dx = torch.zeros_like(x)
    dx[slices] = dy
    return dx


for shape, start, size, step in [
        ((7,), [2], [], []), ((7,), [2], [3], []), ((7,), [1], [3], [2]), ((7,), [0], [-1], [3]),
        ((7,), [6], [1], [100]), ((7,), [7], [], []), ((7,), [3], [0], []), ((), [], [], []),
        ((4, 5), [0, 2], [], []), ((4, 5), [1], [2], []), ((4, 5), [1, 1], [-1, 2], [2, 3]),
        ((4, 5), [], [], [2]), ((4, 5), [3, 4], [1, 1], []), ((0, 5), [0, 1], [-1, 3], []),
        ((2, 3, 4), [0, 0, 1], [], [1, 2, 2]), ((2, 8, 8, 3), [0, 1, 2], [-1, 6, 5], []),
        ((2, 5, 5, 3), [1, 0, 0, 2], [], [1, 2, 2, 1])]:
    attrs = {"start": start, "size": size, "step": step}
    slices, x = box(shape, start, size, step), torch.randn(shape)
    name = "%s from %s size %s step %s" % (list(shape), start, size, step)
    cases.add("slice " + name, "slice", lambda x: x[slices], [x], attrs)
    cases.add("slice_back " + name, "slice_back", lambda dy, x: back(dy, x, slices),
              [torch.randn(x[slices].shape), x], attrs, wrt=[0])
cases.write(__file__)
