"""The way of the root as a thin line on the ground."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw

from motiongen.render.camera import Camera

# A shorter way is a scribble below the feet.
_SHORTEST_M = 0.8
_STEP_M = 0.01
_NEAREST_M = 0.3
_WIDTH = 1.4 / 512
_OVERSAMPLE = 3
_INK = 0.42


class Trail:
    """Darkens the ground along a path; the line is as wide in the distance as near by."""

    def __init__(self, camera: Camera, path: Float[np.ndarray, "t 2"], level: float) -> None:
        self.camera = camera
        travel = float(np.linalg.norm(np.ptp(path, axis=0)))
        self.points = np.empty((0, 3), np.float32)
        if travel >= _SHORTEST_M:
            walked = np.concatenate([[0.0], np.linalg.norm(np.diff(path, axis=0), axis=1).cumsum()])
            # One point a centimetre walked: standing still would be a blot.
            keep = np.unique(np.floor(walked / _STEP_M), return_index=True)[1]
            self.points = np.insert(path[keep], 1, level, axis=1).astype(np.float32)

    def darken(self, light: Float[np.ndarray, "h w"], first: int, frame: int) -> None:
        """Draw into the linear brightness of the rows from `first` on, in place."""
        if len(self.points) < 2:
            return
        size = self.camera.size
        seen = self.camera.project(self.points, frame)
        seen = seen[seen[:, 2] > _NEAREST_M][:, :2]
        if len(seen) < 2:
            return
        low = np.clip(np.floor(seen.min(0)).astype(int) - 2, [0, first], size)
        high = np.clip(np.ceil(seen.max(0)).astype(int) + 3, [0, first], size)
        (left, top), (width, height) = low, high - low
        if width <= 0 or height <= 0:
            return
        fine = (seen + 0.5 - low) * _OVERSAMPLE
        mask = Image.new("L", (int(width) * _OVERSAMPLE, int(height) * _OVERSAMPLE))
        thick = max(2, round(_WIDTH * size * _OVERSAMPLE))
        ImageDraw.Draw(mask).line([*fine.ravel().tolist()], fill=255, width=thick, joint="curve")
        cover = np.asarray(mask.reduce(_OVERSAMPLE), np.float32)
        light[top - first : top - first + height, left : left + width] *= 1.0 - cover * np.float32(_INK / 255)
