"""Measures of motion as pure functions. Positions are in metres, Y up, the floor at y = 0."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.features.humanml3d import decode, integrate_root
from motiongen.geometry.rotations import heading_quaternion, quaternion_rotate
from motiongen.skeleton import JOINT_INDEX

TOES = (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])
# Height over which a toe no longer counts as standing on the floor.
CONTACT_HEIGHT = 0.05


def foot_skate(joints: Float[Tensor, "*b t 22 3"], fps: float) -> Float[Tensor, "*b"]:
    """Mean horizontal speed of the toes while they stand on the floor, cm/s.

    Every frame weighs 2 - 2^(h / H) for a toe at height h over the clip's lowest toe, none from H = 5 cm on (the weight
    of Zhang et al. 2018, Mode-Adaptive Neural Networks, section 6).
    """
    toes = joints[..., TOES, :]
    height = toes[..., 1] - toes[..., 1].amin(dim=(-1, -2), keepdim=True)
    height = torch.maximum(height[..., 1:, :], height[..., :-1, :])
    weight = (2 - 2 ** (height / CONTACT_HEIGHT)).clamp(min=0)
    step = toes[..., 1:, :, :] - toes[..., :-1, :, :]
    speed = 100 * fps * step[..., [0, 2]].norm(dim=-1)
    return (speed * weight).sum(dim=(-1, -2)) / weight.sum(dim=(-1, -2)).clamp(min=1e-6)


def jitter(joints: Float[Tensor, "*b t j 3"], fps: float) -> Float[Tensor, "*b"]:
    """Mean size of the third derivative of joint positions, in 100 m/s^3."""
    third = joints.diff(dim=-3).diff(dim=-3).diff(dim=-3) * fps**3
    return third.norm(dim=-1).mean(dim=(-1, -2)) / 100


def jerk(joints: Float[Tensor, "n t j 3"]) -> Float[Tensor, " t-3"]:
    """Third difference of positions, without the frame time: L1 over x, y, z, largest joint, mean over clips; metres.

    (Barquero et al. 2024, FlowMDM, section 5.)
    """
    return joints.double().diff(n=3, dim=1).abs().sum(-1).amax(-1).mean(0)


def peak_jerk(joints: Float[Tensor, "n t j 3"]) -> Float[Tensor, ""]:
    """Largest `jerk` of any frame of clips that are aligned in time, such as windows around transitions; metres."""
    return jerk(joints).amax()


def area_under_jerk(joints: Float[Tensor, "n t j 3"], real: Float[Tensor, "m t j 3"]) -> Float[Tensor, ""]:
    """Sum over frames of how far the `jerk` is from that of real clips of the same length, either way; metres."""
    return (jerk(joints) - jerk(real)).abs().sum()


def penetration(joints: Float[Tensor, "*b t 22 3"]) -> Float[Tensor, "*b"]:
    """Mean over frames of how far the lowest joint is under the floor, cm."""
    return 100 * (-joints[..., 1].amin(-1)).clamp(min=0).mean(-1)


def world_error(predicted: Float[Tensor, "*b t 263"], target: Float[Tensor, "*b t 263"]) -> Float[Tensor, "*b t"]:
    """Mean joint distance per frame in the world, mm, of two feature clips that start at the same place."""
    return 1000 * (decode(predicted) - decode(target)).norm(dim=-1).mean(-1)


def root_aligned_error(
    predicted: Float[Tensor, "*b t 263"], target: Float[Tensor, "*b t 263"]
) -> Float[Tensor, "*b t"]:
    """Mean joint distance per frame, mm, after both roots were moved to the origin and turned to face +Z."""
    return 1000 * (_at_root(predicted) - _at_root(target)).norm(dim=-1).mean(-1)


def _at_root(features: Float[Tensor, "*b t 263"]) -> Float[Tensor, "*b t 22 3"]:
    half_angle, root = integrate_root(features)
    return quaternion_rotate(heading_quaternion(half_angle)[..., None, :], decode(features) - root[..., None, :])
