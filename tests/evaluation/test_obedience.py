from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from motiongen.evaluation.obedience import CHECKS, STANDING, check_of, measure, named_side, stays
from motiongen.geometry.rotations import rotate_y
from motiongen.motion import Motion
from motiongen.skeleton import JOINT_INDEX

J = JOINT_INDEX
Body = Callable[..., Tensor]


def passed(joints: Tensor) -> set[str]:
    kinematics = measure(Motion(joints))
    return {content for content, check in CHECKS.items() if check(kinematics)}


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_that_rises_is_told_by_side_and_from_one_that_waves(raise_hand: Body, side: str) -> None:
    assert passed(raise_hand(60, side)) == {f"raise-up-{side}-hand"}
    assert passed(raise_hand(60, side, waves=3)) == {f"wave-{side}-hand"}
    other = "right" if side == "left" else "left"
    assert passed(Motion(raise_hand(60, side)).mirrored().joints) == {f"raise-up-{other}-hand"}


def test_both_hands(raise_hand: Body) -> None:
    for waves, content in ((0, "raise-up-both-hands"), (3, "wave-both-hands")):
        joints = raise_hand(60, "left", waves)
        joints[:, J["right_wrist"]] = raise_hand(60, "right", waves)[:, J["right_wrist"]]
        assert passed(joints) == {content}


def test_raising_a_hand_twice_is_no_wave(raise_hand: Body) -> None:
    twice = torch.cat([raise_hand(60, "left"), raise_hand(60, "left")])
    assert measure(Motion(twice)).left_waves == pytest.approx(0, abs=0.05)
    assert passed(twice) == {"raise-up-left-hand"}


def test_who_waves_for_less_long_has_to_wave_less(raise_hand: Body) -> None:
    waved = replace(measure(Motion(raise_hand(60, "left", waves=3))), left_waves=0.45)
    for seconds, is_wave in ((2.0, False), (4.0, True), (5.0, False)):  # a raise of two seconds may have as much
        assert CHECKS["wave-left-hand"](replace(waved, left_up=seconds)) == is_wave
    assert measure(Motion(raise_hand(60, "left"))).right_up == 0 < measure(Motion(raise_hand(60, "left"))).left_up < 3


def test_a_raised_hand_cut_off_at_the_top_does_not_wave(raise_hand: Body) -> None:
    assert passed(raise_hand(60, "left")[:30]) == {"raise-up-left-hand"}


def test_who_walks_while_waving_does_not_stand_and_wave(raise_hand: Body) -> None:
    joints = raise_hand(60, "left", waves=3)
    joints[..., 2] += torch.arange(60)[:, None] * 0.05
    assert "wave-left-hand" not in passed(joints)


def test_which_way_the_path_turns(walk: Body) -> None:
    assert passed(walk(80, turn=90)) == {"walk-turn-left"}
    assert passed(walk(80, turn=-90)) == {"walk-turn-right"}
    assert passed(walk(80)) == {"walk"}
    # A circle that begins in any direction.
    turned = rotate_y(walk(80, turn=90), torch.full((80, 22), 2.5))
    assert passed(turned) == {"walk-turn-left"}


def test_turning_round_twice_is_720_degrees(stand: Body) -> None:
    angle = torch.linspace(0, 4 * math.pi, 120)
    turning = rotate_y(stand(120), angle[:, None].expand(-1, 22))
    assert measure(Motion(turning)).turn == pytest.approx(720, abs=30)


def test_forward_back_and_sideways(walk: Body) -> None:
    for angle, content in ((math.pi, "walk-back"), (-math.pi / 3, "walk-left"), (math.pi / 3, "walk-right")):
        joints = walk(80)
        place = joints[:, :1] * torch.tensor([1.0, 0.0, 1.0])
        back = rotate_y(place, torch.full((80, 1), -angle)) + joints - place
        assert passed(back) == {content}


