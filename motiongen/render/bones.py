"""From joint positions to the orthonormal frames that carry the parts of the mannequin.

Joints fix a bone's direction but not its twist. Directions are exact here; twist is carried outwards from the pelvis
and the chest by the smallest rotation that aligns parent and child, so it is smooth wherever the limb is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from motiongen.skeleton import JOINT_INDEX

# Frames evenly spaced (in joints, not metres) along pelvis, spine1, spine2, spine3, neck.
TORSO_STATIONS = 25
SOLE = 0.02
"""How far the sole lies below the foot joint, metres. Clips stand with the foot joint on y = 0: the ground is drawn
this much lower."""

_SIDES = ("left", "right")
_LIMBS = ("clavicle", "upper_arm", "forearm", "hand", "thigh", "calf", "foot", "toe")
BONES: tuple[str, ...] = (
    *(f"torso{i}" for i in range(TORSO_STATIONS)),
    "neck",
    "head",
    *(f"{side}_{limb}" for side in _SIDES for limb in _LIMBS),
)
BONE_INDEX: dict[str, int] = {name: i for i, name in enumerate(BONES)}

_Put = Callable[[str, np.ndarray, np.ndarray, "np.ndarray | float"], None]

_EPS = 1e-8
_TOE_LENGTH = 0.07
_HAND_LENGTH = 0.18


@dataclass(frozen=True)
class Bones:
    """Frames of the bones: origin, axes as columns (x, y along the bone, z forward), and length in metres."""

    origin: Float[np.ndarray, "t b 3"]
    axes: Float[np.ndarray, "t b 3 3"]
    length: Float[np.ndarray, "t b"]
    scale: float


def _unit(v: Float[np.ndarray, "*n 3"]) -> Float[np.ndarray, "*n 3"]:
    return v / np.sqrt((v * v).sum(-1, keepdims=True) + _EPS)


def _frame(x: Float[np.ndarray, "t 3"], y: Float[np.ndarray, "t 3"]) -> Float[np.ndarray, "t 3 3"]:
    """Axes whose y is exact and whose x is as near to the one given as a right angle allows."""
    y = _unit(y)
    z = _unit(np.cross(x, y))
    return np.stack([np.cross(y, z), y, z], axis=-1)


def _swung(axes: Float[np.ndarray, "t 3 3"], y: Float[np.ndarray, "t 3"]) -> Float[np.ndarray, "t 3 3"]:
    """`axes` turned by the smallest rotation that brings its y onto `y` (Rodrigues' formula)."""
    a, b = axes[..., 1], _unit(y)
    k = np.cross(a, b)[..., None, :]
    cos = (a * b).sum(-1)[..., None, None]
    columns = axes.swapaxes(-1, -2)
    once = np.cross(k, columns)
    turned = columns + once + np.cross(k, once) / np.maximum(1.0 + cos, 1e-3)
    return _frame(turned[..., 0, :], b)


def _flat_foot_pitch(ankle: Float[np.ndarray, "t 3"], toe: Float[np.ndarray, "t 3"]) -> float:
    """Angle below the sole's plane at which ankle to toe points, radians, from the frames where the foot lies flattest.

    Skeletons differ (18 to 40 degrees in HumanML3D), and a wrong angle shows as toes in the air or in the ground.
    """
    down = ankle[:, 1] - toe[:, 1]
    pitch = np.arcsin(np.clip(down / (np.linalg.norm(ankle - toe, axis=-1) + _EPS), -1.0, 1.0))
    height = ankle[:, 1] + toe[:, 1]
    lowest = height <= np.quantile(height, 0.3)
    return float(np.clip(np.median(pitch[lowest]), np.deg2rad(12.0), np.deg2rad(45.0)))


def _level_head(axes: Float[np.ndarray, "t 3 3"]) -> Float[np.ndarray, "t 3 3"]:
    """Head frames tipped back by the slope that neck to head has at rest, so that the gaze is level most of the time.

    Skeletons differ by 50 degrees in where they put the head joint, and the joints say nothing of the face.
    """
    slope = np.arctan2(-axes[:, 1, 2], np.maximum(axes[:, 1, 1], 1e-3))
    angle = float(np.clip(np.median(slope), 0.0, np.deg2rad(65.0)))
    x, y, z = np.moveaxis(axes, -1, 0)
    up, forward = np.cos(angle) * y - np.sin(angle) * z, np.cos(angle) * z + np.sin(angle) * y
    return np.stack([x, up, forward], axis=-1)


def pose(joints: Float[np.ndarray, "t 22 3"]) -> Bones:
    """Frames of every bone in every frame of a clip.

    Args:
        joints: positions, metres, Y up.
    """
    at = {name: joints[:, i] for name, i in JOINT_INDEX.items()}
    frames: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    legs = [at[f"{s}_knee"] - at[f"{s}_hip"] for s in _SIDES] + [at[f"{s}_ankle"] - at[f"{s}_knee"] for s in _SIDES]
    # The parts are drawn for an adult with 0.82 m of thigh and calf.
    scale = float(np.clip(np.median(np.linalg.norm(np.stack(legs), axis=-1).sum(0)) / 2 / 0.82, 0.3, 3.0))

    def put(name: str, origin: np.ndarray, axes: np.ndarray, length: np.ndarray | float) -> None:
        frames[name] = origin, axes, np.broadcast_to(np.asarray(length, joints.dtype), origin.shape[:1])

    def span(name: str, start: np.ndarray, stop: np.ndarray, parent: np.ndarray) -> np.ndarray:
        axes = _swung(parent, stop - start)
        put(name, start, axes, np.linalg.norm(stop - start, axis=-1))
        return axes

    hips = _unit(at["left_hip"] - at["right_hip"])
    shoulders = _unit(at["left_collar"] - at["right_collar"] + at["left_shoulder"] - at["right_shoulder"])
    spine = np.stack([at[n] for n in ("pelvis", "spine1", "spine2", "spine3", "neck")], axis=1)
    up = np.gradient(spine, axis=1)
    up[:, 0] = up[:, 1]
    turn = np.array([0.0, 0.25, 0.6, 0.9, 1.0], joints.dtype)[:, None]
    across = hips[:, None] * (1 - turn) + shoulders[:, None] * turn
    for i, u in enumerate(np.linspace(0.0, 4.0, TORSO_STATIONS)):
        low = min(int(u), 3)
        w = u - low
        place, x, y = (a[:, low] * (1 - w) + a[:, low + 1] * w for a in (spine, across, up))
        put(f"torso{i}", place.astype(joints.dtype), _frame(x, y), 0.0)

    pelvis, chest = frames["torso0"][1], frames[f"torso{TORSO_STATIONS - 1}"][1]
    head_up = at["head"] - at["neck"]
    nape = _frame(shoulders, head_up)
    put("neck", at["neck"], nape, np.linalg.norm(head_up, axis=-1))
    put("head", at["head"], _level_head(nape), 0.0)

    for side, sign in zip(_SIDES, (1.0, -1.0)):
        joint = {part: at[f"{side}_{part}"] for part in
                 ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")}  # fmt: skip
        out, forward = sign * chest[..., 0], chest[..., 2]
        straight = np.stack([np.cross(out, forward), out, forward], axis=-1)
        span(f"{side}_clavicle", joint["collar"], joint["shoulder"], straight)
        upper = span(f"{side}_upper_arm", joint["shoulder"], joint["elbow"], straight)
        fore = span(f"{side}_forearm", joint["elbow"], joint["wrist"], upper)
        put(f"{side}_hand", joint["wrist"], _hand(joint["wrist"], fore, chest[..., 1], sign, scale), 0.0)

        down, forward = -pelvis[..., 1], pelvis[..., 2]
        hanging = np.stack([np.cross(down, forward), down, forward], axis=-1)
        thigh = span(f"{side}_thigh", joint["hip"], joint["knee"], hanging)
        calf = span(f"{side}_calf", joint["knee"], joint["ankle"], thigh)
        _foot(put, side, joint["ankle"], joint["foot"], calf, scale)

    order = [frames[name] for name in BONES]
    origin, axes, length = (np.stack([f[i] for f in order], axis=1).astype(np.float32) for i in range(3))
    return Bones(origin, axes, length, scale)


def _hand(
    wrist: Float[np.ndarray, "t 3"],
    fore: Float[np.ndarray, "t 3 3"],
    headwards: Float[np.ndarray, "t 3"],
    sign: float,
    scale: float,
) -> Float[np.ndarray, "t 3 3"]:
    """The hand goes on as the forearm does, but where it would enter the ground lies on it, fingers headwards."""
    along = fore[..., 1]
    room = np.maximum(wrist[:, 1] + SOLE - 0.015, 0.0) / (_HAND_LENGTH * scale)
    rise = np.maximum(along[:, 1], -np.clip(room, 0.0, 1.0))[:, None]
    bent = np.clip((rise - along[:, 1:2]) / 0.3, 0.0, 1.0)
    level = (along + bent * headwards) * np.array([1.0, 0.0, 1.0])
    flat = _unit(level) * np.sqrt(1.0 - rise * rise) + rise * np.array([0.0, 1.0, 0.0])
    palm = fore[..., 0] * (1.0 - bent) - bent * np.array([0.0, sign, 0.0])
    return np.where(bent[..., None] > 0.0, _frame(palm, flat), fore)


def _foot(put: _Put, side: str, ankle: np.ndarray, toe: np.ndarray, calf: np.ndarray, scale: float) -> None:
    """The hind foot, from below the ankle at the height of the ball, and the toes, from the ball.

    Toes bend up rather than pass through the ground.
    """
    along = _unit(toe - ankle)
    # The calf's own left-right axis steadies the foot of a dancer on tiptoe, whose calf and foot are in line.
    x = _unit(np.cross(along, -calf[..., 1])) + 0.15 * calf[..., 0]
    x = _unit(x - (x * along).sum(-1, keepdims=True) * along)
    rise = _flat_foot_pitch(ankle, toe)
    lift = np.cross(x, along)
    forward = np.cos(rise) * along + np.sin(rise) * lift
    above = np.cos(rise) * lift - np.sin(rise) * along
    reach = np.linalg.norm(toe - ankle, axis=-1)
    heel = ankle - above * (reach * np.sin(rise))[:, None]
    put(f"{side}_foot", heel, np.stack([np.cross(forward, above), forward, above], axis=-1), reach * np.cos(rise))
    room = np.maximum(toe[:, 1], 0.0) / (_TOE_LENGTH * scale)
    pitch = np.arcsin(np.clip(forward[:, 1], -1.0, 1.0))
    bend = np.clip(-np.arcsin(np.clip(room, 0.0, 1.0)) - pitch, 0.0, np.deg2rad(65.0))[:, None]
    tip = np.cos(bend) * forward + np.sin(bend) * above
    top = np.cos(bend) * above - np.sin(bend) * forward
    put(f"{side}_toe", toe, np.stack([np.cross(tip, top), tip, top], axis=-1), _TOE_LENGTH * scale)
