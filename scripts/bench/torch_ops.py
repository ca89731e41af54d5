# SPDX-License-Identifier: Apache-2.0
"""Times PyTorch's fractional_max_pool2d alone, and its eager add of 4 numbers.

See fmp_op.lua and dispatch.lua, whose lines for programs this prints too: "pool_ms N C IN OUT
FORWARD_MS BACK_MS COPY_MS BYTES" and "eager_us MICROSECONDS". Outputs are made before: what is
timed is the kernel and not the page faults of new memory.
"""

import argparse
import statistics
import time
from typing import Callable

import torch

SHAPES = [(100, 32, 35, 25), (100, 64, 24, 17), (32, 128, 72, 57), (32, 256, 44, 35)]


def timed_ms(f: Callable[[], object]) -> float:
    before = time.perf_counter()
    f()
    return (time.perf_counter() - before) * 1e3


def median_ms(rounds: int, *functions: Callable[[], object]) -> list[float]:
    """Medians over rounds that take all functions in turn; the first round warms up."""
    times = [[timed_ms(f) for f in functions] for _ in range(rounds + 1)]
    return [statistics.median(column) for column in zip(*times[1:])]


def measure_pool(shape: tuple[int, int, int, int], rounds: int) -> None:
    n, c, size, out = shape
    ops = torch.ops.aten
    x, dy = torch.randn(n, c, size, size), torch.randn(n, c, out, out)
    samples = torch.rand(n, c, 2)
    y, dx = torch.empty_like(dy), torch.empty_like(x)
    indices = torch.empty(dy.shape, dtype=torch.int64)
    # As many bytes as ours moves, so that the two copies can be compared.
    moved = x.numel() * 4 + dy.numel() * 5
    source = torch.zeros(moved // 8)
    target = torch.empty_like(source)

    def forward() -> None:
        ops.fractional_max_pool2d.output(x, [2, 2], [out, out], samples, output=y,
                                         indices=indices)

    def back() -> None:
        ops.fractional_max_pool2d_backward.grad_input(dy, x, [2, 2], [out, out], indices,
                                                      grad_input=dx)

    figures = median_ms(rounds, forward, back, lambda: target.copy_(source))
    print("pool_ms", *shape, *(f"{ms:.4f}" for ms in figures), moved)


def measure_add(rounds: int, calls: int = 20000) -> None:
    a, b = torch.tensor([1.0, 2, 3, 4]), torch.tensor([5.0, 6, 7, 8])

    def add() -> None:
        for _ in range(calls):
            a + b  # noqa: B018

    print(f"eager_us {median_ms(rounds, add)[0] / calls * 1e3:.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with torch.no_grad():
        measure_add(options.rounds)
        for shape in SHAPES:
            measure_pool(shape, options.rounds)


main()
