# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: transpose as PyTorch computes it."""
import itertools
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
from torch_cases import Cases  # noqa: E402

torch.manual_seed(2)
cases = Cases()
for shape in [(3,), (2, 5), (2, 3, 4)]:
    for axes in itertools.permutations(range(len(shape))):
        cases.add("transpose %s by %s" % (list(shape), [a + 1 for a in axes]), "transpose",
                  lambda x: x.permute(axes), [torch.randn(shape)], {"axes": [a + 1 for a in axes]})
    last_first = [-1, *range(1, len(shape))]
    cases.add("transpose %s by %s" % (list(shape), last_first), "transpose",
              lambda x: x.permute([len(shape) - 1, *range(len(shape) - 1)]), [torch.randn(shape)],
              {"axes": last_first})
for shape in [(), (4,), (3, 2), (2, 3, 1, 4), (0, 3)]:
    cases.add("transpose %s, reversed" % list(shape), "transpose",
              lambda x: x.permute(tuple(reversed(range(x.dim())))), [torch.randn(shape)])
cases.add("transpose nhwc to nchw", "transpose", lambda x: x.permute(0, 3, 1, 2),
          [torch.randn(2, 3, 5, 4)], {"axes": [1, 4, 2, 3]})
cases.write(__file__)
