"""KIT-ML: its features against those of HumanML3D's encoder, and its folder with and without vectors."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.features import humanml3d, kit, skeletal
from motiongen.motion import MotionError
from motiongen.skeleton import FACING_JOINTS, KINEMATIC_CHAINS, LEFT_FOOT_JOINTS, RIGHT_FOOT_JOINTS, uniform_offsets
from motiongen_app.prepare import Options, run
from motiongen_data_prep.kit import SKELETON_CLIP

NAMES = ("00001", "M00001", SKELETON_CLIP, "00004")


def person(frames: int, seed: int, size: float = 300.0) -> torch.Tensor:
    """Somebody of KIT's 21 joints, hundreds of units tall, who walks a curve and sways."""
    rng = np.random.default_rng(seed)
    rest = np.zeros((21, 3))
    lengths = size * rng.uniform(0.2, 0.4, 21)
    for chain in kit.SKELETON.chains:
        for parent, joint in pairwise(chain):
            rest[joint] = rest[parent] + lengths[joint] * np.array(kit.SKELETON.directions[joint])
    time = np.arange(frames)[:, None, None] / kit.FPS
    joints = rest + 0.05 * size * rng.normal(size=(1, 21, 3)) * np.sin(2 * time + rng.uniform(0, 6, (1, 21, 3)))
    angle = 0.4 * time[:, 0, 0]
    turned = np.stack([[np.cos(angle), 0 * angle, np.sin(angle)], [-np.sin(angle), 0 * angle, np.cos(angle)]])
    x, y, z = np.moveaxis(joints, -1, 0)
    ahead = 0.3 * size * time[..., 0]
    joints = np.stack(
        [
            turned[0, 0][:, None] * x + turned[0, 2][:, None] * z + ahead,
            y + 2 * size,
            turned[1, 0][:, None] * x + turned[1, 2][:, None] * z,
        ],
        axis=-1,
    )
    return torch.from_numpy(joints)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is published, with vectors made of positions of higher precision than those beside them."""
    root = tmp_path_factory.mktemp("kit") / "KIT-ML"
    for folder in ("new_joints", "new_joint_vecs", "texts"):
        (root / folder).mkdir(parents=True)
    for seed, name in enumerate(NAMES):
        vectors = kit.encode(person(30 + seed, seed))
        np.save(root / "new_joint_vecs" / f"{name}.npy", vectors.float().numpy())
        np.save(root / "new_joints" / f"{name}.npy", kit.decode(vectors).float().numpy())
        (root / "texts" / f"{name}.txt").write_text(f"{name} walks#{name}/NUM walk/VERB#0.0#0.0\n")
    for split, names in {"train": NAMES[:2], "val": NAMES[2:3], "test": ["00009", "00004"], "all": NAMES}.items():
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
    return root


def test_the_encoder_for_any_skeleton_is_humanml3ds_on_its_skeleton(shared: Path) -> None:
    """What the original made of three clips, which HumanML3D's own module is held against too."""
    lengths = uniform_offsets(torch.float64).norm(dim=-1)
    rest = torch.nn.functional.normalize(uniform_offsets(torch.float64), dim=-1)
    skeleton = skeletal.FeatureSkeleton(
        directions=tuple((x, y, z) for x, y, z in rest.tolist()),
        chains=KINEMATIC_CHAINS,
        facing=FACING_JOINTS,
        lower_leg=(5, 8),
        feet=(*LEFT_FOOT_JOINTS, *RIGHT_FOOT_JOINTS),
        contact_threshold=humanml3d.CONTACT_THRESHOLD,
    )
    assert skeleton.groups == humanml3d.GROUPS
    cases = np.load(shared / "reference" / "humanml3d" / "encoder_cases.npz")
    for case in range(3):
        joints = torch.from_numpy(cases[f"in_{case}"]).double()
        features = skeletal.encode(skeletal.to_lengths(joints, lengths, skeleton), skeleton)
        assert np.abs(features.numpy() - cases[f"features_{case}"]).max() < 1e-4
        assert (features - humanml3d.encode(joints)).abs().max() < 1e-12
        assert (skeletal.decode(features, skeleton) - humanml3d.decode(features)).abs().max() < 1e-12


def test_there_are_251_features_in_the_original_groups() -> None:
    assert kit.DIM == 251 and kit.NUM_JOINTS == 21 and kit.FPS == 12.5
    bounds = [(g.start, g.stop) for g in kit.GROUPS.values()]
    assert bounds == [(0, 1), (1, 3), (3, 4), (4, 64), (64, 184), (184, 247), (247, 251)]


def test_positions_come_back_and_contacts_are_of_the_original_feet() -> None:
    joints = person(40, 3)
    joints[:, [19, 20]] = joints[0, [19, 20]]
    features = kit.encode(joints)
    ahead = skeletal.to_origin(joints, kit.SKELETON)
    assert (kit.decode(features) - ahead[:-1]).abs().max() < 1e-8
    # The first two contacts are of joints 19 and 20, which stand; 14 and 15 do not.
    assert features[:, kit.GROUPS["foot_contacts"]].mean(0).tolist()[:2] == [1.0, 1.0]
    assert features[:, kit.GROUPS["foot_contacts"]].mean(0)[2:].max() < 0.5
    slow = joints[:1] + torch.linspace(0, 1, 40, dtype=torch.float64)[:, None, None] * 39 * torch.tensor([0.2, 0, 0.1])
    # 0.05 square units in a frame are the limit.
    assert kit.encode(slow)[:, kit.GROUPS["foot_contacts"]].sum() == 0
    assert kit.encode(joints[:1] + 0.99 * (slow - joints[:1]))[:, kit.GROUPS["foot_contacts"]].min() == 1


