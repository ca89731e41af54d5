# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: the cross entropy as PyTorch computes it."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_cases import Cases  # noqa: E402

INF = float("inf")


def loss(reduction):
    # PyTorch has the classes in dimension 2, here they are in the last.
    return lambda x, y: F.cross_entropy(
        x.movedim(-1, 1), y.movedim(-1, 1) if y.is_floating_point() else y, reduction=reduction)


torch.manual_seed(3)
cases = Cases()
for reduction in ["mean", "sum", "none"]:
    attrs = {"reduction": reduction}
    for shape in [(1, 2), (5, 10), (3, 1), (2, 3, 4), (2, 2, 2, 3)]:
        for scale in [1, 50]:
            x = scale * torch.randn(shape)
            name = "%s %s * %d" % (reduction, list(shape), scale)
            classes = torch.randint(shape[-1], shape[:-1])
            for dtype in [torch.int32, torch.int64]:
                # PyTorch takes int64 only.
                y = classes.to(dtype)
                cases.add("%s %s" % (name, str(dtype)[6:]), "cross_entropy",
                          lambda x, y: loss(reduction)(x, y.long()), [x, y], attrs)
            p = F.softmax(torch.randn(shape), -1)
            cases.add(name + " probabilities", "cross_entropy", loss(reduction), [x, p], attrs,
                      wrt=[0])
    p = torch.tensor([[0.5, 2.0, 0.0], [0.0, 0.0, 0.0]])
    cases.add(reduction + " weights that are no probabilities", "cross_entropy", loss(reduction),
              [torch.randn(2, 3), p], attrs, wrt=[0])
    cases.add(reduction + " infinite logits", "cross_entropy", loss(reduction),
              [torch.tensor([[1, -INF, 0], [-INF, 0, 2], [0, 1, -INF]]), torch.tensor([0, 2, 1])],
              attrs)
cases.write(__file__)
