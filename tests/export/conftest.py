"""A clip whose pose is known: every joint turns, the person walks off and spins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from motiongen.body.smpl import free_body
from motiongen.export.posed import Pose
from motiongen.motion import Motion, Segment
from motiongen.skeleton import NUM_JOINTS

FRAMES = 43


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(name="pose", scope="session")
def _pose() -> Pose:
    """Two seconds on the free body, with a shape of its own."""
    generator = torch.Generator().manual_seed(3)
    time = torch.arange(FRAMES)[:, None, None] / 20
    reach, speed, phase = (torch.rand(24, 3, generator=generator) for _ in range(3))
    poses = 0.5 * reach * torch.sin(2 * torch.pi * (0.3 + 0.5 * speed) * time + 2 * torch.pi * phase)
    # Upright and facing +Z at first, then more than a whole turn; hands are not in a clip.
    poses[:, 0] = torch.tensor([0.0, 1.0, 0.0]) * 4 * time[:, 0]
    poses[:, 16:18] += torch.tensor([[0.0, 0.0, -1.2], [0.0, 0.0, 1.2]])
    poses[:, 22:] = 0
    trans = torch.cat([0.2 * time[:, 0], 0.96 + 0.02 * torch.sin(5 * time[:, 0]), 0.9 * time[:, 0]], dim=1)
    return Pose(free_body(), poses, trans, 0.3 * torch.randn(10, generator=generator))


@pytest.fixture(name="clip", scope="session")
def _clip(pose: Pose) -> Motion:
    """That pose as a motion which brings it along."""
    text = (Segment("a person walks", 0, 20), Segment("then spins »around«", 20, FRAMES))
    extra = {"poses": pose.poses, "trans": pose.trans, "betas": pose.betas}
    return Motion(pose.joints()[:, :NUM_JOINTS].clone(), 20.0, text, extra)
