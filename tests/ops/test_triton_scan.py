"""The Triton kernels without a GPU: interpreted against the float64 reference, and compiled for GPUs ahead of time."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")

# Capability and configuration; for each kernel: registers, bytes spilled, instructions a state and step. A little above
# the figures in benchmarks/README.md, far below what a layout gone wrong costs.
BOUNDS = {
    (90, "bf16, n=16"): {"forward_kernel": (96, 0, 15.0), "backward_kernel": (255, 64, 42.0)},
    (90, "bf16, n=8"): {"forward_kernel": (96, 0, 20.0), "backward_kernel": (255, 0, 60.0)},
    (80, "bf16, n=16"): {"forward_kernel": (96, 0, 15.0), "backward_kernel": (255, 256, 42.0)},
}


def run(arguments: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: triton reads TRITON_INTERPRET when it is imported, for good."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"OMP_NUM_THREADS": "1", **variables}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=ROOT, env=environment)


def test_interpreted_kernels_equal_the_reference() -> None:
    pytest_arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/ops/triton_interpreted.py"]
    done = run(pytest_arguments, TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout.splitlines()[-1]


def test_compiled_graphs_hold_the_operator_whole() -> None:
    done = run(["tests/ops/triton_compiled.py"], TRITON_INTERPRET="1")
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize(("capability", "configuration"), BOUNDS)
def test_kernels_compile_within_their_bounds(capability: int, configuration: str) -> None:
    done = run(["benchmarks/triton_aot.py", "--json", "--capability", str(capability), "--only", configuration])
    assert done.returncode == 0, done.stderr[-4000:]
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    bounds = BOUNDS[capability, configuration]
    assert [row["kernel"] for row in rows] == list(bounds)
    for row in rows:
        registers, spilled, instructions = bounds[row["kernel"]]
        assert row["registers"] <= registers, row
        assert row["spilled"] <= spilled, row
        assert row["instructions"] <= instructions, row


def test_gpu_benchmark_says_that_there_is_no_gpu() -> None:
    done = run(["benchmarks/gpu.py"], CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and "no GPU" in done.stderr
