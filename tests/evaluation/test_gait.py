from __future__ import annotations

import pytest
import torch

from motiongen.evaluation.gait import MEASURES, Styles, gait
from motiongen.geometry.rotations import rotate_y
from motiongen.motion import Motion
from motiongen.skeleton import JOINT_INDEX, PARENTS, uniform_offsets


def walk(speed: float, swing: float = 0.2, pause: int = 0) -> Motion:
    rest = torch.zeros(22, 3)
    for joint in range(1, 22):
        rest[joint] = rest[PARENTS[joint]] + uniform_offsets()[joint]
    rest[:, 1] -= rest[:, 1].min()
    time = torch.arange(60) / 20
    joints = rest.expand(60, -1, -1).clone()
    for side, sign in (("left", 1), ("right", -1)):
        joints[:, JOINT_INDEX[f"{side}_wrist"], 2] += sign * swing * torch.sin(6 * time)
    joints[..., 2] += speed * time[:, None]
    joints = torch.cat([joints[:1].expand(pause, -1, -1), joints])
    return Motion(joints)


def test_measures_of_a_known_walk() -> None:
    measured = dict(zip(MEASURES, gait(walk(1.5)).tolist()))
    assert measured["speed"] == pytest.approx(1.5, rel=1e-3)
    assert measured["trunk_lean"] == pytest.approx(0, abs=1e-3)
    assert measured["pelvis_height"] == pytest.approx(walk(1.5).joints[0, 0, 1].item(), rel=1e-3)
    # The mean of |cos| is 2 / pi.
    assert measured["hand_speed"] == pytest.approx(0.2 * 6 * 2 / torch.pi, rel=0.1)


def test_standing_before_and_direction_do_not_count() -> None:
    plain, paused = gait(walk(1.2)), gait(walk(1.2, pause=20))
    assert torch.allclose(plain, paused, rtol=0.05, atol=0.02)
    turned = Motion(rotate_y(walk(1.2).joints, torch.full((60, 22), 2.0)))
    assert torch.allclose(gait(turned), plain, atol=1e-3)


def test_the_closest_style_is_found() -> None:
    styles = Styles.of(
        {
            "slow": [walk(0.5 + 0.02 * i) for i in range(4)],
            "fast": [walk(2.0 + 0.02 * i) for i in range(4)],
            "swinging": [walk(1.2 + 0.02 * i, swing=0.8) for i in range(4)],
        }
    )
    assert styles.closest(walk(0.6)) == "slow"
    assert styles.closest(walk(1.9)) == "fast"
    assert styles.closest(walk(1.1, swing=0.75)) == "swinging"
