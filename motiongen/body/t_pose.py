"""The T-pose in which the 22 joints of a clip are at rest."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motiongen.body.rigid import CHEST, CHEST_CHILDREN, PELVIS, PELVIS_CHILDREN, least_squares
from motiongen.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS, bone_lengths

FLAT_FOOT = math.radians(25.0)
"""How far below the horizontal a foot that lies flat points, from ankle to ball."""

_FOOT = (0.0, -math.sin(FLAT_FOOT), math.cos(FLAT_FOOT))
_DOWN, _OUT = (0.0, -1.0, 0.0), (1.0, 0.0, 0.0)
# Directions of the bones that end in each joint, x left, y up, z forward; the right is the mirror image of the left.
# The trunk and the head are as in HumanML3D's mean posture, so that somebody who stands at ease has them unturned.
DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "hip": (0.58, -0.81, -0.06), "spine1": (0.0, 0.955, -0.295), "spine2": (0.0, 0.971, 0.24),
    "spine3": (0.0, 0.949, 0.315), "neck": (0.0, 1.0, 0.03), "collar": (0.49, 0.871, -0.017),
    "shoulder": (0.99, -0.06, 0.016), "head": (0.0, 0.6, 0.8), "knee": _DOWN, "ankle": _DOWN, "foot": _FOOT,
    "elbow": _OUT, "wrist": _OUT,
}  # fmt: skip
_PASSES = 3


def t_pose(lengths: Float[Tensor, " 22"]) -> Float[Tensor, "22 3"]:
    """Joint positions in the T-pose, the root at the origin, from the length of the bone that ends in each joint."""
    return _placed(_directions().to(lengths) * lengths[:, None])


def skeleton_rest(joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, "22 3"]:
    """A T-pose with the bones of a clip: their median lengths, pelvis and chest in the shape they have in the mean.

    The root is at the origin, Y up, facing +Z, arms along x, legs straight down, feet as when flat on the ground.
    """
    lengths = bone_lengths(joints).median(dim=0).values
    offsets = _directions().to(joints) * lengths[:, None]
    for joint, children in ((PELVIS, PELVIS_CHILDREN), (CHEST, CHEST_CHILDREN)):
        seen = joints[:, children] - joints[:, joint, None]
        # Generalised Procrustes (Gower 1975): turn every frame to the mean, take the mean anew.
        for _ in range(_PASSES):
            mean = (seen @ least_squares(seen, offsets[children])).mean(dim=0)
            offsets[children] = mean
        upright = _directions().to(joints)[children] * lengths[children, None]
        offsets[children] = offsets[children] @ least_squares(upright[None], offsets[children])[0].mT
    return _placed(offsets)


def _placed(offsets: Float[Tensor, "22 3"]) -> Float[Tensor, "22 3"]:
    placed = [torch.zeros_like(offsets[0])]
    for joint in range(1, NUM_JOINTS):
        placed.append(placed[PARENTS[joint]] + offsets[joint])
    return torch.stack(placed)


def _directions() -> Float[Tensor, "22 3"]:
    directions = torch.zeros(NUM_JOINTS, 3, dtype=torch.float64)
    for joint, name in enumerate(JOINT_NAMES[1:], start=1):
        side, _, part = name.rpartition("_")
        mirror = -1.0 if side == "right" else 1.0
        directions[joint] = torch.tensor(DIRECTIONS[part], dtype=torch.float64)
        directions[joint, 0] *= mirror
    return normalize(directions, dim=-1)
