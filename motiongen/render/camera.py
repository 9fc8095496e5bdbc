"""A camera that follows the figure without turning, so that what lies at a pixel shifts but never changes shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

_YAW = np.deg2rad(32.0)
_PITCH = np.deg2rad(11.0)
_FIELD_OF_VIEW = np.deg2rad(27.0)
# Shares of the picture kept free around the figure; the caption lies in the lower one.
_SIDE, _TOP, _BOTTOM = 0.06, 0.07, 0.15
_SIGMA_S = 0.7
_STILL_M, _FOLLOW_M = 0.7, 1.6


@dataclass(frozen=True)
class Camera:
    """A pinhole camera of fixed direction.

    Attributes:
        position: metres, one a frame.
        axes: rows are right, up and towards the viewer.
        focal: pixels.
        size: width and height of the picture, pixels.
        distance: of the ground below the figure, metres.
    """

    position: Float[np.ndarray, "t 3"]
    axes: Float[np.ndarray, "3 3"]
    focal: float
    size: int
    distance: float

    def project(self, points: Float[np.ndarray, "*n 3"], frame: int) -> Float[np.ndarray, "*n 3"]:
        """Pixel column, pixel row (centres of pixels are whole numbers) and depth in metres."""
        right, up, back = np.moveaxis((points - self.position[frame]) @ self.axes.T, -1, 0)
        depth = -back
        middle = (self.size - 1) / 2
        return np.stack([middle + self.focal * right / depth, middle - self.focal * up / depth, depth], axis=-1)

    def directions(self, column: Float[np.ndarray, "*n"], row: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n 3"]:
        """Directions through pixels, scaled to a depth of one metre."""
        middle = (self.size - 1) / 2
        x = ((column - middle) / self.focal)[..., None].astype(np.float32)
        y = ((middle - row) / self.focal)[..., None].astype(np.float32)
        right, up, back = self.axes.astype(np.float32)
        return x * right + y * up - back


def _low_pass(path: Float[np.ndarray, "t c"], sigma: float) -> Float[np.ndarray, "t c"]:
    """Gaussian of `sigma` frames, symmetric in time; the ends are continued by point reflection."""
    reach = max(1, round(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd") if len(path) > 1 else path
    if len(path) == 1:
        return path
    return np.stack([np.convolve(c, kernel, mode="valid") for c in padded.T], axis=-1)


def follow(
    vertices: Float[np.ndarray, "t v 3"], root: Float[np.ndarray, "t 3"], fps: float, size: int, least: float = 0.0
) -> Camera:
    """A camera in front, to the person's left and a little above, that keeps the figure in view in every frame.

    A figure that stays within 0.7 m is watched by a camera at rest; one that travels further than 1.6 m is followed by
    the low-passed path of its root.

    Args:
        least: distance from the figure that the camera keeps at least, metres.
    """
    cy, sy, cp, sp = np.cos(_YAW), np.sin(_YAW), np.cos(_PITCH), np.sin(_PITCH)
    right, back = np.array([cy, 0.0, -sy]), np.array([sy * cp, sp, cy * cp])
    axes = np.stack([right, np.cross(back, right), back])

    ground = root[:, [0, 2]].astype(np.float64)
    middle = (ground.min(0) + ground.max(0)) / 2
    travel = float(np.linalg.norm(ground.max(0) - ground.min(0)))
    share = np.clip((travel - _STILL_M) / (_FOLLOW_M - _STILL_M), 0.0, 1.0)
    path = middle + share * (_low_pass(ground, _SIGMA_S * fps) - middle)
    target = np.stack([path[:, 0], np.zeros(len(path)), path[:, 1]], axis=-1)

    box = vertices[:, ::4] - target[:, None]
    a, b, c = np.moveaxis(box @ axes.T, -1, 0)
    half = np.tan(_FIELD_OF_VIEW / 2)
    top, bottom, side = half * (1 - 2 * _TOP), half * (1 - 2 * _BOTTOM), half * (1 - 2 * _SIDE)
    # A point of height b and depth d - c is inside when -bottom (d - c) <= b - h <= top (d - c): the least d and the
    # height h of the axis that satisfy all points.
    d_side = float((np.abs(a) / side + c).max())
    upper, lower = float((b + top * c).max()), float((b - bottom * c).min())
    d_height = (upper - lower) / (top + bottom)
    distance = max(d_side, d_height, least)
    slack = (distance * (top + bottom) - (upper - lower)) / 2
    height = upper - top * distance + slack
    position = target + axes[1] * height + back * distance
    return Camera(position.astype(np.float32), axes, (size / 2) / float(half), size, distance)
