"""The selective scan in plain torch, for machines without a compiler and for devices without a kernel.

Exponentials are taken for 16 steps at once, the recurrence is one `addcmul` a step, and the backward pass rebuilds the
states of a chunk from the state before it, so that no [b, l, k, d, n] tensor exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 16


def torch_scan(
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
    """As `reference_scan`; first derivatives only."""
    b, _, k, d = u.shape
    if mask is not None:
        blank = ~mask[:, :, None, None]
        u, delta, B, C = (x.masked_fill(blank, 0) for x in (u, delta, B, C))
        z = None if z is None else z.masked_fill(blank, 0)
    if delta_bias is not None:
        delta = delta + delta_bias
    if delta_softplus:
        delta = F.softplus(delta)
    if mask is not None:
        delta = delta.masked_fill(blank, 0)  # exp(0) = 1: a padded frame leaves the state as it is
    if initial_state is None:
        initial_state = u.new_zeros(b, k, d, A.shape[-1])
    oriented_u, oriented_delta, oriented_B, oriented_C = (_orient(x, reverse) for x in (u, delta, B, C))
    # Autocast would take the matrix products in half precision.
    with torch.autocast(u.device.type, enabled=False):
        y, last = _Scan.apply(oriented_u, oriented_delta, A, oriented_B, oriented_C, initial_state)
    y = _orient(y, reverse)
    if D is not None:
        y = torch.addcmul(y, D, u)
    if z is not None:
        y = y * F.silu(z)
    if mask is not None:
        y = y.masked_fill(blank, 0)
    return y, last


def _orient(x: Float[Tensor, "b l k c"], reverse: tuple[bool, ...]) -> Float[Tensor, "b l k c"]:
    """Flips time for the groups that run backwards; its own inverse."""
    if not any(reverse):
        return x
    if all(reverse):
        return x.flip(1)
    return torch.stack([group.flip(1) if back else group for group, back in zip(x.unbind(2), reverse)], 2)


def _chunk_states(
    u: Float[Tensor, "b t k d"],
    delta: Float[Tensor, "b t k d"],
    A: Float[Tensor, "k d n"],
    B: Float[Tensor, "b t k n"],
    h: Float[Tensor, "b k d n"],
) -> tuple[Float[Tensor, "b t k d n"], Float[Tensor, "b t k d n"]]:
    """Decays exp(delta A) and states after each step of one chunk, from the state `h` before it."""
    decay = torch.exp(delta[..., None] * A)
    states = (delta * u)[..., None] * B[:, :, :, None, :]
    # unbind, not indexing: one view each, whatever the length.
    for decay_t, state_t in zip(decay.unbind(1), states.unbind(1)):
        h = state_t.addcmul_(decay_t, h)
    return decay, states


def _chunks(length: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, length)) for start in range(0, length, CHUNK))


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, h: Tensor
    ) -> tuple[Tensor, Tensor]:
        y = torch.empty(u.shape, dtype=u.dtype, device=u.device)
        keep = any(ctx.needs_input_grad)
        before = []
        for part in _chunks(u.shape[1]):
            before.append(h)
            _, states = _chunk_states(u[:, part], delta[:, part], A, B[:, part], h)
            y[:, part] = (states @ C[:, part, :, :, None]).squeeze(-1)
            h = states[:, -1].clone()
        if keep:
            ctx.save_for_backward(u, delta, A, B, C, *before)
        return y, h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_y: Tensor, grad_last: Tensor) -> tuple[Tensor, ...]:
        u, delta, A, B, C, *before = ctx.saved_tensors
        grad_u, grad_delta, grad_B, grad_C = (torch.empty_like(x) for x in (u, delta, B, C))
        grad_A = torch.zeros_like(A)
        carry = grad_last
        for part, h in reversed(list(zip(_chunks(u.shape[1]), before))):
            u_, delta_, B_, C_, grad_y_ = u[:, part], delta[:, part], B[:, part], C[:, part], grad_y[:, part]
            decay, states = _chunk_states(u_, delta_, A, B_, h)
            # gradient[t] = dL/dh_t, filled from the last step to the first.
            gradient = grad_y_[..., None] * C_[:, :, :, None, :]
            steps, decays = gradient.unbind(1), decay.unbind(1)
            steps[-1].add_(carry)
            for t in range(len(steps) - 2, -1, -1):
                steps[t].addcmul_(decays[t + 1], steps[t + 1])
            carry = decays[0] * steps[0]
            grad_C[:, part] = (grad_y_[..., None, :] @ states).squeeze(-2)
            grad_B[:, part] = ((delta_ * u_)[..., None, :] @ gradient).squeeze(-2)
            through_input = (gradient @ B_[..., None]).squeeze(-1)
            grad_u[:, part] = delta_ * through_input
            through_decay = gradient.mul_(decay)
            through_decay[:, 0].mul_(h)
            through_decay[:, 1:].mul_(states[:, :-1])
            grad_delta[:, part] = u_ * through_input + (through_decay * A).sum(-1)
            grad_A += through_decay.mul_(delta_[..., None]).sum((0, 1))
        return grad_u, grad_delta, grad_A, grad_B, grad_C, carry
