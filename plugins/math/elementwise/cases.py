# SPDX-License-Identifier: Apache-2.0
"""Writes vectors.lua: cases whose values and gradients PyTorch or NumPy computed."""
import os

import torch

NAMES = {torch.float32: "f32", torch.float64: "f64", torch.uint8: "u8", torch.int32: "i32",
         torch.int64: "i64", torch.bool: "u8"}


def number(value, dtype):
    if value != value:
        return "0/0"
    if value in (float("inf"), float("-inf")):
        return "1/0" if value > 0 else "-1/0"
    if not dtype.is_floating_point:
        return "%d" % value
    return ("%.9g" if dtype == torch.float32 else "%.17g") % value


def tensor(t):
    """A tensor as Lua; None is false: absent, or not checked."""
    if t is None:
        return "false"
    data = ",".join(number(v, t.dtype) for v in t.detach().flatten().tolist())
    return '{dtype="%s",shape={%s},data={%s}}' % (
        NAMES[t.dtype], ",".join(map(str, t.shape)), data)


def tensors(some):
    return "{" + ", ".join(map(tensor, some)) + "}"


def attribute(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "{%s}" % ",".join(map(attribute, value))
    return "%d" % value


class Cases:
    def __init__(self):
        self.rows = []

    def add(self, name, op, function, inputs, attrs=None, wrt=None, tol=1e-5):
        """function: the same in PyTorch. wrt: the inputs that get gradients, by default all
        that are floats; [] for none."""
        inputs = [i.clone() for i in inputs]
        if wrt is None:
            wrt = [k for k, i in enumerate(inputs) if i.dtype.is_floating_point]
        for k in wrt:
            inputs[k].requires_grad_(True)
        y = function(*inputs)
        text = ", ".join("%s=%s" % (k, attribute(v)) for k, v in (attrs or {}).items())
        row = '{name="%s", op="%s", attrs={%s}, tol=%g,\n   inputs=%s,\n   outputs=%s' % (
            name, op, text, tol, tensors(inputs), tensors([y]))
        if wrt:
            dout = torch.linspace(-1.5, 2, max(y.numel(), 2), dtype=y.dtype)[:y.numel()]
            dout = dout.reshape(y.shape)
            y.backward(dout)
            row += ",\n   dout=%s,\n   grads=%s" % (
                tensor(dout), tensors(i.grad if k in wrt else None for k, i in enumerate(inputs)))
        self.rows.append(row + "}")

    def write(self, script):
        path = os.path.join(os.path.dirname(os.path.abspath(script)), "vectors.lua")
        with open(path, "w") as f:
            f.write("-- SPDX-License-Identifier: Apache-2.0\n"
                    "-- Made by vectors.py with PyTorch %s.\n" % torch.__version__.split("+")[0])
            f.write("return {\n  %s,\n}\n" % ",\n  ".join(self.rows))
