"""Skinning, and the body that ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.body.rotation_vectors import from_matrix, to_matrix
from motiongen.body.smpl import NUM_JOINTS, BodyModel, body_model, free_body
from motiongen.body.t_pose import DIRECTIONS
from motiongen.motion import MotionError
from motiongen.skeleton import JOINT_NAMES, MIRROR, PARENTS
from tests.body.conftest import smpl_arrays


def _poses(frames: int = 5, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    poses = torch.randn(frames, NUM_JOINTS, 3, generator=generator)
    return poses, torch.randn(10, generator=generator), torch.randn(frames, 3, generator=generator)


def _smplx_vertices(path: Path, poses: torch.Tensor, betas: torch.Tensor, trans: torch.Tensor) -> torch.Tensor:
    lbs = pytest.importorskip("smplx.lbs", reason="skinning is not compared: pip install --no-deps smplx").lbs
    arrays = {
        k: torch.from_numpy(v.astype(np.float32)) for k, v in np.load(path).items() if k not in ("f", "kintree_table")
    }
    parents = torch.tensor([-1, *PARENTS[1:], 20, 21])
    made, _ = lbs(
        betas.expand(len(poses), -1), poses.flatten(1), arrays["v_template"], arrays["shapedirs"][..., :10],
        arrays["posedirs"].flatten(0, 1).T, arrays["J_regressor"], parents, arrays["weights"],
    )  # fmt: skip
    return made + trans[:, None]


def test_skinning_is_that_of_smplx(small_body: Path) -> None:
    poses, betas, trans = _poses()
    expected = _smplx_vertices(small_body, poses, betas, trans)
    assert (BodyModel.load(small_body)(poses, betas, trans) - expected).abs().max() < 1e-5


def test_skinning_of_the_free_body_is_that_of_smplx() -> None:
    import motiongen_assets

    poses, betas, trans = _poses(2)
    expected = _smplx_vertices(motiongen_assets.ROOT / "body" / "free_body.npz", poses, betas, trans)
    assert (free_body()(poses, betas, trans) - expected).abs().max() < 1e-5


def test_many_frames_are_skinned_as_each_alone(small_body: Path) -> None:
    body = BodyModel.load(small_body)
    poses, betas, trans = _poses(70)
    together = body(poses, betas, trans)
    for frame in (0, 63, 64, 69):
        one = slice(frame, frame + 1)
        assert torch.allclose(body(poses[one], betas, trans[one])[0], together[frame], atol=1e-5)


def test_skinning_matrices_move_the_joints() -> None:
    body = free_body()
    poses, betas, trans = _poses()
    rest = body.rest_joints(betas)
    matrices = body.skinning_matrices(poses, betas, trans)
    moved = (matrices[..., :3, :3] @ rest[:, :, None])[..., 0] + matrices[..., :3, 3]
    assert torch.allclose(moved, body.joints(poses, betas, trans), atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: skinning on one is not compared")
def test_skinning_on_a_gpu_is_that_on_the_processor() -> None:
    poses, betas, trans = _poses()
    there = free_body().to("cuda")(poses.cuda(), betas.cuda(), trans.cuda())
    assert torch.allclose(there.cpu(), free_body()(poses, betas, trans), atol=1e-5)


def test_rotation_vectors_come_back_from_matrices() -> None:
    vectors = torch.randn(200, 3, dtype=torch.float64)
    vectors *= torch.linspace(0, 3.14, 200, dtype=torch.float64)[:, None] / vectors.norm(dim=-1, keepdim=True)
    assert torch.allclose(from_matrix(to_matrix(vectors)), vectors, atol=1e-6)


def test_the_free_body_is_a_person_in_t_pose() -> None:
    body, rest = free_body(), free_body().rest_joints()
    height = float(body.template[:, 1].max() - body.template[:, 1].min())
    assert 1.6 < height < 1.85
    assert torch.allclose(rest[0], torch.zeros(3), atol=1e-3)
    assert torch.allclose(rest[list(MIRROR), 0], -rest[:22, 0], atol=2e-3)
    for joint in (18, 20, 19, 21):
        along = torch.nn.functional.normalize(rest[joint] - rest[PARENTS[joint]], dim=0)
        assert along[0].abs() > 0.9999
    assert float(body.template[:, 2].max()) > 0.1, "toes point forwards"
    assert torch.allclose(body.weights.sum(1), torch.ones(len(body.weights)), atol=1e-3)
    assert int((body.weights > 0).sum(1).max()) <= 4


def test_the_trunk_of_the_free_body_is_as_people_stand_at_ease() -> None:
    rest = free_body().rest_joints()
    for joint, name in enumerate(JOINT_NAMES):
        part = name.removeprefix("left_")
        if part in ("hip", "spine1", "spine2", "spine3", "neck", "collar", "shoulder", "head"):
            along = torch.nn.functional.normalize(rest[joint] - rest[PARENTS[joint]], dim=0)
            wanted = torch.nn.functional.normalize(torch.tensor(DIRECTIONS[part]), dim=0)
            # Collars and hips bear what the body's own width asks for.
            assert along @ wanted > 0.998, name


def test_bodies_are_chosen_by_name_path_and_environment(small_body: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MOTIONGEN_SMPL", raising=False)
    assert body_model() is free_body()
    assert body_model(small_body).name == "small"
    monkeypatch.setenv("MOTIONGEN_SMPL", str(small_body))
    assert body_model().name == "small"
    assert body_model("free") is free_body()


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("weights", np.ones((5, 24)), "'weights' has shape"),
        ("shapedirs", np.ones((120, 3, 4)), "'shapedirs' has shape"),
        ("posedirs", np.ones((120, 3, 200)), "'posedirs' has shape"),
        ("f", np.full((4, 3), 120), "triangles"),
        ("v_template", np.full((120, 3), np.nan), "NaN"),
        ("kintree_table", np.zeros((2, 24), int), "hang together"),
        ("v_template", np.array("x"), "instead of numbers"),
        ("v_template", np.float64(3), "has shape"),
    ],
)
def test_a_body_with_wrong_arrays_is_refused_in_one_line(
    tmp_path: Path, key: str, value: np.ndarray, says: str
) -> None:
    path = tmp_path / "wrong.npz"
    np.savez(path, **{**smpl_arrays(), key: value})
    with pytest.raises(MotionError, match=says) as caught:
        BodyModel.load(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_smplx_files_are_named_as_what_they_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **smpl_arrays(joints=55))
    with pytest.raises(MotionError, match=r"55 joints \(SMPL-X\).*motiongen.body.extended"):
        BodyModel.load(tmp_path / "x.npz")
