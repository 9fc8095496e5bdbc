"""Mamba: the selective state space model S6 (Gu and Dao, arXiv 2312.00752)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen_ops.dispatch import selective_scan
from motiongen_ops.mixers.layers import SequenceMixer, ShortConvolution, accumulated, at_least_one, initial_delta_bias

INNER_PER_RANK = 16  # delta comes from a projection this many times narrower than the channels


class SelectiveMixer(SequenceMixer):
    """One selective scan for each direction in `reverse` between one map in and one map out; what it computes is
    written out in `Mamba` (one direction) and `VisionMamba` (both)."""

    def __init__(
        self, channels: int, states: int, expand: int, kernel: int, delta_range: tuple[float, float],
        reverse: tuple[bool, ...],
    ) -> None:  # fmt: skip
        super().__init__()
        at_least_one(channels=channels, states=states, expand=expand, kernel=kernel)
        inner, rank, k = expand * channels, -(-channels // INNER_PER_RANK), len(reverse)
        self.channels, self.states, self.rank, self.reverse = channels, states, rank, reverse
        self.to_inner = nn.Linear(channels, 2 * inner, bias=False)
        self.conv = ShortConvolution(inner, kernel, reverse)
        self.to_parameters = nn.Parameter(torch.empty(k, rank + 2 * states, inner).uniform_(-1, 1) * inner**-0.5)
        self.to_delta = nn.Parameter(torch.empty(k, inner, rank).uniform_(-1, 1) * rank**-0.5)
        self.delta_bias = nn.Parameter(initial_delta_bias(k * inner, delta_range).view(k, inner))
        # S4D-real: A = -1 .. -N in every channel.
        self.log_decay = nn.Parameter(torch.arange(1.0, states + 1).log().expand(k, inner, states).clone())
        self.skip = nn.Parameter(torch.ones(k, inner))
        self.to_channels = nn.Linear(inner, channels, bias=False)

    def forward(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None = None) -> Float[Tensor, "b l c"]:
        u, z = self.to_inner(self.blanked(x, mask)).chunk(2, dim=-1)
        u = self.conv(u)
        parameters = torch.einsum("blkd,kpd->blkp", u.to(z.dtype), self.to_parameters)
        rank, B, C = parameters.split([self.rank, self.states, self.states], dim=-1)
        delta = torch.einsum("blkr,kdr->blkd", rank, self.to_delta)
        y = selective_scan(
            u,
            accumulated(delta),
            -accumulated(self.log_decay).exp(),
            accumulated(B),
            accumulated(C),
            accumulated(self.skip),
            delta_bias=accumulated(self.delta_bias),
            delta_softplus=True,
            reverse=self.reverse,
            mask=mask,
        )
        return self.to_channels(y.sum(2).to(z.dtype) * F.silu(z))


class Mamba(SelectiveMixer):
    """Mamba's block (arXiv 2312.00752, figure 3): a causal selective scan of every channel, gated.

        u, z    = W_in x
        u_t     = silu(conv1d(u))_t
        delta_t = softplus(W_delta W_r u_t + b),    B_t = W_B u_t,    C_t = W_C u_t
        h_t     = exp(delta_t A) h_{t-1} + delta_t B_t u_t              (N states for each of the E c channels)
        y       = W_out ((C_t . h_t + D u_t) silu(z_t))

    Time O(l E c N), memory O(l E c): no state of a step is kept.

    Args:
        channels: c, of input and output.
        states: N.
        expand: E.
        kernel: frames that the convolution sees.
        delta_range: step sizes at the start of training.
        reverse: a frame sees the frames after it instead of those before it.
    """

    causal = True

    def __init__(
        self, channels: int, states: int = 16, expand: int = 2, kernel: int = 4,
        delta_range: tuple[float, float] = (0.001, 0.1), reverse: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(channels, states, expand, kernel, delta_range, (reverse,))
