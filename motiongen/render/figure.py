"""A stylised mannequin around 22 joints: the body drawn when there is no skinned one.

Every part is a loft: closed rings strung along a bone, each riding rigidly on one frame of `bones`. Limbs end in half
spheres centred on the joints and share their radius with the neighbour, so a bent knee stays round and shows no seam.
Joints give no hand, face or twist; hands continue the forearm and the head looks where the chest and neck point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from motiongen.render.bones import BONE_INDEX, SOLE, TORSO_STATIONS, pose
from motiongen.render.mesh import PosedMesh, linear, vertex_normals


class Ring(NamedTuple):
    """A superellipse across a bone; lengths in metres, `at` as a fraction of the bone's length."""

    at: float  # along the bone
    y: float  # further along the bone
    x: float  # centre
    z: float
    half_width: float  # along x
    front: float  # radius towards +z
    back: float  # radius towards -z
    square: float = 2.0  # 2: ellipse; larger: boxier


@dataclass(frozen=True)
class Template:
    """The mannequin before it is posed: every vertex in the frame of its bone."""

    bone: Int[np.ndarray, " v"]
    at: Float[np.ndarray, " v"]
    local: Float[np.ndarray, "v 3"]
    faces: Int[np.ndarray, "f 3"]
    tone: Float[np.ndarray, " v"]
    palette: Float[np.ndarray, "p 3"]


BODY = linear("#8d97ad")
HEAD = linear("#d3d6dd")
VISOR = linear("#39445c")
SHOES = linear("#3f4759")
LIMB = {"left": linear("#e3a184"), "right": linear("#6fb0b8")}
HAND = {"left": linear("#f0bfa6"), "right": linear("#9bd0d3")}


def _smooth(rings: Sequence[Ring], steps: int) -> list[Ring]:
    """Catmull-Rom through the rings: `steps` intervals for each one given."""
    r = np.array([tuple(ring) for ring in rings])
    padded = np.concatenate([2 * r[:1] - r[1:2], r, 2 * r[-1:] - r[-2:-1]])
    out = []
    for i in range(len(r) - 1):
        a, b, c, d = padded[i : i + 4]
        for u in np.arange(steps) / steps:
            out.append(b + 0.5 * u * (c - a + u * (2 * a - 5 * b + 4 * c - d + u * (3 * (b - c) + d - a))))
    return [Ring(*row) for row in [*out, r[-1]]]


def _capped(rings: Sequence[Ring], steps: int = 3) -> list[Ring]:
    """The rings with a half ellipsoid before the first and after the last, each ending in a point."""

    def shrunk(ring: Ring, angle: float, sign: float) -> Ring:
        c, reach = np.cos(angle), (ring.half_width + 0.5 * (ring.front + ring.back)) / 2
        return ring._replace(y=ring.y + sign * reach * np.sin(angle), half_width=ring.half_width * c,
                             front=ring.front * c, back=ring.back * c)  # fmt: skip

    angles = np.linspace(np.pi / 2, 0, steps, endpoint=False)
    return [*(shrunk(rings[0], a, -1) for a in angles), *rings, *(shrunk(rings[-1], a, 1) for a in angles[::-1])]


def _limb(*profile: tuple[float, float, float]) -> list[Ring]:
    """A capped limb from (fraction of the bone, radius, shift to the front) triples."""
    return _capped(_smooth([Ring(s, 0.0, 0.0, shift, r, r, r) for s, r, shift in profile], 2))


TORSO = [  # y is measured from the station that `at` names, in spine segments; see _torso
    (0.0, -0.125, 0.000, 0.030, 0.028, 0.030),
    (0.0, -0.105, 0.000, 0.085, 0.065, 0.075),
    (0.0, -0.065, -0.004, 0.140, 0.095, 0.112),
    (0.0, -0.010, -0.006, 0.160, 0.104, 0.118),
    (1 / 3, 0.000, -0.004, 0.152, 0.103, 0.106),
    (2 / 3, 0.000, -0.002, 0.142, 0.100, 0.096),
    (1.0, 0.000, 0.000, 0.134, 0.098, 0.090),
    (5 / 3, 0.000, 0.004, 0.128, 0.096, 0.086),
    (7 / 3, 0.000, 0.004, 0.141, 0.106, 0.102),
    (3.0, 0.000, 0.000, 0.156, 0.116, 0.116),
    (10 / 3, 0.000, -0.004, 0.152, 0.112, 0.114),
    (11 / 3, 0.000, -0.012, 0.116, 0.090, 0.096),
    (23 / 6, 0.000, -0.012, 0.086, 0.072, 0.078),
    (4.0, 0.000, -0.010, 0.062, 0.058, 0.062),
    (4.0, 0.022, -0.008, 0.040, 0.040, 0.042),
]

