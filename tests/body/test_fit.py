"""Rotations from positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.body.fit import fit, rotations_for, skeleton_rest, with_bones_of
from motiongen.body.rotation_vectors import forward_kinematics, from_matrix, to_matrix
from motiongen.body.smpl import PARENTS, free_body
from motiongen.geometry.rotations import rotate_y
from motiongen.motion import MotionError
from motiongen.skeleton import JOINT_INDEX, MIRROR, bone_lengths
from tests.body.conftest import moving_joints


def _steps(local: torch.Tensor) -> torch.Tensor:
    """Angle of each joint's rotation from frame to frame, degrees."""
    return from_matrix(local[:-1].mT @ local[1:]).norm(dim=-1).rad2deg()


@pytest.fixture
def published(shared: Path) -> torch.Tensor:
    path = shared / "reference/humanml3d/new_joints/012314.npy"
    if not path.is_file():
        pytest.skip(f"reference clip absent: {path}")
    return torch.from_numpy(np.load(path)).double()


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.floats(0.1, 1.2))
def test_forward_kinematics_of_the_rotations_gives_the_clip_back(seed: int, size: float) -> None:
    joints = moving_joints(24, seed, size)
    rest = skeleton_rest(joints)
    _, placed = forward_kinematics(rotations_for(joints, rest), rest, PARENTS[:22])
    assert (placed - rest[0] + joints[:, :1] - joints).norm(dim=-1).max() < 1e-4


def test_a_published_clip_comes_back_within_a_tenth_of_a_millimetre(published: torch.Tensor) -> None:
    rest = skeleton_rest(published)
    _, placed = forward_kinematics(rotations_for(published, rest), rest, PARENTS[:22])
    assert (placed + published[:, :1] - published).norm(dim=-1).max() < 1e-4


def test_a_published_clip_fits_the_free_body(published: torch.Tensor) -> None:
    pose = fit(published, free_body())
    assert pose.error_mm < 10
    # Once, while an elbow straightens, the plane it bends in turns by 85 degrees between two frames of the clip itself.
    assert _steps(to_matrix(pose.poses)).max() < 80
    assert (_steps(to_matrix(pose.poses)) > 60).sum() <= 1


def test_the_error_is_that_of_the_bodys_joints() -> None:
    joints, body = moving_joints().float(), free_body()
    pose = fit(joints, body, fps=30)
    made = body.joints(pose.poses, pose.betas, pose.trans)[:, :22]
    target = with_bones_of(joints, body.rest_joints()[:22])
    assert float((made - target).norm(dim=-1).mean() * 1000) == pytest.approx(pose.error_mm, rel=0.01, abs=0.01)
    assert pose.error_mm < 10
    assert pose.fps == 30
    assert torch.allclose(made[:, 0], target[:, 0], atol=1e-5)


def test_bones_are_adapted_and_directions_kept() -> None:
    joints, rest = moving_joints(), free_body().rest_joints()[:22].double()
    target = with_bones_of(joints, rest)
    assert torch.allclose(bone_lengths(target), bone_lengths(rest).expand(60, -1))
    for joint in range(1, 22):
        before, after = (x[:, joint] - x[:, PARENTS[joint]] for x in (joints, target))
        assert torch.cosine_similarity(before, after, dim=-1).min() > 0.999999
    scale = bone_lengths(rest)[[4, 7]].sum() / bone_lengths(joints)[0, [4, 7]].sum()
    assert torch.allclose(target[:, 0], joints[:, 0] * scale, rtol=0.01)


def test_rest_gives_no_rotation() -> None:
    rest = skeleton_rest(moving_joints())
    assert torch.allclose(
        rotations_for(rest[None], rest), torch.eye(3, dtype=rest.dtype).expand(1, 22, 3, 3), atol=1e-6
    )


@settings(max_examples=5, deadline=None)
@given(angle=st.floats(-3.1, 3.1), seed=st.integers(0, 1000))
def test_turning_the_clip_turns_the_root_alone(angle: float, seed: int) -> None:
    joints = moving_joints(20, seed)
    rest = skeleton_rest(joints)
    turn = torch.tensor(angle, dtype=joints.dtype)
    before, after = rotations_for(joints, rest), rotations_for(rotate_y(joints, turn), rest)
    assert torch.allclose(before[:, 1:], after[:, 1:], atol=1e-6)
    assert torch.allclose(rotate_y(before[:, 0].mT, turn).mT, after[:, 0], atol=1e-6)


def test_a_mirrored_clip_has_mirrored_rotations() -> None:
    joints = moving_joints(30)
    rest = skeleton_rest(joints)
    flip = torch.tensor([-1.0, 1.0, 1.0], dtype=joints.dtype)
    swapped = list(MIRROR)
    before = rotations_for(joints, rest)
    after = rotations_for(joints[:, swapped] * flip, rest[swapped] * flip)
    assert torch.allclose(after, flip[:, None] * before[:, swapped] * flip, atol=1e-6)


def _arm(turns: torch.Tensor, bend: torch.Tensor) -> torch.Tensor:
    """A body at rest whose left upper arm twists by `turns` and whose elbow bends by `bend`, radians."""
    poses = torch.zeros(len(turns), 24, 3)
    poses[:, 16, 0], poses[:, 18, 1] = turns, -bend
    return free_body().joints(poses, torch.zeros(10), torch.zeros(len(turns), 3))[:, :22]


