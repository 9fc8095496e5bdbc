from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.motion import Motion, MotionError, Segment, atomic_path
from motiongen.skeleton import JOINT_INDEX


def make(frames: int = 30, fps: float = 20.0) -> Motion:
    text = (Segment("first", 0, 10), Segment("second", 10, frames))
    return Motion(torch.randn(frames, 22, 3), fps, text, {"features": torch.randn(frames, 263)})


def test_saved_motions_come_back(tmp_path: Path) -> None:
    motion = make()
    motion.save(tmp_path / "a.npz")
    loaded = Motion.load(tmp_path / "a.npz")
    assert torch.equal(loaded.joints, motion.joints) and loaded.fps == motion.fps and loaded.text == motion.text
    assert torch.equal(loaded.extra["features"], motion.extra["features"])


def test_equal_motions_are_equal_bytes(tmp_path: Path) -> None:
    motion = make()
    for name in ("a.npz", "b.npz"):
        motion.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_crop_cuts_sentences_and_extras() -> None:
    cropped = make().crop(5, 25)
    assert len(cropped) == 20 and cropped.extra["features"].shape[0] == 20
    assert cropped.text == (Segment("first", 0, 5), Segment("second", 5, 20))
    with pytest.raises(MotionError, match="frames 5:40"):
        make().crop(5, 40)


def test_join_shifts_sentences() -> None:
    joined = make(30).joined(make(20))
    assert len(joined) == 50
    assert [s.start for s in joined.text] == [0, 10, 30, 40]
    with pytest.raises(MotionError, match="resample"):
        make().joined(make(fps=30.0))


def test_mirroring_twice_changes_nothing_and_swaps_hands() -> None:
    motion = make()
    assert torch.equal(motion.mirrored().mirrored().joints, motion.joints)
    left, right = JOINT_INDEX["left_wrist"], JOINT_INDEX["right_wrist"]
    expected = motion.joints[:, left] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.equal(motion.mirrored().joints[:, right], expected)


def test_resampling_keeps_place_and_time() -> None:
    line = torch.linspace(0, 3, 31)[:, None, None].expand(31, 22, 3)
    half = Motion(line, 20.0, (Segment("all", 0, 31),)).resampled(10.0)
    assert len(half) == 16 and half.seconds == pytest.approx(1.6)
    assert torch.allclose(half.joints[:, 0, 0], torch.linspace(0, 3, 16))
    assert Motion(line, 20.0).resampled(60.0).joints[-1, 0, 0] == 3


@pytest.mark.parametrize("shape", [(0, 22, 3), (5, 21, 3), (5, 22)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises((MotionError, TypeError)):
        Motion(torch.zeros(shape))


def test_not_a_number_is_refused_with_its_frame() -> None:
    joints = torch.zeros(5, 22, 3)
    joints[3, 4] = float("nan")
    with pytest.raises(MotionError, match="frame 3"):
        Motion(joints)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY broken", b"hello"])
def test_files_that_are_no_motion_are_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(MotionError, match=r"bad\.npz") as caught:
        Motion.load(path)
    assert "\n" not in str(caught.value)


def test_pickles_inside_arrays_are_not_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, joints=np.array([object()], dtype=object))
    with pytest.raises(MotionError, match="damaged"):
        Motion.load(path)


def test_other_arrays_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", poses=np.zeros(3))
    with pytest.raises(MotionError, match=r"no array 'joints'.*poses"):
        Motion.load(tmp_path / "other.npz")


@pytest.mark.parametrize(
    "wrong",
    [
        {"joints": np.array(["a", "b"])},
        {"fps": np.array([20.0, 30.0])},
        {"texts": np.array(["a", "b"]), "starts": np.array([0])},
        {"starts": np.array(["x"]), "stops": np.array([3]), "texts": np.array(["a"])},
    ],
)
def test_arrays_of_the_wrong_kind_are_told(tmp_path: Path, wrong: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "wrong.npz", **{"joints": np.zeros((5, 22, 3)), **wrong})
    with pytest.raises(MotionError, match=r"wrong\.npz: not a motion") as caught:
        Motion.load(tmp_path / "wrong.npz")
    assert "\n" not in str(caught.value)


def test_bare_joint_arrays_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.ones((7, 22, 3)))
    assert len(Motion.load(tmp_path / "a.npy")) == 7


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as beside:
        beside.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_target_that_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError), atomic_path(tmp_path / "folder") as beside:
        beside.write_text("content")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]
