"""HumanML3D's 263-d motion features and their inverse (Guo et al., CVPR 2022, section 3 and its supplement).

A clip of t frames gives t - 1 feature frames, because root and joint velocities are forward differences. Each frame is
expressed in the heading frame of the root: x to the person's left, y up, z forward.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.geometry.rotations import (
    heading_quaternion,
    quaternion_between,
    quaternion_inverse,
    quaternion_multiply,
    quaternion_rotate,
    quaternion_to_6d,
)
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
_HEADING_SIGMA = 20  # frames


def encode(joints: Float[Tensor, "*b t 22 3"], uniform: bool = True) -> Float[Tensor, "*b t-1 263"]:
    """Features of a clip: uniform skeleton, floor at 0, start at the origin facing +Z, then the seven groups.

    Args:
        joints: positions, metres, Y up, 20 fps, of any skeleton.
        uniform: bring the bones to the lengths of HumanML3D's uniform skeleton first.

    Raises:
        ValueError: fewer than two frames, or another number of joints.
    """
    if joints.shape[-2:] != (NUM_JOINTS, 3) or joints.shape[-3] < 2:
        raise ValueError(f"joints have shape {tuple(joints.shape)}; features need [..., t >= 2, {NUM_JOINTS}, 3]")
    if uniform:
        joints = to_uniform_skeleton(joints)
    joints = to_origin(joints)
    rotations = _inverse_kinematics(joints)
    heading = rotations[..., 0, :]

    step = joints[..., 1:, :, :] - joints[..., :-1, :, :]
    turn = quaternion_multiply(heading[..., 1:, :], quaternion_inverse(heading[..., :-1, :]))
    yaw = torch.asin(turn[..., 2:3].clamp(-1, 1))
    velocity = quaternion_rotate(heading[..., 1:, :], step[..., 0, :])
    local = quaternion_rotate(heading[..., None, :], _relative_to_root(joints))
    joint_velocity = quaternion_rotate(heading[..., :-1, None, :], step)
    feet = [*LEFT_FOOT_JOINTS, *RIGHT_FOOT_JOINTS]
    contact = (step[..., feet, :].square().sum(-1) < CONTACT_THRESHOLD).to(joints)
    return torch.cat(
        [
            yaw,
            velocity[..., [0, 2]],
            local[..., :-1, 0, 1:2],
            local[..., :-1, 1:, :].flatten(-2),
            quaternion_to_6d(rotations[..., :-1, 1:, :]).flatten(-2),
            joint_velocity.flatten(-2),
            contact,
        ],
        dim=-1,
    )


def decode(features: Float[Tensor, "*b t 263"]) -> Float[Tensor, "*b t 22 3"]:
    """Joint positions in the world from features: the root is integrated, the joints are placed about it.

    Differentiable. Starts at x = z = 0 facing +Z.
    """
    half_angle, root = integrate_root(features)
    local = features[..., JOINT_POSITIONS].unflatten(-1, (NUM_JOINTS - 1, 3))
    turned = quaternion_rotate(quaternion_inverse(heading_quaternion(half_angle))[..., None, :], local)
    on_ground = root * root.new_tensor([1.0, 0.0, 1.0])
    return torch.cat([root[..., None, :], turned + on_ground[..., None, :]], dim=-2)


def integrate_root(features: Float[Tensor, "*b t 263"]) -> tuple[Float[Tensor, "*b t"], Float[Tensor, "*b t 3"]]:
    """Heading (half angle about +Y from the world to the heading frame, radians) and root position (metres)."""
    half_angle = _integrate(features[..., ROOT_YAW_VELOCITY])[..., 0]
    x, z = features[..., ROOT_VELOCITY].unbind(-1)
    velocity = torch.stack([x, torch.zeros_like(x), z], dim=-1)
    # The velocity of frame i is expressed in the heading of frame i + 1.
    next_heading = heading_quaternion(half_angle + features[..., 0])
    path = _integrate(quaternion_rotate(quaternion_inverse(next_heading), velocity))
    return half_angle, torch.cat([path[..., :1], features[..., ROOT_HEIGHT], path[..., 2:]], dim=-1)


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
    floor = joints[..., 1].amin(dim=(-1, -2))
    first = joints[..., 0, :, :]
    origin = torch.stack([first[..., 0, 0], floor, first[..., 0, 2]], dim=-1)
    joints = joints - origin[..., None, None, :]
    right_hip, left_hip, right_shoulder, left_shoulder = FACING_JOINTS
    across = (first[..., right_hip, :] - first[..., left_hip, :]) + (
        first[..., right_shoulder, :] - first[..., left_shoulder, :]
    )
    forward = torch.linalg.cross(_up(across), across)
    turn = quaternion_between(forward, joints.new_tensor([0.0, 0.0, 1.0]))
    return quaternion_rotate(turn[..., None, None, :], joints)


def _up(like: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    return like.new_tensor([0.0, 1.0, 0.0]).expand_as(like)


def _relative_to_root(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b t 22 3"]:
    return joints - joints[..., :1, :] * joints.new_tensor([1.0, 0.0, 1.0])


def _integrate(velocity: Float[Tensor, "*b t c"]) -> Float[Tensor, "*b t c"]:
    """Sum of all velocities before each frame."""
    return torch.nn.functional.pad(velocity.cumsum(-2), (0, 0, 1, 0))[..., :-1, :]


def _inverse_kinematics(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b t 22 4"]:
    """Local rotations by swing along each chain; entry 0 is the rotation from the world to the heading frame.

    The original hands the hips over the other way round here, so that the hip line enters the facing direction negated;
    kept, because every published vector, mean and evaluator of the field is built on it.
    """
    right_hip, left_hip, right_shoulder, left_shoulder = FACING_JOINTS
    across = (joints[..., left_hip, :] - joints[..., right_hip, :]) + (
        joints[..., right_shoulder, :] - joints[..., left_shoulder, :]
    )
    # Not normalised before smoothing, as the original: frames in which the line is level weigh more.
    forward = torch.linalg.cross(_up(across), torch.nn.functional.normalize(across, dim=-1))
    forward = torch.nn.functional.normalize(_gaussian_smooth(forward), dim=-1)
    heading = quaternion_between(forward, joints.new_tensor([0.0, 0.0, 1.0]))
    identity = heading.new_tensor([1.0, 0.0, 0.0, 0.0]).expand_as(heading[..., :1, :])
    heading = torch.cat([identity, heading[..., 1:, :]], dim=-2)

    rest = torch.nn.functional.normalize(uniform_offsets(joints.dtype).to(joints.device), dim=-1)
    local = [heading] * NUM_JOINTS
    for chain in KINEMATIC_CHAINS:
        above = heading
        for parent, joint in pairwise(chain):
            direction = torch.nn.functional.normalize(joints[..., joint, :] - joints[..., parent, :], dim=-1)
            swing = quaternion_between(rest[joint], direction)
            local[joint] = quaternion_multiply(quaternion_inverse(above), swing)
            above = swing
    return torch.stack(local, dim=-2)


def _gaussian_smooth(x: Float[Tensor, "*b t c"]) -> Float[Tensor, "*b t c"]:
    """Gaussian filter over time, ends held, cut at four sigma (scipy's gaussian_filter1d, mode "nearest")."""
    radius = 4 * _HEADING_SIGMA
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    kernel = torch.exp(-0.5 * (offsets / _HEADING_SIGMA) ** 2)
    kernel = kernel / kernel.sum()
    rows = x.transpose(-1, -2).reshape(-1, 1, x.shape[-2])
    padded = torch.cat([rows[..., :1].expand(-1, -1, radius), rows, rows[..., -1:].expand(-1, -1, radius)], dim=-1)
    smoothed = torch.nn.functional.conv1d(padded, kernel[None, None])
    return smoothed.reshape(*x.shape[:-2], x.shape[-1], x.shape[-2]).transpose(-1, -2)
