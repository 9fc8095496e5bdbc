from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from motiongen.evaluation.metrics import area_under_jerk, peak_jerk
from motiongen.evaluation.transitions import WINDOW, clean_up, compare, random_windows, transition_windows
from motiongen.motion import Motion, Segment
from motiongen.skeleton import JOINT_INDEX

Body = Callable[..., Tensor]


def plain_jerk(joints: Tensor) -> list[float]:
    """The definition with loops: per frame, the mean over clips of the largest joint's L1 third difference."""
    n, t, j, _ = joints.shape
    frames = []
    for f in range(t - 3):
        clips = []
        for clip in joints.double():
            sizes = []
            for k in range(j):
                third = clip[f + 3, k] - 3 * clip[f + 2, k] + 3 * clip[f + 1, k] - clip[f, k]
                sizes.append(sum(abs(float(x)) for x in third))
            clips.append(max(sizes))
        frames.append(sum(clips) / n)
    return frames


def test_jerk_equals_plain_loops() -> None:
    made, real = torch.randn(3, 9, 22, 3), torch.randn(5, 9, 22, 3)
    a, b = plain_jerk(made), plain_jerk(real)
    assert peak_jerk(made).item() == pytest.approx(max(a), rel=1e-9)
    assert area_under_jerk(made, real).item() == pytest.approx(sum(abs(x - y) for x, y in zip(a, b)), rel=1e-9)
    assert area_under_jerk(real, real) == 0


def test_jerk_of_a_cubic_is_its_third_difference() -> None:
    joints = torch.zeros(2, 12, 22, 3, dtype=torch.float64)
    joints[:, :, 4, 1] = torch.arange(12.0, dtype=torch.float64) ** 3 / 6
    joints[:, :, 4, 2] = -(torch.arange(12.0, dtype=torch.float64) ** 3) / 3
    assert peak_jerk(joints).item() == pytest.approx(3.0)


def timeline(joints: Tensor, cut: int) -> Motion:
    return Motion(joints, text=(Segment("a", 0, cut), Segment("b", cut, len(joints))))


def test_a_jump_at_the_transition_is_caught(walk: Body) -> None:
    smooth = timeline(walk(120), 60)
    jump = walk(120)
    jump[60:, :, 0] += 0.2
    real = random_windows([Motion(walk(100))], 50, torch.Generator().manual_seed(0))
    assert compare(transition_windows([smooth]), real)["peak_jerk_ratio"] == pytest.approx(1, abs=0.2)
    caught = compare(transition_windows([timeline(jump, 60)]), real)
    assert caught["peak_jerk_ratio"] > 5 and caught["area_under_jerk"] > 0.5


def test_feet_that_slide_at_the_transition_are_caught(stand: Body) -> None:
    slides = stand(100)
    slides[45:55, :, 0] += torch.linspace(0, 0.3, 10)[:, None]
    slides[55:, :, 0] += 0.3
    # Real feet move a little too, or there is nothing to be 1.5 times of.
    real = stand(100)
    real[..., 0] += torch.arange(100)[:, None] * 0.001
    windows = random_windows([Motion(real)], 8, torch.Generator().manual_seed(0))
    assert compare(transition_windows([timeline(slides, 50)]), windows)["foot_skate_ratio"] > 5
    assert compare(transition_windows([timeline(real, 50)]), windows)["foot_skate_ratio"] == pytest.approx(1, abs=0.05)


def test_windows_are_centred_on_boundaries_inside_the_clip(walk: Body) -> None:
    joints = walk(100)
    text = (Segment("a", 0, 4), Segment("b", 4, 50), Segment("c", 50, 100))
    windows = transition_windows([Motion(joints, text=text)])
    assert torch.equal(windows, joints[None, 50 - WINDOW // 2 : 50 + WINDOW // 2])
    assert transition_windows([Motion(joints)]).shape == (0, WINDOW, 22, 3)


def test_random_windows_leave_out_clips_that_are_too_short(walk: Body) -> None:
    windows = random_windows([Motion(walk(10)), Motion(walk(WINDOW))], 3, torch.Generator().manual_seed(0))
    assert all(torch.equal(window, walk(WINDOW)) for window in windows) and len(windows) == 3


def test_clean_up_is_measured_before_and_after(stand: Body) -> None:
    before, after = stand(60), stand(60)
    before[..., 0] += torch.arange(60)[:, None] * 0.01
    row = clean_up([Motion(before)], [Motion(after)])
    assert row["foot_skate_before"] == pytest.approx(20, rel=1e-3) and row["foot_skate_after"] == 0
    # Legs may move to plant the feet; a jerk of the rest is what must show.
    after[30, JOINT_INDEX["left_ankle"], 1] += 0.1
    assert clean_up([Motion(stand(60))], [Motion(after)])["body_jitter_after"] == 0
    after[30, JOINT_INDEX["head"], 1] += 0.1
    assert clean_up([Motion(stand(60))], [Motion(after)])["body_jitter_after"] > 0
