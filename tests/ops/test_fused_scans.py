"""The fused layer of scans against the operators it stands for, composed in float64: outputs and every gradient."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from motiongen_ops import library
from motiongen_ops.parallel_scans import (
    ScansBackend,
    instruction_sets,
    parallel_scans,
    unavailable,
    use_instruction_set,
)

NAMES = ("x", "projected", "weight", "bias", "to_delta", "delta_bias", "A", "D")
Shape = tuple[int, int, int, int, int, int, int]


@pytest.fixture(autouse=True)
def poisoned_memory() -> Iterator[None]:
    """Memory nobody has written holds NaN, so whatever the kernel forgets to write shows."""
    torch.use_deterministic_algorithms(True)
    assert torch.zeros(2).new_empty(8).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    if reason := unavailable():
        pytest.skip(f"backend c: {reason}")
    if request.param not in instruction_sets():
        pytest.skip(f"this processor has no {request.param}")
    use_instruction_set(request.param)
    yield request.param
    use_instruction_set(instruction_sets()[-1])


def make(shape: Shape, seed: int = 0) -> dict[str, Any]:
    """shape: b, l, k, c, n, rank, kernel."""
    b, length, k, c, n, rank, kernel = shape
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, dtype=torch.float64, generator=generator)

    return {
        "x": normal(b, length, c),
        "projected": normal(b, length, rank + 2 * k * n),
        "weight": normal(kernel, k, c) / 2,
        "bias": normal(k, c),
        "to_delta": normal(k * c, rank) / 2,
        "delta_bias": normal(k, c) - 2,
        "A": -torch.rand(k, c, n, dtype=torch.float64, generator=generator) * 4 - 0.1,
        "D": normal(k, c),
    }


def alternating(k: int) -> tuple[bool, ...]:
    return tuple(i % 2 == 1 for i in range(k))


def results(
    inputs: dict[str, Tensor], reverse: tuple[bool, ...], backend: ScansBackend, mask: Tensor | None = None
) -> dict[str, Tensor]:
    """Outputs and gradients of a loss that weighs every output differently; float64 unless the kernel computes."""
    dtype = torch.float64 if backend == "composed" else torch.float32
    leaves = {name: value.detach().to(dtype).requires_grad_() for name, value in inputs.items()}
    y = parallel_scans(**leaves, reverse=reverse, mask=mask, backend=backend)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)).sum()
    return {"y": y, **dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values()))))}


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 3e-6) -> None:
    for name, value in expected.items():
        assert actual[name].shape == value.shape
        error = (actual[name].double() - value).norm() / (value.norm() + 1e-12)
        assert error < tolerance, f"{name}: relative error {error:.1e}"


SHAPES: list[Shape] = [
    (1, 1, 1, 1, 1, 1, 1),
    (2, 7, 3, 5, 3, 2, 4),
    (3, 63, 2, 20, 16, 3, 4),
    (2, 9, 9, 128, 16, 16, 4),
    (1, 257, 1, 17, 16, 1, 3),
    (40, 8, 2, 32, 8, 4, 3),
    (2, 16, 2, 33, 8, 5, 3),
    (1, 10, 2, 18, 64, 2, 16),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("directions", ["forwards", "backwards", "halves", "alternating"])
def test_outputs_and_gradients(instruction_set: str, shape: Shape, directions: str) -> None:
    k = shape[2]
    reverse = {
        "forwards": (False,) * k,
        "backwards": (True,) * k,
        "halves": tuple(i >= (k + 1) // 2 for i in range(k)),
        "alternating": alternating(k),
    }[directions]
    inputs = make(shape)
    assert_close(results(inputs, reverse, "c"), results(inputs, reverse, "composed"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_masked_frames_may_hold_anything(instruction_set: str, shape: Shape) -> None:
    inputs, reverse = make(shape), alternating(shape[2])
    mask = torch.rand(shape[:2], generator=torch.Generator().manual_seed(1)) > 0.4
    mask[0, 0] = True
    if shape[0] > 1:
        mask[1] = False
    inputs["x"][~mask] = inputs["projected"][~mask] = float("nan")
    expected = results(inputs, reverse, "composed", mask)
    assert all(value.isfinite().all() for value in expected.values())
    assert (expected["y"][~mask] == 0).all() and (expected["x"][~mask] == 0).all()
    actual = results(inputs, reverse, "c", mask)
    assert_close(actual, expected)
    assert all((actual[name][~mask] == 0).all() for name in ("y", "x", "projected"))


def test_padding_changes_nothing(instruction_set: str) -> None:
    inputs, reverse = make((2, 21, 4, 24, 8, 3, 3)), alternating(4)
    expected = results(inputs, reverse, "c")
    longer = {**inputs, **{name: torch.nn.functional.pad(inputs[name], (0, 0, 0, 12), value=9) for name in NAMES[:2]}}
    mask = torch.arange(33).expand(2, -1) < 21
    y = parallel_scans(**{n: v.float() for n, v in longer.items()}, reverse=reverse, mask=mask, backend="c")
    torch.testing.assert_close(y[:, :21], expected["y"], rtol=1e-5, atol=1e-6)


def test_composition_passes_gradcheck() -> None:
    inputs = {name: value.requires_grad_() for name, value in make((1, 4, 2, 2, 2, 2, 3)).items()}
    assert torch.autograd.gradcheck(
        lambda *leaves: parallel_scans(**dict(zip(inputs, leaves)), reverse=(False, True)), list(inputs.values())
    )


def test_steps_and_decays_of_any_size(instruction_set: str) -> None:
    """delta A from 0 to -1e6: states that live on and states that are gone at once."""
    inputs, reverse = make((2, 40, 2, 16, 16, 2, 4)), (False, True)
    inputs["delta_bias"] = torch.linspace(-90, 400, 32, dtype=torch.float64).view(2, 16)
    inputs["A"] = -torch.logspace(-3, 3.4, 16, dtype=torch.float64).expand(2, 16, 16).contiguous()
    expected = results(inputs, reverse, "composed")
    actual = results(inputs, reverse, "c")
    assert all(value.isfinite().all() for value in actual.values())
    assert_close(actual, expected, 1e-5)


def test_nan_comes_through(instruction_set: str) -> None:
    inputs = {name: value.float() for name, value in make((1, 12, 1, 3, 4, 2, 2)).items()}
    inputs["x"][0, 5, 1] = float("nan")
    missing = parallel_scans(**inputs, reverse=(False,), backend="c").isnan()
    assert missing[0, 5:, 1].all() and not missing[0, :5].any() and not missing[..., [0, 2]].any()


def test_non_contiguous_inputs_and_gradient(instruction_set: str) -> None:
    inputs, reverse = make((3, 11, 2, 20, 8, 4, 3)), (True, False)
    expected = results(inputs, reverse, "composed")
    x, projected = inputs["x"].float(), inputs["projected"].float()
    for laid_out in (
        x.transpose(0, 1).contiguous().transpose(0, 1),
        torch.cat((x, x), -1)[..., 20:],
        x.mT.contiguous().mT,
    ):
        leaves = {name: value.detach().float().requires_grad_() for name, value in inputs.items()}
        leaves["x"] = laid_out.detach().requires_grad_()
        leaves["projected"] = torch.cat((projected, projected), -1)[..., projected.shape[-1] :].requires_grad_()
        assert not leaves["x"].is_contiguous() and not leaves["projected"].is_contiguous()
        y = parallel_scans(**leaves, reverse=reverse, backend="c")
        weight = torch.linspace(-1, 1, y.numel()).view_as(y).mT.contiguous().mT
        gradients = torch.autograd.grad(y, list(leaves.values()), weight)
        assert_close({"y": y, **dict(zip(leaves, gradients))}, expected)


@pytest.mark.parametrize("shape", [(40, 33, 3, 40, 16, 4, 4), (1, 100, 2, 128, 16, 8, 4)], ids=str)
def test_same_bits_for_any_number_of_threads(shape: Shape) -> None:
    if reason := unavailable():
        pytest.skip(f"backend c: {reason}")
    threads, inputs = torch.get_num_threads(), make(shape)
    try:
        runs = []
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            runs.append(results(inputs, alternating(shape[2]), "c"))
        for run in runs[1:]:
            assert all(torch.equal(run[name], runs[0][name]) for name in run)
    finally:
        torch.set_num_threads(threads)


def test_threads_of_its_own_where_torch_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := unavailable():
        pytest.skip(f"backend c: {reason}")
    inputs, threads = make((8, 40, 3, 64, 16, 4, 4)), torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        expected = results(inputs, alternating(3), "c")
        monkeypatch.setattr(library, "_torch_team", lambda: None)
        library.load.cache_clear()
        actual = results(inputs, alternating(3), "c")
    finally:
        monkeypatch.undo()
        library.load.cache_clear()
        torch.set_num_threads(threads)
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    inputs = {name: value.float() for name, value in make((2, 6, 2, 4, 3, 2, 3)).items()}
    inputs["A"].requires_grad_()
    parallel_scans(**inputs, reverse=(False, True)).sum().backward()
    assert [name for name, value in inputs.items() if value.grad is not None] == ["A"]
    with torch.no_grad():
        assert not parallel_scans(**inputs, reverse=(False, True)).requires_grad


def test_auto_takes_what_can_and_c_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    reverse = (False, True)
    double = make((2, 6, 2, 4, 3, 2, 3))
    composed = parallel_scans(**double, reverse=reverse, backend="composed")
    assert torch.equal(parallel_scans(**double, reverse=reverse), composed)
    with pytest.raises(RuntimeError, match=r"backend 'c': x is torch\.float64"):
        parallel_scans(**double, reverse=reverse, backend="c")
    single = {name: value.float() for name, value in double.items()}
    monkeypatch.setattr(library, "load", lambda kernel: (None, "it was not built"))
    with pytest.raises(RuntimeError, match="it was not built"):
        parallel_scans(**single, reverse=reverse, backend="c")
    torch.testing.assert_close(parallel_scans(**single, reverse=reverse).double(), composed, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x", torch.zeros(2, 0, 4), r"x has shape \[2, 0, 4\]; expected .*at least 1 long"),
        ("x", torch.zeros(2, 6, 4, dtype=torch.int64), "x is torch.int64"),
        ("projected", torch.zeros(2, 6, 9), r"projected has shape \[2, 6, 9\]; expected \[2, 6, 14\]"),
        ("weight", torch.zeros(3, 1, 4), r"weight has shape \[3, 1, 4\]; expected \[kernel, 2, 4\]"),
        ("bias", torch.zeros(4), r"bias has shape \[4\]; expected \[2, 4\]"),
        ("to_delta", torch.zeros(4, 2), r"to_delta has shape \[4, 2\]; expected \[8, rank\]"),
        ("delta_bias", torch.zeros(2, 4, dtype=torch.float64), "delta_bias is torch.float64"),
        ("A", torch.zeros(2, 4, 0), r"A has shape \[2, 4, 0\]; expected \[2, 4, n\], at least 1 state"),
        ("D", torch.zeros(2, 4, device="meta"), "D is on meta; expected cpu"),
        ("mask", torch.ones(2, 5, dtype=torch.bool), r"mask has shape \[2, 5\]; expected \[2, 6\]"),
        ("mask", torch.ones(2, 6), "mask is torch.float32; expected torch.bool"),
        ("backend", "cuda", "backend is 'cuda'; expected one of auto, c, composed"),
    ],
)
def test_bad_arguments_are_told_in_one_line(name: str, value: object, message: str) -> None:
    inputs = {key: tensor.float() for key, tensor in make((2, 6, 2, 4, 3, 2, 3)).items()}
    # The shape checks that the test session wraps around every function would come first.
    unchecked = inspect.unwrap(parallel_scans)
    with pytest.raises(ValueError, match=message) as caught:
        unchecked(**{**inputs, "reverse": (False, True), name: value})
    assert "\n" not in str(caught.value)
