"""Mamba-2: state space duality (Dao and Gu, arXiv 2405.21060), computed by matrix products."""

from __future__ import annotations

from typing import Literal, overload

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

CHUNK = 64


@overload
def ssd_scan(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = ...,
    initial_state: Tensor | None = ..., return_last_state: Literal[False] = ..., reverse: bool = ...,
    mask: Tensor | None = ..., chunk: int = ...,
) -> Tensor: ...  # fmt: skip
@overload
def ssd_scan(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None = ...,
    initial_state: Tensor | None = ..., *, return_last_state: Literal[True], reverse: bool = ...,
    mask: Tensor | None = ..., chunk: int = ...,
) -> tuple[Tensor, Tensor]: ...  # fmt: skip
def ssd_scan(
    x: Float[Tensor, "b l h p"],
    delta: Float[Tensor, "b l h"],
    A: Float[Tensor, "h"],
    B: Float[Tensor, "b l g n"],
    C: Float[Tensor, "b l g n"],
    D: Float[Tensor, "h"] | None = None,
    initial_state: Float[Tensor, "b h p n"] | None = None,
    return_last_state: bool = False,
    reverse: bool = False,
    mask: Bool[Tensor, "b l"] | None = None,
    chunk: int = CHUNK,
) -> Float[Tensor, "b l h p"] | tuple[Float[Tensor, "b l h p"], Float[Tensor, "b h p n"]]:
    """The selective scan whose A is one number a head (Mamba-2, arXiv 2405.21060, sections 5 and 6).

        h_t = exp(delta_t A) h_{t-1} + delta_t x_t B_t^T
        y_t = h_t C_t + D x_t

    which is y = (L o C B^T)(delta x) with L_ts = exp(sum of delta_r A over s < r <= t) for s <= t, else 0. Chunks of
    `chunk` steps are computed in that quadratic form and joined by their states: time O(l (chunk (n + p) + n p)) a
    head. No logarithm of a product is exponentiated with a positive sign, so nothing overflows.

    Args:
        x: input, h heads of p channels.
        delta: step sizes, positive.
        A: decay rates, negative.
        B, C: input and output projections; heads i h/g .. (i + 1) h/g - 1 share group i.
        D: skip.
        initial_state: the state before the first step taken (the last frame's side if reversed).
        return_last_state: return (y, state after the last step taken), so that two pieces scan as one.
        reverse: scan from the end.
        mask: frames with False change no state, give output 0, take gradient 0, and may hold anything.
        chunk: steps computed in quadratic form.

    Computed in float32, or in float64 if x is that; y has x's dtype.

    Raises:
        ValueError: a shape does not fit; the message names it.
    """
    b, length, h, p = x.shape if x.ndim == 4 else (0, 0, 0, 0)
    projection = (b, length, *B.shape[2:])
    check_heads(x, B, (
        ("delta", delta, (b, length, h)), ("A", A, (h,)), ("B", B, projection), ("C", C, projection), ("D", D, (h,)),
        ("initial_state", initial_state, (b, h, p, B.shape[-1])),
    ))  # fmt: skip
    at_least_one(chunk=chunk)
    dtype = x.dtype
    x, delta, A, B, C = (accumulated(t) for t in (x, delta, A, B, C))
    if mask is not None:
        check_mask(mask, x)
        blank = ~mask[:, :, None, None]
        x, B, C = (t.masked_fill(blank, 0) for t in (x, B, C))
        delta = delta.masked_fill(blank[..., 0], 0)  # exp(0) = 1: a padded frame leaves the state as it is
    written, log_decay = delta[..., None] * x, delta * A
    if reverse:
        written, log_decay, B, C = (t.flip(1) for t in (written, log_decay, B, C))
    # Autocast would take the products in half precision.
    with torch.autocast(x.device.type, enabled=False):
        state = None if initial_state is None else accumulated(initial_state)
        y, last = _chunked(written, log_decay, B, C, state, return_last_state, chunk)
    if reverse:
        y = y.flip(1)
    if D is not None:
        y = torch.addcmul(y, accumulated(D)[:, None], x)
    return y.to(dtype) if last is None else (y.to(dtype), last)


