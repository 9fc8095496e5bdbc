"""SMPL-H and SMPL-X through smplx."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.body import extended
from motiongen.body.smpl import BodyModel
from motiongen.motion import MotionError
from tests.body.conftest import smpl_arrays


def test_without_smplx_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smplx.lbs", None)
    with pytest.raises(MotionError, match=r'pip install "motiongen\[smplx\]"'):
        extended.vertices(tmp_path / "x.npz", torch.zeros(1, 22, 3), torch.zeros(10), torch.zeros(1, 3))


def test_a_model_of_24_joints_is_posed_as_by_the_projects_own_skinning(small_body: Path) -> None:
    pytest.importorskip("smplx", reason="SMPL-X is not posed: pip install --no-deps smplx")
    poses, betas, trans = torch.randn(3, 24, 3), torch.randn(10), torch.randn(3, 3)
    made = extended.vertices(small_body, poses, betas, trans)
    assert (made - BodyModel.load(small_body)(poses, betas, trans)).abs().max() < 1e-5


def test_fingers_of_a_larger_model_rest_unless_they_are_bent(tmp_path: Path) -> None:
    pytest.importorskip("smplx", reason="SMPL-X is not posed: pip install --no-deps smplx")
    path = tmp_path / "x.npz"
    np.savez(path, **smpl_arrays(joints=55))
    body = 0.3 * torch.randn(2, 22, 3)
    full = torch.cat([body, torch.zeros(2, 33, 3)], dim=1)
    betas, trans = torch.zeros(10), torch.zeros(2, 3)
    at_rest = extended.vertices(path, body, betas, trans)
    assert torch.equal(at_rest, extended.vertices(path, full, betas, trans))
    full[:, 40] = 1.0
    assert (at_rest - extended.vertices(path, full, betas, trans)).abs().max() > 1e-3
    with pytest.raises(MotionError, match="give no more"):
        extended.vertices(path, torch.zeros(2, 56, 3), betas, trans)
