"""What the Triton compiler makes of the selective scan, counted without a GPU.

    python benchmarks/triton_aot.py [--capability 90] [--json]

For each kernel and configuration: registers, bytes spilled and shared memory as the assembler reports them, and the
machine instructions and exponentials that a warp issues for each state and step of a lane, from the disassembly.
Compiled for: NVIDIA Hopper (90; an H200) or Ampere (80). Needs triton on Linux, and no GPU.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from motiongen_ops import triton_scan

TOOLS = Path(triton.__file__).parent / "backends/nvidia/bin"
PROCESSORS = 132  # an H200's
POINTERS = {
    torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float16: "*fp16", torch.bool: "*i1",
}  # fmt: skip

# name: (b, l, k, d, n), dtype, whether with D, z, delta_bias, mask, states in and out
CONFIGURATIONS = {
    "bf16, n=16": ((64, 64, 3, 256, 16), torch.bfloat16, True, False),
    "bf16, n=16, few programs": ((8, 64, 1, 256, 16), torch.bfloat16, True, False),
    "fp32, n=16, bare": ((64, 64, 3, 256, 16), torch.float32, False, False),
    "bf16, n=8": ((2048, 16, 2, 32, 8), torch.bfloat16, True, False),
    "bf16, n=64": ((64, 64, 1, 256, 64), torch.bfloat16, True, False),
    "bf16, n=16, mask, states": ((64, 64, 3, 256, 16), torch.bfloat16, True, True),
    "bf16, n=16, long": ((1, 4096, 1, 256, 16), torch.bfloat16, True, False),
}


class Figures(NamedTuple):
    kernel: str
    configuration: str
    tile: str
    registers: int
    spilled: int
    shared: int
    instructions: float | None
    exponentials: float | None


def launches(name: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """The kernels that one forward and backward pass launches, with their arguments, memory left out."""
    (b, l, k, d, n), dtype, options, states = CONFIGURATIONS[name]  # noqa: E741

    def tensor(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=dtype, device="meta")

    wide, narrow = tensor(b, l, k, d, dtype=dtype), tensor(b, l, k, n, dtype=dtype)
    tensors: list[Tensor | None] = [wide, wide, tensor(k, d, n), narrow, narrow, None, None, None, None]
    if options:
        tensors[5:8] = [tensor(k, d), wide, tensor(k, d)]
    if states:
        tensors[8] = tensor(b, k, d, n)
    mask = tensor(b, l, dtype=torch.bool) if states else None
    found: list[tuple[Any, dict[str, Any]]] = []

    def note(kernel: Any, programs: int, arguments: dict[str, Any]) -> None:
        found.append((kernel, arguments))

    call = (tensors, mask, True, [bool(i % 2) for i in range(k)])
    _, _, ungated, saved = triton_scan.forward(*call, want_last=states, save=True, run=note)
    triton_scan.backward(*call, ungated, saved, wide, tensors[8], run=note)
    yield from found


def compile_for(kernel: Any, arguments: dict[str, Any], capability: int) -> Any:
    """As triton would specialise the call: 1 is a constant, what 16 divides is marked so."""
    signature: dict[str, str] = {}
    constants, marks = {}, {}
    for i, parameter in enumerate(kernel.params):
        value = arguments[parameter.name]
        free = parameter.do_not_specialize
        if parameter.is_constexpr or value is None or (isinstance(value, int) and value == 1 and not free):
            signature[parameter.name], constants[(i,)] = "constexpr", value
            continue
        if isinstance(value, Tensor):
            signature[parameter.name] = POINTERS[value.dtype]
        else:
            signature[parameter.name] = "i32" if -(2**31) <= value < 2**31 else "i64"
        if isinstance(value, Tensor) or (value % 16 == 0 and not free):
            marks[(i,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, constants, marks)
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": 1})


def examine(name: str, capability: int) -> Iterator[Figures]:
    """Compile what a configuration launches and read the machine code."""
    for kernel, arguments in launches(name):
        compiled = compile_for(kernel, arguments, capability)
        with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
            file.write(compiled.asm["cubin"])
            file.flush()
            usage = subprocess.run(
                [TOOLS / "cuobjdump", "--dump-resource-usage", file.name], capture_output=True, text=True, check=True
            ).stdout
            assembly = subprocess.run(
                [TOOLS / "nvdisasm", "-c", file.name], capture_output=True, text=True, check=True
            ).stdout
        used = {key: int(value) for key, value in re.findall(r"(REG|STACK|SHARED|LOCAL):(\d+)", usage)}
        layout = triton_scan.Layout(*(arguments[axis] for axis in triton_scan.Layout._fields))
        # The other kernels have one short loop, which the compiler unrolls as it likes.
        steps = triton_scan.TILE * layout.NI * layout.CI
        counts = [count / steps for count in per_tile(assembly)] if "TILE" in kernel.arg_names else [None, None]
        tile = "x".join(map(str, layout))
        yield Figures(kernel.__name__, name, tile, used["REG"], used["STACK"] + used["LOCAL"], used["SHARED"], *counts)


def per_tile(assembly: str) -> tuple[float, float]:
    """Instructions and exponentials for one pass through the innermost loop, which does a tile of TILE steps.

    A chunk of SAVE steps is four tiles. What is jumped over in the forward pass's loop runs for one tile in four. The
    backward pass has two innermost loops, of which the first, rebuilding states, runs for three tiles in four, and what
    is around them in the loop over chunks once for all four.
    """
    lines: list[tuple[str, str]] = []
    labels: dict[str, int] = {}
    for line in assembly.splitlines():
        if match := re.match(r"\s*(\.L\w+):", line):
            labels[match[1]] = len(lines)
        elif match := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_.]+)(.*);", line):
            lines.append((match[1], match[2]))
    jumps = []
    for i, (operation, rest) in enumerate(lines):
        match = re.search(r"`\((\.L\w+)\)", rest)
        if operation.startswith("BRA") and match and match[1] in labels:
            jumps.append((i, labels[match[1]]))
    chunk = triton_scan.SAVE // triton_scan.TILE
    loops = sorted((start, stop + 1) for stop, start in jumps if stop - start > 30)
    innermost = [a for a in loops if not any(a != b and a[0] <= b[0] and b[1] <= a[1] for b in loops)]
    if len(innermost) == 1:
        start, stop = innermost[0]
        weights = [1.0] * (stop - start)
        for source, target in jumps:
            if start <= source < target < stop:
                weights[source + 1 - start : target - start] = [1 / chunk] * (target - source - 1)
    else:
        rebuild, tile = innermost
        around = [a for a in loops if a[0] <= rebuild[0] and tile[1] <= a[1]]
        start, stop = min(around, key=lambda span: span[1] - span[0])
        weights = [1 / chunk] * (stop - start)
        for (first, end), weight in ((rebuild, 1 - 1 / chunk), (tile, 1.0)):
            weights[first - start : end - start] = [weight] * (end - first)
    body = lines[start:stop]
    exponentials = sum(w for w, (operation, _) in zip(weights, body) if operation.startswith("MUFU.EX2"))
    return sum(weights), exponentials


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--capability", type=int, default=90, choices=(80, 90))
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    parser.add_argument("--only", nargs="*", choices=tuple(CONFIGURATIONS), help="these configurations alone")
    options = parser.parse_args()
    triton_scan.processors = lambda device: PROCESSORS
    rows = [row for name in options.only or CONFIGURATIONS for row in examine(name, options.capability)]
    if options.json:
        json.dump([row._asdict() for row in rows], sys.stdout)
        return 0
    print(f"sm_{options.capability}, triton {triton.__version__}, torch {torch.__version__}\n")
    print("| kernel | configuration | tile | registers | spilled, B | shared, B | instructions/state | exponentials |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        counts = " | ".join("" if x is None else f"{x:.1f}" for x in (row.instructions, row.exponentials))
        figures = f"{row.registers} | {row.spilled} | {row.shared} | {counts}"
        print(f"| {row.kernel} | {row.configuration} | {row.tile} | {figures} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
