from __future__ import annotations

import math

import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from motiongen.editing.placing import bent, faded, floor_transform, placed, ramp, turned_to
from motiongen.geometry.rotations import rotate_y


def clip(frames: int = 12, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 22, 3, generator=generator) + 0.1 * torch.randn(frames, 22, 3, generator=generator).cumsum(0)


@settings(max_examples=50, deadline=None)
@given(st.floats(-math.pi, math.pi), st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 99))
def test_a_pose_moved_over_the_floor_is_found_again(turn: float, x: float, z: float, seed: int) -> None:
    pose = clip(1, seed)[0].double()
    moved = rotate_y(pose, torch.tensor(turn, dtype=torch.float64)) + torch.tensor([x, 0.0, z])
    found, shift = floor_transform(pose, moved)
    assert torch.allclose(rotate_y(pose, found) + shift, moved, atol=1e-9)
    whole = clip(5, seed).double()
    again = placed(
        whole, whole[2], rotate_y(whole[2], torch.tensor(turn, dtype=torch.float64)) + torch.tensor([x, 0.0, z])
    )
    assert torch.allclose(
        again, rotate_y(whole, torch.tensor(turn, dtype=torch.float64)) + torch.tensor([x, 0.0, z]), atol=1e-8
    )


def test_heights_are_not_touched_by_placing() -> None:
    joints = clip()
    assert torch.equal(placed(joints, joints[0], joints[5] + 3.0)[..., 1], joints[..., 1])


def test_a_bent_clip_begins_as_it_was_and_arrives() -> None:
    joints = clip(200)
    goal = rotate_y(joints[-1], torch.tensor(0.7)) + torch.tensor([1.0, 0.0, -2.0])
    result = bent(joints[:-1], joints[-1], goal)
    assert (result[0] - joints[0]).norm(dim=-1).max() < 0.01
    last, there = result[-1], turned_to(joints[-1], goal)
    assert (there[0] - goal[0])[[0, 2]].norm() < 1e-5
    # One frame before it arrives: as far from there as the clip moves in a frame.
    assert ((last - there).norm(dim=-1) < (joints[-2] - joints[-1]).norm(dim=-1) + 0.05).all()
    poses = (result - result[:, :1]).norm(dim=-1), (joints[:-1] - joints[:-1, :1]).norm(dim=-1)
    assert torch.allclose(*poses, atol=1e-5)


def test_offsets_fade_to_nothing() -> None:
    offset = torch.ones(22, 3)
    shares = faded(offset, 10, 6)[:, 0, 0]
    assert shares[0] > 0.85 and (shares.diff() <= 0).all() and (shares[6:] == 0).all()
    assert faded(offset, 3, 6).shape == (3, 22, 3)
    assert ramp(4).tolist() == sorted(ramp(4).tolist()) and 0 < ramp(4)[0] < ramp(4)[-1] < 1
