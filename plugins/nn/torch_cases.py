# SPDX-License-Identifier: Apache-2.0
"""Cases for vectors.lua, with values and gradients that PyTorch computed.

    cases = Cases()
    cases.add("plain", "relu", torch.relu, [x])
    cases.write(__file__)
"""
import os

import torch

NAMES = {torch.float32: "f32", torch.float64: "f64", torch.int32: "i32", torch.int64: "i64"}


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
    shape = ",".join(map(str, t.shape))
    return '{dtype="%s",shape={%s},data={%s}}' % (NAMES[t.dtype], shape, data)


def tensors(list_):
    return "{" + ", ".join(map(tensor, list_)) + "}"


def attribute(value):
    if isinstance(value, list):
        return "{" + ",".join(map(attribute, value)) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"%s"' % value if isinstance(value, str) else "%.17g" % value


class Cases:
    def __init__(self):
        self.rows = []

    def add(self, name, op, function, inputs, attrs=None, wrt=None, tol=1e-5, grads=True):
        """function: the same in PyTorch. wrt: inputs with gradients; by default all floats."""
        inputs = [i.clone() for i in inputs]
        floats = [k for k, i in enumerate(inputs) if i.dtype.is_floating_point]
        wrt = floats if wrt is None else wrt
        for k in wrt:
            inputs[k].requires_grad_(True)
        y = function(*inputs)
        text = ", ".join("%s=%s" % (k, attribute(v)) for k, v in (attrs or {}).items())
        row = '{name="%s", op="%s", attrs={%s}, tol=%g,\n   inputs=%s,\n   outputs=%s' % (
            name, op, text, tol, tensors(inputs), tensors([y]))
        if grads:
            dout = torch.linspace(-1.5, 2, y.numel(), dtype=y.dtype).reshape(y.shape)
            if y.dim() == 0:
                dout = torch.tensor(1.5, dtype=y.dtype)
            y.backward(dout)
            gradients = [i.grad if k in wrt else None for k, i in enumerate(inputs)]
            row += ",\n   dout=%s,\n   grads=%s" % (tensor(dout), tensors(gradients))
        self.rows.append(row + "}")

    def write(self, script):
        path = os.path.join(os.path.dirname(os.path.abspath(script)), "vectors.lua")
        with open(path, "w") as f:
            f.write("-- SPDX-License-Identifier: Apache-2.0\n"
                    "-- Made by vectors.py with PyTorch %s.\n" % torch.__version__.split("+")[0])
            f.write("return {\n  %s,\n}\n" % ",\n  ".join(self.rows))