def test_a_bent_elbow_shows_the_twist_of_the_arm_and_bends_as_a_hinge() -> None:
    turns = torch.linspace(-1.2, 1.2, 80)
    pose = fit(_arm(turns, torch.full((80,), 1.4)), free_body())
    assert (pose.poses[:, 16, 0] - turns).abs().max() < 0.1
    assert (pose.poses[:, 18] - torch.tensor([0.0, -1.4, 0.0])).abs().max() < 0.1
    assert pose.poses[:, 20:].abs().max() < 1e-3, "wrists and hands do not twist"


def test_an_arm_that_straightens_for_a_moment_keeps_its_twist() -> None:
    bend = (torch.linspace(-1.4, 1.4, 61)).abs()
    pose = fit(_arm(torch.full((61,), 1.0), bend), free_body())
    assert (pose.poses[:, 16, 0] - 1.0).abs().max() < 0.3
    assert _steps(to_matrix(pose.poses))[:, 16].max() < 10


def test_an_arm_that_is_stretched_too_far_does_not_turn_over() -> None:
    """Real elbows bend the wrong way by some ten degrees; the axis of the bend is then the opposite one."""
    bend = (1.2 * torch.linspace(-1, 1, 61).abs() - 0.3).clamp(min=-0.2)
    pose = fit(_arm(torch.full((61,), 1.0), bend), free_body())
    assert (pose.poses[:, 16, 0] - 1.0).abs().max() < 0.3
    assert _steps(to_matrix(pose.poses))[:, [16, 18]].max() < 10
    assert pose.poses[30, 18, 1] > 0.15, "the elbow itself bends the wrong way"


def test_noise_on_straight_limbs_does_not_make_them_spin() -> None:
    joints = free_body().rest_joints()[None, :22].repeat(60, 1, 1)
    noise = 0.002 * torch.randn(joints.shape, generator=torch.Generator().manual_seed(3))
    steps = _steps(rotations_for(joints + noise, free_body().rest_joints()[:22]))
    limbs = [JOINT_INDEX[f"{s}_{n}"] for s in ("left", "right") for n in ("hip", "knee", "shoulder", "elbow")]
    assert steps[:, limbs].max() < 20


def test_knees_bend_backwards() -> None:
    poses = torch.zeros(10, 24, 3)
    poses[:, 4, 0] = torch.linspace(0, 2.0, 10)
    body = free_body()
    pose = fit(body.joints(poses, torch.zeros(10), torch.zeros(10, 3))[:, :22], body)
    assert (pose.poses[:, 4] - poses[:, 4]).abs().max() < 0.2
    assert pose.poses[:, 1].abs().max() < 0.25, "the hip hardly turns"


def _on_tiptoe(height: float) -> torch.Tensor:
    """The lowest points of a body that stands flat, then raises its heels by 40 degrees with the balls at `height`."""
    body, raised = free_body(), torch.linspace(0, 0.7, 20)
    poses, trans = torch.zeros(20, 24, 3), torch.zeros(20, 3)
    poses[:, 7:9, 0] = raised[:, None]
    joints = body.joints(poses, torch.zeros(10), trans)[:, :22]
    trans[:, 1] = joints[0, 10, 1] - joints[:, 10, 1] + height * raised / 0.7
    pose = fit(body.joints(poses, torch.zeros(10), trans)[:, :22], body)
    assert (pose.poses[:, 7:9, 0] - poses[:, 7:9, 0]).abs().max() < 0.05
    return body(pose.poses, pose.betas, pose.trans)[..., 1].min(1).values


def test_toes_of_raised_heels_stay_on_the_floor_and_straight_in_the_air() -> None:
    low = _on_tiptoe(0.0)
    assert (low - low[0]).abs().max() < 0.012
    jump = _on_tiptoe(0.3)
    assert jump[-1] - jump[0] < 0.3 - 0.02, "the tips of straight toes hang below the balls"


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_and_still_clips_are_fitted(frames: int) -> None:
    joints = moving_joints(1, 4).float().repeat(frames, 1, 1)
    pose = fit(joints, free_body())
    assert pose.poses.shape == (frames, 24, 3)
    assert pose.error_mm < 10
    assert torch.allclose(pose.poses, pose.poses[:1].expand_as(pose.poses), atol=1e-4)


def test_other_shapes_are_fitted_as_well() -> None:
    betas = torch.linspace(-1, 1, 10)
    pose = fit(moving_joints().float(), free_body(), betas)
    assert pose.error_mm < 10
    assert torch.equal(pose.betas, betas)


def test_bones_of_no_length_give_numbers() -> None:
    joints = moving_joints(5).float()
    joints[:, 21] = joints[:, 19]
    joints[2, 13] = joints[2, 9]
    assert torch.isfinite(fit(joints, free_body()).poses).all()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda j: j * 0, "mm long"),
        (lambda j: j * 1000, "metres long; a body's are at most 5: divide joints in millimetres by 1000"),
        (lambda j: j.index_fill(0, torch.tensor([3]), float("nan")), "NaN or infinity, first at frame 3"),
        (lambda j: j.index_fill(0, torch.tensor([0]), float("inf")), "first at frame 0"),
    ],
)
def test_bad_joints_are_refused_in_one_line(spoil: object, says: str) -> None:
    with pytest.raises(MotionError, match=says) as caught:
        fit(spoil(moving_joints(6).float()), free_body())  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_fitting_keeps_pace(benchmark_seconds: float = 4.0) -> None:
    """Far from the thousand frames a second that it reaches, so that a loaded machine passes."""
    import time

    joints, body = moving_joints(400).float(), free_body()
    start = time.perf_counter()
    fit(joints, body)
    assert time.perf_counter() - start < benchmark_seconds
