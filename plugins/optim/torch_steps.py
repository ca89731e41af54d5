# SPDX-License-Identifier: Apache-2.0
"""Several steps of a PyTorch optimizer as a Lua table: for each step the gradient and the
learning rate that go in, and the weights and state that come out."""
import os

import torch

FORMATS = {torch.float32: "%.9g", torch.float64: "%.17g"}
NAMES = {torch.float32: "f32", torch.float64: "f64"}


def numbers(t):
    return "{%s}" % ",".join(FORMATS[t.dtype] % v for v in t.detach().flatten().tolist())


def attribute(value):
    return str(value).lower() if isinstance(value, bool) else "%.17g" % value


def case(make, attrs, state_of, dtype, n=9, steps=5):
    """make([w], lr) is the optimizer; state_of(its state of w) names the tensors to keep."""
    w = torch.randn(n, dtype=dtype).requires_grad_(True)
    optimizer = make([w], 0.1)
    rows = []
    start = numbers(w)
    for step in range(steps):
        w.grad = torch.randn(n, dtype=dtype) * 10.0 ** -(step % 3)
        lr = 0.1 / (1 + step)
        for group in optimizer.param_groups:
            group["lr"] = lr
        g = numbers(w.grad)
        optimizer.step()
        after = {"w": w, **state_of(optimizer.state[w])}
        kept = ", ".join("%s=%s" % (k, numbers(t)) for k, t in after.items())
        rows.append("{lr=%.17g, g=%s,\n     %s}" % (lr, g, kept))
    text = ", ".join("%s=%s" % (k, attribute(v)) for k, v in attrs.items())
    return '{dtype="%s", attrs={%s}, w=%s, steps={\n    %s}}' % (
        NAMES[dtype], text, start, ",\n    ".join(rows))


def write(script, cases):
    path = os.path.join(os.path.dirname(os.path.abspath(script)), "vectors.lua")
    with open(path, "w") as f:
        f.write("-- SPDX-License-Identifier: Apache-2.0\n"
                "-- Made by vectors.py with PyTorch %s.\n" % torch.__version__.split("+")[0])
        f.write("return {\n  %s,\n}\n" % ",\n  ".join(cases))
