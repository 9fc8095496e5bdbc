"""VSSD: state space duality without causality (Shi, Dong, Li and Xu, arXiv 2407.18559)."""

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


def non_causal_ssd(
    x: Float[Tensor, "b l h p"],
    weight: Float[Tensor, "b l h"],
    B: Float[Tensor, "b l g n"],
    C: Float[Tensor, "b l g n"],
    D: Float[Tensor, "h"] | None = None,
    mask: Bool[Tensor, "b l"] | None = None,
) -> Float[Tensor, "b l h p"]:
    """Non-causal state space duality (VSSD, arXiv 2407.18559, section 3.2).

        H   = sum over all j of m_j x_j B_j^T
        y_i = H C_i + D x_i

    A frame's share m_j in the one state H depends on the frame, no longer on its distance: what SSD keeps of a frame
    after every decay is dropped, its weight relative to the others stays. Two matrix products, time O(l n p) a head.

    Args:
        x: input, h heads of p channels.
        weight: m.
        B, C: input and output projections; heads i h/g .. (i + 1) h/g - 1 share group i.
        D: skip.
        mask: frames with False add nothing to the state, give output 0, and may hold anything.

    Computed in float32, or in float64 if x is that; y has x's dtype.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    b, length, h, _ = x.shape if x.ndim == 4 else (0, 0, 0, 0)
    projection = (b, length, *B.shape[2:])
    check_heads(x, B, (("weight", weight, (b, length, h)), ("B", B, projection), ("C", C, projection), ("D", D, (h,))))
    dtype = x.dtype
    x, weight, B, C = (accumulated(t) for t in (x, weight, B, C))
    if mask is not None:
        check_mask(mask, x)
        blank = ~mask[:, :, None, None]
        x, B, C = (t.masked_fill(blank, 0) for t in (x, B, C))
        weight = weight.masked_fill(blank[..., 0], 0)
    # [b, g, l, heads of the group and their channels]: B and C are multiplied once for all heads that share them.
    weighted = (weight[..., None] * x).unflatten(2, (B.shape[2], -1)).flatten(3).transpose(1, 2)
    # Autocast would take the products in half precision.
    with torch.autocast(x.device.type, enabled=False):
        state = B.permute(0, 2, 3, 1) @ weighted
        y = (C.transpose(1, 2) @ state).transpose(1, 2).reshape(x.shape)
    return (y if D is None else torch.addcmul(y, accumulated(D)[:, None], x)).to(dtype)


class VSSD(SequenceMixer):
    """VSSD's block (arXiv 2407.18559, section 3.3) over a sequence: `non_causal_ssd` of heads, gated and normalised.

        z, x, B, C, delta = W_in x,      x, B, C = silu(centred conv1d(x, B, C)),      delta = softplus(delta + b)
        y                 = W_out RMSNorm(non_causal_ssd(x, delta |A|, B, C, D) silu(z))

    The weights m = delta |A| are those of the authors' models. Nothing but the convolution knows the order of frames.
    Time and memory O(l).

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
        self, channels: int, states: int = 64, expand: int = 2, kernel: int = 3,
        delta_range: tuple[float, float] = (0.001, 0.1), head_dim: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        at_least_one(channels=channels, states=states, expand=expand, kernel=kernel)
        inner = expand * channels
        heads, self.head_dim = split_heads(inner, head_dim)
        self.channels, self.inner, self.states = channels, inner, states
        self.sizes = [inner, inner + 2 * states, heads]
        self.to_inner = nn.Linear(channels, sum(self.sizes), bias=False)
        self.conv = ShortConvolution(inner + 2 * states, kernel, centred=True)
        self.delta_bias = nn.Parameter(initial_delta_bias(heads, delta_range))
        self.log_decay = nn.Parameter(initial_log_decay(heads))
        self.skip = nn.Parameter(torch.ones(heads))
        self.norm = GatedNorm(inner)
        self.to_channels = nn.Linear(inner, channels, bias=False)

    def forward(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None = None) -> Float[Tensor, "b l c"]:
        z, mixed, delta = self.to_inner(self.blanked(x, mask)).split(self.sizes, dim=-1)
        u, B, C = self.conv(mixed).split([self.inner, self.states, self.states], dim=-1)
        delta = F.softplus(accumulated(delta) + self.delta_bias)
        y = non_causal_ssd(
            u[:, :, 0].unflatten(-1, (-1, self.head_dim)),
            delta * accumulated(self.log_decay).exp(),
            B,
            C,
            self.skip,
            mask=mask,
        )
        return self.to_channels(self.norm(y.flatten(2), z))
