"""The pose of a body that travels with a clip in its `extra`, or one that is fitted once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.body.fit import fit, with_bones_of
from motiongen.body.smpl import NUM_BETAS, BodyModel, body_model
from motiongen.body.smpl import NUM_JOINTS as NUM_BODY_JOINTS
from motiongen.motion import Motion
from motiongen.skeleton import NUM_JOINTS

# Poses that leave the body's joints further from the clip's than this are those of another body, or of joints that
# were changed since; what a fit leaves is less.
_OWN_POSE_MM = 25.0
# Of all frames, the share whose lowest point may lie below the floor, and how far from it one who stands can be.
_BELOW = 0.1
_STANDS_M = 0.2
# Frames whose surface is in memory at once.
_FRAMES = 1024


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
        upward = self.body.skinning_matrices(self.poses, self.betas, self.trans)[..., 1, :].flatten(1)
        lowest = torch.cat([(part @ spread.T).min(dim=1).values for part in upward.split(_FRAMES)])
        return lowest.quantile(_BELOW).item()


def with_pose(motion: Motion, body: BodyModel | None = None, betas: Float[Tensor, " 10"] | None = None) -> Motion:
    """The clip with `poses` [t, 24, 3], `trans` [t, 3] and `betas` [10] in its `extra`, fitted unless it brings them.

    A fitted body stands with its soles on y = 0, where clips have the lowest joint.

    Args:
        body: the body to pose; by default the one that `motiongen.body.smpl.body_model` chooses.
        betas: its shape; a clip that brings its own pose is fitted anew to it. By default the mean one.
    """
    body = body or body_model()
    if betas is None and carried(motion, body) is not None:
        return motion
    made = fit(motion.joints, body, betas, fps=motion.fps)
    level = Pose(body, made.poses, made.trans, made.betas).level()
    lifted = made.trans - torch.tensor([0.0, level if abs(level) < _STANDS_M else 0.0, 0.0])
    return replace(motion, extra={**motion.extra, "poses": made.poses, "trans": lifted, "betas": made.betas})


def pose_of(motion: Motion, body: BodyModel | None = None) -> Pose:
    """The pose of a clip, fitted if it brings none that belongs to the body."""
    body = body or body_model()
    pose = _whole(with_pose(motion, body), body)
    assert pose is not None
    return pose


def carried(motion: Motion, body: BodyModel) -> Pose | None:
    """The pose that a clip brings, if it is whole and brings this body's joints to those of the clip."""
    pose = _whole(motion, body)
    return pose if pose is not None and pose.error_mm(motion) <= _OWN_POSE_MM else None


def _whole(motion: Motion, body: BodyModel) -> Pose | None:
    """The pose in the clip's `extra`, if it is whole: cutting and joining clips leaves halves."""
    wanted = {"poses": (len(motion), NUM_BODY_JOINTS, 3), "trans": (len(motion), 3), "betas": (NUM_BETAS,)}
    if any(key not in motion.extra or tuple(motion.extra[key].shape) != shape for key, shape in wanted.items()):
        return None
    return Pose(body, **{key: motion.extra[key].float() for key in wanted})
