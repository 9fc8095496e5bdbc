"""GLB back to joints: files that `motiongen.export.glb` wrote, known by their generator."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

from motiongen.body.rotation_vectors import from_matrix
from motiongen.body.smpl import NUM_BETAS, NUM_JOINTS
from motiongen.export.bones import BONES, plain
from motiongen.export.disk import contents
from motiongen.export.glb import GENERATOR
from motiongen.export.posed import Proportions, clip_joints, segments_from
from motiongen.geometry.rotations import quaternion_to_matrix
from motiongen.motion import Motion, MotionError
from motiongen.skeleton import NUM_JOINTS as NUM_CLIP_JOINTS

_JSON, _BINARY = 0x4E4F534A, 0x004E4942
# We write one for the turns of every bone and one for the place.
_MAX_CHANNELS = 2 * NUM_JOINTS
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}


def read(path: Path) -> Motion:
    """The clip in a GLB file of ours, with its poses, shape and sentences.

    Raises:
        MotionError: not GLB, damaged, or written by something else.
    """
    document, buffer = _open(contents(path), path)
    asset = document.get("asset")
    generator = str(asset.get("generator", "nothing named")) if isinstance(asset, dict) else "nothing named"
    if generator.split(" ")[0] != GENERATOR:
        raise MotionError(f"{path}: was written by {generator[:60]!r}; only GLB that motiongen wrote can be read back")
    try:
        return _motion(document, buffer)
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from None
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError, RuntimeError) as error:
        what = " ".join(str(error).split())[:60]
        raise MotionError(f"{path}: is damaged or was changed ({type(error).__name__}: {what})") from None


def _open(data: bytes, path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk."""
    if len(data) < 20 or data[:4] != b"glTF":
        raise MotionError(f"{path}: is not a GLB file")
    size, kind = struct.unpack_from("<II", data, 12)
    try:
        document = json.loads(data[20 : 20 + size]) if kind == _JSON else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise MotionError(f"{path}: its JSON is damaged or cut off")
    chunk = 20 + size
    if len(data) < chunk + 8 or struct.unpack_from("<I", data, chunk + 4)[0] != _BINARY:
        return document, b""
    return document, data[chunk + 8 : chunk + 8 + struct.unpack_from("<I", data, chunk)[0]]


def _motion(document: dict[str, Any], buffer: bytes) -> Motion:
    nodes, clip = document["nodes"], document["animations"][0]
    bones = [plain(str(nodes[joint]["name"])) for joint in document["skins"][0]["joints"]]
    if tuple(bones) != BONES:
        raise ValueError("its bones are not motiongen's")
    numbers = {joint: bone for bone, joint in enumerate(document["skins"][0]["joints"])}
    extras = clip["extras"]
    if len(clip["channels"]) > _MAX_CHANNELS:
        raise ValueError(f"{len(clip['channels'])} channels")
    turns, place = torch.zeros(0), torch.zeros(0)
    for channel in clip["channels"]:
        bone, sampler = numbers[channel["target"]["node"]], clip["samplers"][channel["sampler"]]
        values = _accessor(document, buffer, sampler["output"])
        if values.shape[1] != (4 if channel["target"]["path"] == "rotation" else 3):
            raise ValueError(f"{values.shape[1]} values for a {str(channel['target']['path'])[:20]}")
        if len(turns) == 0:
            turns = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64).repeat(len(values), NUM_JOINTS, 1)
        if channel["target"]["path"] == "rotation":
            turns[:, bone] = torch.nn.functional.normalize(values[:, [3, 0, 1, 2]], dim=-1)
        elif bone == 0:
            place = values
    root = torch.tensor(nodes[document["skins"][0]["joints"][0]]["translation"], dtype=torch.float64)
    local = quaternion_to_matrix(turns)
    clip_rest = torch.tensor(extras["clip_rest"], dtype=torch.float64).reshape(NUM_CLIP_JOINTS, 3)
    of = Proportions(clip_rest, float(extras["clip_scale"]), float(extras["clip_height"]))
    joints = clip_joints(local, place, of).float()
    betas = torch.tensor(extras["betas"], dtype=torch.float32).reshape(NUM_BETAS)
    extra = {"poses": from_matrix(local).float(), "trans": (place - root).float(), "betas": betas}
    # The writer's library leaves empty lists out.
    texts, starts, stops = (extras.get(key, []) for key in ("texts", "starts", "stops"))
    text = segments_from(texts, starts, stops, len(joints))
    return Motion(joints, float(extras["fps"]), text, extra)


def _accessor(document: dict[str, Any], buffer: bytes, number: int) -> torch.Tensor:
    """Floats of an accessor as we write them: packed, one view each."""
    accessor = document["accessors"][number]
    start = int(document["bufferViews"][accessor["bufferView"]].get("byteOffset", 0))
    width = _WIDTHS[accessor["type"]]
    values = np.frombuffer(buffer, np.dtype("<f4"), int(accessor["count"]) * width, start)
    with np.errstate(invalid="ignore"):  # some kinds of NaN warn when they are widened; all are refused later
        return torch.from_numpy(values.astype(np.float64).reshape(-1, width))
