"""The skinned, dressed body over a whole clip."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.body.fit import fit
from motiongen.body.smpl import NUM_BETAS, BodyModel, body_model
from motiongen.motion import Motion
from motiongen.render.clothes import PALETTE, Clothes, dressed
from motiongen.render.mesh import PosedMesh, vertex_normals
from motiongen.render.simplify import simplified

# Edges that are much shorter than a pixel are work without effect. A person fills most of a picture of this height.
_PICTURE_M = 2.3
_EDGE_PIXELS = 2.5
_LONGEST_M = 0.018
_CHUNK_FRAMES = 64
# Of all frames, the share whose lowest point lies below the ground that is drawn.
_BELOW = 0.1


@lru_cache(maxsize=8)
def _outfit(body: BodyModel, edge: float) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, "g 3"], Clothes]:
    """What a picture shows of a body whose edges are at least `edge` metres: vertices, faces and clothes."""
    rest, faces = body.template.numpy(), body.faces.numpy()
    clothes = dressed(rest, body.rest_joints().numpy(), body.weights.numpy(), faces)
    kept, fewer = simplified(rest, faces, edge)
    return kept, fewer, Clothes(clothes.tone[kept], clothes.thickness[kept])


def posed(
    motion: Motion, body: BodyModel, betas: Float[Tensor, " 10"] | None = None
) -> tuple[Float[Tensor, "t 24 3"], Float[Tensor, " 10"], Float[Tensor, "t 3"]]:
    """Poses, betas and translation of a clip: those it carries, or else those fitted to its joints."""
    carried = [motion.extra.get(name) for name in ("poses", "betas", "trans")]
    if betas is None and all(array is not None for array in carried):
        poses, shape, trans = (array.detach().cpu().float() for array in carried if array is not None)
        if poses.shape[0] == trans.shape[0] == len(motion) and poses[0].numel() == 72 and shape.numel() >= NUM_BETAS:
            return poses.reshape(-1, 24, 3), shape.reshape(-1)[:NUM_BETAS], trans
    found = fit(motion.joints.detach().cpu().float(), body, betas, motion.fps)
    return found.poses, found.betas, found.trans


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
    poses, shape, trans = posed(motion, model, betas)
    vertices = np.empty((len(motion), len(kept), 3), np.float32)
    index = torch.from_numpy(kept)
    for start in range(0, len(motion), _CHUNK_FRAMES):
        part = slice(start, start + _CHUNK_FRAMES)
        vertices[part] = model(poses[part], shape, trans[part])[:, index].numpy()
    normals = vertex_normals(vertices, faces)
    vertices += normals * clothes.thickness[:, None]
    level = float(np.quantile(vertices[..., 1].min(1), _BELOW))
    return PosedMesh(vertices, faces, normals, clothes.tone, PALETTE, level)
