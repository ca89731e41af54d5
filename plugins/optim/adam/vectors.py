# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: steps of Adam and AdamW as PyTorch takes them."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from torch_steps import case, write  # noqa: E402

torch.manual_seed(6)
cases = []
for dtype in [torch.float32, torch.float64]:
    for beta1, beta2, epsilon in [(0.9, 0.999, 1e-8), (0.0, 0.0, 1e-3), (0.5, 0.9, 1e-8)]:
        for decay, decoupled in [(0.0, False), (0.05, False), (0.05, True)]:
            attrs = {"beta1": beta1, "beta2": beta2, "epsilon": epsilon,
                     "weight_decay": decay, "decoupled": decoupled}
            kind = torch.optim.AdamW if decoupled else torch.optim.Adam
            cases.append(case(
                lambda w, lr: kind(w, lr, (beta1, beta2), epsilon, decay), attrs,
                lambda state: {"m": state["exp_avg"], "v": state["exp_avg_sq"]}, dtype))
write(__file__, cases)
