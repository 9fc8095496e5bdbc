"""Toes that bend where the floor is: joints end at the balls of the feet, and stiff soles would pass through it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

# Of the way from ankle to ball, how far toes reach beyond the ball.
_REACH = 0.4
# Of all frames, the share in which the lower ball may lie below where it stands: the rest of the time it may be up.
_LOWEST = 0.1
_MOST = 1.1  # radians that toes bend upwards


def bent_toes(
    feet: Float[Tensor, "t 2 3 3"], balls: Float[Tensor, "t 2 3"], length: Float[Tensor, " 2"]
) -> Float[Tensor, "t 2 3 3"]:
    """Rotations of the toes in the world: those of the feet, bent up as far as the tips would be below the floor.

    The floor is where balls of the feet are when they are low, so that nothing is bent in the air.

    Args:
        feet: rotations of the feet in the world, which lie flat at rest.
        balls: where the toes begin, metres.
        length: from ankle to ball, metres.
    """
    height = balls[..., 1] - balls[..., 1].amin(dim=1).quantile(_LOWEST)
    steep = torch.asin((-feet[..., 1, 2]).clamp(0.0, 1.0))
    free = torch.asin((height / (_REACH * length).clamp_min(1e-6)).clamp(0.0, 1.0))
    bend = (steep - free).clamp(0.0, _MOST)
    c, s = bend.cos(), bend.sin()
    zero, one = torch.zeros_like(c), torch.ones_like(c)
    up = torch.stack([one, zero, zero, zero, c, s, zero, -s, c], dim=-1).unflatten(-1, (3, 3))
    return feet @ up
