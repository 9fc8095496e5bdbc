"""Every backend against the float64 reference: outputs, every gradient, and the promises of `selective_scan`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from motiongen_ops import available_backends, c_scan, library, selective_scan

NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state")
Inputs = dict[str, Any]


@pytest.fixture(autouse=True)
def poisoned_memory() -> Iterator[None]:
    """Memory nobody has written holds NaN, so whatever a kernel forgets to write shows."""
    torch.use_deterministic_algorithms(True)
    assert torch.zeros(2).new_empty(8).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(params=["torch", "c:baseline", "c:avx2", "c:avx512"])
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    name, _, instruction_set = request.param.partition(":")
    if name != "c":
        yield name
        return
    if reason := c_scan.unavailable():
        pytest.skip(f"backend c: {reason}")
    if instruction_set not in c_scan.instruction_sets():
        pytest.skip(f"this processor has no {instruction_set}")
    c_scan.use_instruction_set(instruction_set)
    yield name
    c_scan.use_instruction_set(c_scan.instruction_sets()[-1])


def make(b: int, l: int, k: int | None, d: int, n: int, seed: int = 0) -> Inputs:  # noqa: E741
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    groups = () if k is None else (k,)
    wide, narrow, per_channel = (b, l, *groups, d), (b, l, *groups, n), (*groups, d)
    return {
        "u": normal(*wide),
        "delta": normal(*wide) - 1,
        "A": -torch.rand(*per_channel, n, dtype=torch.float64, generator=generator) * 4 - 0.1,
        "B": normal(*narrow),
        "C": normal(*narrow),
        "D": normal(*per_channel),
        "z": normal(*wide),
        "delta_bias": normal(*per_channel),
        "initial_state": normal(b, *per_channel, n),
        "delta_softplus": True,
    }


def results(inputs: Inputs, backend: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Outputs and gradients of a loss that weighs every output differently."""
    if backend == "reference":
        dtype = torch.float64
    leaves = {
        name: x.to(dtype).detach().requires_grad_() for name, x in inputs.items() if name in NAMES and x is not None
    }
    y, last = selective_scan(**{**inputs, **leaves}, return_last_state=True, backend=backend)
    loss = sum((x * torch.linspace(-1, 1, x.numel(), dtype=dtype).view_as(x)).sum() for x in (y, last))
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return {"y": y, "last": last, **{f"d{name}": g for name, g in zip(leaves, gradients)}}


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        error = (actual[name].double() - value.double()).norm() / (value.double().norm() + 1e-12)
        assert error < tolerance, f"{name}: relative error {error:.1e}"


