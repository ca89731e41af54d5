# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: reductions as PyTorch computes them; NaN as NumPy does."""
import os
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "elementwise"))
from cases import Cases  # noqa: E402

NAN, INF = float("nan"), float("inf")
torch.manual_seed(1)
cases = Cases()


def dims(axes, rank):
    """Axes count from 1; none means all."""
    return [a - 1 if a > 0 else a for a in axes] or list(range(rank))


def reduction(function, axes, rank, keep):
    if rank == 0:
        return lambda x: function(x.reshape(1), dim=0)
    return lambda x: function(x, dim=dims(axes, rank), keepdim=keep)


OPS = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax, "min": torch.amin}
WHERE = [((), []), ((5,), []), ((3, 4), [1]), ((3, 4), [-1]), ((2, 3, 4), [2]), ((2, 3, 4), [1, 3]),
         ((2, 3, 4), [-1, 1]), ((2, 3, 4), []), ((2, 2, 3, 2), [1, 2, 3]), ((2, 1, 3, 2), [2, 4])]
for op, function in OPS.items():
    for shape, axes in WHERE:
        for keep in (False, True):
            attrs = dict({"keep": keep} if keep else {}, **({"axes": axes} if axes else {}))
            cases.add("%s %s axes %s%s" % (op, list(shape), axes, " keep" if keep else ""), op,
                      reduction(function, axes, len(shape), keep), [torch.randn(shape)], attrs)

# Gradients of a maximum are shared among ties.
ties = torch.tensor([[1.0, 3, 3, 2], [5, 5, 5, 5], [-1, 0, -2, -0.0]])
for op in ("max", "min"):
    cases.add("%s, ties" % op, op, reduction(OPS[op], [2], 2, False), [ties], {"axes": [2]})
    cases.add("%s, ties of all" % op, op, reduction(OPS[op], [], 2, False), [ties])

odd = torch.tensor([[NAN, 1, 2], [1, NAN, 2], [1, 2, NAN], [-INF, 0, INF], [-INF, -INF, -INF]])
for op in OPS:
    for axis in (1, 2):
        cases.add("%s of NaN and infinity, axis %d" % (op, axis), op,
                  reduction(OPS[op], [axis], 2, False), [odd], {"axes": [axis]}, wrt=[])

# Sums of small numbers onto large ones, which f32 alone would lose.
big = torch.full((2, 300), 1e-3)
big[:, 0] = 1e6
cases.add("sum keeps small numbers", "sum", lambda x: x.double().sum(1).float(), [big],
          {"axes": [2]}, wrt=[], tol=1e-7)
cases.add("sum keeps small numbers, columns", "sum", lambda x: x.double().sum(0).float(),
          [big.t().contiguous()], {"axes": [1]}, wrt=[], tol=1e-7)

for dtype in (torch.uint8, torch.int32, torch.int64):
    x = torch.randint(0, 250, (3, 40)).to(dtype)
    name = str(dtype)[6:]
    if dtype != torch.uint8:
        x -= 100
    for axes in ([], [1], [2]):
        for op in ("sum", "max", "min"):
            cases.add("%s %s axes %s" % (op, name, axes), op, reduction(OPS[op], axes, 2, False),
                      [x], {"axes": axes} if axes else {}, wrt=[])
    cases.add("argmax %s" % name, "argmax", lambda v: v.argmax(1), [x], {}, wrt=[])

# -- argmax -----------------------------------------------------------------------


def argmax(axis):
    return lambda x: torch.tensor(x.numpy().argmax(axis))


for shape in [(5,), (3, 4), (2, 3, 4)]:
    for axis in range(-len(shape), len(shape)):
        from_one = axis + 1 if axis >= 0 else axis
        cases.add("argmax %s axis %d" % (list(shape), from_one), "argmax", argmax(axis),
                  [torch.randn(shape)], {"axis": from_one}, wrt=[])
cases.add("argmax, ties and NaN", "argmax", argmax(1),
          [torch.tensor([[1.0, 3, 3], [NAN, 9, NAN], [4, NAN, 5], [-INF, -INF, -INF]])], {}, wrt=[])

# -- sum_to, broadcast_like, mean_back, extreme_back --------------------------------

for shape, like in [((3, 4), (4,)), ((3, 4), (3, 1)), ((2, 3, 4), ()), ((2, 3, 4), (3, 1)),
                    ((4,), (4,)), ((2, 3, 4), (2, 1, 4)), ((1, 3), (1, 1))]:
    cases.add("sum_to %s %s" % (list(shape), list(like)), "sum_to",
              lambda x, y: x.sum_to_size(y.shape), [torch.randn(shape), torch.zeros(like)], wrt=[0])
    cases.add("broadcast_like %s %s" % (list(like), list(shape)), "broadcast_like",
              lambda x, y: x.expand(y.shape).clone(), [torch.randn(like), torch.zeros(shape)],
              wrt=[0])
for shape, axes, like, inner in [((2, 4), [2], (2, 3, 4), (2, 1, 4)),
                                 ((3,), [1, -1], (2, 3, 4), (1, 3, 1)), ((), [1], (3,), (1,)),
                                 ((1, 4), [2], (2, 3, 4), (1, 1, 4))]:
    cases.add("broadcast_like %s axes %s %s" % (list(shape), axes, list(like)), "broadcast_like",
              lambda x, y: x.reshape(inner).expand(y.shape).clone(),
              [torch.randn(shape), torch.zeros(like)], {"axes": axes}, wrt=[0])
cases.add("mean_back", "mean_back", lambda dy, x: dy / 6, [torch.randn(4), torch.zeros(2, 3, 4)],
          wrt=[0])
cases.add("extreme_back", "extreme_back",
          lambda x, y, dy: torch.where(x == y, dy / (x == y).sum(1, True), torch.zeros(())),
          [ties, ties.amax(1, True), torch.randn(3, 1)], {"axes": [2], "keep": True}, wrt=[])

cases.write(__file__)
