# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: floats and gradients by PyTorch, integers and what has no number by NumPy."""
import numpy as np
import torch

from cases import Cases

NAN, INF = float("nan"), float("inf")
torch.manual_seed(1)
cases = Cases()


def by_numpy(function):
    return lambda *xs: torch.tensor(np.asarray(function(*(x.numpy() for x in xs))))


# -- floats, over shapes that broadcast ------------------------------------------

PAIRS = [((3, 4), (3, 4)), ((2, 3, 4), (4,)), ((3, 4), ()), ((2, 1, 3), (4, 1)), ((1,), (5,)),
         ((), ())]
BINARY = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div,
          "maximum": torch.maximum, "minimum": torch.minimum}
for op, function in BINARY.items():
    for a, b in PAIRS:
        cases.add("%s %s %s" % (op, list(a), list(b)), op, function,
                  [torch.randn(a), torch.randn(b) + 0.1])
for a, b in PAIRS:
    base, exponent = torch.rand(a) * 2 + 0.2, torch.randn(b) * 1.5
    cases.add("pow %s %s" % (list(a), list(b)), "pow", torch.pow, [base, exponent])
    cases.add("pow_base_slope %s %s" % (list(a), list(b)), "pow_base_slope",
              lambda x, y: y * torch.pow(x, y - 1), [base, exponent], wrt=[])
    cases.add("pow_exponent_slope %s %s" % (list(a), list(b)), "pow_exponent_slope",
              lambda x, y: torch.pow(x, y) * torch.log(x), [base, exponent], wrt=[])
cases.add("pow of bases that are not positive", "pow", torch.pow,
          [torch.tensor([-2.0, -1.5, 0, 0, 0, -3]), torch.tensor([3.0, 2, 2, 1, 0, 0])], wrt=[0])
cases.add("pow, the exponent of base zero", "pow", torch.pow,
          [torch.tensor([0.0, 0, 0, 2]), torch.tensor([2.0, 1, 0.5, -1])], wrt=[1])

UNARY = {"neg": torch.neg, "exp": torch.exp, "abs": torch.abs, "sign": torch.sign,
         "square": torch.square}
for shape in [(), (7,), (2, 3, 2)]:
    x = torch.randn(shape) * 2
    for op, function in UNARY.items():
        cases.add("%s %s" % (op, list(shape)), op, function, [x])
    for op, function in {"log": torch.log, "sqrt": torch.sqrt}.items():
        cases.add("%s %s" % (op, list(shape)), op, function, [x.abs() + 0.01])
cases.add("abs at zero", "abs", torch.abs, [torch.tensor([0.0, -0.0, 1])])
cases.add("exp, large and small", "exp", torch.exp, [torch.tensor([-90.0, -1e-8, 80])])
cases.add("f64 exp", "exp", torch.exp, [torch.randn(5).double()], tol=1e-14)

for c, a, b in [((3, 4), (3, 4), (3, 4)), ((3, 1), (4,), (2, 3, 4)), ((4,), (), (3, 1)),
                ((), (2,), (2,))]:
    cond = torch.randint(0, 3, c, dtype=torch.uint8)
    cases.add("where %s %s %s" % (list(c), list(a), list(b)), "where",
              lambda k, x, y: torch.where(k != 0, x, y), [cond, torch.randn(a), torch.randn(b)])
    cases.add("keep_if %s %s" % (list(c), list(b)), "keep_if",
              lambda k, x: torch.where(k != 0, x, torch.zeros(())), [cond, torch.randn(b)])
    cases.add("drop_if %s %s" % (list(c), list(b)), "drop_if",
              lambda k, x: torch.where(k != 0, torch.zeros(()), x), [cond, torch.randn(b)])

# -- comparisons, with ties -------------------------------------------------------

COMPARISONS = {"equal": np.equal, "not_equal": np.not_equal, "less": np.less,
               "less_equal": np.less_equal, "greater": np.greater,
               "greater_equal": np.greater_equal}
for op, function in COMPARISONS.items():
    for dtype in (torch.float32, torch.uint8, torch.int32, torch.int64):
        a, b = torch.randint(0, 3, (3, 4)).to(dtype), torch.randint(0, 3, (4,)).to(dtype)
        cases.add("%s %s" % (op, str(dtype)[6:]), op, by_numpy(function), [a, b], wrt=[])

# -- NaN and infinity -------------------------------------------------------------

VALUES = torch.tensor([NAN, -INF, -1.0, 0.0, 2.0, INF])
SPECIAL = dict(COMPARISONS, add=np.add, sub=np.subtract, mul=np.multiply, div=np.divide,
               maximum=np.maximum, minimum=np.minimum)
with np.errstate(all="ignore"):
    for op, function in SPECIAL.items():
        cases.add("%s of NaN and infinity" % op, op, by_numpy(function),
                  [VALUES.reshape(6, 1), VALUES], wrt=[])
    for op, function in {"neg": np.negative, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
                         "abs": np.abs, "sign": np.sign, "square": np.square}.items():
        cases.add("%s of NaN and infinity" % op, op, by_numpy(function), [VALUES], wrt=[])

# -- integers, which wrap ---------------------------------------------------------

INTEGERS = {torch.uint8: [0, 1, 2, 127, 128, 200, 255],
            torch.int32: [-2**31, -2**31 + 1, -70000, -1, 0, 3, 70000, 2**31 - 1],
            torch.int64: [-2**52, -5, -1, 0, 1, 7, 2**33]}
for dtype, values in INTEGERS.items():
    a = torch.tensor(values, dtype=dtype)
    name = str(dtype)[6:]
    with np.errstate(all="ignore"):
        # Products of these i64 would be more than a Lua number holds.
        for op in ("add", "sub", "maximum", "minimum") + (("mul",) if dtype != torch.int64 else ()):
            cases.add("%s %s" % (op, name), op, by_numpy(SPECIAL[op]), [a.reshape(-1, 1), a],
                      wrt=[])
        for op, function in {"neg": np.negative, "abs": np.abs, "sign": np.sign}.items():
            cases.add("%s %s" % (op, name), op, by_numpy(function), [a], wrt=[])
        small = a[(a.abs() < 2**26)] if dtype == torch.int64 else a
        cases.add("square %s" % name, "square", by_numpy(np.square), [small], wrt=[])
        cases.add("where %s" % name, "where", lambda k, x, y: torch.where(k != 0, x, y),
                  [torch.tensor([[0], [255]], dtype=torch.uint8), a, a.flip(0)], wrt=[])

cases.write(__file__)
