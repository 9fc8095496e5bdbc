"""Pictures and videos of motions. Nothing heavy is imported before it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from motiongen.motion import Motion, MotionError

if TYPE_CHECKING:
    from motiongen.render.rays import Renderer

MIN_SIZE, MAX_SIZE = 64, 2160


def renderer(motion: Motion, size: int) -> Renderer:
    """What draws the frames of a clip: the mannequin, a camera that keeps it in view, ground and light.

    Args:
        size: width and height of the pictures, pixels, even.
    """
    if not MIN_SIZE <= size <= MAX_SIZE or size % 2:
        raise MotionError(f"picture size is {size}; choose an even number from {MIN_SIZE} to {MAX_SIZE}")
    from motiongen.render.camera import follow
    from motiongen.render.figure import mannequin
    from motiongen.render.rays import Renderer

    joints = motion.joints.detach().cpu().numpy().astype(np.float32)
    mesh = mannequin(joints)
    return Renderer(mesh, follow(mesh.vertices, joints[:, 0], motion.fps, size))


def still(motion: Motion, frame: int, size: int = 512) -> UInt8[np.ndarray, "h w 3"]:
    """One frame of a clip as the video would show it, sRGB."""
    if not 0 <= frame < len(motion):
        raise MotionError(f"frame {frame} is not in a clip of {len(motion)} frames; choose 0 to {len(motion) - 1}")
    return renderer(motion, size).frame(frame)


__all__ = ["renderer", "still"]
