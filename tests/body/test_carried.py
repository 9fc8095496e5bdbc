"""The floor that a posed body stands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from motiongen.body.carried import Pose
from motiongen.body.smpl import BodyModel


class _Rows(TorchDispatchMode):
    """Rows of the largest product with so many columns."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns, self.rows = columns, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, torch.Tensor) and made.ndim == 2 and made.shape[1] == self.columns:
            self.rows = max(self.rows, len(made))
        return made


def test_the_level_of_a_long_clip_is_found_piece_by_piece(small_body: Path) -> None:
    body = BodyModel.load(small_body)
    generator = torch.Generator().manual_seed(3)
    poses, trans = 0.3 * torch.randn(1100, 24, 3, generator=generator), torch.randn(1100, 3, generator=generator)
    pose = Pose(body, poses, trans, torch.zeros(10))
    with _Rows(len(body.template)) as seen:
        level = pose.level()
    assert 0 < seen.rows <= 1024
    pieces = [Pose(body, *both, pose.betas) for both in zip(poses.split(1), trans.split(1))]
    lowest = torch.tensor([piece.level() for piece in pieces])
    assert abs(level - lowest.quantile(0.1).item()) < 1e-4
