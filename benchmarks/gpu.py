"""Everything about the selective scan that needs a GPU, in one command; prints Markdown.

    python benchmarks/gpu.py [--rounds 20] > gpu.md

Correctness and determinism against the float64 reference, speed against mamba_ssm's CUDA kernel (if selective_scan_cuda
can be imported), one launch for all scans against one launch each, the share of each roof, and capture in a CUDA graph.
Times are medians over replays of a CUDA graph that walks through several sets of inputs, together larger than the L2
cache; inputs are random, with the step sizes of a trained model. Exit status: 0, 1 if a check failed, 2 without a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from motiongen_ops import selective_scan, triton_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")
PER_CHANNEL = ("A", "D", "delta_bias")
Shape = tuple[int, int, int, int, int]  # b, l, k, d, n
CHECKED = [
    (2, 1, 1, 5, 3), (2, 7, 2, 33, 16), (3, 63, 3, 64, 16), (2, 257, 1, 40, 8), (1, 100, 2, 20, 64),
    (1, 2500, 1, 32, 16),
]  # fmt: skip
TIMED = [
    (32, 16, 1, 256, 16), (32, 64, 1, 512, 16), (64, 64, 1, 512, 16), (128, 64, 1, 1024, 16),
    (256, 128, 1, 512, 16), (32, 512, 1, 512, 16), (256, 512, 1, 1024, 16), (1, 16384, 1, 512, 16),
]  # fmt: skip
FUSED = [(64, 50, 2, 256, 16), (64, 49, 9, 256, 16), (2048, 16, 2, 32, 8), (32, 196, 6, 256, 16)]
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
WORKING_SET = 200e6
failures: list[str] = []


def inputs(b: int, l: int, k: int, d: int, n: int, dtype: torch.dtype, seed: int = 0) -> list[Tensor]:  # noqa: E741
    """softplus(delta + delta_bias) is around 0.02; A is -1 ... -n."""
    generator = torch.Generator("cuda").manual_seed(seed)

    def normal(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.randn(*shape, device="cuda", generator=generator).to(dtype)

    A = -torch.arange(1.0, n + 1, device="cuda").expand(k, d, n).contiguous()
    wide, narrow = (b, l, k, d), (b, l, k, n)
    B, C = normal(*narrow, dtype=dtype), normal(*narrow, dtype=dtype)
    per_channel = normal(k, d), normal(*wide, dtype=dtype), normal(k, d) * 0.5 - 4
    return [normal(*wide, dtype=dtype), normal(*wide, dtype=dtype), A, B, C, *per_channel]


def directions(k: int) -> tuple[bool, ...]:
    return tuple(i >= (k + 1) // 2 for i in range(k))


def results(tensors: Sequence[Tensor], backend: Any, reverse: tuple[bool, ...]) -> dict[str, Tensor]:
    leaves = [x.detach().requires_grad_() for x in tensors]
    named: dict[str, Any] = dict(zip(NAMES, leaves))
    y = selective_scan(**named, delta_softplus=True, reverse=reverse, backend=backend)
    weights = torch.linspace(-1, 1, y.numel(), device=y.device, dtype=y.dtype).view_as(y)
    gradients = torch.autograd.grad(y, leaves, weights)
    return {"y": y.detach(), **{f"d{name}": g for name, g in zip(NAMES, gradients)}}


def verdict(name: str, passed: bool) -> str:
    if not passed:
        failures.append(name)
    return "yes" if passed else "**NO**"


def check() -> None:
    print("## Correctness and determinism\n")
    print("| b, l, k, d, n | dtype | largest relative error | in | within | same bits twice |")
    print("| --- | --- | --- | --- | --- | --- |")
    for shape in CHECKED:
        for dtype, tolerance in TOLERANCE.items():
            tensors, reverse = inputs(*shape, dtype), directions(shape[2])
            actual, again = (results(tensors, "triton", reverse) for _ in range(2))
            expected = results([x.double() for x in tensors], "reference", reverse)
            errors = {
                name: float((actual[name].double() - x).norm() / (x.norm() + 1e-30)) for name, x in expected.items()
            }
            worst = max(errors, key=lambda name: errors[name])
            same = all(torch.equal(actual[name], again[name]) for name in actual)
            within = verdict(f"error at {shape}, {dtype}", errors[worst] < tolerance)
            bits = verdict(f"determinism at {shape}, {dtype}", same)
            print(f"| {shape} | {str(dtype)[6:]} | {errors[worst]:.1e} | {worst} | {within} | {bits} |")


def milliseconds(work: Sequence[Callable[[], object]], rounds: int) -> float:
    """One of `work`'s, in a graph that does them all."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for call in work:
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        kept = [call() for call in work]
    times = []
    for _ in range(rounds + 3):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / len(work))
    del kept
    return statistics.median(times[3:])


