# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of max_pool. Images NHWC; PyTorch has channels first."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(1)
cases = Cases()


def case(name, shape, window, stride=None, padding="valid", pads=(0, 0, 0, 0), x=None):
    """x: given values, else all different."""
    top, bottom, left, right = pads
    count = torch.Size(shape).numel()
    if x is None:
        x = (torch.randperm(count).float() - count / 2) / 4

    def pool(x):
        x = F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=float("-inf"))
        return F.max_pool2d(x, window, stride or window).permute(0, 2, 3, 1)

    attrs = {"window": list(window), "padding": padding}
    if stride:
        attrs["stride"] = list(stride)
    if padding == "explicit":
        attrs["pads"] = list(pads)
    cases.add(name, "max_pool", pool, [x.reshape(shape)], attrs, tol=1e-6)


case("2x2", (2, 4, 6, 3), (2, 2))
case("2x2, odd image", (1, 5, 7, 2), (2, 2))
case("overlapping", (1, 7, 7, 2), (3, 3), (2, 2))
case("oblong", (1, 6, 5, 1), (3, 2), (1, 2))
case("stride beyond the window", (1, 7, 8, 1), (2, 1), (3, 3))
case("even pads", (1, 5, 5, 2), (3, 3), (2, 2), "explicit", (1, 1, 1, 1))
case("uneven pads", (2, 4, 5, 1), (3, 3), (1, 2), "explicit", (2, 0, 0, 1))
case("same", (1, 5, 6, 2), (2, 3), (2, 2), "same", (0, 1, 0, 1))
case("ties go to the first", (1, 4, 4, 1), (2, 2), x=torch.tensor([1.0, 1, 2, 0] * 4))
case("the whole image", (3, 3, 4, 2), (3, 4))
cases.write(__file__)
