"""The encoding of HumanML3D for any skeleton (Guo et al., CVPR 2022, section 3): KIT-ML's is the same with another one.

`motiongen.features.humanml3d` says what the groups of features mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motiongen.geometry.rotations import (
    heading_quaternion,
    quaternion_between,
    quaternion_inverse,
    quaternion_multiply,
    quaternion_rotate,
    quaternion_to_6d,
)

_HEADING_SIGMA = 20  # frames


@dataclass(frozen=True)
class FeatureSkeleton:
    """What of a skeleton the encoding depends on.

    Attributes:
        directions: of the bone that ends in each joint, in the rest pose.
        chains: joints from the root outwards, in the order in which inverse kinematics walks them.
        facing: the joints called right hip, left hip, right shoulder and left shoulder.
        lower_leg: joints whose bones tell the size of a body.
        feet: the joints whose contacts are told, in their order.
        contact_threshold: square of the displacement in a frame below which a joint of the feet stands.
    """

    directions: tuple[tuple[float, float, float], ...]
    chains: tuple[tuple[int, ...], ...]
    facing: tuple[int, int, int, int]
    lower_leg: tuple[int, int]
    feet: tuple[int, ...]
    contact_threshold: float

    @property
    def joints(self) -> int:
        return len(self.directions)

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Parent of each joint, -1 for the root."""
        parents = [-1] * self.joints
        for chain in self.chains:
            for parent, joint in pairwise(chain):
                parents[joint] = parent
        return tuple(parents)

    @cached_property
    def groups(self) -> dict[str, slice]:
        """The features of each kind; each kind shares one standard deviation."""
        sizes = {
            "root_yaw_velocity": 1,
            "root_velocity": 2,
            "root_height": 1,
            "joint_positions": 3 * (self.joints - 1),
            "joint_rotations": 6 * (self.joints - 1),
            "joint_velocities": 3 * self.joints,
            "foot_contacts": len(self.feet),
        }
        groups, start = {}, 0
        for name, size in sizes.items():
            groups[name] = slice(start, start + size)
            start += size
        return groups

    @property
    def dim(self) -> int:
        return self.groups["foot_contacts"].stop

    def bone_lengths(self, joints: Float[Tensor, "*b j 3"]) -> Float[Tensor, "*b j"]:
        """Distance of every joint to its parent; zero for the root."""
        return (joints - joints[..., [max(parent, 0) for parent in self.parents], :]).norm(dim=-1)


def encode(joints: Float[Tensor, "*b t j 3"], skeleton: FeatureSkeleton) -> Float[Tensor, "*b t-1 f"]:
    """Features of a clip: floor at 0, start at the origin facing +Z, then the seven groups.

    Args:
        joints: positions, Y up, in the units of the skeleton's contact threshold.

    Raises:
        ValueError: fewer than two frames, or another number of joints.
    """
    if joints.shape[-2:] != (skeleton.joints, 3) or joints.shape[-3] < 2:
        shape = tuple(joints.shape)
        raise ValueError(f"joints have shape {shape}; features need [..., t >= 2, {skeleton.joints}, 3]")
    joints = to_origin(joints, skeleton)
    rotations = _inverse_kinematics(joints, skeleton)
    heading = rotations[..., 0, :]

    step = joints[..., 1:, :, :] - joints[..., :-1, :, :]
    turn = quaternion_multiply(heading[..., 1:, :], quaternion_inverse(heading[..., :-1, :]))
    yaw = torch.asin(turn[..., 2:3].clamp(-1, 1))
    velocity = quaternion_rotate(heading[..., 1:, :], step[..., 0, :])
    relative = joints - joints[..., :1, :] * joints.new_tensor([1.0, 0.0, 1.0])
    local = quaternion_rotate(heading[..., None, :], relative)
    joint_velocity = quaternion_rotate(heading[..., :-1, None, :], step)
    contact = (step[..., list(skeleton.feet), :].square().sum(-1) < skeleton.contact_threshold).to(joints)
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


def decode(features: Float[Tensor, "*b t f"], skeleton: FeatureSkeleton) -> Float[Tensor, "*b t j 3"]:
    """Joint positions in the world from features: the root is integrated, the joints are placed about it.

    Differentiable. Starts at x = z = 0 facing +Z.
    """
    half_angle, root = integrate_root(features)
    local = features[..., skeleton.groups["joint_positions"]].unflatten(-1, (skeleton.joints - 1, 3))
    turned = quaternion_rotate(quaternion_inverse(heading_quaternion(half_angle))[..., None, :], local)
    on_ground = root * root.new_tensor([1.0, 0.0, 1.0])
    return torch.cat([root[..., None, :], turned + on_ground[..., None, :]], dim=-2)


