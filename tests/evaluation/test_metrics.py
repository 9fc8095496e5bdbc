from __future__ import annotations

import pytest
import torch

from motiongen.evaluation.metrics import foot_skate, jitter, penetration, root_aligned_error, world_error
from motiongen.skeleton import JOINT_INDEX, PARENTS, uniform_offsets

J = JOINT_INDEX


def standing(frames: int = 40) -> torch.Tensor:
    rest = torch.zeros(22, 3)
    offsets = uniform_offsets()
    for joint in range(1, 22):
        rest[joint] = rest[PARENTS[joint]] + offsets[joint]
    rest[:, 1] -= rest[:, 1].min()
    return rest.expand(frames, -1, -1).clone()


def test_feet_that_glide_are_measured_at_their_speed() -> None:
    joints = standing()
    assert foot_skate(joints, 20.0) == 0
    joints[..., 0] += torch.arange(40)[:, None] * 0.01  # a centimetre a frame
    assert foot_skate(joints, 20.0).item() == pytest.approx(20.0, rel=1e-4)


def test_feet_in_the_air_do_not_skate() -> None:
    joints = standing()
    joints[:20, J["left_foot"], 0] += torch.arange(20) * 0.1
    joints[:20, J["left_foot"], 1] += 0.2
    joints[:, J["right_foot"], 1] += 0.0
    still = foot_skate(joints, 20.0)
    # Only the frame in which the foot comes down counts for it.
    assert still < 0.5


def test_jitter_of_a_cubic_is_its_third_derivative() -> None:
    time = torch.arange(40, dtype=torch.float64) / 20
    joints = torch.zeros(40, 22, 3, dtype=torch.float64)
    joints[..., 0] = (50 * time**3 / 6)[:, None]
    assert jitter(joints, 20.0).item() == pytest.approx(0.5, rel=1e-6)


def test_penetration_is_depth_under_the_floor() -> None:
    joints = standing()
    joints[:10, :, 1] -= 0.02
    assert penetration(joints).item() == pytest.approx(2.0 * 10 / 40, rel=1e-4)


def test_errors_of_a_clip_that_walks_away() -> None:
    target = torch.zeros(30, 263)
    target[:, 3] = 1.0
    predicted = target.clone()
    predicted[:, 2] += 0.01  # a centimetre a frame forwards
    assert root_aligned_error(predicted, target).max() < 1e-2
    assert torch.allclose(world_error(predicted, target), 10.0 * torch.arange(30.0), atol=1e-2)
