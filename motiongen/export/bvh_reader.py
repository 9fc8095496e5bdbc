"""BVH back to joints: files whose skeleton is that of `motiongen.export.bvh`, wherever they were edited since.

Other skeletons need retargeting, which `motiongen prepare folder` does.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from motiongen.export.bones import CLIP_BONES, plain
from motiongen.export.bvh import SCALE, check_scale
from motiongen.export.disk import about, contents
from motiongen.motion import Motion, MotionError
from motiongen.skeleton import PARENTS

_MAX_JOINTS = 100
# Heights that a person's skeleton may have, metres: outside them the scale is not the file's.
_HEIGHTS = (0.4, 4.0)
# No angle and no place in any unit is larger; sums and sines of what is stay numbers.
_LARGEST = 1e9
# Joints times frames that a file may have, beside one for each of its bytes.
_SAMPLES = 1_000_000


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()


def read(path: Path, scale: float = SCALE) -> Motion:
    """The clip in a BVH file of ours; any order of channels, any prefix before a colon in the names.

    Args:
        scale: units per metre in the file.

    Raises:
        MotionError: not BVH, damaged, without motion, with another skeleton, or of another scale.
    """
    check_scale(scale)
    text = contents(path).decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
    if not text.startswith("HIERARCHY"):
        raise MotionError(f"{path}: does not begin with HIERARCHY, so it is not BVH")
    # Not \s, which crosses lines: many empty ones would be searched again from each of them.
    section = re.search(r"^[ \t]*MOTION[ \t\r]*$", text, re.MULTILINE)
    if section is None:
        raise MotionError(f"{path}: has no MOTION section")
    try:
        joints = _hierarchy(text[: section.start()])
    except (StopIteration, RuntimeError, ValueError, IndexError):
        raise MotionError(f"{path}: its hierarchy is damaged") from None
    _check_skeleton(joints, path, scale)
    fps, values = _values(text[section.end() :], sum(len(j.channels) for j in joints), path)
    if len(values) * len(joints) > _SAMPLES + len(text):
        raise MotionError(f"{path}: has {len(values)} frames with few values; every bone needs its rotation in each")
    placed = _place(joints, values) / scale
    order = [[plain(joint.name) for joint in joints].index(name) for name in CLIP_BONES]
    with about(path):
        return Motion(torch.from_numpy(placed[:, order]).float(), fps)


def _hierarchy(text: str) -> list[_Joint]:
    """Joints in the order of their channels, parents first; ends of bones are left out."""
    words = iter(text.split()[1:])
    joints: list[_Joint] = []
    above: list[int] = []
    for word in words:
        kind = word.upper()
        if kind in ("ROOT", "JOINT"):
            if (kind == "ROOT") != (not above) or len(joints) == _MAX_JOINTS:
                raise ValueError(word)
            joints.append(_Joint(next(words), above[-1] if above else -1))
            above.append(len(joints) - 1)
        elif kind == "END":
            while next(words) != "}":
                pass
        elif kind == "OFFSET":
            joints[above[-1]].offset = tuple(float(next(words)) for _ in range(3))
        elif kind == "CHANNELS":
            joints[above[-1]].channels = tuple(next(words).lower() for _ in range(int(next(words))))
        elif kind == "}":
            above.pop()
        elif kind != "{":
            raise ValueError(word)
    if above or any(re.fullmatch(r"[xyz](position|rotation)", c) is None for j in joints for c in j.channels):
        raise ValueError("unclosed or unknown")
    return joints


def _check_skeleton(joints: list[_Joint], path: Path, scale: float) -> None:
    names = [plain(joint.name) for joint in joints]
    above = {name: names[joint.parent] if joint.parent >= 0 else "" for name, joint in zip(names, joints)}
    wanted = {name: CLIP_BONES[PARENTS[i]] if i else "" for i, name in enumerate(CLIP_BONES)}
    if len(names) != len(wanted) or above != wanted:
        raise MotionError(
            f"{path}: its skeleton of {len(names)} bones is not motiongen's of {len(wanted)}; "
            "for others use motiongen prepare folder"
        )
    if any(len(joint.offset) != 3 or not (np.abs(joint.offset) <= _LARGEST).all() for joint in joints):
        raise MotionError(f"{path}: a bone has no finite OFFSET")
    height = sum(float(np.linalg.norm(joints[names.index(name)].offset)) for name in _UPRIGHT) / scale
    if not _HEIGHTS[0] < height < _HEIGHTS[1]:
        raise MotionError(f"{path}: at {scale:g} units per metre the skeleton is {height:.3g} m tall; give its --scale")


# From the sole to the head.
_UPRIGHT = ("LeftLeg", "LeftFoot", "Spine", "Spine1", "Spine2", "Neck", "Head")


def _values(body: str, channels: int, path: Path) -> tuple[float, np.ndarray]:
    """Frames per second, and the values [frames, channels]."""
    head = re.match(r"\s*Frames:\s*(\S+)\s+Frame\s+Time:\s*(\S+)", body, re.IGNORECASE)
    if head is None:
        raise MotionError(f"{path}: MOTION is not followed by 'Frames:' and 'Frame Time:'")
    try:
        frames, seconds = int(head[1]), float(head[2])
        with warnings.catch_warnings():
            # The numpy of today warns, that of tomorrow raises, where the text is no number.
            warnings.simplefilter("error", DeprecationWarning)
            values = np.fromstring(body[head.end() :], dtype=np.float64, sep=" ")
    except (DeprecationWarning, ValueError) as error:
        raise MotionError(f"{path}: its motion holds something that is not a number ({str(error)[:60]})") from None
    if frames < 1 or not 1e-4 <= seconds <= 10:
        raise MotionError(f"{path}: declares {frames} frames of {seconds:g} s; a clip has some, of 0.0001 to 10 s")
    if channels == 0 or values.size != frames * channels:
        raise MotionError(f"{path}: declares {frames} frames of {channels} values but holds {values.size} values")
    if not (np.abs(values) <= _LARGEST).all():
        frame = int(np.argmin((np.abs(values) <= _LARGEST).reshape(frames, channels).all(axis=1)))
        raise MotionError(f"{path}: holds more than {_LARGEST:g}, NaN or infinity, first at frame {frame}")
    return 1 / seconds, values.reshape(frames, channels)


def _place(joints: list[_Joint], values: np.ndarray) -> np.ndarray:
    """Forward kinematics: joint positions [frames, joints, 3] in the file's unit."""
    turned: list[np.ndarray] = []
    placed: list[np.ndarray] = []
    column = 0
    for joint in joints:
        offset = np.repeat(np.array([joint.offset]), len(values), axis=0)
        rotation = np.broadcast_to(np.eye(3), (len(values), 3, 3))
        for channel in joint.channels:
            axis = "xyz".index(channel[0])
            if channel.endswith("position"):
                offset[:, axis] = values[:, column]
            else:
                rotation = rotation @ _about(axis, np.radians(values[:, column]))
            column += 1
        if joint.parent < 0:
            turned.append(rotation)
            placed.append(offset)
        else:
            above = turned[joint.parent]
            turned.append(above @ rotation)
            placed.append(placed[joint.parent] + (above @ offset[..., None])[..., 0])
    return np.stack(placed, axis=1)


def _about(axis: int, angle: np.ndarray) -> np.ndarray:
    """Rotation matrices about a coordinate axis."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, axis, axis] = 1.0
    matrix[:, i, i] = matrix[:, j, j] = np.cos(angle)
    matrix[:, j, i] = np.sin(angle)
    matrix[:, i, j] = -np.sin(angle)
    return matrix
