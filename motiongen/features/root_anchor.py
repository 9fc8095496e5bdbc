"""The net displacement of the root over groups of frames, and features made to agree with a given one.

Heading and place are integrals of the root's velocities, so an error that is invisible in any frame grows along a clip.
The temporal codec therefore carries the net turn and displacement of every group of frames as they are; what it learns
is how the body moves between. Joint errors in the world then stay those of a few frames, however long the clip.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.features.humanml3d import ROOT_VELOCITY, ROOT_YAW_VELOCITY
from motiongen.geometry.rotations import rotate_y

DIM = 3  # half turn about +Y (radians), x and z displacement (units of the features) in the first frame's heading


def net_displacement(features: Float[Tensor, "b t f"], group: int) -> Float[Tensor, "b t//{group} 3"]:
    """Turn and displacement from the first frame of each group to the first frame of the next."""
    yaw, velocity = _grouped(features, group)
    moved = rotate_y(velocity, _headings(yaw)).sum(-2)
    return torch.stack([yaw.sum(-1), moved[..., 0], moved[..., 2]], dim=-1)


def with_net_displacement(
    features: Float[Tensor, "b t f"], target: Float[Tensor, "b n 3"], group: int
) -> Float[Tensor, "b t f"]:
    """The features with what is missing of turn and displacement spread evenly over the frames of each group."""
    yaw, velocity = _grouped(features, group)
    yaw = yaw + (target[..., :1] - yaw.sum(-1, keepdim=True)) / group
    headings = _headings(yaw)
    missing = target[..., 1:] - rotate_y(velocity, headings).sum(-2)[..., [0, 2]]
    missing3 = torch.stack([missing[..., 0], torch.zeros_like(missing[..., 0]), missing[..., 1]], dim=-1) / group
    velocity = velocity + rotate_y(missing3[..., None, :].expand_as(velocity), -headings)
    return torch.cat(
        [yaw.flatten(-2)[..., None], velocity.flatten(-3, -2)[..., [0, 2]], features[..., ROOT_VELOCITY.stop :]], dim=-1
    )


def total(anchors: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b 3"]:
    """Half turn and displacement over all groups together, in the heading of the first one's first frame."""
    turn, step = anchors[..., 0], _steps(anchors)
    moved = rotate_y(step, _before(turn)).sum(-2)
    return torch.stack([turn.sum(-1), moved[..., 0], moved[..., 2]], dim=-1)


def with_total(anchors: Float[Tensor, "*b n 3"], goal: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b n 3"]:
    """Anchors that arrive at `goal`: missing turn is spread evenly, missing way where the root moves anyway."""
    turn, step = anchors[..., 0], _steps(anchors)
    turn = turn + (goal[..., :1] - turn.sum(-1, keepdim=True)) / turn.shape[-1]
    heading = _before(turn)
    missing = goal[..., 1:] - rotate_y(step, heading).sum(-2)[..., [0, 2]]
    speed = step.norm(dim=-1) + _STANDING
    share = (speed / speed.sum(-1, keepdim=True))[..., None]
    way = torch.stack([missing[..., 0], torch.zeros_like(missing[..., 0]), missing[..., 1]], dim=-1)
    step = step + rotate_y(way[..., None, :] * share, -heading)
    return torch.stack([turn, step[..., 0], step[..., 2]], dim=-1)


def composed(first: Float[Tensor, "*b 3"], second: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    """One course of the root after another."""
    moved = _steps(first) + rotate_y(_steps(second), -2 * first[..., 0])
    return torch.stack([first[..., 0] + second[..., 0], moved[..., 0], moved[..., 2]], dim=-1)


def inverse(course: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    """The course that leads back."""
    moved = rotate_y(-_steps(course), 2 * course[..., 0])
    return torch.stack([-course[..., 0], moved[..., 0], moved[..., 2]], dim=-1)


_STANDING = 0.02  # metres a group: so that a root that stands can still be moved


def _steps(anchors: Float[Tensor, "*b n 3"]) -> Float[Tensor, "*b n 3"]:
    x, z = anchors[..., 1], anchors[..., 2]
    return torch.stack([x, torch.zeros_like(x), z], dim=-1)


def _before(turn: Float[Tensor, "*b n"]) -> Float[Tensor, "*b n"]:
    """Heading of each group's first frame against that of the first group, radians."""
    return -2 * (turn.cumsum(-1) - turn)


def _grouped(
    features: Float[Tensor, "b t f"], group: int
) -> tuple[Float[Tensor, "b n group"], Float[Tensor, "b n group 3"]]:
    yaw = features[..., ROOT_YAW_VELOCITY.start].unflatten(-1, (-1, group))
    x, z = features[..., ROOT_VELOCITY].unbind(-1)
    velocity = torch.stack([x, torch.zeros_like(x), z], dim=-1)
    return yaw, velocity.unflatten(-2, (-1, group))


def _headings(yaw: Float[Tensor, "b n group"]) -> Float[Tensor, "b n group"]:
    """Angle that takes the velocity of each frame to the heading of the group's first frame, radians.

    Features hold half angles from the world to the heading, and a frame's velocity in the heading of the next frame.
    """
    return -2 * yaw.cumsum(-1)