SKULL = [
    Ring(0, -0.062, 0, 0.044, 0.004, 0.004, 0.004),
    Ring(0, -0.056, 0, 0.044, 0.026, 0.026, 0.030),
    Ring(0, -0.038, 0, 0.034, 0.046, 0.052, 0.050),
    Ring(0, -0.005, 0, 0.020, 0.060, 0.074, 0.078),
    Ring(0, 0.040, 0, 0.008, 0.071, 0.087, 0.092),
    Ring(0, 0.085, 0, 0.002, 0.077, 0.090, 0.100),
    Ring(0, 0.125, 0, -0.002, 0.073, 0.083, 0.096),
    Ring(0, 0.155, 0, -0.006, 0.058, 0.065, 0.076),
    Ring(0, 0.174, 0, -0.008, 0.034, 0.038, 0.045),
    Ring(0, 0.181, 0, -0.008, 0.004, 0.004, 0.004),
]
# A band where the eyes would be: which way the head looks must be seen at forty pixels.
FACE = [
    Ring(0, 0.024, 0, 0.048, 0.010, 0.040, 0.010),
    Ring(0, 0.028, 0, 0.048, 0.056, 0.0475, 0.020, 2.3),
    Ring(0, 0.050, 0, 0.046, 0.0655, 0.0535, 0.024, 2.3),
    Ring(0, 0.072, 0, 0.044, 0.0655, 0.0545, 0.024, 2.3),
    Ring(0, 0.078, 0, 0.044, 0.010, 0.044, 0.010),
]
NECK = [
    Ring(0.0, -0.03, 0, -0.004, 0.054, 0.052, 0.056),
    Ring(0.3, 0.0, 0, -0.002, 0.050, 0.050, 0.053),
    Ring(1.0, 0.03, 0, 0.006, 0.050, 0.050, 0.054),
]
CLAVICLE = _limb((-0.15, 0.062, 0.0), (0.4, 0.060, 0.0), (1.0, 0.054, 0.0))
UPPER_ARM = _limb((0.0, 0.060, 0.0), (0.25, 0.057, 0.003), (0.6, 0.049, 0.004), (1.0, 0.040, 0.0))
FOREARM = _limb((0.0, 0.040, 0.0), (0.25, 0.0435, 0.0), (0.65, 0.034, 0.0), (1.0, 0.027, 0.0))
THIGH = _limb((0.0, 0.088, 0.0), (0.25, 0.086, 0.004), (0.65, 0.070, 0.006), (1.0, 0.056, 0.002))
CALF = _limb((0.0, 0.056, 0.002), (0.15, 0.057, -0.006), (0.35, 0.059, -0.012), (0.7, 0.044, -0.006), (1.0, 0.037, 0.0))
# x towards the back of the hand is negative for the left hand; the right one is its mirror image.
PALM = _capped(_smooth([
    Ring(0, -0.005, 0.000, 0.000, 0.023, 0.026, 0.026),
    Ring(0, 0.035, 0.002, 0.002, 0.020, 0.036, 0.034, 2.4),
    Ring(0, 0.085, 0.006, 0.000, 0.018, 0.041, 0.040, 2.6),
    Ring(0, 0.130, 0.014, -0.002, 0.015, 0.036, 0.036, 2.6),
    Ring(0, 0.165, 0.026, -0.002, 0.012, 0.026, 0.028, 2.4),
], 2), 3)  # fmt: skip
THUMB = _capped([
    Ring(0, 0.025, 0.006, 0.022, 0.014, 0.016, 0.014),
    Ring(0, 0.060, 0.012, 0.046, 0.0135, 0.014, 0.013),
    Ring(0, 0.095, 0.018, 0.058, 0.011, 0.012, 0.011),
], 3)  # fmt: skip


def _shoe(at: float, y: float, half_width: float, top: float) -> Ring:
    """A ring of the shoe: flat sole, domed top."""
    middle = (top - SOLE) * 0.5 - SOLE * 0.25
    return Ring(at, y, 0.0, middle, half_width, top - middle, middle + SOLE, 2.7)


HIND_FOOT = [
    _shoe(0.0, -0.068, 0.016, 0.030),
    _shoe(0.0, -0.062, 0.030, 0.046),
    _shoe(0.0, -0.040, 0.040, 0.062),
    _shoe(0.0, 0.000, 0.044, 0.072),
    _shoe(0.35, 0.0, 0.045, 0.062),
    _shoe(0.7, 0.0, 0.049, 0.046),
    _shoe(1.0, 0.0, 0.052, 0.034),
]
TOES = [
    _shoe(0.15, 0.0, 0.0525, 0.031),
    _shoe(0.5, 0.0, 0.050, 0.026),
    _shoe(0.8, 0.0, 0.041, 0.020),
    _shoe(0.97, 0.0, 0.026, 0.010),
    _shoe(1.04, 0.0, 0.010, 0.000),
]


