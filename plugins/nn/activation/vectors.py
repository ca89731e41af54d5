# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: activations as PyTorch computes them."""
import os
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_cases import Cases  # noqa: E402

INF, NAN = float("inf"), float("nan")

torch.manual_seed(1)
cases = Cases()
ops = [("relu", F.relu, {}), ("leaky_relu", F.leaky_relu, {}),
       ("sigmoid", torch.sigmoid, {}), ("tanh", torch.tanh, {})]
ops += [("leaky_relu", lambda x, s=s: F.leaky_relu(x, s), {"slope": s}) for s in (0.333, 1.5)]
shapes = [(), (7,), (3, 5), (2, 3, 2, 2)]
extremes = torch.tensor([0.0, 1e-30, -1e-30, 20, -20, 100, -100, 1000, -1000, INF, -INF, NAN])
for op, function, attrs in ops:
    label = op + "".join(" %s %g" % a for a in attrs.items())
    for shape in shapes:
        cases.add("%s %s" % (label, list(shape)), op, function, [3 * torch.randn(shape)], attrs)
    cases.add(label + " extremes", op, function, [extremes], attrs, grads=False)
cases.write(__file__)
