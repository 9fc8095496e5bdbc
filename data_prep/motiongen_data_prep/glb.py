"""GLB (binary glTF 2.0): the skinned, animated skeletons of a file. Needs no glTF library."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from motiongen_data_prep.animation import Animation, FileRefused, quaternion_to_matrix

FPS = 30.0  # glTF has key times, no frame rate
_MAX_SAMPLES = 5_000_000  # joints times frames, all clips together
_MAX_NODES = 5000
# Numbers read from accessors, all together: any number of curves can name the same one.
_MAX_VALUES = 20_000_000
# No time, place, scale or slope in any unit is larger.
_LARGEST = 1e12
_JSON, _BIN = 0x4E4F534A, 0x004E4942
_COMPONENTS = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass
class _File:
    document: dict[str, Any]
    buffer: bytes
    path: Path
    left: int = _MAX_VALUES

    def refuse(self, reason: str) -> FileRefused:
        return FileRefused(self.path, reason)


def parse(data: bytes, path: Path) -> dict[str, Animation]:
    """Every animation of a GLB file's first skin, by name, sampled at 30 frames a second.

    Animations that move no joint of the skin (those of a camera or a prop) are left out.
    Joints are the skin's nodes and their ancestors; scales are multiplied into the translations below them.

    Raises:
        FileRefused: not GLB 2.0, damaged, no skin, no animation of its joints, or outside buffers.
    """
    file = _open(data, path)
    try:
        # What overflows or divides by zero is found where it is looked for: in the values that come out.
        with np.errstate(all="ignore"):
            return _clips(file)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
        if isinstance(error, FileRefused):
            raise
        raise file.refuse(f"breaks the rules of glTF ({type(error).__name__}: {str(error)[:60]})") from None


def _open(data: bytes, path: Path) -> _File:
    if len(data) < 20 or data[:4] != b"glTF":
        raise FileRefused(path, "is not a GLB file")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise FileRefused(path, f"is glTF version {version}; only 2 is read")
    if length > len(data):
        raise FileRefused(path, f"is truncated: {len(data)} of {length} bytes")
    chunks: dict[int, bytes] = {}
    place = 12
    while place + 8 <= length:
        size, kind = struct.unpack_from("<II", data, place)
        if place + 8 + size > length:
            raise FileRefused(path, "has a chunk that runs past its end")
        chunks.setdefault(kind, data[place + 8 : place + 8 + size])
        place += 8 + size
    try:
        document = json.loads(chunks.get(_JSON, b""))
    except (ValueError, RecursionError):
        raise FileRefused(path, "its JSON is damaged") from None
    if not isinstance(document, dict):
        raise FileRefused(path, "its JSON is not an object")
    return _File(document, chunks.get(_BIN, b""), path)


def _clips(file: _File) -> dict[str, Animation]:
    document = file.document
    if not document.get("skins"):
        raise file.refuse("has no skin, so no skeleton")
    if not document.get("animations"):
        raise file.refuse("has no animation")
    nodes = document["nodes"]
    parents = _parents(file)
    order = _joints(document["skins"][0]["joints"], parents, len(nodes), file)
    names = _names(nodes, order)
    rest = [_rest(node, file) for node in nodes]
    clips: dict[str, Animation] = {}
    left = _MAX_SAMPLES
    for number, animation in enumerate(document["animations"]):
        name = str(animation.get("name", f"animation {number}"))
        clip = _clip(animation, order, parents, names, rest, left, file)
        if clip is None:
            continue
        left -= len(clip) * len(order)
        clips[name if name not in clips else f"{name} {number}"] = clip
    if not clips:
        raise file.refuse("moves no joint of the skin in any of its animations")
    return clips


def _parents(file: _File) -> list[int]:
    nodes = file.document["nodes"]
    if len(nodes) > _MAX_NODES:
        raise file.refuse(f"has {len(nodes)} nodes; at most {_MAX_NODES} are read")
    parents = [-1] * len(nodes)
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            if not 0 <= child < len(nodes) or parents[child] >= 0:
                raise file.refuse(f"node {child} is missing or has two parents")
            parents[child] = index
    return parents


def _joints(joints: list[int], parents: list[int], nodes: int, file: _File) -> list[int]:
    """The skin's nodes and all their ancestors, parents first."""
    order: list[int] = []
    seen: set[int] = set()
    for joint in joints:
        if not 0 <= joint < nodes:
            raise file.refuse(f"its skin names node {joint}, which is missing")
        path: list[int] = []
        while joint >= 0 and joint not in seen:
            if joint in path:
                raise file.refuse(f"node {joint} is its own ancestor")
            path.append(joint)
            joint = parents[joint]
        order += path[::-1]
        seen.update(path)
    return order


