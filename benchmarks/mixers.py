"""The sequence mixers side by side with attention of the same width, on a CPU.

    python benchmarks/mixers.py [--threads 2] [--rounds 7] [--expand 2] [--states 16]

Every row is a whole layer, projections included; attention is scaled_dot_product_attention of 4 heads between its two
maps. The layers take turns within a round, so that other load on the machine falls on all of them; figures are medians
over the rounds, ratios are to attention's medians of the same run (above 1: slower than attention).
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from motiongen_ops import available_backends
from motiongen_ops.mixers import MIXERS

WIDTH, HEADS = 256, 4
# (batch, length)
SHAPES = ((64, 16), (16, 64), (4, 512), (1, 4096))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.to_heads, self.to_width = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in self.to_heads(x).chunk(3, dim=-1))
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.to_width(mixed.transpose(1, 2).flatten(2))


def timed(work: Callable[[nn.Module, Tensor], object], layer: nn.Module, x: Tensor) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work(layer, x)
    return (time.perf_counter() - start) * 1e3


def inference(layer: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        layer(x)


def training(layer: nn.Module, x: Tensor) -> None:
    torch.autograd.grad(layer(x).sum(), [x, *layer.parameters()])


def measure(layers: dict[str, nn.Module], x: Tensor, rounds: int) -> dict[str, tuple[float, float]]:
    """Median milliseconds of the forward pass without gradients, and of forward and backward."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in layers}
    for layer in layers.values():
        training(layer, x)
    for _ in range(rounds):
        for name, layer in layers.items():
            times[name][0].append(timed(inference, layer, x))
            times[name][1].append(timed(training, layer, x))
    return {name: (statistics.median(alone), statistics.median(both)) for name, (alone, both) in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--expand", type=int, default=2, help="inner channels of the mixers over their width")
    parser.add_argument("--states", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    layers: dict[str, nn.Module] = {"attention": Attention()}
    for name, kind in MIXERS.items():
        layers[name] = kind(WIDTH, states=options.states, expand=options.expand)
    machine = platform.processor() or platform.machine()
    print(f"{machine}, torch {torch.__version__}, {options.threads} threads; c: {available_backends()['c']}")
    print(f"width {WIDTH}, expand {options.expand}, {options.states} states")
    print(f"\n{'(b, l)':12}{'mixer':>10}{'parameters':>12}{'forward ms':>12}{'+ backward':>12}{'ratio':>8}")
    for shape in SHAPES:
        times = measure(layers, torch.randn(*shape, WIDTH, requires_grad=True), options.rounds)
        best = times["attention"]
        for name, (alone, both) in times.items():
            count = sum(p.numel() for p in layers[name].parameters())
            ratios = f"{alone / best[0]:8.2f}{both / best[1]:7.2f}"
            print(f"{shape!s:12}{name:>10}{count:12,}{alone:12.2f}{both:12.2f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