def integrate_root(features: Float[Tensor, "*b t f"]) -> tuple[Float[Tensor, "*b t"], Float[Tensor, "*b t 3"]]:
    """Heading (half angle about +Y from the world to the heading frame, radians) and root position.

    The first four features are the same for every skeleton: half turn, velocity in x and z, height.
    """
    half_angle = _integrate(features[..., 0:1])[..., 0]
    turn, x, z, height = features[..., :4].unbind(-1)
    velocity = torch.stack([x, torch.zeros_like(x), z], dim=-1)
    # The velocity of frame i is expressed in the heading of frame i + 1.
    next_heading = heading_quaternion(half_angle + turn)
    path = _integrate(quaternion_rotate(quaternion_inverse(next_heading), velocity))
    return half_angle, torch.stack([path[..., 0], height, path[..., 2]], dim=-1)


def to_lengths(
    joints: Float[Tensor, "*b t j 3"], lengths: Float[Tensor, " j"], skeleton: FeatureSkeleton
) -> Float[Tensor, "*b t j 3"]:
    """Bone directions kept, bone lengths those given, the root's path scaled by the ratio of leg lengths."""
    legs = list(skeleton.lower_leg)
    scale = lengths[legs].sum() / skeleton.bone_lengths(joints[..., 0, :, :])[..., legs].sum(-1)
    placed = {0: joints[..., 0, :] * scale[..., None, None]}
    for chain in skeleton.chains:
        for parent, joint in pairwise(chain):
            direction = normalize(joints[..., joint, :] - joints[..., parent, :], dim=-1)
            placed[joint] = placed[parent] + direction * lengths[joint]
    return torch.stack([placed[joint] for joint in range(skeleton.joints)], dim=-2)


def to_origin(joints: Float[Tensor, "*b t j 3"], skeleton: FeatureSkeleton) -> Float[Tensor, "*b t j 3"]:
    """Lowest joint of the clip at y = 0, the root of frame 0 at x = z = 0, frame 0 facing +Z."""
    floor = joints[..., 1].amin(dim=(-1, -2))
    first = joints[..., 0, :, :]
    origin = torch.stack([first[..., 0, 0], floor, first[..., 0, 2]], dim=-1)
    joints = joints - origin[..., None, None, :]
    right_hip, left_hip, right_shoulder, left_shoulder = first[..., list(skeleton.facing), :].unbind(-2)
    across = (right_hip - left_hip) + (right_shoulder - left_shoulder)
    forward = torch.linalg.cross(_up(across), across)
    turn = quaternion_between(forward, joints.new_tensor([0.0, 0.0, 1.0]))
    return quaternion_rotate(turn[..., None, None, :], joints)


def _inverse_kinematics(joints: Float[Tensor, "*b t j 3"], skeleton: FeatureSkeleton) -> Float[Tensor, "*b t j 4"]:
    """Local rotations by swing along each chain; entry 0 is the rotation from the world to the heading frame.

    The original hands the hips over the other way round here, so that the hip line enters the facing direction negated;
    kept, because every published vector, mean and evaluator of the field is built on it.
    """
    right_hip, left_hip, right_shoulder, left_shoulder = joints[..., list(skeleton.facing), :].unbind(-2)
    across = (left_hip - right_hip) + (right_shoulder - left_shoulder)
    # Not normalised before smoothing, as the original: frames in which the line is level weigh more.
    forward = torch.linalg.cross(_up(across), normalize(across, dim=-1))
    forward = normalize(_gaussian_smooth(forward), dim=-1)
    heading = quaternion_between(forward, joints.new_tensor([0.0, 0.0, 1.0]))
    identity = heading.new_tensor([1.0, 0.0, 0.0, 0.0]).expand_as(heading[..., :1, :])
    heading = torch.cat([identity, heading[..., 1:, :]], dim=-2)

    rest = joints.new_tensor(skeleton.directions)
    local = [heading] * skeleton.joints
    for chain in skeleton.chains:
        above = heading
        for parent, joint in pairwise(chain):
            direction = normalize(joints[..., joint, :] - joints[..., parent, :], dim=-1)
            swing = quaternion_between(rest[joint], direction)
            local[joint] = quaternion_multiply(quaternion_inverse(above), swing)
            above = swing
    return torch.stack(local, dim=-2)


def _up(like: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3"]:
    return like.new_tensor([0.0, 1.0, 0.0]).expand_as(like)


def _integrate(velocity: Float[Tensor, "*b t c"]) -> Float[Tensor, "*b t c"]:
    """Sum of all velocities before each frame."""
    return torch.nn.functional.pad(velocity.cumsum(-2), (0, 0, 1, 0))[..., :-1, :]


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
