# SPDX-License-Identifier: Apache-2.0
"""Values and gradients of conv2d. Images NHWC, filters OHWI; PyTorch has both channels-first."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(1)
cases = Cases()


def values(*shape):
    """Sixteenths: short in print, and exact in f32."""
    return torch.randint(-32, 33, shape).float() / 16


def same(size, taps, stride, dilation):
    """TensorFlow's padding of one axis: (before, after)."""
    out = -(-size // stride)
    total = max((out - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2


def case(name, x, w, bias=True, stride=(1, 1), padding="valid", pads=(0, 0, 0, 0),
         dilation=(1, 1), groups=1):
    if padding == "same":
        pads = same(x[1], w[1], stride[0], dilation[0]) + same(x[2], w[2], stride[1], dilation[1])
    top, bottom, left, right = pads

    def conv(x, w, b=None):
        x = F.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
        y = F.conv2d(x, w.permute(0, 3, 1, 2), b, stride, 0, dilation, groups)
        return y.permute(0, 2, 3, 1)

    attrs = {"stride": list(stride), "padding": padding, "dilation": list(dilation),
             "groups": groups}
    if padding == "explicit":
        attrs["pads"] = list(pads)
    inputs = [values(*x), values(*w)] + ([values(w[0])] if bias else [])
    cases.add(name, "conv2d", conv, inputs, attrs, tol=2e-5)


case("one tap", (2, 3, 4, 3), (2, 1, 1, 3))
case("valid", (2, 5, 6, 3), (4, 3, 2, 3))
case("valid, no bias", (1, 5, 5, 2), (3, 2, 2, 2), bias=False)
case("strides", (1, 8, 9, 2), (3, 3, 3, 2), stride=(2, 3))
case("stride beyond the window", (1, 7, 8, 1), (2, 2, 1, 1), stride=(3, 3))
case("same, even window", (2, 5, 4, 2), (3, 2, 4, 2), padding="same")
case("same, strides", (1, 6, 7, 2), (2, 3, 3, 2), padding="same", stride=(2, 2))
case("same, dilation", (1, 6, 5, 1), (2, 3, 3, 1), padding="same", dilation=(2, 1))
case("uneven pads", (1, 4, 5, 2), (3, 3, 3, 2), padding="explicit", pads=(2, 0, 1, 3))
case("pads beyond the window", (1, 3, 3, 1), (1, 2, 2, 1), padding="explicit", pads=(3, 2, 0, 4))
case("dilation", (1, 7, 9, 2), (2, 3, 2, 2), dilation=(2, 3), bias=False)
case("groups", (2, 4, 4, 6), (4, 3, 3, 3), groups=2)
case("a filter for each channel", (1, 5, 5, 4), (8, 3, 3, 1), groups=4, padding="same")
case("all at once", (2, 9, 8, 4), (6, 2, 3, 2), stride=(2, 1), padding="explicit",
     pads=(1, 2, 0, 3), dilation=(3, 2), groups=2)
case("window of the whole image", (3, 3, 4, 2), (5, 3, 4, 2))
cases.write(__file__)
