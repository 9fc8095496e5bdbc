"""The SMPL pose of a clip: the one that travels with it, or a fit that is made once; and the clip back from a pose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.body.fit import fit, with_bones_of
from motiongen.body.rotation_vectors import forward_kinematics, to_matrix
from motiongen.body.smpl import NUM_BETAS, BodyModel, body_model
from motiongen.body.smpl import NUM_JOINTS as NUM_BODY_JOINTS
from motiongen.body.smpl import PARENTS as BODY_PARENTS
from motiongen.motion import Motion, Segment
from motiongen.skeleton import NUM_JOINTS, PARENTS

# Poses that leave the body's joints further from the clip's than this are those of another body, or of joints that
# were changed since; what a fit leaves is less.
_OWN_POSE_MM = 25.0
# Of all frames, the share whose lowest point may lie below the floor, and how far from it one who stands can be.
_BELOW = 0.1
_STANDS_M = 0.2
# Of the largest singular value, what one must have to count: a body that stands still tells little of its scale.
_INDEPENDENT = 1e-6


@dataclass(frozen=True)
class Pose:
    """A body and how it moves in a clip.

    Attributes:
        poses: rotation of each joint relative to its parent as a rotation vector, radians; joint 0 in the world.
        trans: where the root is, less where it is at rest, metres.
        betas: shape.
    """

    body: BodyModel
    poses: Float[Tensor, "t 24 3"]
    trans: Float[Tensor, "t 3"]
    betas: Float[Tensor, " 10"]

    def joints(self) -> Float[Tensor, "t 24 3"]:
        """Where the body's joints are, metres. Bones are as long as the body's, so its path is too."""
        return self.body.joints(self.poses, self.betas, self.trans)

    def error_mm(self, motion: Motion) -> float:
        """Mean distance of the body's joints from the clip's, whose bones are given the body's lengths; millimetres.

        That the whole body stands higher, soles on the floor where the clip has joints, is no error.
        """
        rest = self.body.rest_joints(self.betas)[:NUM_JOINTS]
        apart = self.joints()[:, :NUM_JOINTS] - with_bones_of(motion.joints, rest.to(motion.joints))
        apart[..., 1] -= apart[..., 1].mean()
        return apart.norm(dim=-1).mean().item() * 1000

    def level(self) -> float:
        """Height of the floor that the body stands on: its lowest points, in nearly all frames; metres."""
        shaped = self.body.shaped(self.betas)
        across = torch.cat([shaped, torch.ones_like(shaped[:, :1])], dim=-1)
        spread = (self.body.weights[:, :, None] * across[:, None, :]).flatten(1)
        heights = self.body.skinning_matrices(self.poses, self.betas, self.trans)[..., 1, :].flatten(1) @ spread.T
        return heights.min(dim=1).values.quantile(_BELOW).item()


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


def with_pose(motion: Motion, body: BodyModel | None = None, betas: Float[Tensor, " 10"] | None = None) -> Motion:
    """The clip with `poses` [t, 24, 3], `trans` [t, 3] and `betas` [10] in its `extra`, fitted unless it brings them.

    A fitted body stands with its soles on y = 0, where clips have the lowest joint.

    Args:
        body: the body to pose; by default the one that `motiongen.body.smpl.body_model` chooses.
        betas: its shape; a clip that brings its own pose is fitted anew to it. By default the mean one.
    """
    body = body or body_model()
    pose = _brought(motion, body) if betas is None else None
    if pose is not None and pose.error_mm(motion) <= _OWN_POSE_MM:
        return motion
    made = fit(motion.joints, body, betas, fps=motion.fps)
    level = Pose(body, made.poses, made.trans, made.betas).level()
    lifted = made.trans - torch.tensor([0.0, level if abs(level) < _STANDS_M else 0.0, 0.0])
    return replace(motion, extra={**motion.extra, "poses": made.poses, "trans": lifted, "betas": made.betas})


def pose_of(motion: Motion, body: BodyModel | None = None) -> Pose:
    """The pose of a clip, fitted if it brings none that belongs to the body."""
    body = body or body_model()
    pose = _brought(with_pose(motion, body), body)
    assert pose is not None
    return pose


def _brought(motion: Motion, body: BodyModel) -> Pose | None:
    """The pose in the clip's `extra`, if it is whole: cutting and joining clips leaves halves."""
    wanted = {"poses": (len(motion), NUM_BODY_JOINTS, 3), "trans": (len(motion), 3), "betas": (NUM_BETAS,)}
    if any(key not in motion.extra or tuple(motion.extra[key].shape) != shape for key, shape in wanted.items()):
        return None
    return Pose(body, **{key: motion.extra[key].float() for key in wanted})


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
