# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: steps of SGD as PyTorch takes them."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_steps import case, write  # noqa: E402

torch.manual_seed(5)
cases = []
for dtype in [torch.float32, torch.float64]:
    for momentum, nesterov in [(0.0, False), (0.9, False), (0.9, True), (0.99, True)]:
        for decay in [0.0, 0.05]:
            attrs = {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay}
            cases.append(case(
                lambda w, lr: torch.optim.SGD(w, lr, **attrs), attrs,
                lambda state: {"m": state["momentum_buffer"]} if momentum else {}, dtype))
write(__file__, cases)
