"""Every mixer and its core against the equation of its paper in plain loops, float64: outputs and every gradient."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from motiongen_ops.mixers import (
    MIXERS,
    VSSD,
    Hydra,
    Mamba,
    Mamba2,
    SequenceMixer,
    VisionMamba,
    non_causal_ssd,
    quasiseparable,
    ssd_scan,
)
from motiongen_ops.mixers.mamba import SelectiveMixer

LENGTHS = (1, 7, 63, 257)


def ssd_loop(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """h_t = exp(delta_t A) h_{t-1} + delta_t x_t B_t^T,  y_t = h_t C_t + D x_t; a group of B and C for every head."""
    y = []
    for t in range(x.shape[1]):
        decay = torch.exp(delta[:, t] * A)[..., None, None]
        h = decay * h + delta[:, t, :, None, None] * x[:, t, :, :, None] * B[:, t, :, None, :]
        y.append((h * C[:, t, :, None, :]).sum(-1) + D[:, None] * x[:, t])
    return torch.stack(y, 1), h


def strict_triangle(delta: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """M_ij = C_{i-1} . exp(sum of delta_r A over j < r < i) delta_j B_j for i > j, [b, h, l, l], column by column."""
    length = delta.shape[1]
    decay = torch.exp(delta * A).transpose(1, 2)
    columns = []
    for j in range(length):
        kept = torch.cat([torch.ones_like(decay[..., :1]), decay[..., j + 1 : -1]], -1).cumprod(-1)
        columns.append(F.pad(kept[..., : length - j - 1], (j + 1, 0)))
    product = torch.einsum("bihn,bjhn->bhij", C, B * delta[..., None])
    return torch.stack(columns, -1) * F.pad(product[:, :, :-1], (0, 0, 1, 0))


def quasiseparable_loop(x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    matrix = strict_triangle(delta[:, :, 0], A, B[:, :, 0], C[:, :, 0])
    turned = (t[:, :, 1].flip(1) for t in (delta, B, C))
    delta_1, B_1, C_1 = turned
    matrix = matrix + strict_triangle(delta_1, A, B_1, C_1).flip(2, 3) + torch.diag_embed(D.transpose(1, 2))
    return torch.einsum("bhij,bjhp->bihp", matrix, x)


def non_causal_loop(x: Tensor, weight: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    h = torch.zeros_like(x[:, 0, :, :, None] * B[:, 0, :, None, :])
    for t in range(x.shape[1]):
        h = h + weight[:, t, :, None, None] * x[:, t, :, :, None] * B[:, t, :, None, :]
    return torch.stack([(h * C[:, t, :, None]).sum(-1) + D[:, None] * x[:, t] for t in range(x.shape[1])], 1)


def selective_loop(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t,  y_t = C_t . h_t + D u_t for every channel."""
    h = torch.zeros_like(u[:, 0, :, None] * A)
    y = []
    for t in range(u.shape[1]):
        h = torch.exp(delta[:, t, :, None] * A) * h + delta[:, t, :, None] * B[:, t, None] * u[:, t, :, None]
        y.append((h * C[:, t, None]).sum(-1) + D * u[:, t])
    return torch.stack(y, 1)


def convolution_loop(x: Tensor, weight: Tensor, bias: Tensor, ahead: int = 0) -> Tensor:
    """silu(bias + sum_j weight_j x_{t + ahead - j}), zeros outside."""
    y = []
    for t in range(x.shape[1]):
        seen = [(j, t + ahead - j) for j in range(len(weight)) if 0 <= t + ahead - j < x.shape[1]]
        y.append(F.silu(bias + sum(weight[j] * x[:, s] for j, s in seen)))
    return torch.stack(y, 1)