class _Builder:
    def __init__(self) -> None:
        self.bone: list[np.ndarray] = []
        self.at: list[np.ndarray] = []
        self.local: list[np.ndarray] = []
        self.faces: list[np.ndarray] = []
        self.colours: list[np.ndarray] = []
        self.count = 0

    def loft(
        self, bones: str | Sequence[str], rings: Sequence[Ring], colour: np.ndarray, around: int, mirror: bool = False
    ) -> None:
        """A closed surface through the rings, with a point at either end."""
        names = [bones] * len(rings) if isinstance(bones, str) else list(bones)
        angle = np.arange(around) * (2 * np.pi / around)
        s, c = np.sin(angle), np.cos(angle)
        flip = -1.0 if mirror else 1.0
        points = []
        for ring in rings:
            power = 2.0 / ring.square
            px, pz = np.sign(s) * np.abs(s) ** power, np.sign(c) * np.abs(c) ** power
            z = ring.z + pz * np.where(c > 0, ring.front, ring.back)
            points.append(np.stack([flip * (ring.x + ring.half_width * px), np.full(around, ring.y), z], axis=-1))
        grid = np.stack(points)
        local = np.concatenate([grid[0].mean(0, keepdims=True), *grid, grid[-1].mean(0, keepdims=True)])
        n = len(rings)
        row = np.concatenate([[0], np.repeat(np.arange(n), around), [n - 1]])
        index = 1 + np.arange(n * around).reshape(n, around)
        beside = np.roll(index, -1, axis=1)
        a, b, d, e = index[:-1].ravel(), index[1:].ravel(), beside[:-1].ravel(), beside[1:].ravel()
        first = np.stack([np.zeros(around, int), index[0], beside[0]], axis=-1)
        last = np.stack([np.full(around, n * around + 1), beside[-1], index[-1]], axis=-1)
        faces = np.concatenate([first, np.stack([a, b, d], -1), np.stack([b, e, d], -1), last])
        self.bone.append(np.array([BONE_INDEX[names[i]] for i in row]))
        self.at.append(np.array([rings[i].at for i in row]))
        self.local.append(local)
        self.faces.append((faces if mirror else faces[:, ::-1]) + self.count)
        self.colours.append(np.broadcast_to(colour, (len(local), 3)))
        self.count += len(local)


def _torso() -> tuple[list[str], list[Ring]]:
    rings = _smooth([Ring(u, y, 0.0, z, w, f, b, 2.25) for u, y, z, w, f, b in TORSO], 2)
    per_segment = (TORSO_STATIONS - 1) / 4
    names = [f"torso{round(np.clip(ring.at, 0, 4) * per_segment)}" for ring in rings]
    return names, rings


@cache
def template() -> Template:
    """The mannequin's vertices in the frames of their bones."""
    build = _Builder()
    build.loft(*_torso(), BODY, 28)
    build.loft("neck", NECK, HEAD, 18)
    build.loft("head", _smooth(SKULL, 2), HEAD, 28)
    build.loft("head", _smooth(FACE, 2), VISOR, 28)
    for side, mirror in (("left", False), ("right", True)):
        limb = LIMB[side]
        build.loft(f"{side}_clavicle", CLAVICLE, BODY, 14, mirror)
        build.loft(f"{side}_upper_arm", UPPER_ARM, limb, 16, mirror)
        build.loft(f"{side}_forearm", FOREARM, limb, 14, mirror)
        build.loft(f"{side}_hand", PALM, HAND[side], 14, mirror)
        build.loft(f"{side}_hand", THUMB, HAND[side], 8, mirror)
        build.loft(f"{side}_thigh", THIGH, limb, 18, mirror)
        build.loft(f"{side}_calf", CALF, limb, 16, mirror)
        shoe = [*_smooth(HIND_FOOT, 2), *_smooth(TOES, 2)]
        heel = 2 * (len(HIND_FOOT) - 1) + 1
        names = [f"{side}_foot"] * heel + [f"{side}_toe"] * (len(shoe) - heel)
        build.loft(names, shoe, SHOES, 18, mirror)
    palette, index = np.unique(np.concatenate(build.colours), axis=0, return_inverse=True)
    return Template(
        bone=np.concatenate(build.bone),
        at=np.concatenate(build.at).astype(np.float32),
        local=np.concatenate(build.local).astype(np.float32),
        faces=np.concatenate(build.faces).astype(np.int32),
        tone=index.reshape(-1).astype(np.float32) + np.float32(0.5),
        palette=palette,
    )


def mannequin(joints: Float[np.ndarray, "t 22 3"]) -> PosedMesh:
    """The mannequin over a whole clip.

    Args:
        joints: positions, metres, Y up; pass the whole clip, from which the flat foot and the size are learnt.
    """
    shape, bones = template(), pose(np.asarray(joints, dtype=np.float32))
    vertices = np.empty((len(joints), len(shape.local), 3), np.float32)
    for i in np.unique(shape.bone):
        mine = np.flatnonzero(shape.bone == i)
        local = np.broadcast_to(shape.local[mine] * bones.scale, (len(joints), len(mine), 3)).copy()
        local[..., 1] += shape.at[mine] * bones.length[:, i, None]
        vertices[:, mine] = local @ bones.axes[:, i].swapaxes(-1, -2) + bones.origin[:, i, None]
    normals = vertex_normals(vertices, shape.faces)
    return PosedMesh(vertices, shape.faces, normals, shape.tone, shape.palette, -SOLE)