def test_a_run_is_fast_in_speed_and_steps_together(walk: Body) -> None:
    assert {"run", "dash"} <= passed(walk(60, speed=2.8, steps=2.8))
    assert "walk" not in passed(walk(60, speed=2.8, steps=2.8))
    # A shuffling run and a striding walk at the same speed.
    assert passed(walk(80, speed=1.5, steps=3.0)) >= {"run"} and passed(walk(80, speed=1.5, steps=1.7)) == {"walk"}


def test_pace_of_a_known_walk(walk: Body) -> None:
    assert measure(Motion(walk(120, speed=1.2, steps=2.0))).pace == pytest.approx(2.4, rel=0.05)


def test_the_limb_that_a_sentence_names(stand: Body) -> None:
    kick = stand(40)
    kick[15:20, J["left_ankle"], 1] = 0.9
    k = measure(Motion(kick))
    assert check_of("kick", "kick!")(k) and check_of("kick", "kicks with the left foot")(k)
    assert not check_of("kick", "kicks with the right foot")(k)
    assert check_of("kick", "kicks with the left, then the right foot")(k)

    punch = stand(40)
    rest = punch[:, J["right_shoulder"]].clone()
    punch[:, J["right_wrist"]] = rest + torch.tensor([0.0, 0.0, 0.2])
    punch[20:, J["right_wrist"], 2] += 0.3
    k = measure(Motion(punch))
    assert check_of("punch", "a right jab")(k) and not check_of("punch", "a left jab")(k)
    assert check_of("punch", "throws a punch")(k)


@pytest.mark.parametrize(
    ("text", "side"),
    [("Left!", "left"), ("the right hand, right", "right"), ("left and right", None), ("leftovers, brightly", None)],
)
def test_named_side(text: str, side: str | None) -> None:
    assert named_side(text) == side


def test_a_bow_and_a_dance(stand: Body, walk: Body) -> None:
    bow = stand(40)
    upper = [J[name] for name in ("spine1", "spine2", "spine3", "neck", "head")]
    bow[10:30, upper, 2] += 0.5
    bow[10:30, upper, 1] -= 0.2
    assert passed(bow) == {"bow"}
    bow[10:30, upper, 2] -= 1.0
    assert passed(bow) == set()

    dance = walk(80, speed=0.5)
    dance[40:, :, 2] = dance[40:, :, 2] - 2 * (dance[40:, :1, 2] - dance[40, 0, 2])
    for side in ("left", "right"):
        dance[:, J[f"{side}_wrist"], 1] += 0.4 * torch.sin(torch.arange(80) * 2.5)
        dance[:, J[f"{side}_elbow"], 1] += 0.6 * torch.sin(torch.arange(80) * 2.5)
    assert "dance-short" in passed(dance) and "dance-short" not in passed(walk(80, speed=0.5))


def test_standing_within_a_third_of_a_metre(stand: Body) -> None:
    joints = stand(40)
    joints[20:, :, 0] += 0.25
    assert stays(measure(Motion(joints)))
    joints[30:, :, 0] += 0.1
    assert not stays(measure(Motion(joints)))


def test_every_named_content_has_a_check() -> None:
    assert set(STANDING) <= set(CHECKS)


def test_a_real_clip_and_its_mirror_image_measure_alike(shared: Path) -> None:
    path = shared / "reference/humanml3d/new_joints/012314.npy"
    if not path.is_file():
        pytest.skip(f"reference clip absent: {path}")
    motion = Motion(torch.from_numpy(np.load(path)).float())
    k, mirrored = measure(motion), measure(motion.mirrored())
    assert mirrored.turn == pytest.approx(-k.turn, abs=1e-3) and mirrored.sideways == pytest.approx(
        -k.sideways, abs=1e-3
    )
    assert mirrored.left_waves == pytest.approx(k.right_waves, abs=1e-3)
    assert mirrored.path == pytest.approx(k.path, abs=1e-3) and k.path >= k.reach
