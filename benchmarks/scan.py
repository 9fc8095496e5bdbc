"""The selective scan and the layers made of it on a CPU: every backend side by side, in one run.

    python benchmarks/scan.py [--threads 2] [--rounds 7] [--clock wall|cpu]

The contenders take turns within a round, so that other load on the machine falls on all of them; figures are medians
over the rounds. `loop` is the reference, one step at a time under autograd; `attention` is
`scaled_dot_product_attention` over as many channels as one scan has, in heads of at most 64, without its projections.
The second table is a layer of k scans with their convolutions and step sizes: `fused`, one kernel, and `c`, the C
kernels for convolution and scan one after the other. The roof is the time in which this machine's multiply-adds, at the
rate that a matrix product reaches in the same run, would issue the kernel's vector instructions.

`--clock cpu` takes the processor time of one thread instead of the time that passes: for a machine that is shared.
"""

from __future__ import annotations

import argparse
import math
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from motiongen_ops import available_backends, c_scan, parallel_scans, selective_scan

# name: (b, l, k, d, n)
SHAPES = {
    "streaming": (1, 16, 1, 512, 16),
    "width 512": (16, 64, 1, 512, 16),
    "long": (1, 512, 1, 512, 16),
    "HTM, k=9": (64, 16, 9, 128, 16),
    "HTM, k=3": (64, 50, 3, 256, 8),
    "BSM, two-way": (2048, 16, 2, 32, 8),
}
# name: (b, l, k, c, n, rank, kernel) of a layer
LAYERS = {
    "HTM, k=9": (32, 34, 9, 128, 16, 16, 4),
    "HTM, k=1": (32, 34, 1, 128, 16, 16, 4),
    "HTM, 1 minute": (2, 300, 5, 128, 16, 16, 4),
    "BSM": (1088, 8, 2, 32, 8, 4, 3),
}
# Vector instructions on AVX-512 for a state and a step: exponential 9, recurrence 3; the backward pass rebuilds (12 and
# two stores) and then needs 8. For a channel and a step of a layer besides: convolution, SiLU, softplus and their
# gradients, to which the projection to a step size adds its rank, three times backward.
FORWARD, BACKWARD = 12, 22
CHANNEL_FORWARD, CHANNEL_BACKWARD = 45, 90