SHAPES = [
    (1, 1, None, 1, 1),
    (2, 7, None, 5, 3),
    (3, 63, None, 20, 16),
    (2, 16, None, 32, 8),
    (2, 33, 3, 17, 16),
    (1, 50, 2, 40, 8),
    (9, 17, 1, 16, 4),
    (1, 7, 1, 100, 64),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_outputs_and_gradients(backend: str, shape: tuple[int, int, int | None, int, int], reverse: bool) -> None:
    inputs = {**make(*shape), "reverse": reverse}
    assert_close(results(inputs, backend), results(inputs, "reference"))


@pytest.mark.parametrize("absent", ["D", "z", "delta_bias", "initial_state", "all"])
def test_optional_arguments(backend: str, absent: str) -> None:
    inputs = make(2, 19, 2, 18, 8)
    inputs["delta_softplus"] = False
    inputs["delta"], inputs["delta_bias"] = inputs["delta"].abs(), inputs["delta_bias"].abs()
    for name in ("D", "z", "delta_bias", "initial_state"):
        if absent in (name, "all"):
            inputs[name] = None
    assert_close(results(inputs, backend), results(inputs, "reference"))


def test_gradcheck() -> None:
    for backend in ("reference", "torch"):
        inputs = make(2, 18, 2, 2, 2)
        leaves = [inputs[name].requires_grad_() for name in NAMES]
        mask = torch.rand(2, 18, generator=torch.Generator().manual_seed(1)) > 0.3

        def scan(*leaves: Tensor, backend: str = backend, mask: Tensor = mask) -> Any:
            named = dict(zip(NAMES, leaves))
            return selective_scan(
                **named, delta_softplus=True, return_last_state=True, reverse=(False, True), mask=mask, backend=backend
            )

        assert torch.autograd.gradcheck(scan, leaves, fast_mode=True)


def test_only_what_is_asked_for_gets_a_gradient(backend: str) -> None:
    inputs = {name: x.float() if name in NAMES else x for name, x in make(2, 9, None, 6, 4).items()}
    inputs["u"].requires_grad_()
    selective_scan(**inputs, backend=backend).sum().backward()
    assert inputs["u"].grad is not None and inputs["u"].grad.isfinite().all()
    assert inputs["A"].grad is None
    _, last = selective_scan(**inputs, return_last_state=True, backend=backend)
    (from_state,) = torch.autograd.grad(last.sum(), inputs["u"])
    assert from_state.isfinite().all() and from_state.abs().sum() > 0


def test_non_contiguous_inputs(backend: str) -> None:
    inputs = make(3, 21, 2, 18, 8)
    expected = results(inputs, "reference")
    strided = dict(inputs)
    for name in ("u", "delta", "z", "B", "C"):  # channels-first in memory, then as slices of one projection
        strided[name] = inputs[name].float().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    strided["A"] = inputs["A"].float().transpose(1, 2).contiguous().transpose(1, 2)
    assert not strided["u"].is_contiguous() and not strided["A"].is_contiguous()
    assert_close(results(strided, backend), expected)
    projection = torch.cat([inputs["delta"], inputs["B"], inputs["C"]], -1).float()
    strided["delta"], strided["B"], strided["C"] = projection.split([18, 8, 8], -1)
    assert not strided["B"].is_contiguous()
    assert_close(results(strided, backend), expected)


def test_large_decay_is_finite(backend: str) -> None:
    inputs = make(2, 40, None, 16, 16)
    inputs["A"] = inputs["A"] * 1e4
    inputs["delta"] = inputs["delta"].abs() * 50
    actual = results(inputs, backend)
    assert all(x.isfinite().all() for x in actual.values())
    assert_close({"y": actual["y"]}, {"y": results(inputs, "reference")["y"]})


def test_small_steps_keep_their_digits(backend: str) -> None:
    inputs = make(2, 30, None, 16, 4)
    inputs["delta"] = inputs["delta"] - 12  # softplus(-12) = 6e-6: log(1 + exp) in float32 is a percent off
    assert_close(results(inputs, backend), results(inputs, "reference"))


def test_nan_is_not_swallowed(backend: str) -> None:
    for name in ("u", "delta", "A", "B", "C", "z"):
        inputs = {key: x.float() if key in NAMES else x for key, x in make(1, 4, None, 3, 2).items()}
        inputs[name].view(-1)[0] = torch.nan
        assert selective_scan(**inputs, backend=backend).isnan().any(), name


@pytest.mark.parametrize("reverse", [False, True, (True, False)])
def test_padding_changes_nothing(backend: str, reverse: bool | tuple[bool, bool]) -> None:
    inputs = {**make(4, 40, 2, 18, 8), "reverse": reverse}
    lengths = torch.tensor([40, 23, 1, 0])
    mask = torch.arange(40) < lengths[:, None]
    padded = {**inputs, "mask": mask}
    for name in ("u", "delta", "z", "B", "C"):
        padded[name] = inputs[name].masked_fill(~mask[:, :, None, None], torch.nan)
    actual = results(padded, backend)
    assert_close(actual, results({**inputs, "mask": mask}, "reference"))
    assert all(x.isfinite().all() for x in actual.values())
    for name in ("y", "du", "ddelta", "dz", "dB", "dC"):
        assert (actual[name][~mask] == 0).all(), name
    # ... and what is left equals the sequences scanned alone, each at its own length.
    for i, length in enumerate(lengths.tolist()):
        if length == 0:
            assert torch.equal(actual["last"][i], inputs["initial_state"][i].float())
            continue
        alone = {
            name: x[i : i + 1, :length] if name in ("u", "delta", "z", "B", "C") else x for name, x in inputs.items()
        }
        alone["initial_state"] = inputs["initial_state"][i : i + 1]
        expected = results(alone, "reference")
        assert_close({"y": actual["y"][i : i + 1, :length]}, {"y": expected["y"]})
        assert_close({"last": actual["last"][i : i + 1]}, {"last": expected["last"]})


def test_holes_in_the_mask(backend: str) -> None:
    mask = torch.rand(3, 45, generator=torch.Generator().manual_seed(3)) > 0.4
    inputs = {**make(3, 45, None, 10, 5), "mask": mask}
    assert_close(results(inputs, backend), results(inputs, "reference"))


@pytest.mark.parametrize("reverse", [False, True])
def test_two_pieces_scan_as_one(backend: str, reverse: bool) -> None:
    inputs = {name: x.float() if name in NAMES else x for name, x in make(2, 37, 2, 18, 8).items()}
    whole, whole_last = selective_scan(**inputs, reverse=reverse, return_last_state=True, backend=backend)
    state, pieces = inputs["initial_state"], {}
    for part in [slice(21, 37), slice(0, 21)] if reverse else [slice(0, 21), slice(21, 37)]:
        piece = {name: x[:, part] if name in ("u", "delta", "z", "B", "C") else x for name, x in inputs.items()}
        piece["initial_state"] = state
        pieces[part.start], state = selective_scan(**piece, reverse=reverse, return_last_state=True, backend=backend)
    torch.testing.assert_close(torch.cat([pieces[0], pieces[21]], 1), whole)
    torch.testing.assert_close(state, whole_last)


def test_parallel_scans_equal_separate_ones(backend: str) -> None:
    inputs = {**make(2, 18, 3, 20, 8), "reverse": (False, True, True)}
    together = results(inputs, backend)
    for g in range(3):
        own = {}
        for name in NAMES:
            own[name] = inputs[name].select(
                0 if name in ("A", "D", "delta_bias") else -3 if name == "initial_state" else 2, g
            )
        y, last = selective_scan(
            **{name: x.float() for name, x in own.items()},
            delta_softplus=True, reverse=inputs["reverse"][g], return_last_state=True, backend=backend,
        )  # fmt: skip
        assert_close({"y": together["y"][:, :, g], "last": together["last"][:, g]}, {"y": y, "last": last}, 1e-6)


def test_reverse_is_flip(backend: str) -> None:
    inputs = make(2, 26, None, 20, 8)
    flipped = {name: x.flip(1) if name in ("u", "delta", "z", "B", "C") else x for name, x in inputs.items()}
    y, last = selective_scan(**as_float(inputs), reverse=True, return_last_state=True, backend=backend)
    expected, expected_last = selective_scan(**as_float(flipped), return_last_state=True, backend=backend)
    torch.testing.assert_close(y, expected.flip(1))
    torch.testing.assert_close(last, expected_last)


def as_float(inputs: Inputs) -> Inputs:
    return {name: x.float() if name in NAMES else x for name, x in inputs.items()}


def test_same_bits_for_any_number_of_threads() -> None:
    if reason := c_scan.unavailable():
        pytest.skip(f"backend c: {reason}")
    threads = torch.get_num_threads()
    try:
        for shape in [(40, 33, 3, 40, 16), (1, 300, 1, 200, 16)]:
            inputs = make(*shape)
            torch.set_num_threads(1)
            alone = results(inputs, "c")
            torch.set_num_threads(4)
            together = results(inputs, "c")
            assert all(torch.equal(together[name], alone[name]) for name in alone)
            assert_close({"dB": together["dB"]}, {"dB": results(inputs, "torch")["dB"]})
    finally:
        torch.set_num_threads(threads)


def test_half_precision_computes_in_float32(backend: str) -> None:
    inputs = as_float(make(2, 20, None, 12, 4))
    half = {name: x.bfloat16() if name in ("u", "delta", "B", "C", "z") else x for name, x in inputs.items()}
    rounded = {name: x.float() if isinstance(x, Tensor) else x for name, x in half.items()}
    y = selective_scan(**half, backend=backend)
    assert y.dtype is torch.bfloat16
    assert torch.equal(y, selective_scan(**rounded, backend=backend).bfloat16())


def test_autocast_does_not_lower_the_precision(backend: str) -> None:
    inputs = as_float(make(2, 20, None, 12, 4))
    expected = selective_scan(**inputs, backend=backend)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(selective_scan(**inputs, backend=backend), expected)


def test_auto_takes_a_backend_that_can() -> None:
    inputs = make(1, 5, None, 3, 2)
    assert torch.equal(selective_scan(**inputs), selective_scan(**inputs, backend="torch"))
    if available_backends()["c"] == "ok":
        single = as_float(inputs)
        assert torch.equal(selective_scan(**single), selective_scan(**single, backend="c"))


def test_c_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = make(1, 5, None, 3, 2)
    with pytest.raises(RuntimeError, match=r"backend 'c': .*float64"):
        selective_scan(**inputs, backend="c")
    with pytest.raises(RuntimeError, match="at most 64"):
        selective_scan(**as_float(make(1, 5, None, 3, 65)), backend="c")
    monkeypatch.setattr(library, "load", lambda kernel: (None, "it was not built"))
    with pytest.raises(RuntimeError, match="it was not built"):
        selective_scan(**as_float(inputs), backend="c")
    assert available_backends()["c"] == "it was not built"
    assert selective_scan(**as_float(inputs)).isfinite().all()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("u", torch.zeros(2, 3), r"u has shape \[2, 3\]; expected \[b, l, d\] or \[b, l, k, d\]"),
        ("u", torch.zeros(2, 0, 6), r"u has shape \[2, 0, 6\]; expected every axis to be at least 1"),
        ("u", torch.zeros(2, 5, 6, dtype=torch.int64), "u is torch.int64"),
        ("delta", torch.zeros(2, 4, 6), r"delta has shape \[2, 4, 6\]; expected \[2, 5, 6\]"),
        ("delta", torch.zeros(2, 5, 6, dtype=torch.float64), "delta is torch.float64; expected float32"),
        ("A", torch.zeros(5, 3), r"A has shape \[5, 3\]; expected \[6, 3\]"),
        ("A", torch.zeros(6, 0), r"A has shape \[6, 0\]"),
        ("B", torch.zeros(2, 5, 4), r"B has shape \[2, 5, 4\]; expected \[2, 5, 3\]"),
        ("C", torch.zeros(2, 5, 3, device="meta"), "C is on meta; expected cpu"),
        ("D", torch.zeros(5), r"D has shape \[5\]; expected \[6\]"),
        ("z", torch.zeros(2, 5, 5), r"z has shape \[2, 5, 5\]"),
        ("delta_bias", torch.zeros(1), r"delta_bias has shape \[1\]"),
        ("initial_state", torch.zeros(2, 6, 4), r"initial_state has shape \[2, 6, 4\]; expected \[2, 6, 3\]"),
        ("mask", torch.ones(2, 6, dtype=torch.bool), r"mask has shape \[2, 6\]; expected \[2, 5\]"),
        ("mask", torch.ones(2, 5), "mask is torch.float32; expected torch.bool"),
        ("reverse", (True, False), "reverse has 2 entries; expected a bool or one for each of the 1 scans"),
        ("backend", "cuda", "backend is 'cuda'; expected one of auto, c, torch, reference"),
    ],
)
def test_bad_arguments_are_told_in_one_line(name: str, value: Any, message: str) -> None:
    inputs = {**as_float(make(2, 5, None, 6, 3)), name: value}
    unchecked = inspect.unwrap(selective_scan)  # the shape checks that run under pytest alone would speak first
    with pytest.raises(ValueError, match=message) as caught:
        unchecked(**inputs)
    assert "\n" not in str(caught.value)
