# SPDX-License-Identifier: Apache-2.0
"""Makes vectors.lua: cast as PyTorch and, where it rounds twice or does not define what
comes out (to bf16, f16 and integers), exact fractions compute it."""
import math
import os
import sys
from fractions import Fraction

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../nn"))
import torch_cases  # noqa: E402

torch_cases.NAMES.update({torch.bfloat16: "bf16", torch.float16: "f16", torch.uint8: "u8"})
NAMES = torch_cases.NAMES
RANGES = {"u8": (0, 255), "i32": (-2**31, 2**31 - 1), "i64": (-2**63, 2**63 - 1)}
INF, NAN = float("inf"), float("nan")


def to_integer(x, dtype):
    """Truncated towards zero, saturated; NaN is 0. Exact: on Python's integers."""
    low, high = RANGES[NAMES[dtype]]

    def one(v):
        if v != v:
            return 0
        if v in (INF, -INF):
            return high if v > 0 else low
        return min(max(int(v), low), high)
    return torch.tensor([one(v) for v in x.tolist()], dtype=dtype)


def nearest(v, bits, least, largest):
    """v to so many bits, in steps of no less than 2^least, ties to even."""
    if isinstance(v, float) and (v == 0 or not math.isfinite(v)):
        return v
    unit = Fraction(2) ** max(math.frexp(v)[1] - bits, least)
    rounded = round(Fraction(v) / unit) * unit
    if abs(rounded) >= largest:
        return INF if v > 0 else -INF
    return float(rounded)


def to_half(x, dtype):
    form = (8, -133, 2**128) if dtype == torch.bfloat16 else (11, -24, 2**16)
    return torch.tensor([nearest(v, *form) for v in x.tolist()], dtype=torch.float64).to(dtype)


def cast(x, dtype):
    if dtype in (torch.bfloat16, torch.float16):
        return to_half(x, dtype)
    return x.to(dtype) if dtype.is_floating_point else to_integer(x, dtype)


floats = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.99999994, 255.0, 255.5, 256.0, -3.75,
          1e-3,
          65504.0, 65519.0, 65520.0, -65536.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-11, 1 + 3 * 2**-11,
          2.0**-14, 2.0**-24, 2.0**-25, 3 * 2.0**-25, 1e-8, 16777217.0, 2147483520.0, 2147483648.0,
          -2147483648.0, 9.2e18, 1e19, -1e19, 3.38e38, 3.4e38, INF, -INF, NAN]
doubles = [1 + 2**-8 + 2**-40, 1 + 2**-11 + 2**-40, 1 + 3 * 2**-8 - 2**-40, 1e300, -1e300, 1e-300,
           2147483647.0, 2147483646.999, -2147483648.5, 9007199254740993.0, 1e-46]
integers = [0, 1, -1, 127, 128, 255, 256, -2**31, 2**31 - 1, 2**24 + 1, 257, 771, 2049, 2051,
            65519, 65520]
longs = [2**31, -2**31 - 1, 2**53, 1 - 2**53, 2**52 + 1, 2**40 + 2**32 + 1, 2**40 + 3 * 2**32]

sources = {
    torch.float32: floats, torch.float64: floats + doubles, torch.bfloat16: floats,
    torch.float16: floats, torch.uint8: list(range(0, 256, 5)), torch.int32: integers,
    torch.int64: integers + longs,
}
# All digits: f32 too is compared exactly.
plain = torch_cases.number
torch_cases.number = lambda v, t: plain(v, torch.float64 if t.is_floating_point else t)
cases = torch_cases.Cases()
for source, values in sources.items():
    x = torch.tensor(values, dtype=source)
    for target in sources:
        name = "cast %s to %s" % (NAMES[source], NAMES[target])
        attrs = {"dtype": NAMES[target]}
        cases.add(name, "cast", lambda x: cast(x, target), [x], attrs, wrt=[], grads=False, tol=0)
cases.write(__file__)
