"""`motiongen fit`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.body.smpl import free_body
from motiongen.motion import Motion, MotionError, Segment
from motiongen_app import fit
from motiongen_app.errors import InputError


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    poses = torch.zeros(12, 24, 3)
    poses[:, 16, 2] = torch.linspace(-1.2, 0.3, 12)
    joints = free_body().joints(poses, torch.zeros(10), torch.tensor([[0.0, 1.0, 0.0]]).expand(12, 3))[:, :22]
    path = tmp_path / "clip.npz"
    Motion(joints, 25.0, (Segment("a person raises an arm", 0, 12),)).save(path)
    return path


def test_the_fitted_clip_carries_the_pose(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTIONGEN_SMPL", raising=False)
    said = fit.run(clip, tmp_path / "out/fitted.npz", "smpl", None)
    assert "12 frames on free_body" in said and "mm" in said
    before, after = Motion.load(clip), Motion.load(tmp_path / "out/fitted.npz")
    assert torch.equal(before.joints, after.joints)
    assert after.text == before.text and after.fps == 25
    made = free_body().joints(after.extra["poses"], after.extra["betas"], after.extra["trans"])
    # The body as a whole is lifted, so that its soles and not its lowest joint are on the floor.
    apart = made[:, :22] - after.joints
    assert 0 < apart[..., 1].mean() < 0.05
    assert (apart - apart.mean((0, 1))).norm(dim=-1).mean() < 0.01


def test_bare_joints_and_a_shape_are_taken(clip: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "joints.npy", Motion.load(clip).joints.numpy())
    fit.run(tmp_path / "joints.npy", tmp_path / "fitted.npz", "free", "tall")
    assert Motion.load(tmp_path / "fitted.npz").extra["betas"].abs().max() > 0


def test_millimetres_are_told_with_the_remedy(clip: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "joints.npy", 1000 * Motion.load(clip).joints.numpy())
    with pytest.raises(MotionError, match="divide joints in millimetres by 1000"):
        fit.run(tmp_path / "joints.npy", tmp_path / "fitted.npz", "free", None)
    assert not (tmp_path / "fitted.npz").exists()


@pytest.mark.parametrize(
    ("target", "body", "shape", "says"),
    [
        ("x.bvh", "smpl", None, "must end in .npz"),
        ("x.npz", "none.npz", None, "no such file"),
        ("x.npz", "free", "huge", "unknown"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(
    clip: Path, tmp_path: Path, target: str, body: str, shape: str | None, says: str
) -> None:
    with pytest.raises((InputError, MotionError), match=says):
        fit.run(clip, tmp_path / target, body, shape)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.npz"]
