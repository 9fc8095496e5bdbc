"""What a bare body wears: shirt, trousers, shoes and hair, laid out in its T-pose.

Every vertex has one number, its tone: k at the k-th hem, running linearly through it. The renderer interpolates the
tone, not the colour, so that hems are sharp and straight however coarse the mesh is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from motiongen.render.mesh import face_parts, linear
from motiongen.skeleton import JOINT_INDEX

# Shoes, hem 1, trousers, hem 2, shirt, hem 3, skin, hem 4, hair; then what has no hem.
PALETTE = np.stack([linear(c) for c in ("#4a4f59", "#3f4860", "#6f93b8", "#cda58a", "#41352f", "#2b2624")])
_EYES = 5.5
_THICKNESS_M = np.array([0.009, 0.008, 0.007, 0.0, 0.011, 0.0], np.float32)
# Metres of the T-pose between two whole tones.
_RUN_M = 0.2


@dataclass(frozen=True)
class Clothes:
    """What is put on a body.

    Attributes:
        tone: place of each vertex between the colours of `PALETTE`.
        thickness: how far each vertex lies outside the skin, metres.
    """

    tone: Float[np.ndarray, " v"]
    thickness: Float[np.ndarray, " v"]


def dressed(
    rest: Float[np.ndarray, "v 3"],
    joints: Float[np.ndarray, "24 3"],
    weights: Float[np.ndarray, "v 24"],
    faces: Int[np.ndarray, "f 3"],
) -> Clothes:
    """Clothes for a body.

    Args:
        rest: vertices in the T-pose, Y up, facing +Z, metres.
        joints: their joints.
        weights: share of each joint in each vertex.
    """
    at = {name: joints[i] for name, i in JOINT_INDEX.items()}
    parts = face_parts(faces)
    skin = np.unique(faces[parts == np.bincount(parts).argmax()])
    size = float(np.ptp(rest[:, 1])) / 1.75
    x, y, z = (rest / size).T
    height = {name: float(place[1]) / size for name, place in at.items()}
    # Metres past each hem, towards hands and head.
    ankle = (height["left_ankle"] + height["right_ankle"]) / 2
    shoes = y - (ankle + 0.03)
    waist = y - (height["pelvis"] - 0.03)
    shoulder, elbow = (abs(float(at[f"left_{name}"][0])) / size for name in ("shoulder", "elbow"))
    sleeve = np.abs(x) - (shoulder + 0.62 * (elbow - shoulder))
    # Round, and lower in front.
    behind = float(at["neck"][2]) / size - z
    neckline = y - (height["neck"] + 0.012) - 0.35 * behind - 1.5 * np.maximum(np.abs(x) - 0.05, 0.0)
    tone = np.where(y < (ankle + height["pelvis"]) / 2, _tones(shoes, 1), _tones(waist, 2))
    tone = np.where(tone < 2.5, tone, _tones(np.maximum(neckline, sleeve), 3))
    head = weights[:, JOINT_INDEX["head"]] > 0.5
    if head.any():
        tone[head] = np.maximum(_tones(_hairline(rest[head]) / size, 4), 3.5)
    apart = np.ones(len(rest), bool)
    apart[skin] = False
    tone[apart] = _EYES
    stop = np.minimum(tone.astype(int), len(_THICKNESS_M) - 1)
    return Clothes(tone.astype(np.float32), _THICKNESS_M[stop] * np.float32(size))


def _tones(metres: Float[np.ndarray, " v"], hem: int) -> Float[np.ndarray, " v"]:
    return hem + np.clip(metres / _RUN_M, -0.5, 0.5)


def _hairline(head: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
    """Metres inside the hair: high on the forehead, down before the ears, round behind them to the nape."""
    low, high = head.min(0), head.max(0)
    tall, deep = high[1] - low[1], high[2] - low[2]
    y, z = (head[:, 1] - low[1]) / tall, (head[:, 2] - low[2]) / deep
    line = np.interp(z, [0.0, 0.30, 0.42, 0.52, 0.60, 0.75, 1.0], [0.22, 0.25, 0.40, 0.46, 0.66, 0.78, 0.86])
    return (y - line) * tall