def sets(shape: Shape, dtype: torch.dtype) -> list[list[Tensor]]:
    first = inputs(*shape, dtype)
    size = sum(x.numel() * x.element_size() for x in first)
    return [first] + [inputs(*shape, dtype, seed=i) for i in range(1, min(32, int(WORKING_SET / size) + 1))]


def ours(tensors: list[Tensor], reverse: tuple[bool, ...], train: bool) -> Callable[[], object]:
    """The kernels alone, as autograd calls them."""
    call = ([*tensors, None], None, True, reverse)
    grad = torch.ones_like(tensors[0])

    def work() -> object:
        y, _, ungated, saved = triton_scan.forward(*call, want_last=False, save=train)
        return triton_scan.backward(*call, ungated, saved, grad, None) if train else y

    return work


def mamba(tensors: list[Tensor], train: bool) -> Callable[[], object] | None:
    """mamba_ssm's kernel on its own layout, [b, d, l]; one scan, forwards."""
    try:
        import selective_scan_cuda
    except ImportError:
        return None
    u, delta, A, B, C, D, z, bias = tensors
    u, delta, z = (x[:, :, 0].transpose(1, 2).contiguous() for x in (u, delta, z))
    B, C = (x.permute(0, 2, 3, 1).contiguous() for x in (B, C))
    grad = torch.ones_like(u)

    def work() -> object:
        out, x, *rest = selective_scan_cuda.fwd(u, delta, A[0], B, C, D[0], z, bias[0], True)
        if not train:
            return rest
        return selective_scan_cuda.bwd(u, delta, A[0], B, C, D[0], z, bias[0], grad, x, out, None, True, False)

    return work


def apart(tensors: list[Tensor], reverse: tuple[bool, ...], train: bool, flip: bool) -> Callable[[], object]:
    """One call a scan; with `flip`, backwards by flipping what goes in and comes out, as other libraries do."""

    def prepared(g: int) -> list[Tensor]:
        part = slice(g, g + 1)
        return [x[part] if name in PER_CHANNEL else x[:, :, part] for name, x in zip(NAMES, tensors)]

    def scan(g: int) -> object:
        own = prepared(g)
        if not flip or not reverse[g]:
            return ours(own, (reverse[g],), train)()
        turned = [x if name in PER_CHANNEL else x.flip(1) for name, x in zip(NAMES, own)]
        outputs = ours(turned, (False,), train)()
        return [x.flip(1) for x in outputs if x.ndim == 4] if isinstance(outputs, list) else outputs.flip(1)  # type: ignore[attr-defined]

    return lambda: [scan(g) for g in range(len(reverse))]