def test_bones_are_given_their_lengths() -> None:
    lengths = kit.SKELETON.bone_lengths(person(1, 5)[0])
    changed = skeletal.to_lengths(person(20, 6), lengths, kit.SKELETON)
    assert (kit.SKELETON.bone_lengths(changed) - lengths).abs().max() < 1e-9


def test_published_vectors_are_taken_over(published: Path, tmp_path: Path) -> None:
    summary = run("kit", published.parent, tmp_path, Options(workers=1))
    assert (summary.written, set(summary.skipped)) == (4, {"00009"})
    for name in NAMES:
        for folder in ("new_joints", "new_joint_vecs"):
            assert (tmp_path / folder / f"{name}.npy").read_bytes() == (published / folder / f"{name}.npy").read_bytes()
        assert (tmp_path / "texts" / f"{name}.txt").read_bytes() == (published / "texts" / f"{name}.txt").read_bytes()
    assert (tmp_path / "test.txt").read_text() == "00004\n" and summary.splits["train"] == 2
    rows = np.concatenate([np.load(tmp_path / "new_joint_vecs" / f"{name}.npy") for name in NAMES]).astype(np.float64)
    std = rows.std(0)
    for start, stop in ((0, 1), (1, 3), (3, 4), (4, 64), (64, 184), (184, 247), (247, 251)):
        std[start:stop] = std[start:stop].mean()
    assert np.abs(np.load(tmp_path / "Mean.npy") - rows.mean(0)).max() < 1e-3
    assert np.abs(np.load(tmp_path / "Std.npy") / np.maximum(std, 1e-4) - 1).max() < 1e-3
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["fps"], manifest["joints"], manifest["features"]) == (12.5, 21, 251)
    assert (manifest["clips"], manifest["mirrored"]) == (4, 1)
    assert str(published / "new_joint_vecs" / "00004.npy") in manifest["inputs"]
    assert run("kit", published, tmp_path, Options(workers=1)).kept == 4


def test_vectors_that_are_missing_are_computed_and_wrong_ones_refused(published: Path, tmp_path: Path) -> None:
    source = tmp_path / "KIT-ML"
    (source / "new_joint_vecs").mkdir(parents=True)
    for path in published.glob("*.txt"):
        (source / path.name).write_bytes(path.read_bytes())
    for folder in ("new_joints", "texts"):
        (source / folder).symlink_to(published / folder)
    other = np.load(published / "new_joint_vecs" / "00001.npy")
    np.save(source / "new_joint_vecs" / "00001.npy", other * 1.2)
    np.save(source / "new_joint_vecs" / "M00001.npy", other)
    summary = run("kit", source, tmp_path / "out", Options(workers=1))
    assert summary.written == 2
    assert "from where new_joints has them" in summary.skipped["00001"]
    assert "vectors have shape (29, 251); [30, 251] belong" in summary.skipped["M00001"]
    computed = torch.from_numpy(np.load(tmp_path / "out" / "new_joint_vecs" / "00004.npy")).double()
    joints = np.load(published / "new_joints" / "00004.npy")
    assert len(computed) == len(joints) - 1
    assert np.abs(kit.decode(computed).numpy() - joints[:-1]).max() < 0.01


def test_raw_joints_get_the_bones_of_the_reference_clip(published: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "joints").mkdir(parents=True)
    for path in published.glob("*.txt"):
        (source / path.name).write_bytes(path.read_bytes())
    (source / "texts").mkdir()
    for name in NAMES[1:]:
        (source / "texts" / f"{name}.txt").write_bytes((published / "texts" / f"{name}.txt").read_bytes())
    raw = {name: person(25, seed) for seed, name in enumerate(NAMES)}
    for name, joints in raw.items():
        written = name.replace("M", "M_")
        np.save(source / "joints" / f"{written}_gt.npy", joints.flatten(1).numpy())
    summary = run("kit", source, tmp_path / "out", Options(workers=1))
    assert summary.written == 4
    # Twins are clips of their own here: one without a text leaves the other one in its list.
    assert (tmp_path / "out" / "train.txt").read_text() == "M00001\n"
    assert summary.skipped["00001"] == "has no texts/00001.txt, so it is in no list"
    lengths = kit.SKELETON.bone_lengths(raw[SKELETON_CLIP][0])
    for name, joints in raw.items():
        expected = kit.encode(joints, lengths).numpy()
        assert np.abs(np.load(tmp_path / "out" / "new_joint_vecs" / f"{name}.npy") - expected).max() < 1e-3
        bones = kit.SKELETON.bone_lengths(torch.from_numpy(np.load(tmp_path / "out" / "new_joints" / f"{name}.npy")))
        assert (bones - lengths).abs().max() < 1e-2
    (source / "joints" / f"{SKELETON_CLIP}_gt.npy").unlink()
    with pytest.raises(MotionError, match=r"03950_gt\.npy is missing"):
        run("kit", source, tmp_path / "other", Options(workers=1))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--no-mirror",), "--no-mirror is not for kit, which takes none of them"),
        (("--fps", "20"), "--fps is not for kit"),
        ((), "texts.zip: no such file"),
    ],
)
def test_refusals_are_one_line(arguments: tuple[str, ...], said: str, tmp_path: Path, cli: Any) -> None:
    (tmp_path / "empty").mkdir()
    code, error = cli("prepare", "kit", tmp_path / "empty", tmp_path / "out", *arguments)
    assert code == 2 and said in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()
