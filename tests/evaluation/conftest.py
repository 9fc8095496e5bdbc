"""Bodies that stand, walk and raise a hand, made up from a few numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.geometry.rotations import rotate_y
from motiongen.skeleton import JOINT_INDEX, PARENTS, uniform_offsets

Joints = Float[Tensor, "t 22 3"]


def stand(frames: int) -> Joints:
    rest = torch.zeros(22, 3)
    for joint in range(1, 22):
        rest[joint] = rest[PARENTS[joint]] + uniform_offsets()[joint]
    rest[:, 1] -= rest[:, 1].min()
    joints = rest.expand(frames, -1, -1).clone()
    # The uniform skeleton rests with its arms stretched out at the height of the shoulders.
    for side in ("left", "right"):
        joints[:, JOINT_INDEX[f"{side}_wrist"], 1] -= 0.5
    return joints


def walk(frames: int, speed: float = 1.0, turn: float = 0.0, steps: float = 1.8) -> Joints:
    """Along +Z at `speed` m/s with `steps` steps a second, turning left by `turn` degrees altogether."""
    joints = stand(frames)
    time = torch.arange(frames) / 20
    for side, sign in (("left", 0.3), ("right", -0.3)):
        for part in ("ankle", "foot"):
            joints[:, JOINT_INDEX[f"{side}_{part}"], 2] += sign * (math.pi * steps * time).sin()
    heading = torch.linspace(0, math.radians(turn), frames)
    forward = torch.stack([heading.sin(), torch.zeros(frames), heading.cos()], dim=-1) * speed / 20
    place = torch.cat([torch.zeros(1, 3), forward.cumsum(0)[:-1]])
    return rotate_y(joints, heading[:, None].expand(-1, 22)) + place[:, None]


def raise_hand(frames: int, side: str, waves: int = 0) -> Joints:
    """Up, at the top for the middle half, and down; `waves` times to the side and back while it is up."""
    joints = stand(frames)
    wrist = joints[:, JOINT_INDEX[f"{side}_wrist"]]
    phase = torch.linspace(0, 1, frames)
    wrist[:, 1] += 0.9 * ((0.5 - (phase - 0.5).abs()) * 4).clamp(0, 1)
    up = ((phase - 0.25) * 2).clamp(0, 1)
    wrist[:, 0] += 0.15 * (2 * math.pi * waves * up).sin()
    return joints


@pytest.fixture(name="stand", scope="session")
def _stand() -> Callable[..., Joints]:
    return stand


@pytest.fixture(name="walk", scope="session")
def _walk() -> Callable[..., Joints]:
    return walk


@pytest.fixture(name="raise_hand", scope="session")
def _raise_hand() -> Callable[..., Joints]:
    return raise_hand
