"""Hydra: a quasiseparable matrix mixer (Hwang, Lahoti, Dao and Gu, arXiv 2407.09941)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen_ops.mixers.layers import (
    GatedNorm,
    SequenceMixer,
    ShortConvolution,
    accumulated,
    at_least_one,
    check_heads,
    check_mask,
    initial_delta_bias,
    initial_log_decay,
    split_heads,
)
from motiongen_ops.mixers.ssd import CHUNK, ssd_scan


def quasiseparable(
    x: Float[Tensor, "b l h p"],
    delta: Float[Tensor, "b l 2 h"],
    A: Float[Tensor, "h"],
    B: Float[Tensor, "b l 2 g n"],
    C: Float[Tensor, "b l 2 g n"],
    D: Float[Tensor, "b l h"] | None = None,
    mask: Bool[Tensor, "b l"] | None = None,
    chunk: int = CHUNK,
) -> Float[Tensor, "b l h p"]:
    """The product of x with a quasiseparable matrix (Hydra, arXiv 2407.09941, section 3).

        QS(x) = shift(SS_0(x)) + flip(shift(SS_1(flip(x)))) + D x

    where SS is the semiseparable product `ssd_scan`, flip turns time around and shift moves by one frame, so that each
    triangle is strict and the diagonal is D's alone:

        M_ij = C0_{i-1} . exp(sum of delta0_r A over j < r < i) delta0_j B0_j          for i > j
        M_ii = D_i
        M_ij = C1_{i+1} . exp(sum of delta1_r A over i < r < j) delta1_j B1_j          for i < j

    Both triangles are computed in one call; time O(l).

    Args:
        x: input, h heads of p channels.
        delta: positive step sizes of the lower (0) and the upper (1) triangle.
        A: decay rates, negative.
        B, C: projections of both triangles; heads i h/g .. (i + 1) h/g - 1 share group i.
        D: the diagonal.
        mask: frames with False pad the start or the end; they change nothing, give output 0 and may hold anything.
        chunk: as in `ssd_scan`.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    b, length, h, _ = x.shape if x.ndim == 4 else (0, 0, 0, 0)
    projection = (b, length, 2, *B.shape[3:])
    check_heads(x, B, (
        ("delta", delta, (b, length, 2, h)), ("A", A, (h,)), ("B", B, projection), ("C", C, projection),
        ("D", D, (b, length, h)),
    ))  # fmt: skip
    if mask is not None:
        check_mask(mask, x)
        blank = ~mask[:, :, None, None]
        x, delta = x.masked_fill(blank, 0), delta.masked_fill(blank, 0)
        B, C = B.masked_fill(blank[..., None], 0), C.masked_fill(blank[..., None], 0)
        D = None if D is None else D.masked_fill(blank[..., 0], 0)

    def turned(t: Tensor) -> Tensor:
        return torch.cat([t[:, :, 0], t[:, :, 1].flip(1)], dim=2)

    both = torch.cat([x, x.flip(1)], dim=2)
    y = ssd_scan(both, turned(delta), torch.cat([A, A]), turned(B), turned(C), chunk=chunk)
    lower, upper = F.pad(y[:, :-1], (0, 0, 0, 0, 1, 0)).chunk(2, dim=2)
    y = lower + upper.flip(1)
    if D is not None:
        y = y + D[..., None] * x
    return y if mask is None else y.masked_fill(blank, 0)


class Hydra(SequenceMixer):
    """Hydra's block (arXiv 2407.09941, section 4): both directions as one matrix, `quasiseparable`, gated, normalised.

        z, x, B, C, delta = W_in x,      x, B, C = silu(centred conv1d(x, B, C)),      delta = softplus(delta + b)
        y                 = W_out RMSNorm(quasiseparable(x, delta, A, B, C, W_D x + d) silu(z))

    with a B, C and delta for each direction; A is common. Time and memory O(l).

    Args:
        channels: c, of input and output.
        states: N, the states of each channel.
        expand: inner channels over `channels`.
        kernel: frames that the convolution sees, odd.
        delta_range: step sizes at the start of training.
        head_dim: channels of a head; by default the greatest power of two up to 32 that divides the inner channels.
    """

    causal = False

    def __init__(
        self, channels: int, states: int = 64, expand: int = 2, kernel: int = 7,
        delta_range: tuple[float, float] = (0.001, 0.1), head_dim: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        at_least_one(channels=channels, states=states, expand=expand, kernel=kernel)
        inner = expand * channels
        heads, self.head_dim = split_heads(inner, head_dim)
        self.channels, self.inner, self.states, self.heads = channels, inner, states, heads
        self.sizes = [inner, inner + 4 * states, 2 * heads]
        self.to_inner = nn.Linear(channels, sum(self.sizes), bias=False)
        self.conv = ShortConvolution(inner + 4 * states, kernel, centred=True)
        self.delta_bias = nn.Parameter(initial_delta_bias(2 * heads, delta_range).view(2, heads))
        self.log_decay = nn.Parameter(initial_log_decay(heads))
        self.to_diagonal = nn.Linear(inner, heads)
        nn.init.ones_(self.to_diagonal.bias)
        self.norm = GatedNorm(inner)
        self.to_channels = nn.Linear(inner, channels, bias=False)

    def forward(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None = None) -> Float[Tensor, "b l c"]:
        z, mixed, delta = self.to_inner(self.blanked(x, mask)).split(self.sizes, dim=-1)
        u, B, C = self.conv(mixed)[:, :, 0].split([self.inner, 2 * self.states, 2 * self.states], dim=-1)
        y = quasiseparable(
            u.unflatten(-1, (self.heads, self.head_dim)),
            F.softplus(accumulated(delta).unflatten(-1, (2, self.heads)) + self.delta_bias),
            -accumulated(self.log_decay).exp(),
            B.unflatten(-1, (2, 1, self.states)),
            C.unflatten(-1, (2, 1, self.states)),
            accumulated(self.to_diagonal(u.to(z.dtype))),
            mask=mask,
        )
        return self.to_channels(self.norm(y.flatten(2), z))
