"""AMASS: finding sequences by old and new names, reading them without running anything, and joints of any body."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.body.smpl import free_body
from motiongen.motion import MotionError
from motiongen_assets import ROOT
from motiongen_data_prep import amass as module


@pytest.mark.parametrize(
    "place",
    [
        "MPI_HDM05/bk/a b_poses.npz",
        "HDM05/bk/a b_poses.npz",
        "HDM05/bk/a_b_poses.npz",
        "MPIHDM05/MPI_HDM05/bk/a b_poses.npz",
    ],
)
def test_a_sequence_is_found_by_its_old_name(place: str, tmp_path: Path) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.touch()
    assert module.find(tmp_path, "MPI_HDM05", "bk/a b_poses.npz") == path
    assert module.find(tmp_path, "KIT", "bk/a b_poses.npz") is None
    assert module.find(tmp_path, "MPI_HDM05", "bk/c_poses.npz") is None


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert "MPI_mosh or MoSh" in module.missing(tmp_path, "MPI_mosh", "1/x_poses.npz")
    (tmp_path / "MoSh" / "1").mkdir(parents=True)
    assert module.missing(tmp_path, "MPI_mosh", "1/x_poses.npz") == f"not in {tmp_path / 'MoSh'}"
    (tmp_path / "MoSh" / "1" / "x_stageii.npz").touch()
    assert "download SMPL+H G" in module.missing(tmp_path, "MPI_mosh", "1/x_poses.npz")


@pytest.mark.parametrize("gender", ["male", "female", "neutral", b"male", b"female", ["male"]])
def test_the_body_is_the_one_that_the_notebook_takes(gender: Any, new_amass: Any, tmp_path: Path) -> None:
    arrays = {"gender": np.array(gender)}
    path = new_amass(tmp_path).write("KIT/1/x_poses.npz", 4, 100.0, **arrays)
    with np.load(path) as file:
        notebook = bool(file["gender"] == "male")
    assert module.read(path).male == notebook


def test_a_sequence_is_what_its_file_holds(new_amass: Any, tmp_path: Path) -> None:
    path = new_amass(tmp_path).write("KIT/1/x_poses.npz", 9, 59.94)
    sequence = module.read(path)
    with np.load(path) as file:
        assert np.array_equal(sequence.poses.flatten(1).numpy(), file["poses"][:, :66])
        assert np.array_equal(sequence.trans.numpy(), file["trans"])
        assert np.array_equal(sequence.betas.numpy(), file["betas"][:10])
    assert sequence.fps == 59.94 and len(sequence) == 9


def test_joints_are_those_of_the_body_that_is_skinned(new_amass: Any, tmp_path: Path) -> None:
    """The free body's own file of 24 joints, through the project's other way to joints, turned to Y up."""
    sequence = module.read(new_amass(tmp_path).write("KIT/1/x_poses.npz", 7, 20.0))
    joints = module.joints(sequence, module.rest_joints(ROOT / "body" / "free_body.npz"), slice(1, 7, 2))
    poses = torch.cat([sequence.poses, torch.zeros(7, 2, 3)], dim=1)
    expected = free_body().joints(poses, sequence.betas, sequence.trans)[1::2, :22]
    # A turn of the world: distances are kept, and nothing is mirrored.
    turn = torch.tensor([[-1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]], dtype=torch.float64)
    assert torch.linalg.det(turn) == 1
    assert (joints - expected @ turn.T).abs().max() < 1e-5


class _Runs:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return exec, ("raise SystemExit('run')",)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"poses": np.zeros((4, 24))}, "SMPL-H's is [frames, 156]"),
        ({"poses": np.full((4, 156), np.nan)}, "'poses' holds NaN or infinity"),
        ({"trans": np.zeros((3, 3))}, "[4, 3] is needed"),
        ({"trans": np.array("here")}, "'trans' holds <U4 where numbers should be"),
        ({"mocap_framerate": np.array(0.0)}, "a number above 0 is needed"),
        ({"gender": np.array([_Runs()], dtype=object)}, "not a readable npz file"),
    ],
)
def test_damaged_sequences_are_refused(
    changed: dict[str, np.ndarray], said: str, new_amass: Any, tmp_path: Path
) -> None:
    path = tmp_path / "x_poses.npz"
    arrays = {
        "poses": np.zeros((4, 156)),
        "trans": np.zeros((4, 3)),
        "betas": np.zeros(16),
        "gender": np.array("male"),
        "mocap_framerate": np.array(100.0),
    }
    np.savez(path, **{**arrays, **changed})
    with pytest.raises(MotionError) as refused:
        module.read(path)
    assert said in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("key", ["poses", "trans", "betas", "gender", "mocap_framerate"])
def test_files_without_a_key_are_not_amass(key: str, new_amass: Any, tmp_path: Path) -> None:
    path = new_amass(tmp_path).write("KIT/1/x_poses.npz", 4, 100.0)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files if name != key}
    np.savez(path, **arrays)
    with pytest.raises(MotionError, match=f"holds no array '{key}', so it is not AMASS"):
        module.read(path)


def test_bodies_are_found_in_either_layout(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"SMPLH_MALE\.npz; download the 'Extended SMPL\+H"):
        module.body_files(tmp_path)
    male, female = tmp_path / "smplh" / "male" / "model.npz", tmp_path / "SMPLH_FEMALE.pkl"
    male.parent.mkdir(parents=True)
    male.touch()
    female.touch()
    assert module.body_files(tmp_path) == {"male": male, "female": female}


def test_what_is_no_body_is_refused(new_amass: Any, tmp_path: Path) -> None:
    tree = new_amass(tmp_path)
    path = tree.root / "body_models" / "smplh" / "male" / "model.npz"
    with np.load(path) as file:
        arrays = dict(file)
    wrong = {
        "tree": {"kintree_table": arrays["kintree_table"][:, ::-1]},
        "few": {"J_regressor": arrays["J_regressor"][:21]},
        "dirs": {"shapedirs": arrays["shapedirs"][:4]},
    }
    for name, changed in wrong.items():
        np.savez(tmp_path / f"{name}.npz", **{**arrays, **changed})
        with pytest.raises(MotionError):
            module.rest_joints(tmp_path / f"{name}.npz")
    (tmp_path / "pickle.pkl").write_bytes(pickle.dumps(_Runs()))
    with pytest.raises(MotionError, match="not an SMPL-format body"):
        module.rest_joints(tmp_path / "pickle.pkl")
