"""What files say of a clip beside the pose of a body, and the clip back from such a pose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.body.carried import Pose, pose_of, with_pose
from motiongen.body.rotation_vectors import forward_kinematics, to_matrix
from motiongen.body.smpl import PARENTS as BODY_PARENTS
from motiongen.motion import Motion, Segment
from motiongen.skeleton import NUM_JOINTS, PARENTS

__all__ = [
    "Pose", "Proportions", "clip_joints", "pose_of", "proportions", "segments_from", "sentence", "with_pose",
]  # fmt: skip

# Of the largest singular value, what one must have to count: a body that stands still tells little of its scale.
_INDEPENDENT = 1e-6


@dataclass(frozen=True)
class Proportions:
    """What of a clip the pose of a body of another size does not hold.

    Attributes:
        rest: the clip's joints in the T-pose, with the body's root at the origin, metres.
        scale: how much longer the clip's path is than the body's.
        height: how much higher it is then, metres.
    """

    rest: Float[Tensor, "22 3"]
    scale: float
    height: float


def proportions(motion: Motion, pose: Pose) -> Proportions:
    """The T-pose and the scale with which a body's rotations put joints where the clip has them.

    A bone at rest is the mean, over frames, of the clip's bone as seen from its parent: the least-squares solution for
    these rotations.
    """
    rotations = to_matrix(pose.poses.double())
    turned, _ = forward_kinematics(rotations, pose.body.rest_joints(pose.betas).double(), BODY_PARENTS)
    joints = motion.joints.double()
    # The clip's root is that of the body, scaled, a height, and a place fixed to the pelvis: linear in all of them.
    up = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64).expand(len(motion), 3)
    known = torch.cat([torch.stack([pose.joints()[:, 0].double(), up], dim=-1), turned[:, 0]], dim=-1).flatten(0, 1)
    # By the normal equations, summed one way: a library's own reductions vary with its threads, and so would files.
    products = (known[:, :, None] * known[:, None, :]).sum(0)
    towards = (known * joints[:, 0].flatten()[:, None]).sum(0)
    solved = torch.linalg.lstsq(products, towards[:, None], rcond=_INDEPENDENT**2, driver="gelsd").solution[:, 0]
    scale, height, *place = solved.float().double()
    rest = torch.stack(place).repeat(NUM_JOINTS, 1)
    for joint in range(1, NUM_JOINTS):
        above = PARENTS[joint]
        bone = (joints[:, joint] - joints[:, above])[..., None]
        rest[joint] = rest[above] + (turned[:, above].mT @ bone)[..., 0].mean(0)
    return Proportions(rest.float().double(), scale.item(), height.item())


def clip_joints(
    rotations: Float[Tensor, "t j 3 3"], root: Float[Tensor, "t 3"], of: Proportions
) -> Float[Tensor, "t 22 3"]:
    """The joints of a clip again, from the rotations of a body and the path of its root, metres."""
    rest = of.rest.to(rotations)
    _, placed = forward_kinematics(rotations[:, :NUM_JOINTS], rest, PARENTS)
    up = rest.new_tensor([0.0, of.height, 0.0])
    return placed - rest[0] + (of.scale * root + up + rotations[:, 0] @ rest[0])[:, None]


def sentence(motion: Motion) -> str:
    """All that a clip shows, in one line; empty if nothing is known."""
    return " ".join(segment.text for segment in motion.text)


def segments_from(texts: object, starts: object, stops: object, frames: int) -> tuple[Segment, ...]:
    """Sentences from the three lists that a file holds, cut to the clip's frames.

    Raises:
        TypeError, ValueError: the file holds something else.
    """
    if not (isinstance(texts, list) and isinstance(starts, list) and isinstance(stops, list)):
        raise TypeError("sentences and their frames are no lists")
    if not len(texts) == len(starts) == len(stops):
        raise ValueError("sentences and their frames differ in number")
    cut = [Segment(str(t), max(0, int(a)), min(frames, int(b))) for t, a, b in zip(texts, starts, stops)]
    return tuple(segment for segment in cut if segment.start < segment.stop)