def gated_norm(y: Tensor, z: Tensor, weight: Tensor) -> Tensor:
    y = y.flatten(2) * z * torch.sigmoid(z)
    return y / (y.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def selective_twin(mixer: SelectiveMixer, x: Tensor) -> Tensor:
    u, z = (x @ mixer.to_inner.weight.T).chunk(2, -1)
    total = torch.zeros_like(u)
    for i, reverse in enumerate(mixer.reverse):
        v = u.flip(1) if reverse else u
        v = convolution_loop(v, mixer.conv.weight[:, i], mixer.conv.bias[i])
        rank, B, C = (v @ mixer.to_parameters[i].T).split([mixer.rank, mixer.states, mixer.states], -1)
        delta = F.softplus(rank @ mixer.to_delta[i].T + mixer.delta_bias[i])
        y = selective_loop(v, delta, -mixer.log_decay[i].exp(), B, C, mixer.skip[i])
        total = total + (y.flip(1) if reverse else y)
    return (total * F.silu(z)) @ mixer.to_channels.weight.T


def mamba2_twin(mixer: Mamba2, x: Tensor) -> Tensor:
    if mixer.reverse:
        x = x.flip(1)
    z, mixed, delta = (x @ mixer.to_inner.weight.T).split(mixer.sizes, -1)
    mixed = convolution_loop(mixed, mixer.conv.weight[:, 0], mixer.conv.bias[0])
    u, B, C = mixed.split([mixer.inner, mixer.states, mixer.states], -1)
    u = u.unflatten(-1, (-1, mixer.head_dim))
    B, C = (t.unsqueeze(2).expand(-1, -1, u.shape[2], -1) for t in (B, C))
    start = u.new_zeros(x.shape[0], *u.shape[2:], mixer.states)
    y, _ = ssd_loop(u, F.softplus(delta + mixer.delta_bias), -mixer.log_decay.exp(), B, C, mixer.skip, start)
    y = gated_norm(y, z, mixer.norm.weight) @ mixer.to_channels.weight.T
    return y.flip(1) if mixer.reverse else y


def hydra_twin(mixer: Hydra, x: Tensor) -> Tensor:
    z, mixed, delta = (x @ mixer.to_inner.weight.T).split(mixer.sizes, -1)
    mixed = convolution_loop(mixed, mixer.conv.weight[:, 0], mixer.conv.bias[0], mixer.conv.ahead)
    u, B, C = mixed.split([mixer.inner, 2 * mixer.states, 2 * mixer.states], -1)
    D = u @ mixer.to_diagonal.weight.T + mixer.to_diagonal.bias
    B, C = (t.unflatten(-1, (2, 1, -1)).expand(-1, -1, -1, mixer.heads, -1) for t in (B, C))
    delta = F.softplus(delta.unflatten(-1, (2, -1)) + mixer.delta_bias)
    y = quasiseparable_loop(u.unflatten(-1, (mixer.heads, -1)), delta, -mixer.log_decay.exp(), B, C, D)
    return gated_norm(y, z, mixer.norm.weight) @ mixer.to_channels.weight.T


def vssd_twin(mixer: VSSD, x: Tensor) -> Tensor:
    z, mixed, delta = (x @ mixer.to_inner.weight.T).split(mixer.sizes, -1)
    mixed = convolution_loop(mixed, mixer.conv.weight[:, 0], mixer.conv.bias[0], mixer.conv.ahead)
    u, B, C = mixed.split([mixer.inner, mixer.states, mixer.states], -1)
    u = u.unflatten(-1, (-1, mixer.head_dim))
    B, C = (t.unsqueeze(2).expand(-1, -1, u.shape[2], -1) for t in (B, C))
    y = non_causal_loop(u, F.softplus(delta + mixer.delta_bias) * mixer.log_decay.exp(), B, C, mixer.skip)
    return gated_norm(y, z, mixer.norm.weight) @ mixer.to_channels.weight.T


TWINS = {Mamba: selective_twin, VisionMamba: selective_twin, Mamba2: mamba2_twin, Hydra: hydra_twin, VSSD: vssd_twin}


def twin(mixer: SequenceMixer, x: Tensor) -> Tensor:
    return cast(Any, TWINS[type(mixer)])(mixer, x)  # type: ignore[index]


def assert_close(actual: Tensor, expected: Tensor, tolerance: float, name: str) -> None:
    error = (actual.double() - expected).norm() / (expected.norm() + 1e-9)
    assert error < tolerance, f"{name}: relative error {error:.1e}"


def weighted_sum(y: Tensor) -> Tensor:
    return (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view_as(y)).sum()


def build(name: str, dtype: torch.dtype = torch.float32, **options: Any) -> SequenceMixer:
    mixer = MIXERS[name](8, states=5, delta_range=(0.05, 0.5), **options)
    for parameter in mixer.parameters():  # all that starts at 0 or 1 must count
        nn.init.normal_(parameter, std=0.1) if not parameter.any() else None
    return mixer.to(dtype)


CASES = [("mamba", False), ("mamba", True), ("mamba2", False), ("mamba2", True), ("vim", None), ("hydra", None)]
every = pytest.mark.parametrize(("name", "reverse"), [*CASES, ("vssd", None)])


def options_of(reverse: bool | None) -> dict[str, Any]:
    return {} if reverse is None else {"reverse": reverse}


@every
@pytest.mark.parametrize("length", LENGTHS)
def test_blocks_equal_their_equations(name: str, reverse: bool | None, length: int) -> None:
    mixer = build(name, **options_of(reverse))
    exact = build(name, torch.float64, **options_of(reverse))
    exact.load_state_dict(mixer.state_dict())
    x = torch.randn(2, length, 8, requires_grad=True)
    double = x.detach().double().requires_grad_()
    y, expected = mixer(x), twin(exact, double)
    assert_close(y, expected, 1e-5, "y")
    double_y = exact(double)
    assert_close(double_y, expected, 1e-12, "y in float64")
    names = [n for n, _ in mixer.named_parameters()]
    leaves = [double, *exact.parameters()]
    wanted = torch.autograd.grad(weighted_sum(expected), leaves, materialize_grads=True)
    single = torch.autograd.grad(weighted_sum(y), [x, *mixer.parameters()])
    actual = torch.autograd.grad(weighted_sum(double_y), leaves)
    for label, in_single, in_double, other in zip(["x", *names], single, actual, wanted):
        assert_close(in_double, other, 1e-10, f"{label} in float64")
        assert_close(in_single, other, 2e-4, label)


def heads(b: int, length: int, h: int, p: int, g: int, n: int) -> dict[str, Tensor]:
    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64)

    return {
        "x": normal(b, length, h, p),
        "delta": F.softplus(normal(b, length, h) - 1),
        "A": -normal(h).exp(),
        "B": normal(b, length, g, n),
        "C": normal(b, length, g, n),
        "D": normal(h),
        "initial_state": normal(b, h, p, n),
    }


