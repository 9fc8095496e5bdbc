"""BVH: the clip's 22 joints as a skeleton of its own proportions, T-pose at zero, ZYX angles.

The format has neither comments nor a place for text that readers accept, so sentences are not in the file: its name and
the manifest have them. The frame rate is.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from motiongen.body.rotation_vectors import to_matrix
from motiongen.export.bones import bone_names
from motiongen.export.disk import written
from motiongen.export.posed import pose_of, proportions
from motiongen.motion import Motion, MotionError
from motiongen.skeleton import NUM_JOINTS, PARENTS

SCALE = 100.0  # units per metre: centimetres, as nearly all motion capture has them
# Ends of the bones that have no child, metres from their joint in the T-pose: nothing moves with them.
_ENDS = {10: (0.0, 0.0, 0.07), 11: (0.0, 0.0, 0.07), 15: (0.0, 0.18, 0.0), 20: (0.18, 0.0, 0.0), 21: (-0.18, 0.0, 0.0)}


def check_scale(scale: float) -> None:
    """Raises: MotionError: not a number of units per metre that keeps millimetres and stays legible."""
    if not 0.01 <= scale <= 100_000:
        raise MotionError(f"--scale is {scale:g}; give 0.01 to 100000 units per metre")


def write(motion: Motion, path: Path, scale: float = SCALE, mixamo: bool = False) -> None:
    """Write BVH: Y up, facing +Z, root without offset so that its channels are its place in the world.

    Args:
        scale: units per metre.
        mixamo: bones are called `mixamorig:Hips` and so on.

    Raises:
        MotionError: the scale is out of range, or the file cannot be written.
    """
    check_scale(scale)
    pose = pose_of(motion)
    rest = proportions(motion, pose).rest.numpy()
    offsets = rest - rest[[max(parent, 0) for parent in PARENTS]]
    angles = np.degrees(euler_zyx(to_matrix(pose.poses[:, :NUM_JOINTS].double()).numpy()))
    names = bone_names(mixamo)
    order: list[int] = []
    lines = ["HIERARCHY", *_hierarchy(0, 0, offsets * scale, scale, names, order)]
    root = motion.joints[:, 0].double().numpy() * scale
    rows = np.concatenate([root, angles[:, order].reshape(len(motion), -1)], axis=1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / motion.fps:.9g}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows]
    with written(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def euler_zyx(matrices: Float[np.ndarray, "t j 3 3"]) -> Float[np.ndarray, "t j 3"]:
    """Angles (z, y, x) in radians with R = Rz Ry Rx, without jumps in time.

    Of the two triples that mean the same rotation, and their full turns, each frame takes the one nearest to the frame
    before: programs interpolate angles one by one, and a jump would show as a spin.
    """
    sine = np.clip(-matrices[..., 2, 0], -1.0, 1.0)
    locked = np.abs(sine) > 1 - 1e-12  # z and x turn about one axis: all of it is given to z
    z = np.where(
        locked,
        np.arctan2(-matrices[..., 0, 1], matrices[..., 1, 1]),
        np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0]),
    )
    x = np.where(locked, 0.0, np.arctan2(matrices[..., 2, 1], matrices[..., 2, 2]))
    angles = np.stack([z, np.arcsin(sine), x], axis=-1)
    other = np.stack([z + np.pi, np.pi - angles[..., 1], x + np.pi], axis=-1)
    for frame in range(1, len(angles)):
        before = angles[frame - 1]
        near = [c + 2 * np.pi * np.round((before - c) / (2 * np.pi)) for c in (angles[frame], other[frame])]
        far = [np.abs(c - before).sum(-1, keepdims=True) for c in near]
        angles[frame] = np.where(far[0] <= far[1], near[0], near[1])
    return angles


def _hierarchy(
    joint: int, depth: int, offsets: np.ndarray, scale: float, names: tuple[str, ...], order: list[int]
) -> list[str]:
    """Lines of a joint and all below it; joints are appended to `order` as they come."""
    order.append(joint)
    pad, inner = "\t" * depth, "\t" * (depth + 1)
    kind, channels = ("JOINT", "3") if joint else ("ROOT", "6 Xposition Yposition Zposition")
    lines = [f"{pad}{kind} {names[joint]}", f"{pad}{{", f"{inner}OFFSET {_vector(offsets[joint])}"]
    lines.append(f"{inner}CHANNELS {channels} Zrotation Yrotation Xrotation")
    for child in range(NUM_JOINTS):
        if PARENTS[child] == joint:
            lines += _hierarchy(child, depth + 1, offsets, scale, names, order)
    if joint in _ENDS:
        end = f"{inner}\tOFFSET {_vector(np.array(_ENDS[joint]) * scale)}"
        lines += [f"{inner}End Site", f"{inner}{{", end, f"{inner}}}"]
    return [*lines, f"{pad}}}"]


def _vector(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
