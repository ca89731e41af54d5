# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: mse and sigmoid_cross_entropy as PyTorch computes them."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(4)
cases = Cases()
sigmoid_cross_entropy = F.binary_cross_entropy_with_logits
for op, function in [("mse", F.mse_loss), ("sigmoid_cross_entropy", sigmoid_cross_entropy)]:
    for reduction in ["mean", "sum", "none"]:
        for shape in [(), (1,), (7,), (3, 5), (2, 3, 2, 2)]:
            x = 4 * torch.randn(shape)
            z = torch.rand(shape)
            cases.add("%s %s %s" % (op, reduction, list(shape)), op,
                      lambda x, z: function(x, z, reduction=reduction), [x, z],
                      {"reduction": reduction})
        x = torch.tensor([0, 1e-30, -1e-30, 20, -20, 90, -90, 1000, -1000])
        for z in [0.0, 0.3, 1.0]:
            cases.add("%s %s extremes, target %g" % (op, reduction, z), op,
                      lambda x, z: function(x, z, reduction=reduction),
                      [x, torch.full_like(x, z)], {"reduction": reduction})
cases.write(__file__)
