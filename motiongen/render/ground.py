"""The ground and the background: a soft checker that fades into the distance, and the figure's shadow on it."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from motiongen.render.camera import Camera
from motiongen.render.trail import Trail

_TILE_M = 0.5
_CELL_M = 0.02
_SKY_TOP = np.array([205, 214, 226], np.float32)
_SKY_LOW = np.array([238, 241, 245], np.float32)
_GROUND = np.array([226, 230, 236], np.float32)
_CHECKER = 0.10  # how much darker, in linear light, a dark tile is than a light one
# Where the checker begins and ends to fade, in distances of the ground at the figure's feet.
_FADE = (0.95, 2.8)
_FEET_ROW = 0.8
_GAMMA = 2.2


def _box_checker(p: Float[np.ndarray, "h w"], width: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """Mean over `width` of the square wave of period 2 that is +1 on even tiles: the difference of its integral."""

    def integral(q: np.ndarray) -> np.ndarray:
        q *= 0.5
        q -= np.floor(q)
        q -= 0.5
        np.abs(q, out=q)
        return q

    half = width * 0.5
    out = integral(p - half)
    out -= integral(p + half)
    out *= 2.0 / width
    return out


class Ground:
    """Everything behind the figure, for a camera that keeps its direction and its height."""

    def __init__(self, camera: Camera, level: float, path: Float[np.ndarray, "t 2"]) -> None:
        size = camera.size
        self.camera, self.level, self.trail = camera, level, Trail(camera, path, level)
        pixel = np.arange(size, dtype=np.float32)
        column, row = np.broadcast_to(pixel, (size, size)), np.broadcast_to(pixel[:, None], (size, size))
        d = camera.directions(column, row)
        drop = camera.position[0, 1] - level
        below = d[..., 1] < -1e-3
        reach = np.where(below, drop / np.maximum(-d[..., 1], 1e-3), 0.0).astype(np.float32)
        self.x, self.z = reach * d[..., 0], reach * d[..., 2]
        distance = np.hypot(self.x, self.z)
        first, last = (distance[round(size * _FEET_ROW), size // 2] * share for share in _FADE)
        near = np.clip((last - distance) / (last - first), 0.0, 1.0) * below
        near = near * near * (3 - 2 * near)
        height = pixel[:, None, None] / size
        sky = _SKY_TOP + (_SKY_LOW - _SKY_TOP) * np.minimum(height / 0.6, 1.0)
        base = sky + (_GROUND - sky) * near[..., None]
        spread = np.hypot((column - size / 2) / size, (row - size / 2) / size)
        # Half a grey level more, so that cutting off the fraction rounds.
        self.base = (0.5 + base * (1.0 - 0.16 * np.clip(spread - 0.25, 0, None)[..., None])).astype(np.float32)
        self.base_bytes = self.base.astype(np.uint8)
        self.near = near.astype(np.float32)
        # Rows above the first that shows ground need no work.
        self.first = int(np.argmax(near.max(1) > 0.004)) if (near > 0.004).any() else size
        cut = slice(self.first, None)
        gap = [np.abs(np.gradient(v[cut], axis=0)) + np.abs(np.gradient(v[cut], axis=1)) for v in (self.x, self.z)]
        self.width = [np.maximum(g * 1.1 / _TILE_M, 1e-3).astype(np.float32) for g in gap]
        self.amount = (self.near[cut] * (_CHECKER / 2)).astype(np.float32)
        self.cached: tuple[tuple[float, float], np.ndarray] | None = None

    def light(self, frame: int) -> Float[np.ndarray, "h w"]:
        """Linear brightness of the rows from `first` on, relative to the base picture, without shadow."""
        x, _, z = self.camera.position[frame].tolist()
        if self.cached is not None and self.cached[0] == (x, z):
            return self.cached[1]
        cut = slice(self.first, None)
        checker = _box_checker((self.x[cut] + x) / _TILE_M, self.width[0])
        checker *= _box_checker((self.z[cut] + z) / _TILE_M, self.width[1])
        checker *= self.amount
        checker += 1.0
        self.cached = ((x, z), checker)
        return checker

    def picture(self, frame: int, shadow: Shadow | None) -> UInt8[np.ndarray, "h w 3"]:
        """The background of a frame, gamma-encoded RGB."""
        light = self.light(frame).copy()
        self.trail.darken(light, self.first, frame)
        if shadow is not None:
            self._darken(light, frame, shadow)
        out = self.base_bytes.copy()
        gain = np.power(light, np.float32(1 / _GAMMA))[..., None]
        np.multiply(self.base[self.first :], gain, out=out[self.first :], casting="unsafe")
        return out

    def _darken(self, light: Float[np.ndarray, "h w"], frame: int, shadow: Shadow) -> None:
        corners = np.array([[x, self.level, z] for x in shadow.span_x for z in shadow.span_z], np.float32)
        seen = self.camera.project(corners, frame)
        if (seen[:, 2] <= 0.05).any():
            return
        size = self.camera.size
        left, top = np.clip(np.floor(seen[:, :2].min(0)).astype(int), [0, self.first], size)
        right, bottom = np.clip(np.ceil(seen[:, :2].max(0)).astype(int) + 1, [0, self.first], size)
        if left >= right or top >= bottom:
            return
        block = np.s_[top:bottom, left:right]
        x, _, z = self.camera.position[frame]
        u = (self.x[block] + (x - shadow.span_x[0])) * (1 / _CELL_M) - 0.5
        v = (self.z[block] + (z - shadow.span_z[0])) * (1 / _CELL_M) - 0.5
        h, w = shadow.light.shape
        np.clip(u, 0, w - 1.001, out=u)
        np.clip(v, 0, h - 1.001, out=v)
        i, j = v.astype(np.int32), u.astype(np.int32)
        v -= i
        u -= j
        flat, index = shadow.light.ravel(), i * w + j
        near = flat.take(index)
        near += (flat.take(index + 1) - near) * u
        far = flat.take(index + w)
        far += (flat.take(index + (w + 1)) - far) * u
        far -= near
        far *= v
        near += far
        near -= 1.0
        near *= self.near[block]
        near += 1.0
        light[top - self.first : bottom - self.first, left:right] *= near


class Shadow:
    """Light that reaches the ground around the figure, on a grid of cells that is fixed in the world.

    Every cell shoots one ray at its own point of the light, the points repeating from block to block of cells, and a
    box filter of a block's size averages each cell over all of them: soft edges that sharpen towards the feet, and no
    noise, for one ray a cell (interleaved sampling, Keller and Heidrich 2001).
    """

    _BLOCK = 5
    _SKY_BLOCK = 6
    _SKY_CELLS = 2
    _SUN_SHARE = 0.40
    _SKY_SHARE = 0.52

    def __init__(
        self, scene: Any, vertices: Float[np.ndarray, "v 3"], sun: Float[np.ndarray, " 3"], level: float
    ) -> None:
        lean = sun[[0, 2]] / sun[1]
        fall = vertices[:, [0, 2]] - np.maximum(vertices[:, 1:2] - level, 0.0) * lean
        margin = 0.35
        low = np.minimum(fall.min(0), vertices[:, [0, 2]].min(0)) - margin
        high = np.maximum(fall.max(0), vertices[:, [0, 2]].max(0)) + margin
        step = self._SKY_CELLS
        # At most 6 m of shadow: one figure's is never longer, a mesh thrown far away must not cost memory.
        first = np.floor(low / (_CELL_M * step)).astype(int)
        count = np.minimum(np.ceil(high / (_CELL_M * step)).astype(int) - first + 1, int(6 / (_CELL_M * step)))
        coarse = self._grid(first, count)
        fine = self._grid(first * step, count * step)
        blocked_sky = self._blocked(scene, level, *coarse, _SKY_RAYS, self._SKY_BLOCK, _CELL_M * step)
        blocked_sun = self._blocked(scene, level, *fine, _cone(sun, self._BLOCK), self._BLOCK, _CELL_M)
        sky = _box(_box(blocked_sky, self._SKY_BLOCK), 3)
        sky = _box(sky.repeat(step, 0).repeat(step, 1), 3)
        self.light = 1.0 - self._SUN_SHARE * _box(_box(blocked_sun, self._BLOCK), 3) - self._SKY_SHARE * sky
        self.span_x = (float(first[0] * step * _CELL_M), float((first + count)[0] * step * _CELL_M))
        self.span_z = (float(first[1] * step * _CELL_M), float((first + count)[1] * step * _CELL_M))

    @staticmethod
    def _grid(first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(first[0], first[0] + count[0]), np.arange(first[1], first[1] + count[1])

    @staticmethod
    def _blocked(
        scene: Any, level: float, i: np.ndarray, j: np.ndarray, rays: Float[np.ndarray, "n 3"], block: int, cell: float
    ) -> Float[np.ndarray, "z x"]:
        origin = np.empty((len(j), len(i), 3), np.float32)
        origin[..., 0] = (i + 0.5) * cell
        origin[..., 1] = level + 0.001
        origin[..., 2] = ((j + 0.5) * cell)[:, None]
        which = (j % block)[:, None] * block + (i % block)
        hit = scene.run(origin.reshape(-1, 3), rays[which.ravel()], query="OCCLUDED")
        return (hit >= 0).astype(np.float32).reshape(len(j), len(i))


def _box(a: Float[np.ndarray, "h w"], n: int) -> Float[np.ndarray, "h w"]:
    """Mean over n x n cells around each; outside is zero."""
    before, after = n // 2, n - 1 - n // 2
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (before + 1, after)
        total = np.cumsum(np.pad(a, pad), axis=axis, dtype=np.float32)
        a = (total[n:] - total[:-n]) if axis == 0 else (total[:, n:] - total[:, :-n])
    return a * np.float32(1.0 / (n * n))


def _scattered(n: int) -> Float[np.ndarray, "n 2"]:
    """n points of the unit square, evenly spread (the R2 sequence)."""
    k = np.arange(1, n + 1)
    return np.stack([(0.5 + k * 0.7548776662) % 1.0, (0.5 + k * 0.5698402910) % 1.0], axis=-1)


def _cone(axis: Float[np.ndarray, " 3"], block: int, spread: float = 0.09) -> Float[np.ndarray, "n 3"]:
    """block^2 directions within `spread` (tangent of the half angle) of `axis`."""
    side = np.cross(axis, [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    r, turn = _scattered(block * block).T
    r, turn = spread * np.sqrt(r)[:, None], 2 * np.pi * turn[:, None]
    return (axis + r * (np.cos(turn) * side + np.sin(turn) * np.cross(axis, side))).astype(np.float32)


def _hemisphere(block: int) -> Float[np.ndarray, "n 3"]:
    """block^2 upward directions with the density of the cosine."""
    r, turn = _scattered(block * block).T
    r, turn = np.sqrt(r), 2 * np.pi * turn
    return np.stack([r * np.cos(turn), np.sqrt(1 - r * r), r * np.sin(turn)], axis=-1).astype(np.float32)


_SKY_RAYS = _hemisphere(Shadow._SKY_BLOCK)
