"""From the joints of a clip to the pose of a body in SMPL's format, by closed formulas for all frames at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motiongen.body.rotation_vectors import forward_kinematics, from_matrix
from motiongen.body.rotations import rotations_for
from motiongen.body.smpl import NUM_BETAS, BodyModel
from motiongen.body.t_pose import skeleton_rest
from motiongen.motion import FPS, MotionError
from motiongen.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS, bone_lengths

_LEGS = [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
_MIN_LEG_M, _MAX_LEG_M = 1e-3, 5.0


__all__ = ["BodyPose", "fit", "rotations_for", "skeleton_rest", "with_bones_of"]


@dataclass(frozen=True)
class BodyPose:
    """A clip as SMPL has it.

    Attributes:
        poses: rotation of each of the 24 joints relative to its parent as a rotation vector, radians; joint 0 in the
            world.
        trans: where the root is, less where it is at rest, metres.
        betas: shape.
        error_mm: mean distance of the body's joints from the clip's, whose bones were given the body's lengths.
        fps: frames per second.
    """

    poses: Float[Tensor, "t 24 3"]
    trans: Float[Tensor, "t 3"]
    betas: Float[Tensor, " 10"]
    error_mm: float
    fps: float


def fit(
    joints: Float[Tensor, "t 22 3"], body: BodyModel, betas: Float[Tensor, " 10"] | None = None, fps: float = FPS
) -> BodyPose:
    """The pose that brings a body's joints to those of a clip.

    Args:
        joints: positions, metres, Y up.
        betas: shape of the body, the mean one if None.

    Raises:
        MotionError: joints of another shape, NaN or infinity among them, legs of no length or of several metres.
    """
    _check(joints)
    betas = joints.new_zeros(NUM_BETAS) if betas is None else betas.to(joints)
    rest = body.rest_joints(betas.to(body.template)).to(joints)
    target = with_bones_of(joints, rest[:NUM_JOINTS])
    local = rotations_for(target, rest[:NUM_JOINTS], fps)
    hands = torch.eye(3, dtype=joints.dtype, device=joints.device).expand(len(joints), 2, 3, 3)
    local = torch.cat([local, hands], dim=1)
    _, placed = forward_kinematics(local, rest, body.parents)
    trans = target[:, 0] - rest[0]
    error = (placed[:, :NUM_JOINTS] + trans[:, None] - target).norm(dim=-1).mean()
    return BodyPose(from_matrix(local), trans, betas, 1000 * float(error), float(fps))


def with_bones_of(joints: Float[Tensor, "t 22 3"], rest: Float[Tensor, "22 3"]) -> Float[Tensor, "t 22 3"]:
    """Bone directions kept, bone lengths those of `rest`, the root's path scaled by the ratio of leg lengths."""
    lengths = bone_lengths(rest)
    legs = bone_lengths(joints)[:, _LEGS].median(0).values.sum()
    if not legs > _MIN_LEG_M:
        raise MotionError(f"legs are {float(legs) * 500:.2f} mm long; a body needs joints in metres")
    if legs / 2 > _MAX_LEG_M:
        raise MotionError(
            f"legs are {float(legs) / 2:.4g} metres long; a body's are at most {_MAX_LEG_M:g}: divide joints in "
            "millimetres by 1000, those in centimetres by 100"
        )
    placed = [joints[:, 0] * (lengths[_LEGS].sum() / legs)]
    for joint in range(1, NUM_JOINTS):
        direction = normalize(joints[:, joint] - joints[:, PARENTS[joint]], dim=-1)
        placed.append(placed[PARENTS[joint]] + direction * lengths[joint])
    return torch.stack(placed, dim=1)


def _check(joints: Tensor) -> None:
    if joints.ndim != 3 or joints.shape[1:] != (NUM_JOINTS, 3) or len(joints) == 0:
        raise MotionError(
            f"joints have shape {tuple(joints.shape)}; a body is fitted to [frames >= 1, {NUM_JOINTS}, 3]"
        )
    if not torch.isfinite(joints).all():
        frame = int((~torch.isfinite(joints)).flatten(1).any(1).nonzero()[0])
        raise MotionError(f"joints hold NaN or infinity, first at frame {frame}; a body cannot be fitted to them")
    if not joints.is_floating_point():
        raise MotionError(f"joints are {joints.dtype}; give floating-point metres")
