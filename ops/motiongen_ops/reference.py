"""The selective scan as its definition reads: one step at a time, every operation visible to autograd."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def reference_scan(
    u: Float[Tensor, "b l k d"],
    delta: Float[Tensor, "b l k d"],
    A: Float[Tensor, "k d n"],
    B: Float[Tensor, "b l k n"],
    C: Float[Tensor, "b l k n"],
    D: Float[Tensor, "k d"] | None,
    z: Float[Tensor, "b l k d"] | None,
    delta_bias: Float[Tensor, "k d"] | None,
    initial_state: Float[Tensor, "b k d n"] | None,
    delta_softplus: bool,
    reverse: tuple[bool, ...],
    mask: Bool[Tensor, "b l"] | None,
) -> tuple[Float[Tensor, "b l k d"], Float[Tensor, "b k d n"]]:
    """Equation 2 of Mamba (arXiv 2312.00752) with its zero-order hold for A and Euler step for B."""
    b, length, k, d = u.shape
    if mask is None:
        mask = torch.ones(b, length, dtype=torch.bool, device=u.device)
    # Padding may hold anything, NaN included: it is blanked before use, or 0 * NaN would reach the gradients.
    blank = ~mask[:, :, None, None]
    u, delta, B, C = (x.masked_fill(blank, 0) for x in (u, delta, B, C))
    z = None if z is None else z.masked_fill(blank, 0)
    if delta_bias is not None:
        delta = delta + delta_bias
    if delta_softplus:
        delta = F.softplus(delta)
    groups, states = [], []
    for g in range(k):
        h = u.new_zeros(b, d, A.shape[-1]) if initial_state is None else initial_state[:, g]
        outputs: list[Tensor] = [u] * length
        for t in reversed(range(length)) if reverse[g] else range(length):
            dt = delta[:, t, g, :, None]
            following = torch.exp(dt * A[g]) * h + dt * B[:, t, g, None, :] * u[:, t, g, :, None]
            h = torch.where(mask[:, t, None, None], following, h)
            outputs[t] = (h * C[:, t, g, None, :]).sum(-1)
        groups.append(torch.stack(outputs, 1))
        states.append(h)
    y = torch.stack(groups, 2)
    if D is not None:
        y = y + D * u
    if z is not None:
        y = y * F.silu(z)
    return y.masked_fill(blank, 0), torch.stack(states, 1)
