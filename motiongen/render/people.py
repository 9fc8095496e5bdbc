"""The skinned, dressed body over a whole clip."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.body.carried import Pose, carried
from motiongen.body.fit import fit
from motiongen.body.smpl import BodyModel, body_model
from motiongen.motion import Motion
from motiongen.render.clothes import PALETTE, Clothes, dressed
from motiongen.render.mesh import PosedMesh, vertex_normals
from motiongen.render.simplify import simplified
from motiongen.skeleton import JOINT_INDEX, NUM_JOINTS, bone_lengths

# Edges that are much shorter than a pixel are work without effect. A person fills most of a picture of this height.
_PICTURE_M = 2.3
_EDGE_PIXELS = 2.5
_LONGEST_M = 0.018
_CHUNK_FRAMES = 64
_LEGS = [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
# Of all frames, the share whose lowest point lies below the ground that is drawn.
_BELOW = 0.15


@lru_cache(maxsize=8)
def _outfit(body: BodyModel, edge: float) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, "g 3"], Clothes]:
    """What a picture shows of a body whose edges are at least `edge` metres: vertices, faces and clothes."""
    rest, faces = body.template.numpy(), body.faces.numpy()
    clothes = dressed(rest, body.rest_joints().numpy(), body.weights.numpy(), faces)
    kept, fewer = simplified(rest, faces, edge)
    return kept, fewer, Clothes(clothes.tone[kept], clothes.thickness[kept])


def posed(motion: Motion, body: BodyModel, betas: Float[Tensor, " 10"] | None = None) -> Pose:
    """The pose that a clip carries if it is one of this body and no other shape is asked for, else a fitted one."""
    held = {name: array.detach().cpu() for name, array in motion.extra.items()}
    clip = replace(motion, joints=motion.joints.detach().cpu().float(), extra=held)
    pose = carried(clip, body) if betas is None else None
    if pose is not None:
        return pose
    found = fit(clip.joints, body, betas, clip.fps)
    return Pose(body, found.poses, found.trans, found.betas)


def _rises(pose: Pose, joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, " t"]:
    """How much higher each frame is to be drawn, so that the lowest joint goes up and down as it does in the clip.

    The body's bones have other lengths: on tiptoe a longer foot would be in the floor, or all the others above it.
    """
    own = pose.joints()[:, :NUM_JOINTS]
    scale = bone_lengths(own[0])[_LEGS].sum() / bone_lengths(joints)[:, _LEGS].sum(1).median()
    return scale * joints[..., 1].amin(1) - own[..., 1].amin(1)


def person(
    motion: Motion, size: int, body: str | Path | None = None, betas: Float[Tensor, " 10"] | None = None
) -> PosedMesh:
    """The body over a whole clip, as finely as pictures of `size` pixels need it.

    Args:
        body: a name or file for `motiongen.body.smpl.body_model`; the one that comes with motiongen if None.
        betas: shape, instead of the one that the clip carries or the mean one.
    """
    model = body_model(body)
    kept, faces, clothes = _outfit(model, min(_EDGE_PIXELS * _PICTURE_M / size, _LONGEST_M))
    pose = posed(motion, model, betas)
    rises = _rises(pose, motion.joints.detach().cpu().float())
    trans = pose.trans + rises[:, None] * torch.tensor([0.0, 1.0, 0.0])
    vertices = np.empty((len(motion), len(kept), 3), np.float32)
    index = torch.from_numpy(kept)
    for start in range(0, len(motion), _CHUNK_FRAMES):
        part = slice(start, start + _CHUNK_FRAMES)
        vertices[part] = model(pose.poses[part], pose.betas, trans[part])[:, index].numpy()
    normals = vertex_normals(vertices, faces)
    vertices += normals * clothes.thickness[:, None]
    level = float(np.quantile(vertices[..., 1].min(1), _BELOW))
    return PosedMesh(vertices, faces, normals, clothes.tone, PALETTE, level)