def speed(rounds: int) -> None:
    print("\n## Against mamba_ssm's CUDA kernel, bf16, D, z, bias and softplus, ms\n")
    print("| b, l, k, d, n | forward | theirs | ratio | forward + backward | theirs | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for shape in TIMED:
        cells = []
        data = sets(shape, torch.bfloat16)
        for train in (False, True):
            own = milliseconds([ours(x, (False,), train) for x in data], rounds)
            peers = [mamba(x, train) for x in data]
            if any(peer is None for peer in peers):
                cells += [f"{own:.4f}", "not installed", ""]
            else:
                theirs = milliseconds([peer for peer in peers if peer is not None], rounds)
                cells += [f"{own:.4f}", f"{theirs:.4f}", f"{theirs / own:.2f}x"]
        print(f"| {shape} | {' | '.join(cells)} |")


def fused(rounds: int) -> None:
    print("\n## All scans and both directions in one launch against one call each, bf16, forward + backward, ms\n")
    print("| b, l, k, d, n | one launch | one call a scan | ratio | ... with flips | ratio |")
    print("| --- | --- | --- | --- | --- | --- |")
    for shape in FUSED:
        data, reverse = sets(shape, torch.bfloat16), directions(shape[2])
        together = milliseconds([ours(x, reverse, True) for x in data], rounds)
        each, flipped = (milliseconds([apart(x, reverse, True, flip) for x in data], rounds) for flip in (False, True))
        cells = f"{together:.4f} | {each:.4f} | {each / together:.2f}x | {flipped:.4f} | {flipped / together:.2f}x"
        print(f"| {shape} | {cells} |")


def clock() -> float:
    """Highest clock of the multiprocessors, Hz."""
    query = ["nvidia-smi", "--query-gpu=clocks.max.sm", "--format=csv,noheader,nounits"]
    return float(subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()[0]) * 1e6


def bandwidth(rounds: int) -> float:
    """Bytes a second of a large copy, read and written."""
    x = torch.empty(2**28, device="cuda")
    y = torch.empty_like(x)
    return 2 * x.numel() * 4 / (milliseconds([lambda: y.copy_(x)], rounds) / 1e3)


def roofs(rounds: int) -> None:
    import triton_aot

    properties = torch.cuda.get_device_properties(0)
    rate = clock() * properties.multi_processor_count
    copy = bandwidth(rounds)
    capability = properties.major * 10 + properties.minor
    print(f"\n## Roofs: {copy / 1e12:.2f} TB/s as a copy reaches, {rate / 1e12:.2f} T multiprocessor cycles/s\n")
    print("| b, l, k, d, n | pass | ms | bytes | exponentials | issue slots |")
    print("| --- | --- | --- | --- | --- | --- |")
    for shape in [(64, 64, 3, 256, 16), (256, 512, 1, 1024, 16), (2048, 16, 2, 32, 8)]:
        b, l, k, d, n = shape  # noqa: E741
        data, reverse = sets(shape, torch.bfloat16), directions(k)
        forward = milliseconds([ours(x, reverse, False) for x in data], rounds)
        whole = milliseconds([ours(x, reverse, True) for x in data], rounds)
        triton_aot.CONFIGURATIONS["roof"] = (shape, torch.bfloat16, True, False)
        counted = {row.kernel: row for row in triton_aot.examine("roof", min(capability, 90))}
        elements, warps = b * l * k * d, b * l * k * d * n / 32
        # u, delta, z, y and B, C; the gradients of them all, y before the gate, states and partial sums.
        read = elements * 8 + b * l * k * n * 4
        blocks = -(-d // triton_scan.backward_layout(b, k, d, n, properties.multi_processor_count).channels)
        extra = elements * (16 + 8 * n / triton_scan.SAVE) + b * l * k * n * (8 + 16 * blocks)
        first = counted["forward_kernel"]
        both = [first, counted["backward_kernel"]]
        for name, time, moved, rows in (("forward", forward, read, [first]), ("both", whole, 2 * read + extra, both)):
            seconds = time / 1e3
            shares = (
                moved / copy,
                sum(row.exponentials or 0.0 for row in rows) * warps * 32 / (16 * rate),
                sum(row.instructions or 0.0 for row in rows) * warps / (4 * rate),
            )
            print(f"| {shape} | {name} | {time:.4f} | {' | '.join(f'{100 * x / seconds:.0f} %' for x in shares)} |")


def capture() -> None:
    tensors = inputs(4, 50, 2, 64, 16, torch.bfloat16)
    leaves = [x.requires_grad_() for x in tensors]
    named: dict[str, Any] = dict(zip(NAMES, leaves))
    reverse = directions(2)

    def scan() -> Tensor:
        return selective_scan(**named, delta_softplus=True, reverse=reverse, backend="triton")

    def step() -> list[Tensor]:
        y = scan()
        return [y, *torch.autograd.grad(y.float().square().sum(), leaves)]

    expected = step()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        replayed = step()
    graph.replay()
    torch.cuda.synchronize()
    same = all(torch.equal(a, b) for a, b in zip(replayed, expected))
    whole = torch.equal(torch.compile(scan, fullgraph=True)(), expected[0])
    print("\n## Graphs\n")
    print(f"- autograd's forward and backward pass captured, replayed with the same bits: {verdict('capture', same)}")
    print(f"- one graph under torch.compile(fullgraph=True), the same bits: {verdict('compile', whole)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="replays that a median is taken over")
    rounds = parser.parse_args().rounds
    if reason := triton_scan.unavailable():
        print(f"no GPU to measure: {reason}", file=sys.stderr)
        return 2
    print(f"# Selective scan on {torch.cuda.get_device_name()}, torch {torch.__version__}\n")
    check()
    capture()
    speed(rounds)
    fused(rounds)
    roofs(rounds)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
