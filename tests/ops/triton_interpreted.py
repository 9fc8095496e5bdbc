"""The Triton kernels in the interpreter, against the float64 reference. Run by test_triton_scan.py, or by

    TRITON_INTERPRET=1 python -m pytest tests/ops/triton_interpreted.py

It is a process of its own because triton reads the variable when it is imported, for good.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from motiongen_ops import selective_scan, triton_scan

_spec = importlib.util.spec_from_file_location("scan_cases", Path(__file__).with_name("test_selective_scan.py"))
assert _spec is not None and _spec.loader is not None
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)
make, results, as_float = cases.make, cases.results, cases.as_float
ROWS = ("u", "delta", "z", "B", "C")


@pytest.fixture(autouse=True)
def poisoned_memory() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    assert torch.zeros(2).new_empty(8).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


def check(inputs: dict[str, Any], tolerance: float = 3e-6) -> dict[str, Tensor]:
    actual = results(inputs, "triton")
    cases.assert_close(actual, results(inputs, "reference"), tolerance)
    return actual


@pytest.mark.parametrize("shape", [(1, 1, None, 3, 1), (2, 7, None, 5, 3), (1, 4, 1, 9, 64)], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_outputs_and_gradients(shape: tuple[int, int, int | None, int, int], reverse: bool) -> None:
    check({**make(*shape), "reverse": reverse})


def test_parallel_scans_in_both_directions() -> None:
    check({**make(1, 17, 2, 20, 8), "reverse": (False, True)})


@pytest.mark.parametrize("absent", ["D", "z", "delta_bias", "initial_state", "all"])
def test_optional_arguments(absent: str) -> None:
    inputs = make(1, 5, 1, 4, 4)
    inputs["delta_softplus"] = False
    inputs["delta"], inputs["delta_bias"] = inputs["delta"].abs(), inputs["delta_bias"].abs()
    for name in ("D", "z", "delta_bias", "initial_state"):
        if absent in (name, "all"):
            inputs[name] = None
    check(inputs)


def test_non_contiguous_inputs() -> None:
    inputs = make(1, 6, 2, 6, 4)
    strided = dict(inputs)
    for name in ROWS:
        strided[name] = inputs[name].float().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    strided["A"] = inputs["A"].float().transpose(1, 2).contiguous().transpose(1, 2)
    projection = torch.cat([inputs["delta"], inputs["B"], inputs["C"]], -1).float()
    strided["delta"], strided["B"], strided["C"] = projection.split([6, 4, 4], -1)
    assert not any(strided[name].is_contiguous() for name in (*ROWS, "A"))
    cases.assert_close(results(strided, "triton"), results(inputs, "reference"), 3e-6)


def test_padding_changes_nothing() -> None:
    inputs = {**make(2, 9, 2, 5, 4), "reverse": (False, True)}
    mask = torch.tensor([[True] * 6 + [False] * 3, [True, False, True, True, False] + [True] * 4])
    padded = {**inputs, "mask": mask}
    for name in ROWS:
        padded[name] = inputs[name].masked_fill(~mask[:, :, None, None], torch.nan)
    actual = results(padded, "triton")
    cases.assert_close(actual, results({**inputs, "mask": mask}, "reference"), 3e-6)
    for name in ("y", "du", "ddelta", "dz", "dB", "dC"):
        assert (actual[name][~mask] == 0).all(), name


def test_large_decay_is_finite() -> None:
    inputs = make(1, 6, None, 8, 4)
    inputs["A"] = inputs["A"] * 1e4
    inputs["delta"] = inputs["delta"].abs() * 50
    actual = results(inputs, "triton")
    assert all(x.isfinite().all() for x in actual.values())
    cases.assert_close({"y": actual["y"]}, {"y": results(inputs, "reference")["y"]}, 3e-6)


def test_small_steps_keep_their_digits() -> None:
    inputs = make(1, 6, None, 8, 4)
    inputs["delta"] = inputs["delta"] - 12
    check(inputs)


def test_nan_is_not_swallowed() -> None:
    for name in ("u", "delta", "A", "B", "C", "z"):
        inputs = as_float(make(1, 2, None, 3, 2))
        inputs[name].view(-1)[0] = torch.nan
        assert selective_scan(**inputs, backend="triton").isnan().any(), name


@pytest.mark.parametrize("reverse", [False, True])
def test_two_pieces_scan_as_one(reverse: bool) -> None:
    inputs = as_float(make(1, 9, None, 5, 4))
    whole, whole_last = selective_scan(**inputs, reverse=reverse, return_last_state=True, backend="triton")
    state, pieces = inputs["initial_state"], {}
    for part in [slice(5, 9), slice(0, 5)] if reverse else [slice(0, 5), slice(5, 9)]:
        piece = {name: x[:, part] if name in ROWS else x for name, x in inputs.items()} | {"initial_state": state}
        pieces[part.start], state = selective_scan(**piece, reverse=reverse, return_last_state=True, backend="triton")
    torch.testing.assert_close(torch.cat([pieces[0], pieces[5]], 1), whole)
    torch.testing.assert_close(state, whole_last)


@pytest.mark.parametrize("processors", [0, 1000], ids=["two channels a lane", "few channels a program"])
def test_other_layouts(processors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_scan, "processors", lambda device: processors)
    inputs = make(1, 5, 1, 37 if processors == 0 else 12, 16)
    assert triton_scan.forward_layout(1, 1, 12, 16, processors).channels == (64 if processors == 0 else 8)
    check(inputs)


def test_segments_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_scan, "segments", lambda *_: (2, 16))
    inputs: dict[str, Any] = {**make(1, 21, 2, 5, 4), "reverse": (False, True)}
    inputs["mask"] = torch.rand(1, 21, generator=torch.Generator().manual_seed(1)) > 0.3
    check(inputs)
    monkeypatch.setattr(triton_scan, "segments", lambda *_: (3, 16))
    check({**make(1, 33, None, 3, 2), "initial_state": None, "z": None, "reverse": True})


def test_half_precision_goes_in_and_comes_out() -> None:
    inputs = as_float(make(1, 5, None, 4, 4))
    half = {name: x.half().requires_grad_() if name in ROWS else x for name, x in inputs.items()}
    y, last = selective_scan(**half, return_last_state=True, backend="triton")
    assert y.dtype is torch.float16 and last.dtype is torch.float32
    torch.testing.assert_close(y.float(), selective_scan(**inputs, backend="reference"), rtol=1e-2, atol=1e-2)
    gradients = torch.autograd.grad(y.float().sum(), [half[name] for name in ROWS])
    assert all(g.dtype is torch.float16 for g in gradients)


def test_nothing_is_saved_without_gradients() -> None:
    tensors = [x.unsqueeze(2) if name in ROWS else x for name, x in as_float(make(1, 18, None, 3, 2)).items()][:5]
    tensors[2] = tensors[2].unsqueeze(0)
    arguments = (*tensors, None, None, None, None, None, True, [False])
    _, last, ungated, saved = torch.ops.motiongen_ops.triton_scan(*arguments, False, False)
    assert last.numel() == ungated.numel() == saved.numel() == 0
    _, _, _, saved = torch.ops.motiongen_ops.triton_scan(*arguments, False, True)
    assert saved.shape == (1, 1, 1, 2, 3)
