"""GLB clips are sampled as glTF 2.0 defines them, or refused in one line."""

from __future__ import annotations

import copy
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen_data_prep import readers

HALF = float(np.sqrt(0.5))


class Scene:
    """Two joints under an armature that is scaled by 0.01 and turned from Z-up to Y-up, and curves of one clip."""

    def __init__(self) -> None:
        self.data = b""
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "nodes": [
                {"name": "armature", "children": [1], "rotation": [-HALF, 0, 0, HALF], "scale": [0.01, 0.01, 0.01]},
                {"name": "hips", "children": [2], "translation": [0, 0, 100]},
                {"name": "spine", "translation": [0, 0, 50]},
            ],
            "skins": [{"joints": [1, 2]}],
            "animations": [{"name": "Wave", "channels": [], "samplers": []}],
            "accessors": [],
            "bufferViews": [],
            "buffers": [{"byteLength": 0}],
        }

    def accessor(self, values: np.ndarray) -> int:
        raw = values.astype("<f4").tobytes()
        kind = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[values.shape[1]]
        self.document["bufferViews"].append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(raw)})
        view = len(self.document["bufferViews"]) - 1
        self.document["accessors"].append(
            {"bufferView": view, "componentType": 5126, "count": len(values), "type": kind}
        )
        self.data += raw
        return view

    def curve(self, node: int, path: str, times: list[float], values: list[Any], kind: str | None = None) -> Scene:
        clip = self.document["animations"][0]
        sampler: dict[str, Any] = {
            "input": self.accessor(np.array(times)[:, None]),
            "output": self.accessor(np.array(values, dtype=float)),
        }
        if kind is not None:
            sampler["interpolation"] = kind
        clip["samplers"].append(sampler)
        clip["channels"].append({"sampler": len(clip["samplers"]) - 1, "target": {"node": node, "path": path}})
        return self

    def bytes(self) -> bytes:
        self.document["buffers"][0]["byteLength"] = len(self.data)
        text = json.dumps(self.document).encode()
        text += b" " * (-len(text) % 4)
        chunks = (
            struct.pack("<II", len(text), 0x4E4F534A)
            + text
            + struct.pack("<II", len(self.data), 0x004E4942)
            + self.data
        )
        return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def read(tmp_path: Path, data: bytes) -> dict[str, readers.Animation]:
    (tmp_path / "clips.glb").write_bytes(data)
    return readers.read_all(tmp_path / "clips.glb")


def turning(kind: str | None = None) -> Scene:
    return Scene().curve(1, "rotation", [0.0, 1.0], [[0, 0, 0, 1], [0, HALF, 0, HALF]], kind)


def test_armature_gives_metres_and_y_up(tmp_path: Path) -> None:
    animation = read(tmp_path, turning().bytes())["Wave"]
    assert animation.names == ("armature", "hips", "spine")
    assert (animation.fps, len(animation)) == (30.0, 31)
    np.testing.assert_allclose(animation.rest_positions(), [[0, 0, 0], [0, 1, 0], [0, 1.5, 0]], atol=1e-7)
    positions, _ = animation.global_transforms()
    # The hips turn about the armature's Y axis, the world's -Z: their +Z, our up, goes to the armature's +X.
    np.testing.assert_allclose(positions[-1], [[0, 0, 0], [0, 1, 0], [0.5, 1, 0]], atol=1e-6)


def test_linear_rotation_is_spherical(tmp_path: Path) -> None:
    positions, _ = read(tmp_path, turning().bytes())["Wave"].global_transforms()
    angle = np.arctan2(positions[:, 2, 0], positions[:, 2, 1] - 1)
    np.testing.assert_allclose(angle, np.linspace(0, np.pi / 2, 31), atol=1e-6)


