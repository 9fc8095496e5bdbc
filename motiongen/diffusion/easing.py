"""A little smoothing in time where one sentence gives way to the next."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# A cubic B-spline at its knots. Text changes from one latent frame to the next, and what is conditioned on it a little
# too abruptly: a walk that ends loses its speed within a twentieth of a second.
_KERNEL = (1 / 6, 4 / 6, 1 / 6)


def eased(
    z: Float[Tensor, "b l d"],
    frame_sentence: Int[Tensor, "b l"],
    mask: Bool[Tensor, "b l"] | None = None,
    fixed: Bool[Tensor, "b l"] | None = None,
) -> Float[Tensor, "b l d"]:
    """The latents with the two frames at every change of sentence drawn towards their neighbours; all others stay.

    Args:
        frame_sentence: which sentence conditions a frame.
        mask: which frames are real; all if left out.
        fixed: frames that stay as they are.
    """
    change = frame_sentence[:, 1:] != frame_sentence[:, :-1]
    if mask is not None:
        change = change & mask[:, 1:]
    beside = torch.nn.functional.pad(change, (0, 1)) | torch.nn.functional.pad(change, (1, 0))
    if fixed is not None:
        beside = beside & ~fixed
    if not bool(beside.any()):
        return z
    before, after = torch.cat([z[:, :1], z[:, :-1]], 1), torch.cat([z[:, 1:], z[:, -1:]], 1)
    if mask is not None:
        last = mask & ~torch.nn.functional.pad(mask[:, 1:], (0, 1))
        after = torch.where(last[..., None], z, after)
    smooth = _KERNEL[0] * before + _KERNEL[1] * z + _KERNEL[2] * after
    return torch.where(beside[..., None], smooth, z)
