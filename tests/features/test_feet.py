from __future__ import annotations

import torch

from motiongen.features.feet import FEET, planted
from motiongen.skeleton import NUM_JOINTS, PARENTS, uniform_offsets


def standing(frames: int = 40) -> torch.Tensor:
    rest = torch.zeros(NUM_JOINTS, 3)
    for joint in range(1, NUM_JOINTS):
        rest[joint] = rest[PARENTS[joint]] + uniform_offsets()[joint]
    rest[:, 1] -= rest[:, 1].min()
    return rest.expand(frames, -1, -1).clone()


def heights(joints: torch.Tensor) -> torch.Tensor:
    return joints[:, FEET, 1]


def test_a_body_that_glides_on_standing_feet_stays() -> None:
    still = standing()
    gliding = still.clone()
    gliding[..., 0] += 0.01 * torch.arange(40)[:, None]
    gliding[..., 1] += 0.03
    cleaned = planted(gliding, torch.ones(40, 4), heights(still))
    assert (cleaned - still).abs().max() < 1e-5


def test_a_jump_is_left_alone() -> None:
    jumping = standing()
    jumping[..., 2] += 0.1 * torch.arange(40)[:, None]
    jumping[..., 1] += 0.5
    assert torch.allclose(planted(jumping, torch.zeros(40, 4), heights(jumping)), jumping, atol=1e-6)


def test_a_single_frame_is_brought_to_its_height() -> None:
    still = standing(1)
    cleaned = planted(still + torch.tensor([0.0, 0.03, 0.0]), torch.ones(1, 4), heights(still))
    assert (cleaned - still).abs().max() < 1e-5


def test_poses_do_not_change() -> None:
    joints = standing() + 0.05 * torch.randn(40, NUM_JOINTS, 3)
    cleaned = planted(joints, torch.rand(40, 4), heights(joints) + 0.01)
    assert torch.allclose(cleaned - cleaned[:, :1], joints - joints[:, :1], atol=1e-5)


def test_the_foot_that_stands_decides_while_the_other_swings() -> None:
    still = standing()
    walking = still.clone()
    walking[..., 2] += 0.02 * torch.arange(40)[:, None]
    left = [i for i, joint in enumerate(FEET) if joint in (7, 10)]
    # The left foot stays behind as it should; the right one passes it without touching the floor.
    for i in left:
        walking[:, FEET[i]] = still[:, FEET[i]]
    contacts = torch.zeros(40, 4)
    contacts[:, left] = 1.0
    assert torch.allclose(planted(walking, contacts, heights(walking)), walking, atol=1e-5)


def test_a_rolling_foot_is_held_at_the_joint_that_stands() -> None:
    rolling = standing()
    # Both ankles move on over standing toes.
    for joint in (7, 8):
        rolling[:, joint, 2] += 0.02 * torch.arange(40)
    moved = planted(rolling, torch.ones(40, 4), heights(rolling)) - rolling
    assert moved.norm(dim=-1).max() < 0.1 * 0.02 * 39
