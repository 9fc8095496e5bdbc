"""Feet that stand while they stand: a body moved as a whole by what its standing feet would otherwise slide."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.skeleton import LEFT_FOOT_JOINTS, RIGHT_FOOT_JOINTS

FEET = (*LEFT_FOOT_JOINTS, *RIGHT_FOOT_JOINTS)
_ROLLING = 0.005  # metres a frame by which a joint may be faster and still count for about a third
_SMOOTHING = 1.0  # frames; a correction that came and went within a frame would jerk the whole body


def planted(
    joints: Float[Tensor, "t 22 3"], contacts: Float[Tensor, "t 4"], heights: Float[Tensor, "t 4"]
) -> Float[Tensor, "t 22 3"]:
    """The clip with every frame moved as a whole so that feet in contact slide and float as little as they can.

    The mean horizontal velocity of the feet in contact is taken off the velocity of the body, and the mean of what they
    lack in height is added, both smoothed over time. Poses and headings stay as they are.

    Args:
        joints: positions, metres.
        contacts: how sure it is that left ankle, left foot, right ankle and right foot do not move to the next frame,
            0 to 1, as in HumanML3D's features.
        heights: where the same joints should be, metres over the floor.
    """
    feet = joints[:, FEET]
    weight = contacts.clamp(0, 1)
    step = feet.diff(dim=0) * joints.new_tensor([1.0, 0.0, 1.0])
    # A foot rolls: its ankle moves on while its ball stands. The joint that moves least is the one that stands.
    speed = step.norm(dim=-1)
    least = torch.exp((torch.where(weight[:-1] > 0.5, speed, speed + 1).amin(1, keepdim=True) - speed) / _ROLLING)
    velocity = _mean(step, weight[:-1] * least.clamp(max=1))
    shift = -torch.cat([velocity.new_zeros(1, 3), _smooth(velocity).cumsum(0)])
    # Feet that are in the air say a little about the height too, so that it does not jump as a foot comes down.
    lift = _smooth(_mean((heights - feet[..., 1])[..., None], weight + 0.1))
    shift[:, 1] = lift[:, 0]
    return joints + shift[:, None]


def _mean(values: Float[Tensor, "t 4 c"], weight: Float[Tensor, "t 4"]) -> Float[Tensor, "t c"]:
    """Weighted mean over the feet, drawn to zero where no foot is sure."""
    total = weight.sum(1, keepdim=True)
    return (values * weight[..., None]).sum(1) / total.clamp(min=1e-3) * weight.amax(1, keepdim=True).clamp(max=1)


def _smooth(x: Float[Tensor, "t c"]) -> Float[Tensor, "t c"]:
    """Gaussian over time, ends held."""
    if len(x) == 0:  # the velocities of a single frame
        return x
    reach = round(3 * _SMOOTHING)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=x.device) / _SMOOTHING) ** 2).to(x)
    kernel = kernel / kernel.sum()
    padded = torch.cat([x[:1].expand(reach, -1), x, x[-1:].expand(reach, -1)])
    return (padded.unfold(0, 2 * reach + 1, 1) * kernel).sum(-1)