def _names(nodes: list[dict[str, Any]], order: list[int]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for index in order:
        name = str(nodes[index].get("name", f"node {index}"))
        while name in names:
            name += f" (node {index})"
        names[name] = None
    return tuple(names)


def _rest(node: dict[str, Any], file: _File) -> dict[str, np.ndarray]:
    """Translation, rotation (x, y, z, w) and scale of a node as the file stands."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
        scale = np.linalg.norm(matrix[:3, :3], axis=0)
        rotation = _matrix_to_quaternion(matrix[:3, :3] / scale)
        parts = {"translation": matrix[:3, 3], "rotation": rotation, "scale": scale}
    else:
        default = {"translation": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": [1, 1, 1]}
        parts = {key: np.array(node.get(key, value), dtype=np.float64) for key, value in default.items()}
    sizes = {"translation": 3, "rotation": 4, "scale": 3}
    for key, value in parts.items():
        if value.shape != (sizes[key],) or not (np.abs(value) <= _LARGEST).all():
            raise file.refuse(f"a node's {key} is not {sizes[key]} numbers of at most {_LARGEST:g}")
    if np.linalg.norm(parts["rotation"]) < 1e-6:
        raise file.refuse("a node's rotation is zero")
    return parts


def _matrix_to_quaternion(m: np.ndarray) -> np.ndarray:
    """(x, y, z, w): the eigenvector of largest eigenvalue of Bar-Itzhack's symmetric matrix; never divides by 0."""
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    return np.linalg.eigh(k)[1][:, -1]


def _clip(
    animation: dict[str, Any],
    order: list[int],
    parents: list[int],
    names: tuple[str, ...],
    rest: list[dict[str, np.ndarray]],
    samples: int,
    file: _File,
) -> Animation | None:
    """An animation's curves sampled; None where no curve moves a joint."""
    wanted = set(order)
    curves: dict[tuple[int, str], tuple[np.ndarray, np.ndarray, str]] = {}
    for channel in animation["channels"]:
        target = channel["target"]
        if target.get("node") in wanted and target["path"] in ("translation", "rotation", "scale"):
            curves[target["node"], target["path"]] = _sampler(animation["samplers"][channel["sampler"]], target, file)
    if not curves:
        return None
    start = min(times[0] for times, _, _ in curves.values())
    stop = max(times[-1] for times, _, _ in curves.values())
    if (stop - start) * FPS * len(order) > samples:
        raise file.refuse(f"has too many frames: animation '{str(animation.get('name'))[:40]}' is {stop - start:.3g} s")
    at = start + np.arange(int((stop - start) * FPS + 1e-3) + 1) / FPS

    def values(node: int, path: str) -> np.ndarray:
        if (node, path) in curves:
            return _sample(*curves[node, path], at, path == "rotation")
        return np.broadcast_to(rest[node][path], (len(at), len(rest[node][path])))

    rotations = np.stack([quaternion_to_matrix(values(node, "rotation")) for node in order], axis=1)
    rest_local = np.stack([quaternion_to_matrix(rest[node]["rotation"]) for node in order])
    index = {node: i for i, node in enumerate(order)}
    above = tuple(index.get(parents[node], -1) for node in order)
    translations, offsets = np.empty((len(at), len(order), 3)), np.empty((len(order), 3))
    scale, rest_scale = np.ones((len(at), len(order), 3)), np.ones((len(order), 3))
    rest_rotations = np.empty_like(rest_local)
    for i, node in enumerate(order):
        parent = above[i]
        over, rest_over = (scale[:, parent], rest_scale[parent]) if parent >= 0 else (np.ones((1, 3)), np.ones(3))
        translations[:, i] = values(node, "translation") * over
        offsets[i] = rest[node]["translation"] * rest_over
        # Only uniform scales pass on to grandchildren without shear; others keep their mean.
        scale[:, i] = values(node, "scale") * over.mean(axis=-1, keepdims=True)
        rest_scale[i] = rest[node]["scale"] * rest_over.mean()
        rest_rotations[i] = rest_rotations[parent] @ rest_local[i] if parent >= 0 else rest_local[i]
    if not np.isfinite(rotations).all() or not all((np.abs(a) <= _LARGEST).all() for a in (translations, offsets)):
        name = str(animation.get("name"))[:40]
        raise file.refuse(f"animation '{name}' has a rotation of zero or a place beyond {_LARGEST:g}")
    return Animation(names, above, offsets, rotations, translations, FPS, rest_rotations)


def _sampler(sampler: dict[str, Any], target: dict[str, Any], file: _File) -> tuple[np.ndarray, np.ndarray, str]:
    kind = sampler.get("interpolation", "LINEAR")
    if kind not in ("LINEAR", "STEP", "CUBICSPLINE"):
        raise file.refuse(f"a sampler interpolates by '{kind}'")
    times = _accessor(sampler["input"], file)[:, 0]
    values = _accessor(sampler["output"], file)
    width = 4 if target["path"] == "rotation" else 3
    keys = 3 * len(times) if kind == "CUBICSPLINE" else len(times)
    if values.shape != (keys, width):
        raise file.refuse(f"a sampler of {len(times)} keys has {values.shape[0]} values of {values.shape[1]}")
    if len(times) == 0 or (np.diff(times) <= 0).any():
        raise file.refuse("a sampler's key times do not increase")
    return times, values.reshape(len(times), -1, width), kind


def _accessor(index: int, file: _File) -> np.ndarray:
    """The values of an accessor, [count, width], normalised integers as floats."""
    accessor = file.document["accessors"][index]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise file.refuse("uses sparse or empty accessors, which are not read")
    view = file.document["bufferViews"][accessor["bufferView"]]
    if "uri" in file.document["buffers"][view["buffer"]]:
        raise file.refuse("keeps its data outside the file")
    dtype = np.dtype(_COMPONENTS[accessor["componentType"]]).newbyteorder("<")
    count, width = int(accessor["count"]), _WIDTHS[accessor["type"]]
    stride = int(view.get("byteStride", dtype.itemsize * width))
    start = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
    if count < 1 or start < 0 or stride < dtype.itemsize * width:
        raise file.refuse("has an accessor of impossible size")
    if start + (count - 1) * stride + dtype.itemsize * width > len(file.buffer):
        raise file.refuse("has an accessor that runs past the data (truncated)")
    file.left -= count * width
    if file.left < 0:
        raise file.refuse(f"has curves of more than {_MAX_VALUES} values")
    values = np.ndarray((count, width), dtype, file.buffer, start, (stride, dtype.itemsize)).astype(np.float64)
    if dtype.kind != "f" and accessor.get("normalized"):
        values = np.maximum(values / np.iinfo(dtype).max, -1.0)
    if not (np.abs(values) <= _LARGEST).all():
        raise file.refuse(f"holds NaN or infinity, or more than {_LARGEST:g}")
    return values


def _sample(times: np.ndarray, keys: np.ndarray, kind: str, at: np.ndarray, rotation: bool) -> np.ndarray:
    """A curve at given times; `keys` is [keys, 1, width], or [keys, 3, width] with tangents (CUBICSPLINE)."""
    at = np.clip(at, times[0], times[-1])
    low = np.clip(np.searchsorted(times, at, side="right") - 1, 0, max(len(times) - 2, 0))
    if kind == "STEP" or len(times) == 1:
        # A key within a millionth of a second counts as reached: key times are float32.
        return keys[np.searchsorted(times, at + 1e-6, side="right") - 1, keys.shape[1] // 2]
    span = times[low + 1] - times[low]
    u = ((at - times[low]) / span)[:, None]
    if kind == "LINEAR":
        first, second = keys[low, 0], keys[low + 1, 0]
        return _slerp(first, second, u) if rotation else first + (second - first) * u
    first, second = keys[low, 1], keys[low + 1, 1]
    leave, arrive = keys[low, 2] * span[:, None], keys[low + 1, 0] * span[:, None]
    return (
        (2 * u**3 - 3 * u**2 + 1) * first
        + (u**3 - 2 * u**2 + u) * leave
        + (3 * u**2 - 2 * u**3) * second
        + (u**3 - u**2) * arrive
    )


def _slerp(first: np.ndarray, second: np.ndarray, u: np.ndarray) -> np.ndarray:
    dot = (first * second).sum(axis=-1, keepdims=True)
    second = np.where(dot < 0, -second, second)
    angle = np.arccos(np.clip(np.abs(dot), 0, 1))
    sine = np.sin(angle)
    small = sine < 1e-6
    safe = np.where(small, 1, sine)
    a = np.where(small, 1 - u, np.sin((1 - u) * angle) / safe)
    b = np.where(small, u, np.sin(u * angle) / safe)
    return a * first + b * second
