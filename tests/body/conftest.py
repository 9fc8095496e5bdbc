"""Small bodies in SMPL's format, and motions made by forward kinematics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.body.rotation_vectors import forward_kinematics, to_matrix
from motiongen.body.smpl import NUM_JOINTS, PARENTS
from motiongen.body.t_pose import t_pose
from motiongen.skeleton import uniform_offsets


def smpl_arrays(vertices: int = 120, joints: int = NUM_JOINTS, seed: int = 0) -> dict[str, np.ndarray]:
    """A body of random points with pose correctives; joints hang in SMPL's tree, further ones on the last."""
    rng = np.random.default_rng(seed)
    weights = rng.random((vertices, joints)) ** 6
    regressor = rng.random((joints, vertices)) ** 4
    parents = [*PARENTS, *range(NUM_JOINTS - 1, joints - 1)]
    return {
        "v_template": rng.normal(size=(vertices, 3)),
        "shapedirs": 0.05 * rng.normal(size=(vertices, 3, 12)),
        "posedirs": 0.02 * rng.normal(size=(vertices, 3, 9 * (joints - 1))),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([np.array(parents) % 2**32, range(joints)], dtype=np.uint32),
        "f": rng.integers(0, vertices, (40, 3)).astype(np.uint32),
    }


@pytest.fixture(scope="session")
def small_body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bodies") / "small.npz"
    np.savez(path, **smpl_arrays())
    return path


def moving_joints(frames: int = 60, seed: int = 0, size: float = 0.6) -> torch.Tensor:
    """A clip of the uniform skeleton that moves all its joints smoothly, knees and elbows as people bend them."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.linspace(0, 2 * torch.pi, frames, dtype=torch.float64)[:, None, None]
    phase = 6.28 * torch.rand(22, 3, generator=generator, dtype=torch.float64)
    poses = size * torch.rand(22, 3, generator=generator, dtype=torch.float64) * torch.sin(time + phase)
    poses[:, [4, 5, 18, 19]] = 0.0
    bend = 0.9 + 0.7 * torch.sin(time[..., 0] + phase[:4, 0])
    poses[:, [4, 5], 0], poses[:, 18, 1], poses[:, 19, 1] = bend[:, :2], -bend[:, 2], bend[:, 3]
    poses[:, [10, 11, 15, 20, 21]] = 0.0
    rest = t_pose(uniform_offsets(torch.float64).norm(dim=-1))
    _, joints = forward_kinematics(to_matrix(poses), rest, PARENTS[:22])
    return joints + torch.tensor([0.0, 0.95, 0.0]) + 0.3 * torch.sin(time)
