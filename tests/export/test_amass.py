"""AMASS npz: what its readers find in it, and what is read from files of ours and of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.body.smpl import NUM_JOINTS, PARENTS
from motiongen.export.amass import read, write
from motiongen.export.posed import Pose
from motiongen.motion import Motion, MotionError
from motiongen_data_prep.animation import axis_angle_to_matrix


@pytest.fixture(name="file", scope="module")
def _file(clip: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("amass") / "clip.amass.npz"
    write(clip, path)
    return path


@pytest.fixture(name="arrays")
def _arrays(file: Path) -> dict[str, Any]:
    with np.load(file) as data:
        return dict(data)


def test_it_has_the_keys_and_shapes_that_readers_of_amass_use(clip: Motion, arrays: dict[str, Any]) -> None:
    frames = len(clip)
    wanted = {"poses": (frames, 156), "trans": (frames, 3), "betas": (16,), "dmpls": (frames, 8), "gender": ()}
    assert {key: arrays[key].shape for key in wanted} == wanted
    assert arrays["gender"].item() == "neutral"
    assert float(arrays["mocap_framerate"]) == float(arrays["mocap_frame_rate"]) == 20.0
    assert arrays["texts"].tolist() == [segment.text for segment in clip.text]
    assert not arrays["poses"][:, 66:].any()


def test_the_conventions_of_amass_give_the_joints(pose: Pose, arrays: dict[str, Any]) -> None:
    """Forward kinematics with the root at J0 + trans in a world whose z is up, as its body models do it."""
    rest = pose.body.rest_joints(torch.from_numpy(arrays["betas"][:10]).float()).double().numpy()
    local = axis_angle_to_matrix(arrays["poses"].reshape(-1, 52, 3)[:, :22])
    placed, turned = [rest[0] + arrays["trans"]], [local[:, 0]]
    for joint in range(1, 22):
        above = PARENTS[joint]
        placed.append(placed[above] + turned[above] @ (rest[joint] - rest[above]))
        turned.append(turned[above] @ local[:, joint])
    x, y, z = np.moveaxis(np.stack(placed, axis=1), -1, 0)
    wanted = pose.joints()[:, :22].numpy()
    assert np.abs(np.stack([x, z, -y], axis=-1) - wanted).max() < 1e-5
    assert z[:, 15].min() > 1.2  # heads are up


def test_a_file_of_ours_comes_back_whole(clip: Motion, file: Path) -> None:
    back = read(file)
    assert (back.joints - clip.joints).abs().max() < 1e-5
    assert (back.fps, back.text) == (20.0, clip.text)
    for key in ("trans", "betas"):
        torch.testing.assert_close(back.extra[key], clip.extra[key], atol=1e-5, rtol=0)


def test_equal_clips_are_equal_bytes(clip: Motion, file: Path, tmp_path: Path) -> None:
    write(clip, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes()


def test_a_file_of_others_stands_on_the_floor_in_the_mean_shape(arrays: dict[str, Any], tmp_path: Path) -> None:
    """As AMASS has them: 120 frames a second, another body's betas, nothing of ours."""
    rng = np.random.default_rng(0)
    poses = np.concatenate([arrays["poses"][:, :66], rng.normal(size=(len(arrays["poses"]), 90))], axis=1)
    path = tmp_path / "0005_poses.npz"
    np.savez(path, poses=poses, trans=arrays["trans"] + 3, betas=rng.normal(size=16), gender="female",
             mocap_framerate=120.0)  # fmt: skip
    back = read(path)
    assert back.fps == 120.0 and back.text == ()
    assert back.joints[..., 1].min().abs() < 1e-5
    assert not back.extra["betas"].any() and back.extra["poses"].shape == (len(back), NUM_JOINTS, 3)
    assert (back.joints[:, 15, 1] - back.joints[:, 0, 1] > 0.3).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda a: a.pop("poses"), "holds no array 'poses', so it is not AMASS"),
        (lambda a: a.pop("trans"), "holds no array 'trans'"),
        (lambda a: [a.pop("mocap_framerate"), a.pop("mocap_frame_rate")], "holds neither 'mocap_frame_rate' nor"),
        (lambda a: a.update(poses=a["poses"][:, :63]), r"'poses' has shape \(43, 63\)"),
        (lambda a: a.update(trans=a["trans"][:-1]), r"'trans' has shape \(42, 3\)"),
        (lambda a: a.update(poses=a["poses"] * np.nan), "NaN or infinity"),
        (lambda a: a.update(mocap_frame_rate=np.array(0.0)), "fps is 0"),
        (lambda a: a.update(poses=np.array("walk")), "where numbers should be"),
        (lambda a: a.update(clip_rest=a["clip_rest"][:4]), "bad.npz: "),
        (lambda a: a.update(trans=np.array([{}], dtype=object)), "not a readable npz file"),
    ],
)
def test_a_damaged_file_is_one_line(change: Any, said: str, arrays: dict[str, Any], tmp_path: Path) -> None:
    change(arrays)
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(MotionError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
