"""Pictures and videos of motions. Nothing heavy is imported before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from motiongen.motion import Motion, MotionError

if TYPE_CHECKING:
    from pathlib import Path

    from motiongen.render.mesh import PosedMesh
    from motiongen.render.stage import Stage

MIN_SIZE, MAX_SIZE = 64, 2160
BACKENDS = ("rays", "gl")


@dataclass(frozen=True)
class Look:
    """What is drawn, and how.

    Attributes:
        skeleton: a mannequin built around the 22 joints as they are, instead of a skinned body fitted to them.
        body: name or file of the body; the one that comes with motiongen if None.
        betas: the body's shape, instead of the one that the clip carries or the mean one.
        backend: `rays` (Embree, always there) or `gl` (OpenGL through pyrender, an extra).
    """

    skeleton: bool = False
    body: str | Path | None = None
    betas: Float[Tensor, " 10"] | None = None
    backend: str = "rays"

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise MotionError(f"render backend '{self.backend}' is unknown; there are {', '.join(BACKENDS)}")
        if self.skeleton and not (self.body is None and self.betas is None):
            raise MotionError("the skeleton has no body and no betas; leave those out, or leave out skeleton")


def check_size(size: int) -> None:
    """Raises: MotionError: no picture can be that many pixels wide and high."""
    if not MIN_SIZE <= size <= MAX_SIZE or size % 2:
        raise MotionError(f"picture size is {size}; choose an even number from {MIN_SIZE} to {MAX_SIZE}")


def stages(motions: Sequence[Motion], size: int, look: Look | None = None) -> list[Stage]:
    """What draws the frames of each clip: figure, ground, light, and cameras that all stand equally far away.

    Args:
        size: width and height of the pictures, pixels, even.
    """
    check_size(size)
    from motiongen.render.camera import follow

    look = look or Look()
    draw = _backend(look.backend)
    roots = [motion.joints[:, 0].detach().cpu().numpy().astype(np.float32) for motion in motions]
    meshes = [_figure(motion, size, look) for motion in motions]
    seen = list(zip(meshes, roots, motions))
    distance = max(follow(mesh.vertices, root, motion.fps, size).distance for mesh, root, motion in seen)
    return [
        draw(mesh, follow(mesh.vertices, root, motion.fps, size, distance), root[:, ::2]) for mesh, root, motion in seen
    ]


def _backend(name: str) -> type[Stage]:
    if name == "gl":
        from motiongen.render.gl import GLRenderer

        return GLRenderer
    from motiongen.render.rays import RayRenderer

    return RayRenderer


def _figure(motion: Motion, size: int, look: Look) -> PosedMesh:
    if look.skeleton:
        from motiongen.render.figure import mannequin

        return mannequin(motion.joints.detach().cpu().numpy().astype(np.float32))
    from motiongen.render.people import person

    return person(motion, size, look.body, look.betas)


def still(motion: Motion, frame: int, size: int = 512, look: Look | None = None) -> UInt8[np.ndarray, "h w 3"]:
    """One frame of a clip as the video would show it, sRGB."""
    if not 0 <= frame < len(motion):
        raise MotionError(f"frame {frame} is not in a clip of {len(motion)} frames; choose 0 to {len(motion) - 1}")
    return stages([motion], size, look)[0].frame(frame)


__all__ = ["BACKENDS", "Look", "stages", "still"]