def _chunked(
    x: Float[Tensor, "b l h p"],
    log_decay: Float[Tensor, "b l h"],
    B: Float[Tensor, "b l g n"],
    C: Float[Tensor, "b l g n"],
    state: Float[Tensor, "b h p n"] | None,
    want_last: bool,
    chunk: int,
) -> tuple[Float[Tensor, "b l h p"], Float[Tensor, "b h p n"] | None]:
    b, length, h, p = x.shape
    groups, n = B.shape[2:]
    shared, steps = h // groups, min(chunk, length)
    chunks = -(-length // steps)
    if missing := chunks * steps - length:  # zeros decay nothing and write nothing
        x, log_decay, B, C = (F.pad(t, (0, 0) * (t.ndim - 2) + (0, missing)) for t in (x, log_decay, B, C))
    x = x.reshape(b, chunks, steps, groups, shared, p).permute(0, 1, 3, 4, 2, 5)
    B, C = (t.reshape(b, chunks, steps, groups, 1, n).permute(0, 1, 3, 4, 2, 5) for t in (B, C))
    # Sums over a chunk grow large where their differences are small: float64 keeps those exact. A product with ones
    # instead of cumsum, which is not deterministic on GPUs.
    rates = log_decay.reshape(b, chunks, steps, groups, shared).permute(0, 1, 3, 4, 2).double()
    ones = torch.ones(steps, steps, dtype=rates.dtype, device=x.device)
    total = rates @ ones.triu()
    between = total[..., :, None] - total[..., None, :]
    decay = between.masked_fill(ones.triu(1).bool(), -torch.inf).to(x.dtype).exp()
    y = (C @ B.mT * decay) @ x

    last = None
    if chunks > 1 or state is not None or want_last:
        since_start, to_end, whole = (t.to(x.dtype).exp() for t in (total, total[..., -1:] - total, total[..., -1]))
        written = (x * to_end[..., None]).mT @ B
        carried = x.new_zeros(b, h, p, n) if state is None else state
        carried = carried.reshape(b, groups, shared, p, n)
        before = []
        for rise, keep in zip(written.unbind(1), whole[..., None, None].unbind(1)):
            before.append(carried)
            carried = torch.addcmul(rise, keep, carried)
        y = torch.addcmul(y, since_start[..., None], C @ torch.stack(before, 1).mT)
        last = carried.reshape(b, h, p, n) if want_last else None
    return y.permute(0, 1, 4, 2, 3, 5).reshape(b, chunks * steps, h, p)[:, :length], last


class Mamba2(SequenceMixer):
    """Mamba-2's block (arXiv 2405.21060, section 7.1): the causal `ssd_scan` of heads, gated and normalised.

        z, x, B, C, delta = W_in x,      x, B, C = silu(conv1d(x, B, C)),      delta = softplus(delta + b)
        y                 = W_out RMSNorm(ssd_scan(x, delta, A, B, C, D) silu(z))

    Time and memory O(l) with chunks of 64 steps; see `ssd_scan`.

    Args:
        channels: c, of input and output.
        states: N, the states of each channel, shared by its head's decay.
        expand: inner channels over `channels`.
        kernel: frames that the convolution sees.
        delta_range: step sizes at the start of training.
        head_dim: channels of a head; by default the greatest power of two up to 32 that divides the inner channels.
        reverse: a frame sees the frames after it instead of those before it.
    """

    causal = True

    def __init__(
        self, channels: int, states: int = 64, expand: int = 2, kernel: int = 4,
        delta_range: tuple[float, float] = (0.001, 0.1), head_dim: int | None = None, reverse: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        at_least_one(channels=channels, states=states, expand=expand, kernel=kernel)
        inner = expand * channels
        heads, self.head_dim = split_heads(inner, head_dim)
        self.channels, self.reverse = channels, reverse
        self.sizes = [inner, inner + 2 * states, heads]
        self.to_inner = nn.Linear(channels, sum(self.sizes), bias=False)
        self.conv = ShortConvolution(inner + 2 * states, kernel, (reverse,))
        self.delta_bias = nn.Parameter(initial_delta_bias(heads, delta_range))
        self.log_decay = nn.Parameter(initial_log_decay(heads))
        self.skip = nn.Parameter(torch.ones(heads))
        self.norm = GatedNorm(inner)
        self.to_channels = nn.Linear(inner, channels, bias=False)
        self.inner, self.states = inner, states

    def forward(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None = None) -> Float[Tensor, "b l c"]:
        z, mixed, delta = self.to_inner(self.blanked(x, mask)).split(self.sizes, dim=-1)
        u, B, C = self.conv(mixed).split([self.inner, self.states, self.states], dim=-1)
        y = ssd_scan(
            u[:, :, 0].unflatten(-1, (-1, self.head_dim)),
            F.softplus(accumulated(delta) + self.delta_bias),
            -accumulated(self.log_decay).exp(),
            B,
            C,
            self.skip,
            reverse=self.reverse,
            mask=mask,
        )
        return self.to_channels(self.norm(y.flatten(2), z))
