"""BVH: what other programs read in it, and what is read back."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from motiongen.export.bones import CLIP_BONES
from motiongen.export.bvh import euler_zyx, write
from motiongen.export.bvh_reader import read
from motiongen.motion import Motion, MotionError
from motiongen_data_prep.bvh import parse


@pytest.fixture(name="file", scope="module")
def _file(clip: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bvh") / "clip.bvh"
    write(clip, path)
    return path


def test_an_independent_reader_finds_the_joints_within_a_tenth_of_a_millimetre(clip: Motion, file: Path) -> None:
    bvhio = pytest.importorskip("bvhio", reason="bvhio reads BVH independently: pip install bvhio")
    root = bvhio.readAsHierarchy(str(file))
    joints = {joint.Name: joint for joint, _, _ in root.layout()}
    for frame in range(0, len(clip), 6):
        root.loadPose(frame)
        found = np.array([list(joints[name].PositionWorld) for name in CLIP_BONES]) / 100
        assert np.abs(found - clip.joints[frame].numpy()).max() < 1e-4


def test_the_reader_for_training_finds_the_same(clip: Motion, file: Path) -> None:
    animation = parse(file.read_bytes(), file)
    assert (len(animation), animation.fps) == (len(clip), pytest.approx(20.0))
    placed = animation.global_transforms()[0][:, [animation.names.index(name) for name in CLIP_BONES]] / 100
    assert np.abs(placed - clip.joints.numpy()).max() < 1e-4


def test_zero_is_a_t_pose_that_faces_forward(file: Path) -> None:
    animation = parse(file.read_bytes(), file)
    rest = np.zeros_like(animation.offsets)
    for joint, parent in enumerate(animation.parents):
        rest[joint] = animation.offsets[joint] + (rest[parent] if parent >= 0 else 0)
    at = dict(zip(animation.names, rest))
    assert at["Head"][1] > 40 and at["LeftFoot"][1] < -70
    assert at["LeftHand"][0] > 50 and at["RightHand"][0] < -50
    assert abs(at["LeftHand"][1] - at["LeftArm"][1]) < 5
    assert at["LeftToeBase"][2] - at["LeftFoot"][2] > 8
    assert not at["Hips"].any()


def test_scale_and_mixamo_change_units_and_names_alone(clip: Motion, tmp_path: Path) -> None:
    path = tmp_path / "metres.bvh"
    write(clip, path, scale=1.0, mixamo=True)
    assert "ROOT mixamorig:Hips\n" in path.read_text() and path.read_text().count("mixamorig:") == len(CLIP_BONES)
    assert (read(path, scale=1.0).joints - clip.joints).abs().max() < 1e-4
    with pytest.raises(MotionError, match=r"at 100 units per metre the skeleton is 0\.0\d+ m tall; give its --scale"):
        read(path)
    with pytest.raises(MotionError, match="--scale is -1"):
        write(clip, path, scale=-1)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, (7, 2, 3), elements=st.floats(-4, 4)))
def test_angles_mean_their_matrices_and_take_the_short_way(angles: np.ndarray) -> None:
    matrices = rotation_zyx(angles)
    found = euler_zyx(matrices)
    np.testing.assert_allclose(rotation_zyx(found), matrices, atol=1e-7)
    # Any other triple of the same rotation is not nearer to the frame before.
    for turn in np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1).T * 2 * np.pi:
        step = np.abs(found[1:] - found[:-1]).sum(-1)
        assert (step <= np.abs(found[1:] + turn - found[:-1]).sum(-1) + 1e-9).all()


def test_a_turn_through_the_upright_has_no_jump() -> None:
    time = np.linspace(0, 1, 60)[:, None, None]
    angles = np.concatenate([0.2 + time, 2.5 * time, -6 * time], axis=-1)  # y passes a quarter turn, x wraps
    found = euler_zyx(rotation_zyx(angles))
    assert np.abs(np.diff(found, axis=0)).max() < 0.2
    np.testing.assert_allclose(found, angles, atol=1e-9)


def rotation_zyx(angles: np.ndarray) -> np.ndarray:
    """Rz Ry Rx of (z, y, x), written out."""
    (sz, sy, sx), (cz, cy, cx) = (np.moveaxis(f(angles), -1, 0) for f in (np.sin, np.cos))
    rows = [
        [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
        [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
        [-sy, cy * sx, cy * cx],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t[: t.index("MOTION")], "has no MOTION section"),
        (lambda t: t.replace("HIERARCHY", "HELLO"), "does not begin with HIERARCHY"),
        (lambda t: t[: len(t) // 2], r"declares 43 frames of 69 values but holds \d+ values"),
        (lambda t: t.replace("Frames: 43", "Frames: 0"), "declares 0 frames"),
        (lambda t: t.replace("Frame Time: 0.05", "Frame Time: 0"), "frames of 0 s"),
        (lambda t: t.replace("Frame Time: 0.05\n", "Frame Time: 0.05\nspam "), "not a number"),
        (lambda t: t.replace("Frame Time: 0.05\n", "Frame Time: 0.05\nnan "), "holds 2968 values"),
        (lambda t: t.replace("LeftToeBase", "LeftToe"), "skeleton of 22 bones is not motiongen's"),
        (lambda t: t.replace("ROOT Hips", "JOINT Hips"), "hierarchy is damaged"),
        (lambda t: t.replace("JOINT Neck", "JOINT"), "skeleton of"),
        (lambda t: t.replace("OFFSET", "OFFSET x", 2), "hierarchy is damaged"),
        (lambda t: t.replace("Zrotation", "Zturn", 1), "hierarchy is damaged"),
        (lambda t: re.sub(r"(0\.05\n)\S+", r"\1nan", t), "NaN or infinity, first at frame 0"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_line(change: object, said: str, file: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.bvh"
    before = file.read_text()
    after = change(before)  # type: ignore[operator]
    assert after != before
    path.write_text(after)
    with pytest.raises(MotionError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(place=st.floats(0, 1), put=st.binary(min_size=0, max_size=12), cut=st.integers(0, 200))
def test_whatever_is_done_to_a_file_it_is_read_or_refused(file: Path, place: float, put: bytes, cut: int) -> None:
    data = file.read_bytes()
    at = int(place * 3000)
    other = file.with_name("other.bvh")
    other.write_bytes(data[:at] + put + data[at + cut :])
    try:
        assert len(read(other)) == 43
    except MotionError as error:
        assert "\n" not in str(error)