def per_head(inputs: dict[str, Tensor]) -> list[Tensor]:
    """The arguments of `ssd_loop`: B and C repeated for the heads that share them."""
    share = inputs["x"].shape[2] // inputs["B"].shape[2]
    return [t.repeat_interleave(share, 2) if name in "BC" else t for name, t in inputs.items()]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("reverse", [False, True])
def test_ssd_scan(length: int, reverse: bool) -> None:
    exact = {name: t.requires_grad_() for name, t in heads(2, length, 6, 3, 2, 4).items()}
    turned = [t.flip(1) if reverse and t.ndim > 1 and t.shape[1] == length else t for t in per_head(exact)[:-1]]
    y, last = ssd_loop(*[*turned, exact["initial_state"]])
    y = y.flip(1) if reverse else y
    wanted = torch.autograd.grad(weighted_sum(y) + weighted_sum(last), list(exact.values()))
    single = {name: t.detach().float().requires_grad_() for name, t in exact.items()}
    actual_y, actual_last = ssd_scan(**single, return_last_state=True, reverse=reverse, chunk=32)  # type: ignore[call-overload]
    assert_close(actual_y, y, 1e-5, "y")
    assert_close(actual_last, last, 1e-5, "last")
    loss = weighted_sum(actual_y) + weighted_sum(actual_last)
    for name, gradient, other in zip(exact, torch.autograd.grad(loss, list(single.values())), wanted):
        assert_close(gradient, other, 1e-4, name)


@pytest.mark.parametrize("reverse", [False, True])
def test_ssd_scan_in_two_pieces_equals_one(reverse: bool) -> None:
    inputs = heads(2, 45, 4, 3, 1, 5)
    whole, last = ssd_scan(**inputs, return_last_state=True, reverse=reverse, chunk=8)  # type: ignore[call-overload]
    first, second = (
        {name: t[:, part] if t.ndim > 1 and t.shape[1] == 45 else t for name, t in inputs.items()}
        for part in (slice(0, 19), slice(19, 45))
    )
    if reverse:
        first, second = second, first
    y_1, middle = ssd_scan(**first, return_last_state=True, reverse=reverse, chunk=8)  # type: ignore[call-overload]
    second["initial_state"] = middle
    y_2, end = ssd_scan(**second, return_last_state=True, reverse=reverse, chunk=8)  # type: ignore[call-overload]
    assert torch.allclose(torch.cat([y_2, y_1] if reverse else [y_1, y_2], 1), whole, atol=1e-12)
    assert torch.allclose(end, last, atol=1e-12)


