"""The selective scan on a CPU: every backend side by side, in one run.

    python benchmarks/scan.py [--threads 2] [--rounds 7]

The backends take turns within a round, so that other load on the machine falls on all of them; figures are medians over
the rounds. `loop` is the reference, one step at a time under autograd. The roof is the time in which this machine's
multiply-adds, at the rate that a matrix product reaches in the same run, would issue the kernel's vector instructions.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from motiongen_ops import available_backends, c_scan, selective_scan

# name: (b, l, k, d, n)
SHAPES = {
    "streaming": (1, 16, 1, 512, 16),
    "width 512": (16, 64, 1, 512, 16),
    "long": (1, 512, 1, 512, 16),
    "HTM, k=9": (64, 16, 9, 128, 16),
    "HTM, k=3": (64, 50, 3, 256, 8),
    "BSM, two-way": (2048, 16, 2, 32, 8),
}
# Vector instructions for a state and a step, counted in scan.c: exponential 13, recurrence 3; the backward pass
# rebuilds (16 and two stores) and then needs 8.
FORWARD, BACKWARD = 16, 26


def inputs(b: int, l: int, k: int, d: int, n: int) -> list[Tensor]:  # noqa: E741
    """u, delta, A, B, C, D, z and delta_bias with the step sizes of a trained model: softplus(...) around 0.02."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    A = -torch.arange(1.0, n + 1).expand(k, d, n).contiguous()
    tensors = [normal(b, l, k, d), normal(b, l, k, d), A, normal(b, l, k, n), normal(b, l, k, n), normal(k, d)]
    return [x.requires_grad_() for x in (*tensors, normal(b, l, k, d), normal(k, d) * 0.5 - 4)]


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work(*arguments)
    return (time.perf_counter() - start) * 1e3


def multiply_adds_per_ms() -> float:
    """Best rate over a few matrix products."""
    x = torch.randn(1024, 1024)
    return 1024**3 / min(timed(torch.mm, x, x) for _ in range(20))


def measure(shape: tuple[int, int, int, int, int], backends: list[str], rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds of the forward pass without gradients, and of forward and backward."""
    leaves = inputs(*shape)
    weight = torch.randn_like(leaves[0])
    directions = tuple(g % 2 == 1 for g in range(shape[2]))

    def forward(backend: str) -> Tensor:
        return selective_scan(*leaves, delta_softplus=True, reverse=directions, backend=backend)  # type: ignore[call-overload]

    def inference(backend: str) -> None:
        with torch.no_grad():
            forward(backend)

    def training(backend: str) -> None:
        torch.autograd.grad(forward(backend), leaves, weight)

    times: dict[str, tuple[list[float], list[float]]] = {backend: ([], []) for backend in backends}
    inference(backends[0])
    for turn in range(rounds):
        for backend, (alone, both) in times.items():
            if backend != "reference" or turn < 3:  # the loop takes seconds
                alone.append(timed(inference, backend))
                both.append(timed(training, backend))
    return {backend: (statistics.median(alone), statistics.median(both)) for backend, (alone, both) in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    states = available_backends()
    backends = [name for name in ("c", "torch", "reference") if states[name] == "ok"]
    machine = platform.processor() or platform.machine()
    print(f"{machine}, torch {torch.__version__}, {options.threads} threads; c: {states['c']}")
    if states["c"] == "ok":
        print(f"instruction set: {c_scan.instruction_sets()[-1]}")
    print(
        f"\n{'(b, l, k, d, n)':34}{'backend':>10}{'forward ms':>12}{'+ backward':>12}{'ratio':>8}{'':>8}{'of roof':>9}"
    )
    for label, shape in SHAPES.items():
        times = measure(shape, backends, options.rounds)
        rate = multiply_adds_per_ms()
        b, l, k, d, n = shape  # noqa: E741
        size = b * l * k * d * n
        best = times[backends[0]]
        for backend, (alone, both) in times.items():
            name = "loop" if backend == "reference" else backend
            line = (
                f"{f'{label} {shape}':34}{name:>10}{alone:12.2f}{both:12.2f}{alone / best[0]:8.1f}{both / best[1]:8.1f}"
            )
            if backend == "c":
                line += f"{size * FORWARD / rate / alone:9.0%}{size * (FORWARD + BACKWARD) / rate / both:7.0%}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
