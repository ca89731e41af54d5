# SPDX-License-Identifier: Apache-2.0
"""Times training steps of the paper's networks in PyTorch; see train_step.lua.

The last line is "median 61.2 ms, 1634 images/s". Modes: eager (NCHW), channels_last,
compile (torch.compile, NCHW), bf16 (autocast, NCHW), bf16_channels_last, bf16_compile.
"""

import contextlib

import torch
from torch import nn

from peers import MOMENTUM, RATE, SLOPE, Network, arguments, read_network, time_steps

MODES = ["eager", "channels_last", "compile", "bf16", "bf16_channels_last", "bf16_compile"]


def make_model(network: Network) -> nn.Sequential:
    layers: list[nn.Module] = []
    for conv in network.convs:
        layer = nn.Conv2d(conv.channels, conv.filters, conv.kernel)
        nn.init.kaiming_normal_(layer.weight, a=SLOPE)
        layers += [layer, nn.LeakyReLU(SLOPE, inplace=True)]
        if conv.pooled:
            layers.append(nn.FractionalMaxPool2d(2, output_size=conv.pooled))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(network.inputs, network.classes))


def main() -> None:
    options = arguments(__doc__.splitlines()[0], MODES)
    network = read_network(options.shapes)
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)

    first = network.convs[0]
    model = make_model(network)
    x = torch.randn(network.batch, first.channels, first.size, first.size) * 0.1
    y = torch.randint(network.classes, (network.batch,))
    if options.mode.endswith("channels_last"):
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    run = torch.compile(model) if options.mode.endswith("compile") else model

    # fused: one kernel for each update instead of several over the same memory.
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True,
                                fused=True)
    criterion = nn.CrossEntropyLoss()

    def precision() -> contextlib.AbstractContextManager:
        if options.mode.startswith("bf16"):
            return torch.autocast("cpu", dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        with precision():
            loss = criterion(run(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    time_steps(step, network.batch, options.warmup, options.steps)


main()