def test_ssd_scan_is_exact_where_much_is_forgotten() -> None:
    """Log decays of -200 a step beside ones of -0.001: a difference of their sums in float32 would lose the latter."""
    inputs = heads(1, 64, 2, 3, 1, 4)
    inputs["A"] = torch.full((2,), -1.0, dtype=torch.float64)
    inputs["delta"] = torch.where(torch.rand(1, 64, 2) < 0.5, 200.0, 0.001).double()
    y = ssd_scan(**{name: t.float() for name, t in inputs.items()})  # type: ignore[call-overload]
    assert_close(y, ssd_loop(*per_head(inputs))[0], 1e-6, "y")


@pytest.mark.parametrize("length", LENGTHS)
def test_quasiseparable(length: int) -> None:
    forward, backward = heads(2, length, 2, 3, 2, 4), heads(2, length, 2, 3, 2, 4)
    exact = {name: torch.stack([forward[name], backward[name]], 2) for name in ("delta", "B", "C")}
    exact = {"x": forward["x"], "delta": exact["delta"], "A": forward["A"], "B": exact["B"], "C": exact["C"]}
    exact = {name: t.requires_grad_() for name, t in {**exact, "D": torch.randn(2, length, 2).double()}.items()}
    y = quasiseparable_loop(*exact.values())
    single = {name: t.detach().float().requires_grad_() for name, t in exact.items()}
    actual = quasiseparable(**single, chunk=32)
    assert_close(actual, y, 1e-5, "y")
    wanted = torch.autograd.grad(weighted_sum(y), list(exact.values()), materialize_grads=True)
    gradients = torch.autograd.grad(weighted_sum(actual), list(single.values()))
    for name, gradient, other in zip(exact, gradients, wanted):
        assert_close(gradient, other, 1e-4, name)


@pytest.mark.parametrize("length", LENGTHS)
def test_non_causal_ssd(length: int) -> None:
    inputs = heads(2, length, 6, 3, 2, 4)
    exact = {name: inputs[name].requires_grad_() for name in ("x", "delta", "B", "C", "D")}
    repeated = [t.repeat_interleave(3, 2) if name in "BC" else t for name, t in exact.items()]
    y = non_causal_loop(*repeated)
    single = [t.detach().float().requires_grad_() for t in exact.values()]
    actual = non_causal_ssd(*single)
    assert_close(actual, y, 1e-5, "y")
    wanted = torch.autograd.grad(weighted_sum(y), list(exact.values()))
    for name, gradient, other in zip(exact, torch.autograd.grad(weighted_sum(actual), single), wanted):
        assert_close(gradient, other, 1e-4, name)


def test_gradcheck_of_the_cores() -> None:
    inputs = heads(1, 5, 2, 2, 1, 2)
    mask = torch.tensor([[True, True, True, True, False]])
    leaves = [t.requires_grad_() for t in inputs.values()]
    assert torch.autograd.gradcheck(partial(ssd_scan, return_last_state=True, mask=mask, chunk=2), leaves)
    x, delta, A, B, C, D, _ = leaves
    twice = [torch.stack([t, 0.5 * t], 2).detach().requires_grad_() for t in (delta, B, C)]
    diagonal = torch.randn(1, 5, 2, dtype=torch.float64, requires_grad=True)
    arguments = (x, twice[0], A, twice[1], twice[2], diagonal)
    assert torch.autograd.gradcheck(partial(quasiseparable, mask=mask, chunk=2), arguments)
    assert torch.autograd.gradcheck(partial(non_causal_ssd, mask=mask), (x, delta, B, C, D))


@every
def test_gradcheck_of_the_blocks(name: str, reverse: bool | None) -> None:
    mixer = MIXERS[name](2, states=2, expand=1, **options_of(reverse)).double()
    mask = torch.tensor([[True] * 4, [True] * 3 + [False]])
    x = torch.randn(2, 4, 2, dtype=torch.float64, requires_grad=True)
    parameters = list(mixer.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: mixer(x, mask), (x, *parameters), fast_mode=True)
