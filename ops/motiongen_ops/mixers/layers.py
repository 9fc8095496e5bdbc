"""What the mixers share: their interface, padding, convolutions, first values, the gated norm."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen_ops.parallel_conv import parallel_conv


class SequenceMixer(nn.Module):
    """Maps (x [b, l, c], mask [b, l] or None) to [b, l, c], mixing along l.

    Frames with False in the mask pad the sequence at its start or its end. They may hold anything, change no other
    frame and get no gradient; their output is 0. Recurrences are computed in float32, or in float64 if x is that.

    Attributes:
        causal: a frame sees the frames before it alone (those after it, with the mixer's `reverse`).
    """

    causal: ClassVar[bool]
    channels: int

    def blanked(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None) -> Float[Tensor, "b l c"]:
        """x with zeros in its padding.

        Raises:
            ValueError: a shape or type does not fit; the message names it.
        """
        if x.ndim != 3 or 0 in x.shape or x.shape[2] != self.channels:
            raise ValueError(f"x has shape {list(x.shape)}; expected [b, l, {self.channels}] with b and l at least 1")
        if mask is None:
            return x
        check_mask(mask, x)
        return x.masked_fill(~mask[..., None], 0)


def check_mask(mask: Tensor, x: Tensor) -> None:
    """Raises: ValueError: the mask is no bool [b, l] for this x [b, l, ...]."""
    if mask.shape != x.shape[:2] or mask.dtype is not torch.bool:
        raise ValueError(f"mask is {mask.dtype} {list(mask.shape)}; expected torch.bool {list(x.shape[:2])} to fit x")


def check_heads(x: Tensor, B: Tensor, expected: tuple[tuple[str, Tensor | None, tuple[int, ...]], ...]) -> None:
    """Raises: ValueError: x is no [b, l, h, p], its heads do not share the groups of B, or a tensor's shape differs."""
    if x.ndim != 4 or 0 in x.shape:
        raise ValueError(f"x has shape {list(x.shape)}; expected [b, l, h, p], every axis at least 1 long")
    if 0 in B.shape or x.shape[2] % B.shape[-2]:
        raise ValueError(f"B has shape {list(B.shape)}; expected groups that divide the {x.shape[2]} heads of x")
    for name, value, shape in expected:
        if value is not None and value.shape != shape:
            raise ValueError(f"{name} has shape {list(value.shape)}; expected {list(shape)} to fit x and B")


def at_least_one(**sizes: int) -> None:
    """Raises: ValueError: a size is below 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} is {size}; it must be at least 1")


def split_heads(inner: int, head_dim: int | None) -> tuple[int, int]:
    """(heads, head_dim); the default is the greatest power of two up to 32 that divides `inner`.

    Raises:
        ValueError: `head_dim` does not divide `inner`.
    """
    head_dim = math.gcd(inner, 32) if head_dim is None else head_dim
    if head_dim < 1 or inner % head_dim:
        raise ValueError(f"head_dim is {head_dim}; it must divide the {inner} inner channels")
    return inner // head_dim, head_dim


def accumulated(x: Tensor) -> Tensor:
    """x in the type that recurrences are computed in."""
    return x if x.dtype is torch.float64 else x.float()


class ShortConvolution(nn.Module):
    """Depthwise convolutions with SiLU, one for each direction in `reverse`; `centred` sees as far ahead as back."""

    def __init__(self, channels: int, kernel: int, reverse: tuple[bool, ...] = (False,), centred: bool = False) -> None:
        super().__init__()
        if centred and kernel % 2 == 0:
            raise ValueError(f"kernel is {kernel}; a convolution that sees both sides alike needs an odd one")
        self.reverse, self.ahead = reverse, kernel // 2 if centred else 0
        bound = kernel**-0.5
        self.weight = nn.Parameter(torch.empty(kernel, len(reverse), channels).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(len(reverse), channels))

    def forward(self, x: Float[Tensor, "b l c"]) -> Float[Tensor, "b l k c"]:
        # Causal on a sequence that is moved forwards is centred.
        x = F.pad(accumulated(x), (0, 0, 0, self.ahead)) if self.ahead else accumulated(x)
        return parallel_conv(x, accumulated(self.weight), accumulated(self.bias), self.reverse)[:, self.ahead :]


class GatedNorm(nn.Module):
    """RMSNorm(y silu(z)), the norm before the last map of Mamba-2 (arXiv 2405.21060, section 7.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, y: Float[Tensor, "b l c"], z: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        y = y * F.silu(accumulated(z))
        return (y * torch.rsqrt(y.square().mean(-1, keepdim=True) + 1e-5) * self.weight).to(z.dtype)


def initial_delta_bias(count: int, delta_range: tuple[float, float]) -> Float[Tensor, "count"]:
    """Inverse softplus of step sizes drawn evenly in log scale from a range.

    Raises:
        ValueError: the range is not 0 < low <= high.
    """
    low, high = delta_range
    if not 0 < low <= high:
        raise ValueError(f"delta_range is {delta_range}; it must be (low, high) with 0 < low <= high")
    delta = torch.exp(math.log(low) + (math.log(high) - math.log(low)) * torch.rand(count))
    return delta + torch.log(-torch.expm1(-delta))


def initial_log_decay(heads: int) -> Float[Tensor, "heads"]:
    """log(-A) of Mamba-2's heads, A drawn evenly from -16 .. -1."""
    return torch.empty(heads).uniform_(1, 16).log()
