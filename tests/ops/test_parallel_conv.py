"""The C kernel against the float64 reference, and the reference against the sum it stands for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from motiongen_ops import library
from motiongen_ops.parallel_conv import (
    Activation,
    ConvBackend,
    instruction_sets,
    parallel_conv,
    unavailable,
    use_instruction_set,
)

Inputs = tuple[Tensor, Tensor, Tensor]


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


def make(b: int, l: int, c: int, kernel: int, k: int, seed: int = 0) -> Inputs:  # noqa: E741
    generator = torch.Generator().manual_seed(seed)
    shapes = ((b, l, c), (kernel, k, c), (k, c))
    x, weight, bias = (torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in shapes)
    return x, weight, bias


def single(inputs: Inputs) -> Inputs:
    x, weight, bias = inputs
    return x.float(), weight.float(), bias.float()


def results(
    inputs: Inputs, reverse: tuple[bool, ...], backend: ConvBackend, activation: Activation = "silu"
) -> dict[str, Tensor]:
    """Outputs and gradients of a loss that weighs every output differently."""
    x, weight, bias = inputs if backend == "reference" else single(inputs)
    leaves = [value.detach().requires_grad_() for value in (x, weight, bias)]
    y = parallel_conv(leaves[0], leaves[1], leaves[2], reverse, activation, backend)
    loss = (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum()
    return {"y": y, **dict(zip(("dx", "dweight", "dbias"), torch.autograd.grad(loss, leaves)))}


def assert_close(actual: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 2e-6) -> None:
    for name, value in expected.items():
        assert actual[name].shape == value.shape
        error = (actual[name].double() - value).norm() / value.norm()
        assert error < tolerance, f"{name}: relative error {error:.1e}"


SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 7, 5, 4, 1),
    (3, 2, 20, 5, 3),
    (1, 9, 100, 3, 2),
    (5, 24, 128, 4, 9),
    (70, 8, 32, 3, 2),
    (33, 5, 17, 2, 4),
    (2, 40, 16, 16, 2),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("directions", ["forwards", "backwards", "halves", "alternating"])
def test_outputs_and_gradients(instruction_set: str, shape: tuple[int, int, int, int, int], directions: str) -> None:
    k = shape[-1]
    choose = {"forwards": 0, "backwards": 1, "halves": None, "alternating": None}[directions]
    reverse = tuple(
        bool(choose) if choose is not None else i >= k / 2 if directions == "halves" else i % 2 == 0 for i in range(k)
    )
    inputs = make(*shape)
    assert_close(results(inputs, reverse, "c"), results(inputs, reverse, "reference"))


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_kernels_with_and_without_activation(instruction_set: str, kernel: int) -> None:
    inputs = make(3, 11, 21, kernel, 2)
    activations: tuple[Activation, ...] = ("silu", None)
    for activation in activations:
        expected = results(inputs, (False, True), "reference", activation)
        assert_close(results(inputs, (False, True), "c", activation), expected)


def test_reference_is_the_sum_it_stands_for() -> None:
    x, weight, bias = make(2, 5, 3, 4, 3)
    reverse = (True, False, True)
    expected = bias.expand(2, 5, 3, 3).clone()
    for t in range(5):
        for i, backwards in enumerate(reverse):
            for j in range(4):
                source = t + j if backwards else t - j
                if 0 <= source < 5:
                    expected[:, t, i] += weight[j, i] * x[:, source]
    torch.testing.assert_close(parallel_conv(x, weight, bias, reverse, None, "reference"), expected)
    torch.testing.assert_close(
        parallel_conv(x, weight, bias, reverse, "silu", "reference"), nn.functional.silu(expected)
    )


def test_gradcheck_of_the_reference() -> None:
    leaves = [x.requires_grad_() for x in make(2, 5, 2, 3, 3)]
    assert torch.autograd.gradcheck(
        lambda x, weight, bias: parallel_conv(x, weight, bias, (False, True, False)), leaves
    )


def test_non_contiguous_input_and_gradient(instruction_set: str) -> None:
    x, weight, bias = make(4, 9, 18, 3, 2)
    reverse = (False, True)
    expected = results((x, weight, bias), reverse, "reference")
    halves = torch.cat((x, x), dim=-1).float().chunk(2, dim=-1)
    turned = weight.permute(2, 1, 0).float().contiguous().permute(2, 1, 0)
    for laid_out in (
        (halves[1], weight.float(), bias.float()),
        (x.transpose(1, 2).float().contiguous().transpose(1, 2), turned, bias.float()),
        (x.permute(1, 2, 0).float().contiguous().permute(2, 0, 1), weight.float(), bias.t().float().contiguous().t()),
    ):
        assert not laid_out[0].is_contiguous()
        leaves = [value.detach().requires_grad_() for value in laid_out]
        y = parallel_conv(leaves[0], leaves[1], leaves[2], reverse, backend="c")
        weighing = torch.linspace(-1, 1, y.numel()).view_as(y)
        for gradient in (weighing, weighing.transpose(1, 2).contiguous().transpose(1, 2), weighing.mT.contiguous().mT):
            grads = torch.autograd.grad(y, leaves, gradient, retain_graph=True)
            assert_close({"y": y, **dict(zip(("dx", "dweight", "dbias"), grads))}, expected)
    # A sum hands back one number seen everywhere: strides of zero.
    leaf = x.float().detach().requires_grad_()
    parallel_conv(leaf, weight.float(), bias.float(), reverse, backend="c").sum().backward()
    exact = x.detach().requires_grad_()
    parallel_conv(exact, weight, bias, reverse, backend="reference").sum().backward()
    assert leaf.grad is not None and exact.grad is not None
    assert_close({"dx": leaf.grad}, {"dx": exact.grad})


def test_large_and_small_pre_activations(instruction_set: str) -> None:
    x = torch.cat((torch.linspace(-200, 200, 4001), torch.tensor([-1e30, 1e30, 1e-30, 0.0])))[None, :, None]
    one, zero = torch.ones(1, 1, 1), torch.zeros(1, 1)
    x.requires_grad_()
    y = parallel_conv(x, one, zero, (False,), backend="c")
    (gradient,) = torch.autograd.grad(y.sum(), x)
    exact = x.detach().double().requires_grad_()
    expected = nn.functional.silu(exact)
    (expected_gradient,) = torch.autograd.grad(expected.sum(), exact)
    torch.testing.assert_close(y[..., 0].double(), expected, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(gradient.double(), expected_gradient, rtol=1e-6, atol=1e-6)


def test_nan_comes_through(instruction_set: str) -> None:
    x, weight, bias = single(make(1, 6, 3, 2, 2))
    x[0, 3, 1] = float("nan")
    missing = parallel_conv(x, weight, bias, (False, True), backend="c").isnan()
    expected = torch.zeros(1, 6, 2, 3, dtype=torch.bool)
    expected[0, 3:5, 0, 1] = expected[0, 2:4, 1, 1] = True
    assert torch.equal(missing, expected)


def test_same_bits_for_any_number_of_threads() -> None:
    if reason := unavailable():
        pytest.skip(f"backend c: {reason}")
    threads = torch.get_num_threads()
    try:
        for shape in ((64, 24, 128, 4, 3), (1, 300, 512, 4, 4)):
            inputs = make(*shape)
            runs = []
            for count in (1, 2, 5, 5):
                torch.set_num_threads(count)
                runs.append(results(inputs, tuple(i % 2 == 1 for i in range(shape[-1])), "c"))
            for run in runs[1:]:
                assert all(torch.equal(run[name], runs[0][name]) for name in run)
    finally:
        torch.set_num_threads(threads)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    x, weight, bias = single(make(2, 6, 4, 3, 2))
    weight.requires_grad_()
    parallel_conv(x, weight, bias, (False, True)).sum().backward()
    assert weight.grad is not None and x.grad is None and bias.grad is None
    with torch.no_grad():
        assert not parallel_conv(x, weight, bias, (False, True)).requires_grad


def test_auto_takes_other_dtypes_to_the_reference() -> None:
    for dtype in (torch.float64, torch.bfloat16):
        x, weight, bias = (value.to(dtype) for value in make(2, 6, 4, 3, 2))
        expected = parallel_conv(x, weight, bias, (False, True), backend="reference")
        assert expected.dtype is dtype
        assert torch.equal(parallel_conv(x, weight, bias, (False, True)), expected)


def test_c_says_why_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = make(2, 6, 4, 3, 2)
    with pytest.raises(RuntimeError, match=r"backend 'c': x is torch\.float64"):
        parallel_conv(x, weight, bias, (False, True), backend="c")
    x, weight, bias = single(make(2, 6, 4, 17, 2))
    with pytest.raises(RuntimeError, match="weight has 17 taps; the C kernel takes at most 16"):
        parallel_conv(x, weight, bias, (False, True), backend="c")
    x, weight, bias = single(make(2, 6, 4, 3, 2))
    monkeypatch.setattr(library, "load", lambda kernel: (None, "it was not built"))
    with pytest.raises(RuntimeError, match="it was not built"):
        parallel_conv(x, weight, bias, (False, True), backend="c")
    expected = parallel_conv(x, weight, bias, (False, True), backend="reference")
    assert torch.equal(parallel_conv(x, weight, bias, (False, True)), expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("x", torch.zeros(6, 4), r"x has shape \[6, 4\]; expected \[b, l, c\]"),
        ("x", torch.zeros(2, 0, 4), r"x has shape \[2, 0, 4\]; expected .*at least 1 long"),
        ("x", torch.zeros(2, 6, 4, dtype=torch.int64), "x is torch.int64"),
        ("x", torch.zeros(2, 6, 3), r"weight has shape \[3, 2, 4\]; expected \[kernel, k, 3\]"),
        ("weight", torch.zeros(0, 2, 4), r"weight has shape \[0, 2, 4\]"),
        ("weight", torch.zeros(3, 2, 4, dtype=torch.float64), "weight is torch.float64; expected one floating dtype"),
        ("bias", torch.zeros(1, 4), r"bias has shape \[1, 4\]; expected \[2, 4\]"),
        ("bias", torch.zeros(2, 4, device="meta"), "bias is on meta; expected cpu"),
        ("reverse", (False,), "reverse has 1 entries; expected one for each of the 2 scans"),
        ("activation", "relu", "activation is 'relu'; expected 'silu' or None"),
        ("backend", "cuda", "backend is 'cuda'; expected one of auto, c, reference"),
    ],
)
def test_bad_arguments_are_told_in_one_line(name: str, value: object, message: str) -> None:
    x, weight, bias = single(make(2, 6, 4, 3, 2))
    arguments = {"x": x, "weight": weight, "bias": bias, "reverse": (False, True), name: value}
    # The shape checks that the test session wraps around every function would come first.
    unchecked = inspect.unwrap(parallel_conv)
    with pytest.raises(ValueError, match=message) as caught:
        unchecked(**arguments)
    assert "\n" not in str(caught.value)
