"""GLB: what the format's validator and other readers find in it, and what is read back."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.body.smpl import free_body
from motiongen.export.bones import BONES
from motiongen.export.glb import smooth, strongest, vertex_normals, write
from motiongen.export.glb_reader import read
from motiongen.export.posed import Pose
from motiongen.motion import Motion, MotionError
from motiongen_data_prep.glb import parse

_VALIDATE = """
const { validateBytes } = require('gltf-validator'), { readFileSync } = require('fs')
Promise.all(process.argv.slice(1).map(path => validateBytes(new Uint8Array(readFileSync(path)))))
  .then(reports => console.log(JSON.stringify(reports)))
"""


@pytest.fixture(name="file", scope="module")
def _file(clip: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("glb") / "clip.glb"
    write(clip, path)
    return path


@pytest.fixture(name="validate")
def _validate() -> Callable[..., list[dict[str, Any]]]:
    """Khronos' validator: reports on files."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Khronos' validator needs node and npm, which are not installed")
    found = subprocess.run(["npm", "root", "-g"], capture_output=True, text=True, check=True).stdout.strip()
    environment = {**os.environ, "NODE_PATH": os.pathsep.join([os.environ.get("NODE_PATH", ""), found])}

    def validate(*paths: Path) -> list[dict[str, Any]]:
        command = ["node", "-e", _VALIDATE, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if "Cannot find module 'gltf-validator'" in done.stderr:
            pytest.skip("Khronos' validator is not installed: npm install -g gltf-validator")
        assert done.returncode == 0, done.stderr
        reports: list[dict[str, Any]] = json.loads(done.stdout)
        return reports

    return validate


def test_khronos_validator_finds_nothing(validate: Callable[..., Any], clip: Motion, tmp_path: Path) -> None:
    kinds = {"clip": (clip, False), "mixamo": (clip, True), "still, no text": (Motion(clip.joints[:1]), False)}
    for name, (motion, mixamo) in kinds.items():
        write(motion, tmp_path / f"{name}.glb", mixamo=mixamo)
    for report in validate(*(tmp_path / f"{name}.glb" for name in kinds)):
        issues = report["issues"]
        counts = [issues[key] for key in ("numErrors", "numWarnings", "numInfos", "numHints")]
        assert counts == [0, 0, 0, 0], issues["messages"]
        assert (report["info"]["hasSkins"], report["info"]["animationCount"]) == (True, 1)


def test_an_independent_reader_finds_the_joints(clip: Motion, pose: Pose, file: Path) -> None:
    ((name, animation),) = parse(file.read_bytes(), file).items()
    assert name == "a person walks then spins »around«"
    assert set(BONES) <= set(animation.names)
    placed = animation.global_transforms()[0][:, [animation.names.index(bone) for bone in BONES]]
    # That reader samples at 30 frames per second: every third of its frames is every second one of the clip.
    both = len(placed) // 3
    error = np.abs(placed[::3][:both] - pose.joints()[::2][:both].numpy())
    assert error.max() < 1e-4
    assert len(placed) == pytest.approx((len(clip) - 1) / 20 * 30 + 1, abs=1)


def test_the_skin_moves_as_the_body_does(pose: Pose, file: Path) -> None:
    """Skinning by the format's own formula, from what is in the file, against the body's."""
    document, data = opened(file)
    attributes = document["meshes"][0]["primitives"][0]["attributes"]
    at_rest, joints, weights = (array(document, data, attributes[k]) for k in ("POSITION", "JOINTS_0", "WEIGHTS_0"))
    inverse = array(document, data, document["skins"][0]["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    frame = 17
    bones = np.tile(np.eye(4), (len(inverse), 1, 1))
    bones[:, :3, 3] = [document["nodes"][bone]["translation"] for bone in range(len(inverse))]
    for channel in document["animations"][0]["channels"]:
        value = array(document, data, document["animations"][0]["samplers"][channel["sampler"]]["output"])[frame]
        if channel["target"]["path"] == "rotation":
            bones[channel["target"]["node"], :3, :3] = rotation(*value)
        else:
            bones[channel["target"]["node"], :3, 3] = value
    for bone, of in enumerate(document["nodes"][: len(inverse)]):
        for child in of.get("children", []):
            bones[child] = bones[bone] @ bones[child]
    matrices = bones @ inverse
    blended = (weights[..., None, None] * matrices[joints.astype(int)]).sum(1)
    skinned = (blended[:, :3, :3] @ at_rest[..., None])[..., 0] + blended[:, :3, 3]
    wanted = pose.body(pose.poses, pose.betas, pose.trans)[frame].numpy()
    error = np.linalg.norm(skinned - wanted, axis=1)
    # Four joints a vertex, of up to six: a few vertices near the pelvis move differently, and hardly.
    assert np.mean(error) < 2e-4 and error.max() < 0.02


def test_the_mesh_is_shaded_and_faces_outwards(file: Path) -> None:
    document, data = opened(file)
    primitive = document["meshes"][0]["primitives"][0]
    points, normals = (array(document, data, primitive["attributes"][k]) for k in ("POSITION", "NORMAL"))
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    corners = points[array(document, data, primitive["indices"]).astype(int).reshape(-1, 3)]
    # Counter-clockwise from outside, triangles enclose a positive volume: a person's, in m^3.
    assert 0.03 < np.einsum("ti,ti->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6 < 0.15
    toes = points[:, 1] < points[:, 1].min() + 0.05
    assert points[toes, 2].max() > 0.1 > -points[toes, 2].min() - 0.1  # feet point to +Z
    assert file.stat().st_size < 800_000


def test_mixamo_names_the_bones(clip: Motion, tmp_path: Path) -> None:
    path = tmp_path / "clip.glb"
    write(clip, path, mixamo=True)
    document, _ = opened(path)
    assert [document["nodes"][i]["name"] for i in document["skins"][0]["joints"]] == [f"mixamorig:{b}" for b in BONES]
    assert (read(path).joints - clip.joints).abs().max() < 1e-4


def test_shares_of_joints_sum_to_one_and_unused_ones_are_joint_zero() -> None:
    body = free_body()
    joints, shares = strongest(body)
    assert (shares.astype(int).sum(1) == 65535).all() and not joints[shares == 0].any()
    kept = torch.zeros_like(body.weights).scatter_add_(
        1, torch.from_numpy(joints.astype(int)), torch.from_numpy(shares.astype(np.float32) / 65535)
    )
    assert (kept - body.weights).abs().mean() < 1e-3


def test_a_vertex_of_no_triangle_has_a_normal_all_the_same() -> None:
    normals = vertex_normals(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], np.float32), np.array([[0, 1, 2]]))
    np.testing.assert_allclose(normals, [[0, 0, 1]] * 3 + [[0, 1, 0]])


def test_neighbouring_keys_are_on_one_side() -> None:
    angle = np.linspace(0, 12, 100)
    one_side = np.stack([np.cos(angle / 2), np.zeros(100), np.sin(angle / 2), np.zeros(100)], -1)[:, None]
    folded = one_side * np.where(one_side[..., :1] < 0, -1, 1)
    np.testing.assert_allclose(smooth(folded), one_side)


def rewritten(file: Path, change: Any) -> bytes:
    """The file with another JSON chunk."""
    document, data = opened(file)
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["asset"].update(generator="Khronos glTF Blender I/O v4.5"), "was written by 'Khronos glTF"),
        (lambda d: d.pop("asset"), "was written by 'nothing named'; only GLB that motiongen wrote"),
        (lambda d: d.pop("animations"), "is damaged or was changed"),
        (lambda d: d["nodes"][3].update(name="Tail"), "its bones are not motiongen's"),
        (lambda d: d["accessors"][-1].update(count=10**9), "is damaged or was changed"),
        (lambda d: d["animations"][0]["extras"].update(fps=0), "fps is 0"),
        (lambda d: d["animations"][0]["extras"].update(betas=[1]), "is damaged or was changed"),
        (lambda d: d["animations"][0]["extras"].update(texts="walk"), "is damaged or was changed"),
    ],
)  # fmt: skip
def test_a_file_of_others_or_a_changed_one_is_one_line(change: Any, said: str, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.glb"
    path.write_bytes(rewritten(file, change))
    with pytest.raises(MotionError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 12_000), put=st.binary(min_size=1, max_size=6))
def test_whatever_is_done_to_a_file_it_is_read_or_refused(file: Path, at: int, put: bytes) -> None:
    data = file.read_bytes()
    other = file.with_name("other.glb")
    other.write_bytes(data[:at] + put + data[at + len(put) :])
    try:
        assert len(read(other)) > 0
    except MotionError as error:
        assert "\n" not in str(error)


def opened(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk of a GLB file."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def array(document: dict[str, Any], data: bytes, number: int) -> np.ndarray:
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    dtype = np.dtype({5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}[accessor["componentType"]])
    width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
    values = np.frombuffer(data, dtype, accessor["count"] * width, view.get("byteOffset", 0)).astype(np.float64)
    return values.reshape(-1, width) / (np.iinfo(dtype).max if accessor.get("normalized") else 1)


def rotation(x: float, y: float, z: float, w: float) -> np.ndarray:
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
