"""HumanML3D's 263-d motion features and their inverse (Guo et al., CVPR 2022, section 3 and its supplement).

A clip of t frames gives t - 1 feature frames, because root and joint velocities are forward differences. Each frame is
expressed in the heading frame of the root: x to the person's left, y up, z forward.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.features import skeletal
from motiongen.features.skeletal import FeatureSkeleton
from motiongen.skeleton import (
    FACING_JOINTS,
    KINEMATIC_CHAINS,
    LEFT_FOOT_JOINTS,
    NUM_JOINTS,
    PARENTS,
    RIGHT_FOOT_JOINTS,
    bone_lengths,
    uniform_offsets,
)

DIM = 263
ROOT_YAW_VELOCITY = slice(0, 1)  # half the turn about +Y to the next frame, radians
ROOT_VELOCITY = slice(1, 3)  # x, z displacement to the next frame, metres, in the next frame's heading
ROOT_HEIGHT = slice(3, 4)  # metres
JOINT_POSITIONS = slice(4, 67)  # 21 joints without the root: heading frame, x and z relative to the root, metres
JOINT_ROTATIONS = slice(67, 193)  # 21 local rotations, 6-d
JOINT_VELOCITIES = slice(193, 259)  # 22 joints: displacement to the next frame, metres, in this frame's heading
FOOT_CONTACTS = slice(259, 263)  # left ankle, left foot, right ankle, right foot: 0 or 1
GROUPS: dict[str, slice] = {
    "root_yaw_velocity": ROOT_YAW_VELOCITY,
    "root_velocity": ROOT_VELOCITY,
    "root_height": ROOT_HEIGHT,
    "joint_positions": JOINT_POSITIONS,
    "joint_rotations": JOINT_ROTATIONS,
    "joint_velocities": JOINT_VELOCITIES,
    "foot_contacts": FOOT_CONTACTS,
}

CONTACT_THRESHOLD = 0.002  # square metres: of a foot joint's displacement in a frame


def _directions() -> tuple[tuple[float, float, float], ...]:
    rest = torch.nn.functional.normalize(uniform_offsets(torch.float64), dim=-1)
    return tuple((x, y, z) for x, y, z in rest.tolist())


SKELETON = FeatureSkeleton(
    directions=_directions(),
    chains=KINEMATIC_CHAINS,
    facing=FACING_JOINTS,
    lower_leg=(5, 8),
    feet=(*LEFT_FOOT_JOINTS, *RIGHT_FOOT_JOINTS),
    contact_threshold=CONTACT_THRESHOLD,
)


def encode(joints: Float[Tensor, "*b t 22 3"], uniform: bool = True) -> Float[Tensor, "*b t-1 263"]:
    """Features of a clip: uniform skeleton, floor at 0, start at the origin facing +Z, then the seven groups.

    Args:
        joints: positions, metres, Y up, 20 fps, of any skeleton.
        uniform: bring the bones to the lengths of HumanML3D's uniform skeleton first.

    Raises:
        ValueError: fewer than two frames, or another number of joints.
    """
    whole = joints.shape[-2:] == (NUM_JOINTS, 3) and joints.shape[-3] > 1
    return skeletal.encode(to_uniform_skeleton(joints) if uniform and whole else joints, SKELETON)


def decode(features: Float[Tensor, "*b t 263"]) -> Float[Tensor, "*b t 22 3"]:
    """Joint positions in the world from features: the root is integrated, the joints are placed about it.

    Differentiable. Starts at x = z = 0 facing +Z.
    """
    return skeletal.decode(features, SKELETON)


def integrate_root(features: Float[Tensor, "*b t 263"]) -> tuple[Float[Tensor, "*b t"], Float[Tensor, "*b t 3"]]:
    """Heading (half angle about +Y from the world to the heading frame, radians) and root position (metres)."""
    return skeletal.integrate_root(features)


def to_uniform_skeleton(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b t 22 3"]:
    """Bone directions kept, bone lengths those of the uniform skeleton, root scaled by the ratio of leg lengths."""
    lengths = uniform_offsets(joints.dtype).to(joints.device).norm(dim=-1)
    knee, ankle = 5, 8
    source = bone_lengths(joints[..., 0, :, :])
    scale = (lengths[knee] + lengths[ankle]) / (source[..., knee] + source[..., ankle])
    return with_uniform_bones(joints * scale[..., None, None, None])


def with_uniform_bones(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b t 22 3"]:
    """Bone directions and the root kept, bone lengths those of the uniform skeleton."""
    lengths = uniform_offsets(joints.dtype).to(joints.device).norm(dim=-1)
    placed = [joints[..., 0, :]]
    for joint in range(1, NUM_JOINTS):
        direction = torch.nn.functional.normalize(joints[..., joint, :] - joints[..., PARENTS[joint], :], dim=-1)
        placed.append(placed[PARENTS[joint]] + direction * lengths[joint])
    return torch.stack(placed, dim=-2)


def to_origin(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b t 22 3"]:
    """Lowest joint of the clip at y = 0, the root of frame 0 at x = z = 0, frame 0 facing +Z."""
    return skeletal.to_origin(joints, SKELETON)
