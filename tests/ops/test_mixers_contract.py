"""What every mixer promises whatever it computes: padding, directions, layouts, precision, refusals."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor

from motiongen_ops.mixers import MIXERS, SequenceMixer, non_causal_ssd, quasiseparable, ssd_scan

CASES = [
    (name, options)
    for name, kind in MIXERS.items()
    for options in ([{"reverse": False}, {"reverse": True}] if kind.causal else [{}])
]
every = pytest.mark.parametrize(("name", "options"), CASES, ids=str)


def build(name: str, options: dict[str, Any]) -> SequenceMixer:
    return MIXERS[name](12, states=4, delta_range=(0.05, 0.5), **options)


@every
@pytest.mark.parametrize("padded", [(0, 9), (9, 0), (4, 70)], ids=str)
def test_a_padded_sequence_gives_what_an_unpadded_one_gives(
    name: str, options: dict[str, Any], padded: tuple[int, int]
) -> None:
    mixer = build(name, options).double()
    x = torch.randn(2, 21, 12, dtype=torch.float64, requires_grad=True)
    before, after = padded
    hidden = torch.full((2, 1, 12), torch.nan, dtype=torch.float64)
    longer = torch.cat([hidden.expand(-1, before, -1), x, hidden.expand(-1, after, -1)], 1)
    real = slice(before, before + 21)
    mask = torch.zeros(2, before + 21 + after, dtype=torch.bool)
    mask[:, real] = True
    y, alone = mixer(longer, mask), mixer(x)
    assert torch.allclose(y[:, real], alone, atol=1e-12)
    assert y[~mask].abs().max() == 0
    leaves = [x, *mixer.parameters()]
    weight = torch.randn(2, before + 21 + after, 12, dtype=torch.float64)
    for padded_gradient, gradient in zip(
        torch.autograd.grad(y, leaves, weight), torch.autograd.grad(alone, leaves, weight[:, real])
    ):
        assert torch.allclose(padded_gradient, gradient, atol=1e-10)


@every
def test_what_padding_holds_changes_no_bit(name: str, options: dict[str, Any]) -> None:
    mixer = build(name, options)
    x = torch.randn(2, 21, 12)
    mask = torch.arange(21) < torch.tensor([[21], [13]])
    y = mixer(x, mask)
    assert torch.equal(mixer(x.masked_fill(~mask[..., None], torch.nan), mask), y)
    assert torch.equal(mixer(x, mask), y)


@every
def test_frames_see_what_the_direction_allows(name: str, options: dict[str, Any]) -> None:
    mixer = build(name, options).double()
    x = torch.randn(1, 75, 12, dtype=torch.float64)
    other = x.clone()
    other[0, 60] += 1
    changed = (mixer(other) - mixer(x)).abs().amax(-1)[0]
    assert changed[60] > 0
    for reverse, side in ((False, slice(40, 60)), (True, slice(61, 75))):
        if mixer.causal and options["reverse"] is reverse:
            assert changed[side].max() == 0
        else:
            assert changed[side].min() > 0


@every
def test_layout_in_memory_does_not_matter(name: str, options: dict[str, Any]) -> None:
    mixer = build(name, options)
    x = torch.randn(12, 3, 17).permute(1, 2, 0)
    assert not x.is_contiguous()
    assert torch.allclose(mixer(x), mixer(x.contiguous()), atol=1e-6)
    assert torch.allclose(mixer(x[:, ::2]), mixer(x[:, ::2].contiguous()), atol=1e-6)


@every
def test_half_precision(name: str, options: dict[str, Any]) -> None:
    mixer = build(name, options)
    x = torch.randn(2, 33, 12)
    exact = mixer(x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = mixer(x)
    assert mixed.dtype is torch.bfloat16 and torch.allclose(mixed.float(), exact, atol=0.05)
    half = mixer.bfloat16()(x.bfloat16())
    assert half.dtype is torch.bfloat16 and torch.allclose(half.float(), exact, atol=0.05)


@every
def test_refusals_are_one_line(name: str, options: dict[str, Any]) -> None:
    mixer = build(name, options)
    unchecked = inspect.unwrap(type(mixer).blanked)  # the shape checks that run under pytest alone would speak first
    x = torch.randn(2, 5, 12)
    wrong_inputs: list[tuple[Tensor, Tensor | None, str]] = [
        (torch.randn(2, 0, 12), None, r"^x has shape \[2, 0, 12\]; expected [^\n]*$"),
        (torch.randn(2, 5, 11), None, r"^x has shape \[2, 5, 11\]; expected \[b, l, 12\][^\n]*$"),
        (x, torch.ones(2, 4, dtype=torch.bool), r"^mask is torch.bool \[2, 4\]; expected torch.bool \[2, 5\][^\n]*$"),
    ]
    for wrong, mask, message in wrong_inputs:
        with pytest.raises(ValueError, match=message):
            unchecked(mixer, wrong, mask)
    for argument in ("states", "expand"):
        with pytest.raises(ValueError, match=f"^{argument} is 0; it must be at least 1$"):
            MIXERS[name](12, **{argument: 0}, **options)
    with pytest.raises(ValueError, match=r"^delta_range is \(0.5, 0.1\); [^\n]*$"):
        MIXERS[name](12, delta_range=(0.5, 0.1), **options)


def test_cores_refuse_what_does_not_fit() -> None:
    x, delta, A, B = torch.randn(2, 5, 4, 3), torch.rand(2, 5, 4), -torch.ones(4), torch.randn(2, 5, 1, 6)
    with pytest.raises(ValueError, match=r"^x has shape \[2, 0, 4, 3\]; expected [^\n]*$"):
        ssd_scan(x[:, :0], delta[:, :0], A, B[:, :0], B[:, :0])
    with pytest.raises(ValueError, match=r"^B has shape \[2, 5, 3, 6\]; expected groups that divide the 4 heads of x$"):
        ssd_scan(x, delta, A, B.expand(-1, -1, 3, -1), B.expand(-1, -1, 3, -1))
    with pytest.raises(ValueError, match=r"^chunk is 0; it must be at least 1$"):
        ssd_scan(x, delta, A, B, B, chunk=0)
    with pytest.raises(ValueError, match=r"^x has shape \[2, 0, 4, 3\]; expected [^\n]*$"):
        non_causal_ssd(x[:, :0], delta[:, :0], B[:, :0], B[:, :0])
    twice = torch.stack([B, B], 2)
    with pytest.raises(ValueError, match=r"^x has shape \[2, 0, 4, 3\]; expected [^\n]*$"):
        quasiseparable(x[:, :0], torch.rand(2, 0, 2, 4), A, twice[:, :0], twice[:, :0])
    with pytest.raises(ValueError, match=r"^kernel is 4; [^\n]*odd one$"):
        MIXERS["hydra"](12, kernel=4)
    with pytest.raises(ValueError, match=r"^head_dim is 5; it must divide the 24 inner channels$"):
        MIXERS["mamba2"](12, head_dim=5)