def test_step_holds_and_cubic_is_hermite(tmp_path: Path) -> None:
    scene = Scene().curve(1, "translation", [0, 0.5, 1], [[0, 0, 100], [0, 0, 200], [0, 0, 300]], "STEP")
    positions, _ = read(tmp_path, scene.bytes())["Wave"].global_transforms()
    np.testing.assert_allclose(positions[[0, 14, 15, 29, 30], 1, 1], [1, 1, 2, 2, 3], atol=1e-6)
    keys = [[0, 0, 0], [0, 0, 100], [0, 0, 200], [0, 0, 200], [0, 0, 300], [0, 0, 0]]
    scene = Scene().curve(1, "translation", [0, 1], keys, "CUBICSPLINE")
    positions, _ = read(tmp_path, scene.bytes())["Wave"].global_transforms()
    # A straight line whose tangents are its slope stays one.
    np.testing.assert_allclose(positions[:, 1, 1], np.linspace(1, 3, 31), atol=1e-6)


def test_matrix_nodes_equal_trs(tmp_path: Path) -> None:
    scene = turning()
    expected, _ = read(tmp_path, scene.bytes())["Wave"].global_transforms()
    scene.document["nodes"][0] = {
        "name": "armature",
        "children": [1],
        "matrix": [0.01, 0, 0, 0, 0, 0, -0.01, 0, 0, 0.01, 0, 0, 0, 0, 0, 1],
    }
    found, _ = read(tmp_path, scene.bytes())["Wave"].global_transforms()
    np.testing.assert_allclose(found, expected, atol=1e-7)


def changed(change: Any) -> bytes:
    scene = copy.deepcopy(turning())
    change(scene)
    return scene.bytes()


REFUSED = {
    "not GLB": (b"HIERARCHY" * 10, "not a GLB"),
    "nothing": (b"", "not a GLB"),
    "cut short": (turning().bytes()[:-20], "truncated"),
    "version 1": (turning().bytes().replace(b"glTF\x02", b"glTF\x01", 1), "version 1"),
    "damaged JSON": (turning().bytes().replace(b'{"asset"', b'["asset"', 1), "JSON is damaged"),
    "no skin": (changed(lambda s: s.document.pop("skins")), "no skin"),
    "no animation": (changed(lambda s: s.document.pop("animations")), "no animation"),
    "a cycle": (changed(lambda s: s.document["nodes"][2].update(children=[0])), "own ancestor"),
    "two parents": (changed(lambda s: s.document["nodes"][0].update(children=[1, 2])), "two parents"),
    "a missing joint": (changed(lambda s: s.document["skins"][0].update(joints=[1, 9])), "missing"),
    "an accessor past the data": (changed(lambda s: s.document["accessors"][1].update(count=10**9)), "past the data"),
    "a missing accessor": (changed(lambda s: s.document["accessors"].pop()), "breaks the rules"),
    "outside data": (changed(lambda s: s.document["buffers"][0].update(uri="x.bin")), "outside the file"),
    "NaN": (Scene().curve(1, "translation", [0, 1], [[0, 0, np.nan], [0, 0, 0]]).bytes(), "NaN"),
    "times that fall": (Scene().curve(1, "translation", [1, 0], [[0, 0, 0], [0, 0, 0]]).bytes(), "do not increase"),
    "a century": (Scene().curve(1, "translation", [0, 3e9], [[0, 0, 0], [0, 0, 0]]).bytes(), "too many frames"),
    "a rotation of zero": (Scene().curve(1, "rotation", [0, 1], [[0, 0, 0, 0]] * 2).bytes(), "rotation of zero"),
    "keys without values": (Scene().curve(1, "translation", [0, 1, 2], [[0, 0, 0]] * 2).bytes(), "3 keys has 2 values"),
    "curves of other nodes": (changed(lambda s: s.document["animations"][0].update(channels=[])), "moves no joint"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refuses(tmp_path: Path, what: str) -> None:
    data, reason = REFUSED[what]
    with pytest.raises(readers.FileRefused, match=reason) as refusal:
        read(tmp_path, data)
    assert str(refusal.value).startswith(f"{tmp_path / 'clips.glb'}: ") and "\n" not in str(refusal.value)


def test_leaves_out_animations_of_other_nodes(tmp_path: Path) -> None:
    scene = turning()
    scene.document["nodes"].append({"name": "camera"})
    clip = copy.deepcopy(scene.document["animations"][0])
    clip["channels"][0]["target"]["node"] = 3
    scene.document["animations"].insert(0, {**clip, "name": "Camera"})
    assert list(read(tmp_path, scene.bytes())) == ["Wave"]
