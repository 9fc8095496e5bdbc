"""The 22 SMPL body joints: names, parents, kinematic chains, the uniform skeleton and its left/right pairs."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

JOINT_NAMES: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
    "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip
JOINT_INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINT_NAMES)}
NUM_JOINTS = len(JOINT_NAMES)

PARENTS: tuple[int, ...] = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

# The chains along which HumanML3D's inverse kinematics walks; the order matters to it.
KINEMATIC_CHAINS: tuple[tuple[int, ...], ...] = (
    (0, 2, 5, 8, 11),
    (0, 1, 4, 7, 10),
    (0, 3, 6, 9, 12, 15),
    (9, 14, 17, 19, 21),
    (9, 13, 16, 18, 20),
)

LEFT_JOINTS: tuple[int, ...] = tuple(i for i, name in enumerate(JOINT_NAMES) if name.startswith("left_"))
RIGHT_JOINTS: tuple[int, ...] = tuple(JOINT_INDEX[JOINT_NAMES[i].replace("left_", "right_")] for i in LEFT_JOINTS)
# MIRROR[j] is the joint that j becomes when left and right are swapped.
MIRROR: tuple[int, ...] = tuple(
    RIGHT_JOINTS[LEFT_JOINTS.index(j)]
    if j in LEFT_JOINTS
    else LEFT_JOINTS[RIGHT_JOINTS.index(j)]
    if j in RIGHT_JOINTS
    else j
    for j in range(NUM_JOINTS)
)

# Joints whose lines give the facing direction: (right hip, left hip, right shoulder, left shoulder).
FACING_JOINTS: tuple[int, int, int, int] = (2, 1, 17, 16)
LEFT_FOOT_JOINTS: tuple[int, int] = (7, 10)
RIGHT_FOOT_JOINTS: tuple[int, int] = (8, 11)

_X, _Y, _Z = 0, 1, 2
# (axis, signed length in metres) of each joint's offset from its parent in the rest pose of HumanML3D's uniform
# skeleton, which is that of AMASS clip 012314. Its rest pose stands with arms and legs straight down.
_UNIFORM: tuple[tuple[int, float], ...] = (
    (_X, 0.0), (_X, 0.1030739), (_X, -0.1098834), (_Y, 0.1315683), (_Y, -0.3936231), (_Y, -0.3901881),
    (_Y, 0.1431903), (_Y, -0.432433), (_Y, -0.4256433), (_Y, 0.0573647), (_Z, 0.1433817), (_Z, 0.1494187),
    (_Y, 0.21936), (_X, 0.1374868), (_X, -0.1433828), (_Z, 0.1030393), (_Y, -0.131614), (_Y, -0.1229843),
    (_Y, -0.2568398), (_Y, -0.2630919), (_Y, -0.2660119), (_Y, -0.2698763),
)  # fmt: skip


def uniform_offsets(dtype: torch.dtype = torch.float32) -> Float[Tensor, "22 3"]:
    """Offsets from the parent joint in the rest pose of the uniform skeleton, metres, x left, y up, z forward."""
    offsets = torch.zeros(NUM_JOINTS, 3, dtype=dtype)
    for joint, (axis, length) in enumerate(_UNIFORM):
        offsets[joint, axis] = length
    return offsets


def bone_lengths(joints: Float[Tensor, "*batch 22 3"]) -> Float[Tensor, "*batch 22"]:
    """Distance of every joint to its parent, metres; zero for the root."""
    parents = torch.tensor([max(p, 0) for p in PARENTS], device=joints.device)
    return (joints - joints[..., parents, :]).norm(dim=-1)
