"""From every format to every other and back, in millimetres; and the pose that a clip brings or is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from motiongen.export import EXPORTERS, IMPORTERS, format_to_read, load, suffix
from motiongen.export.posed import Pose, pose_of, with_pose
from motiongen.motion import Motion


@pytest.mark.parametrize("second", IMPORTERS)
@pytest.mark.parametrize("first", IMPORTERS)
def test_a_clip_survives_any_two_formats(first: str, second: str, clip: Motion, tmp_path: Path) -> None:
    motion = clip
    for step, name in enumerate((first, second)):
        path = tmp_path / f"{step}{suffix(name)}"
        EXPORTERS[name](motion, path)
        assert format_to_read(path) == name
        motion = load(path)
    error = (motion.joints - clip.joints).norm(dim=-1) * 1000
    assert error.max() < 0.5, f"{error.max()} mm"
    assert motion.fps == pytest.approx(20.0)
    if "bvh" not in (first, second):
        assert " ".join(s.text for s in motion.text) == " ".join(s.text for s in clip.text)
    if not {"bvh", "mdm"} & {first, second}:
        assert motion.text == clip.text and motion.extra.keys() >= {"poses", "trans", "betas"}


@pytest.mark.parametrize("name", ["amass", "bvh", "glb"])
def test_a_clip_without_pose_keeps_its_own_proportions(name: str, clip: Motion, tmp_path: Path) -> None:
    """A child of half the size, whose pose has to be fitted to a body of another shape."""
    child = Motion(0.5 * clip.joints, 20.0)
    path = tmp_path / f"child{suffix(name)}"
    EXPORTERS[name](child, path)
    back = load(path)
    assert (back.joints - child.joints).norm(dim=-1).mean() * 1000 < 5.0


@pytest.mark.parametrize("name", ["amass", "bvh", "glb"])
def test_a_clip_of_one_frame_or_of_one_who_stands_still_comes_back(name: str, clip: Motion, tmp_path: Path) -> None:
    for frames in (1, 5):
        still = Motion(clip.joints[:1].expand(frames, -1, -1).contiguous(), 30.0)
        path = tmp_path / f"still{frames}{suffix(name)}"
        EXPORTERS[name](still, path)
        back = load(path)
        assert len(back) == frames and back.fps == pytest.approx(30.0)
        assert (back.joints - still.joints).abs().max() < 0.005


def test_a_pose_that_comes_along_is_used_as_it_is(clip: Motion, pose: Pose) -> None:
    assert with_pose(clip) is clip
    assert torch.equal(pose_of(clip).poses, pose.poses) and pose_of(clip).error_mm(clip) < 0.01


def test_a_fit_is_made_once(clip: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = with_pose(Motion(clip.joints))
    monkeypatch.setattr("motiongen.body.carried.fit", None)
    assert with_pose(fitted) is fitted


def test_a_pose_of_other_joints_or_half_a_pose_is_made_anew(clip: Motion) -> None:
    bent = clip.joints.clone()
    bent[:, 20] += 0.5
    for stale in (replace(clip, joints=bent), clip.crop(3, 9), clip.joined(clip), clip.crop(0, 5)):
        made = with_pose(stale)
        assert made.extra["poses"].shape == (len(stale), 24, 3) and made.extra["betas"].shape == (10,)
        assert pose_of(made).error_mm(made) < 60
    assert not torch.equal(with_pose(replace(clip, joints=bent)).extra["poses"], clip.extra["poses"])


def test_a_fitted_body_stands_with_its_soles_on_the_floor(clip: Motion) -> None:
    """Clips have their lowest joint at y = 0; the soles of a body are below its joints."""
    standing = clip.joints.clone()
    standing[..., 1] -= standing[..., 1].amin(dim=1, keepdim=True)
    pose = pose_of(Motion(standing))
    soles = pose.body(pose.poses, pose.betas, pose.trans)[..., 1].amin(dim=1)
    assert abs(soles.quantile(0.1)) < 1e-4 and pose.level() == pytest.approx(0, abs=1e-4)
    assert pose.error_mm(Motion(standing)) < 25
    leaping = Motion(standing + torch.tensor([0.0, 1.5, 0.0]))
    assert pose_of(leaping).level() > 1.0  # one who is far above the floor is left there
