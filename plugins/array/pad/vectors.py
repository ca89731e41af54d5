# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: pad and pad_back as PyTorch computes them."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(5)
cases = Cases()


def at(list_, i):
    return list_[i] if i < len(list_) else 0


def pad(x, before, after, value):
    widths = []
    for i in reversed(range(x.dim())):
        widths += [at(before, i), at(after, i)]
    return torch.nn.functional.pad(x, widths, value=value)


def middle(dy, x, before):
    return dy[tuple(slice(at(before, i), at(before, i) + n) for i, n in enumerate(x.shape))]


for shape, before, after, value in [
        ((3,), [1], [2], 0), ((3,), [], [], 5), ((3,), [2], [], -1.5), ((3,), [], [2], 1e30),
        ((2, 3), [1, 2], [3, 1], 0.25), ((2, 3), [0, 1], [1], 0), ((0, 2), [1, 1], [1], 7),
        ((), [], [], 1), ((2, 4, 4, 3), [0, 1, 2], [0, 2, 1], 0),
        ((1, 2, 2, 2), [1, 0, 0, 1], [0, 0, 1, 0], 3)]:
    x = torch.randn(shape)
    name = "%s before %s after %s" % (list(shape), before, after)
    attrs = {"before": before, "after": after}
    cases.add("pad %s value %g" % (name, value), "pad", lambda x: pad(x, before, after, value), [x],
              {**attrs, "value": value})
    cases.add("pad_back " + name, "pad_back", lambda dy, x: middle(dy, x, before),
              [torch.randn(pad(x, before, after, 0).shape), x], attrs, wrt=[0])
cases.write(__file__)
