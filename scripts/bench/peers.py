# SPDX-License-Identifier: Apache-2.0
"""What the programs for PyTorch and TensorFlow share: reading the network that train_step.lua
prints, and timing."""

import argparse
import statistics
import time
from dataclasses import dataclass
from typing import Callable

SLOPE = 0.333  # of the leaky rectifiers
RATE, MOMENTUM = 1e-3, 0.9


@dataclass
class Conv:
    """A valid convolution of stride 1, then a rectifier, then pooling to `pooled` if not 0."""

    size: int
    channels: int
    filters: int
    kernel: int
    pooled: int


@dataclass
class Network:
    batch: int
    convs: list[Conv]
    inputs: int  # of the last layer, which is linear
    classes: int


def read_network(path: str) -> Network:
    """Lines "conv BATCH SIZE CHANNELS FILTERS KERNEL POOLED" and "linear INPUTS OUTPUTS"."""
    batch, convs, linear = 0, [], (0, 0)
    with open(path, encoding="ascii") as file:
        for line in file:
            kind, *words = line.split()
            numbers = [int(word) for word in words]
            if kind == "conv":
                batch = numbers[0]
                convs.append(Conv(*numbers[1:]))
            elif kind == "linear":
                linear = (numbers[0], numbers[1])
            else:
                raise ValueError(f"{path}: no layer '{kind}'")
    return Network(batch, convs, *linear)


def arguments(summary: str, modes: list[str]) -> argparse.Namespace:
    """The options of a program that times training steps."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--shapes", required=True, help="file of train_step.lua --shapes yes")
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def time_steps(step: Callable[[], float], batch: int, warmup: int, steps: int) -> None:
    """Runs steps, each of which returns its loss as a number, and prints their median."""
    for _ in range(warmup):
        step()
    times, loss = [], 0.0
    for _ in range(steps):
        before = time.perf_counter()
        loss = step()
        times.append((time.perf_counter() - before) * 1e3)
    ms = statistics.median(times)
    print(f"fastest {min(times):.1f} ms, slowest {max(times):.1f} ms of {steps}; loss {loss:.4f}")
    print(f"median {ms:.1f} ms, {batch / ms * 1e3:.0f} images/s")
