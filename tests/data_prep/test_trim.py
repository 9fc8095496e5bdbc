"""Which frames of a clip are kept, on motion whose answer is known."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float
from torch import Tensor

from motiongen.skeleton import PARENTS, uniform_offsets
from motiongen_data_prep import trim


def standing(frames: int) -> Float[Tensor, "t 22 3"]:
    joints = torch.zeros(22, 3)
    for joint, offset in enumerate(uniform_offsets()):
        joints[joint] = offset + (joints[PARENTS[joint]] if joint else torch.tensor([0.0, 0.9, 0.0]))
    return joints.repeat(frames, 1, 1)


def facing(joints: Float[Tensor, "t 22 3"], angle: Float[Tensor, " t"]) -> Float[Tensor, "t 22 3"]:
    x, y, z = joints.unbind(-1)
    cos, sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]
    return torch.stack([cos * x + sin * z, y, cos * z - sin * x], -1)


def waving(before: int, during: int, after: int) -> Float[Tensor, "t 22 3"]:
    joints = standing(before + during + after)
    joints[before : before + during, 20, 1] += 0.3 * torch.sin(torch.arange(during) * 0.8)
    return joints


def test_idle_ends_go_and_a_margin_stays() -> None:
    start, stop = trim.active_range(waving(40, 60, 50))
    assert 40 - trim.MARGIN - 3 <= start <= 40
    assert 100 <= stop <= 100 + trim.MARGIN + 4


@given(st.integers(0, 60), st.integers(2, 80), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_never_fewer_than_a_second_and_a_half_nor_outside(before: int, during: int, after: int) -> None:
    joints = waving(before, during, after)
    start, stop = trim.active_range(joints)
    assert 0 <= start < stop <= len(joints)
    assert stop - start >= min(len(joints), trim.SHORTEST)


def test_a_clip_that_never_moves_is_kept_whole() -> None:
    assert trim.active_range(standing(80)) == (0, 80)


def test_heading_grows_to_the_left_past_a_full_turn() -> None:
    angle = torch.linspace(0, 3 * math.pi, 100)
    assert torch.allclose(trim.heading(facing(standing(100), angle)), angle, atol=1e-4)


@pytest.mark.parametrize(("side", "sign"), [("left", 1.0), ("right", -1.0)])
def test_a_walk_ends_before_the_person_turns_about(side: str, sign: float) -> None:
    quarter = torch.cat([torch.zeros(30), torch.linspace(0, math.pi / 2, 20), torch.full((40,), math.pi / 2)])
    about = torch.cat([quarter, torch.linspace(math.pi / 2, 1.5 * math.pi, 30)])
    assert trim.end_of_turn(facing(standing(90), sign * quarter), side) == 90
    assert 60 <= trim.end_of_turn(facing(standing(120), sign * about), side) <= 95
    back = torch.cat([quarter, torch.linspace(math.pi / 2, -math.pi / 2, 30)])
    assert 60 <= trim.end_of_turn(facing(standing(120), sign * back), side) <= 105


def cycle(frames: int, speed: float = 0.05) -> Float[Tensor, "t 22 3"]:
    joints = standing(frames)
    joints[:, 7, 1] += 0.1 * torch.sin(torch.linspace(0, 2 * math.pi, frames))
    joints[:, :, 2] += speed * torch.arange(frames)[:, None]
    return joints


def test_a_cycle_repeats_without_a_seam_and_goes_on() -> None:
    joints = cycle(16)
    repeated = trim.repeat_cycle(joints, 80)
    assert 80 <= len(repeated) < 80 + 16
    assert torch.allclose(repeated[:16], joints, atol=1e-5)
    step = repeated[1:, 0, 2] - repeated[:-1, 0, 2]
    assert torch.allclose(step, torch.full_like(step, 0.05), atol=1e-4)
    assert float((repeated[1:] - repeated[:-1]).norm(dim=-1).max()) < 0.08


def test_a_cycle_that_stops_one_frame_early_is_closed() -> None:
    joints = cycle(17)[:16]
    repeated = trim.repeat_cycle(joints, 64)
    assert len(repeated) == 65
    assert torch.allclose(repeated[32, 0, 2] - repeated[16, 0, 2], torch.tensor(16 * 0.05), atol=1e-3)


def test_what_does_not_close_is_left_alone() -> None:
    joints = cycle(16)
    joints[8:, 20, 1] += 0.6
    assert torch.equal(trim.repeat_cycle(joints, 80), joints)
