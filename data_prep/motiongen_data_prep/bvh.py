"""BVH: a skeleton and the Euler angles of its joints (Biovision, 1990s). Any skeleton, any order of channels."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from motiongen_data_prep.animation import Animation, FileRefused, euler_to_matrix

_CHANNELS = {f"{axis}{kind}": (kind, i) for kind in ("position", "rotation") for i, axis in enumerate("xyz")}
_MAX_JOINTS = 1000
_MAX_FPS = 10_000.0
# No angle and no place in any unit is larger; sums and sines of what is stay numbers.
_LARGEST = 1e9
# Joints times frames that a file may have, beside one for each of its bytes: a joint without channels costs none.
_SAMPLES = 1_000_000


@dataclass
class _Joint:
    name: str
    parent: int
    offset: tuple[float, float, float] | None = None
    channels: tuple[str, ...] = ()


def parse(data: bytes, path: Path) -> Animation:
    """The animation of a BVH file's bytes; end sites become joints named `{parent} end`.

    Raises:
        FileRefused: truncated, not BVH, wrong number of values, NaN, or a frame time that is not positive.
    """
    text = data.decode("utf-8", errors="replace")
    if not text.lstrip("\ufeff \t\r\n").startswith("HIERARCHY"):
        raise FileRefused(path, "does not begin with HIERARCHY, so it is not BVH")
    # Not \s, which crosses lines: many empty ones would be searched again from each of them.
    motion = re.search(r"^[ \t]*MOTION[ \t\r]*$", text, re.MULTILINE)
    if motion is None:
        raise FileRefused(path, "has no MOTION section")
    joints = _hierarchy(text[: motion.start()].split()[1:], path)
    frames, fps, block = _motion_header(text[motion.end() :], path)
    values = _values(block, frames, sum(len(j.channels) for j in joints), path)
    if frames * len(joints) > _SAMPLES + len(text):
        raise FileRefused(path, f"moves {len(joints)} joints through {frames} frames with too few values")
    return _animation(joints, values, fps)


def _hierarchy(tokens: list[str], path: Path) -> list[_Joint]:
    joints: list[_Joint] = []
    open_joints: list[int] = []
    words = iter(tokens)

    def following(what: str) -> str:
        word = next(words, None)
        if word is None:
            raise FileRefused(path, f"the hierarchy ends where {what} should be")
        return word

    for word in words:
        kind = word.upper()
        if kind in ("ROOT", "JOINT", "END"):
            name = following("a joint's name")
            parent = open_joints[-1] if open_joints else -1
            if kind == "END" and parent >= 0:
                others = sum(joint.parent == parent for joint in joints)
                name = f"{joints[parent].name} end" + (f" {others}" if others else "")
            if (kind == "ROOT") != (parent < 0):
                raise FileRefused(path, f"'{word} {name}' stands {'inside' if parent >= 0 else 'outside'} a joint")
            if any(joint.name == name for joint in joints):
                raise FileRefused(path, f"has two joints named '{name}'")
            if len(joints) == _MAX_JOINTS:
                raise FileRefused(path, f"has more than {_MAX_JOINTS} joints")
            if following("'{'") != "{":
                raise FileRefused(path, f"no '{{' after joint '{name}'")
            open_joints.append(len(joints))
            joints.append(_Joint(name, parent))
        elif kind == "OFFSET" and open_joints:
            values = [_number(following("an offset"), path) for _ in range(3)]
            joints[open_joints[-1]].offset = (values[0], values[1], values[2])
        elif kind == "CHANNELS" and open_joints:
            joints[open_joints[-1]].channels = _channels(following, joints[open_joints[-1]].name, path)
        elif word == "}" and open_joints:
            open_joints.pop()
        else:
            raise FileRefused(path, f"'{word[:40]}' is out of place in the hierarchy")
    if open_joints:
        raise FileRefused(path, f"joint '{joints[open_joints[-1]].name}' is never closed")
    if not joints:
        raise FileRefused(path, "has no joints")
    for joint in joints:
        if joint.offset is None:
            raise FileRefused(path, f"joint '{joint.name}' has no OFFSET")
    return joints


def _channels(following: Callable[[str], str], name: str, path: Path) -> tuple[str, ...]:
    count = following("a number of channels")
    if count not in ("0", "1", "2", "3", "4", "5", "6"):
        raise FileRefused(path, f"joint '{name}' has '{count[:20]}' channels; 0 to 6 are possible")
    channels = tuple(following("a channel").lower() for _ in range(int(count)))
    for channel in channels:
        if channel not in _CHANNELS:
            raise FileRefused(path, f"joint '{name}' has an unknown channel '{channel[:20]}'")
    if len(set(channels)) < len(channels):
        raise FileRefused(path, f"joint '{name}' has a channel twice")
    return channels


def _number(word: str, path: Path) -> float:
    try:
        value = float(word)
    except ValueError:
        raise FileRefused(path, f"'{word[:40]}' stands where a number should be") from None
    if not abs(value) <= _LARGEST:
        raise FileRefused(path, f"an offset is {value:g}; at most {_LARGEST:g} is possible")
    return value


def _motion_header(body: str, path: Path) -> tuple[int, float, str]:
    """Number of frames, frames per second, and the text of the values."""
    lines = body.lstrip().split("\n", 2)
    keys = [line.partition(":") for line in lines[:2]]
    if len(keys) < 2 or keys[0][0].strip().lower() != "frames" or keys[1][0].strip().lower() != "frame time":
        raise FileRefused(path, "MOTION is not followed by 'Frames:' and 'Frame Time:'")
    try:
        frames = int(keys[0][2])
    except ValueError:
        raise FileRefused(path, f"the number of frames is '{keys[0][2].strip()[:20]}'") from None
    if frames < 1:
        raise FileRefused(path, f"declares {frames} frames")
    try:
        seconds = float(keys[1][2])
    except ValueError:
        raise FileRefused(path, f"the frame time is '{keys[1][2].strip()[:20]}'") from None
    if not 1 / _MAX_FPS <= seconds <= 10:
        raise FileRefused(path, f"the frame time is {seconds} s; it must be between {1 / _MAX_FPS} and 10")
    return frames, 1 / seconds, lines[2] if len(lines) > 2 else ""


def _values(block: str, frames: int, channels: int, path: Path) -> np.ndarray:
    if channels == 0:
        raise FileRefused(path, "no joint has channels")
    # Every value takes a digit and a space: a count that the text cannot hold is refused before anything is allocated.
    if frames * channels > (len(block) + 1) // 2:
        raise FileRefused(path, f"declares {frames} frames of {channels} values but ends before them (truncated)")
    with warnings.catch_warnings():
        # The numpy of today warns, that of tomorrow raises, where the text is no number.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            values = np.fromstring(block, dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            raise FileRefused(path, "the motion holds something that is not a number") from None
    if values.size != frames * channels:
        raise FileRefused(path, f"declares {frames} frames of {channels} values but holds {values.size} values")
    values = values.reshape(frames, channels)
    if not (np.abs(values) <= _LARGEST).all():
        frame = int(np.argmin((np.abs(values) <= _LARGEST).all(axis=1)))
        raise FileRefused(path, f"holds more than {_LARGEST:g}, NaN or infinity, first at frame {frame}")
    return values


def _animation(joints: list[_Joint], values: np.ndarray, fps: float) -> Animation:
    offsets = np.array([joint.offset for joint in joints], dtype=np.float64)
    translations = np.repeat(offsets[None], len(values), axis=0)
    rotations = np.broadcast_to(np.eye(3), (len(values), len(joints), 3, 3)).copy()
    by_order: dict[tuple[int, ...], list[tuple[int, list[int]]]] = {}
    column = 0
    for index, joint in enumerate(joints):
        order: list[int] = []
        columns: list[int] = []
        for channel in joint.channels:
            kind, axis = _CHANNELS[channel]
            if kind == "position":
                translations[:, index, axis] = values[:, column]
            else:
                order.append(axis)
                columns.append(column)
            column += 1
        if order:
            by_order.setdefault(tuple(order), []).append((index, columns))
    for axes, members in by_order.items():
        angles = values[:, [columns for _, columns in members]]
        rotations[:, [index for index, _ in members]] = euler_to_matrix(angles, axes)
    names = tuple(joint.name for joint in joints)
    return Animation(names, tuple(joint.parent for joint in joints), offsets, rotations, translations, fps)