def inputs(b: int, l: int, k: int, d: int, n: int) -> list[Tensor]:  # noqa: E741
    """u, delta, A, B, C, D, z and delta_bias with the step sizes of a trained model: softplus(...) around 0.02."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    A = -torch.arange(1.0, n + 1).expand(k, d, n).contiguous()
    tensors = [normal(b, l, k, d), normal(b, l, k, d), A, normal(b, l, k, n), normal(b, l, k, n), normal(k, d)]
    return [x.requires_grad_() for x in (*tensors, normal(b, l, k, d), normal(k, d) * 0.5 - 4)]


Work = Callable[[], object]
Clock = Callable[[], float]


def timed(clock: Clock, work: Work) -> float:
    """Milliseconds."""
    start = clock()
    work()
    return (clock() - start) * 1e3


def multiply_adds_per_ms(clock: Clock) -> float:
    """Median rate over a few matrix products."""
    x = torch.randn(1024, 1024)
    return 1024**3 / statistics.median(timed(clock, lambda: torch.mm(x, x)) for _ in range(21))


def scans(shape: tuple[int, int, int, int, int], backends: list[str]) -> tuple[list[Tensor], dict[str, Work]]:
    """What gradients are taken of, and each contender's forward pass."""
    b, l, k, d, n = shape  # noqa: E741
    leaves = inputs(b, l, k, d, n)
    directions = tuple(g % 2 == 1 for g in range(k))

    def scan(backend: str) -> Work:
        return lambda: selective_scan(*leaves, delta_softplus=True, reverse=directions, backend=backend)  # type: ignore[call-overload]

    heads = max(1, d // 64)
    q, key, v = (torch.randn(b, heads, l, d // heads, requires_grad=True) for _ in range(3))
    contenders = {backend: scan(backend) for backend in backends}
    return [*leaves, q, key, v], {**contenders, "attention": lambda: F.scaled_dot_product_attention(q, key, v)}


def layers(shape: tuple[int, int, int, int, int, int, int]) -> tuple[list[Tensor], dict[str, Work]]:
    """As `scans`."""
    b, l, k, c, n, rank, kernel = shape  # noqa: E741
    shapes = ((b, l, c), (b, l, rank + 2 * k * n), (kernel, k, c), (k, c), (k * c, rank), (k, c), (k, c, n), (k, c))
    leaves = [torch.randn(*size) / 2 for size in shapes]
    leaves[5] = leaves[5] - 4
    leaves[6] = -torch.arange(1.0, n + 1).expand(k, c, n).contiguous()
    leaves = [x.requires_grad_() for x in leaves]
    directions = tuple(g >= (k + 1) // 2 for g in range(k))

    def layer(backend: str) -> Work:
        return lambda: parallel_scans(*leaves, reverse=directions, backend=backend)  # type: ignore[arg-type, misc]

    return leaves, {"fused": layer("c"), "c": layer("composed")}


def measure(
    leaves: list[Tensor], contenders: dict[str, Work], rounds: int, clock: Clock
) -> dict[str, tuple[float, float]]:
    """Median milliseconds of the forward pass without gradients, and of forward and backward."""

    def inference(forward: Work) -> None:
        with torch.no_grad():
            forward()

    def training(forward: Work) -> None:
        y = forward()
        assert isinstance(y, Tensor)
        torch.autograd.grad(y, leaves, torch.ones_like(y), allow_unused=True)

    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in contenders}
    for turn in range(-1, rounds):
        for name, forward in contenders.items():
            if name == "reference" and turn > 2:  # the loop takes seconds
                continue
            alone, both = (timed(clock, lambda: work(forward)) for work in (inference, training))  # noqa: B023
            if turn >= 0:
                times[name][0].append(alone)
                times[name][1].append(both)
    return {name: (statistics.median(alone), statistics.median(both)) for name, (alone, both) in times.items()}


def table(label: str, times: dict[str, tuple[float, float]], roofs: tuple[float, float]) -> None:
    """Ratios and the share of the roof are of the first contender."""
    best = next(iter(times.values()))
    for i, (name, (alone, both)) in enumerate(times.items()):
        shown = {"reference": "loop"}.get(name, name)
        line = f"{label:36}{shown:>10}{alone:12.2f}{both:12.2f}{alone / best[0]:8.2f}{both / best[1]:8.2f}"
        print(line + (f"{roofs[0] / alone:9.0%}{roofs[1] / both:7.0%}" if i == 0 else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads != 1:
        parser.error(f"--clock cpu with {options.threads} threads; it is the time of one: add --threads 1")
    torch.set_num_threads(options.threads)
    clock = time.thread_time if options.clock == "cpu" else time.perf_counter

    states = available_backends()
    backends = [name for name in ("c", "torch", "reference") if states[name] == "ok"]
    machine = platform.processor() or platform.machine()
    print(f"{machine}, torch {torch.__version__}, {options.threads} threads, {options.clock} clock")
    print("; ".join(f"{name}: {state}" for name, state in states.items()))
    if states["c"] == "ok":
        print(f"instruction set: {c_scan.instruction_sets()[-1]}")
    header = f"{'forward ms':>12}{'+ backward':>12}{'ratio':>8}{'':>8}{'of roof':>9}"
    print(f"\n{'scan (b, l, k, d, n)':36}{'':>10}{header}")
    for label, shape in SHAPES.items():
        times = measure(*scans(shape, backends), options.rounds, clock)
        size, rate = math.prod(shape), multiply_adds_per_ms(clock)
        table(f"{label} {shape}", times, (size * FORWARD / rate, size * (FORWARD + BACKWARD) / rate))
    if states["c"] != "ok":
        return
    print(f"\n{'layer (b, l, k, c, n, rank, kernel)':36}{'':>10}{header}")
    for label, layer in LAYERS.items():
        times = measure(*layers(layer), options.rounds, clock)
        n, rank, rows, rate = layer[4], layer[5], math.prod(layer[:4]), multiply_adds_per_ms(clock)
        forward = rows * (n * FORWARD + CHANNEL_FORWARD + rank)
        backward = rows * (n * BACKWARD + CHANNEL_BACKWARD + 3 * rank)
        table(f"{label} {layer}", times, (forward / rate, (forward + backward) / rate))


if __name__ == "__main__":
    main()
