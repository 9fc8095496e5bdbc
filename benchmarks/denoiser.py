"""One step of the denoiser on a CPU beside its Transformer twins, in one run.

    python benchmarks/denoiser.py [--threads 2] [--rounds 15] [--frames 49 196 1000 12000] [--clock wall|cpu]

The models take turns within a round, so that other load on the machine falls on all of them; figures are medians over
the rounds, with the first quartile in brackets. Two samples a step, as guidance needs.
A latent frame is four motion frames. The last rows are a training step, forward and backward in bfloat16 autocast. The
roof is the time in which this machine's multiply-adds, at the rate that a matrix product reaches in the same run, would
do the products and issue the scans' vector instructions.

`--clock cpu` takes the processor time of one thread instead of the time that passes: for a machine that is shared.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import MotionMambaDenoiser, TransformerDenoiser
from motiongen.models.mamba import SelectiveScans

LATENT_DIM, WIDTH, FRAMES_PER_LATENT, SAMPLES = 40, 256, 4, 2
TRAINING = (32, 34)  # sequences, latent frames
# Vector instructions of the fused kernel on AVX-512: a state and a step; a channel and a step besides (convolution,
# SiLU, softplus), to which the projection to a step size adds its rank.
STATE, CHANNEL = 12, 45


def models() -> dict[str, nn.Module]:
    return {
        "Motion Mamba": MotionMambaDenoiser(LATENT_DIM, WIDTH),
        "twin 3+3": TransformerDenoiser(LATENT_DIM, WIDTH),
        "twin 5+5": TransformerDenoiser(LATENT_DIM, WIDTH, blocks=5),
    }


def inputs(b: int, l: int) -> tuple[Tensor, Tensor, FrameText]:  # noqa: E741
    generator = torch.Generator().manual_seed(0)
    text = FrameText(
        torch.randn(b, 20, WIDTH, generator=generator),
        torch.zeros(b, 20, dtype=torch.long),
        torch.randn(b, 1, WIDTH, generator=generator),
        torch.zeros(b, l, dtype=torch.long),
    )
    return torch.randn(b, l, LATENT_DIM, generator=generator), torch.rand(b, l, generator=generator), text


def multiply_adds(model: nn.Module, b: int, l: int) -> float:  # noqa: E741
    """Of a forward pass: the products, and the scans' vector instructions counted by lanes."""
    counter = FlopCounterMode(display=False)
    scans = []
    hooks = [
        module.register_forward_hook(lambda module, taken, _: scans.append((module, taken[0].shape[:2].numel())))
        for module in model.modules()
        if isinstance(module, SelectiveScans)
    ]
    with torch.no_grad(), counter:
        model(*inputs(b, l))
    for hook in hooks:
        hook.remove()
    counts = counter.get_flop_counts()["Global"]
    products = sum(counts.get(op, 0) for op in (torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm)) / 2
    attention = sum(2 * b * l * l * WIDTH for name, _ in model.named_modules() if name.endswith("query_key_value"))
    steps = sum(rows * scan.scans * scan.channels * (scan.states * STATE + CHANNEL + scan.rank) for scan, rows in scans)
    return products + attention + steps


def rate_per_ms(clock: Callable[[], float]) -> float:
    """Multiply-adds: the median of a few matrix products, as the steps' times are."""
    x = torch.randn(1024, 1024)
    times = []
    for _ in range(21):
        start = clock()
        torch.mm(x, x)
        times.append(clock() - start)
    return 1024**3 / (statistics.median(times) * 1e3)


def step(model: nn.Module, arguments: tuple[Tensor, Tensor, FrameText], training: bool) -> None:
    if not training:
        with torch.no_grad():
            model(*arguments)
        return
    with torch.autocast("cpu", torch.bfloat16):
        y = model(*arguments)
    y.float().square().sum().backward()


def compare(size: tuple[int, int], rounds: int, training: bool, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Milliseconds of every round."""
    chosen, arguments = models(), inputs(*size)
    times: dict[str, list[float]] = {name: [] for name in chosen}
    for turn in range(rounds + 1):
        for name, model in chosen.items():
            start = clock()
            step(model, arguments, training)
            if turn:
                times[name].append((clock() - start) * 1e3)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--frames", type=int, nargs="*", default=[49, 196, 1000, 12000])
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads != 1:
        parser.error(f"--clock cpu with {options.threads} threads; it is the time of one: add --threads 1")
    torch.set_num_threads(options.threads)
    clock = time.thread_time if options.clock == "cpu" else time.perf_counter

    sizes = ", ".join(f"{name} {sum(p.numel() for p in m.parameters()) / 1e6:.1f} M" for name, m in models().items())
    print(f"torch {torch.__version__}, {options.threads} threads, {options.clock} clock; parameters: {sizes}\n")
    print(f"{'':28}{'model':14}{'ms':>10}{'(quartile)':>12}{'of roof':>9}{'Motion Mamba / it':>19}")
    cases = [(f"{n} frames, forward", (SAMPLES, -(-n // FRAMES_PER_LATENT)), False) for n in options.frames]
    cases.append((f"{TRAINING[0]} x {TRAINING[1]} latents, training", TRAINING, True))
    for label, size, training in cases:
        rounds = max(3, min(options.rounds, options.rounds * 1000 // (size[0] * size[1])))
        times = compare(size, rounds, training, clock)
        rate, ours = rate_per_ms(clock), statistics.median(times["Motion Mamba"])
        for name, model in models().items():
            median, fast = statistics.median(times[name]), statistics.quantiles(times[name], n=4)[0]
            roof = "" if training else f"{multiply_adds(model, *size) / rate / median:9.0%}"
            print(f"{label:28}{name:14}{median:10.1f}{f'({fast:.1f})':>12}{roof:>9}{ours / median:19.2f}", flush=True)


if __name__ == "__main__":
    main()
