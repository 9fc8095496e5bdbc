"""HumanML3D from a tree like AMASS's, written here, against the steps of the original's notebooks in plain numpy."""

from __future__ import annotations

import csv
import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.body.rotation_vectors import from_matrix
from motiongen.body.rotations import rotations_for
from motiongen.body.t_pose import skeleton_rest
from motiongen.features import humanml3d as features
from motiongen_app.prepare import Options, run
from motiongen_data_prep import field, layout
from motiongen_data_prep import humanml3d as module
from motiongen_data_prep.workers import Summary

# path below amass_data, gender, frame rate, frames, every n-th of them at 20 fps, lost at the start, start, stop
SEQUENCES: tuple[tuple[str, str | bytes, float, int, int, int, int, int], ...] = (
    ("KIT/4/WalkInCounterClockwiseCircle02_poses.npz", "male", 100.0, 230, 5, 0, 0, 40),
    ("Eyes_Japan_Dataset/aita/accident-11-fall down-aita_poses.npz", "female", 40.0, 190, 2, 60, 4, 30),
    ("MPI_HDM05/bk/HDM_bk_01-01_01_120_poses.npz", "male", 60.0, 300, 3, 60, 0, 24),
    ("TotalCapture/s1/acting1_poses.npz", "male", 60.0, 150, 3, 20, 3, 28),
    ("MPI_Limits/03099/lar1_poses.npz", b"male", 59.94, 130, 2, 20, 0, 30),
    ("Transitions_mocap/mazen_c3d/dance_running_poses.npz", "neutral", 24.0, 60, 1, 10, 8, 45),
)
NAMES = ("000021", "000001", "000002", "000003", "000004", "000005")
HUMANACT12, SHORT, GONE, NAN = "000006", "000007", "000008", "007975"
LEFT, RIGHT = [1, 4, 7, 10, 13, 16, 18, 20], [2, 5, 8, 11, 14, 17, 19, 21]


def joints_by_the_notebooks(z_up: np.ndarray, step: int, lost: int, start: int, stop: int) -> np.ndarray:
    """raw_pose_processing.ipynb: every n-th frame, the matrix that exchanges y and z, the crops, and x negated."""
    joints = np.dot(z_up[::step], np.array([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]]))
    joints = joints[lost:][start:stop]
    joints[..., 0] *= -1
    return joints


def swapped(joints: np.ndarray) -> np.ndarray:
    """Its mirrored twin: x negated, and the chains of left and right exchanged."""
    mirrored = joints.copy()
    mirrored[..., 0] *= -1
    mirrored[:, LEFT], mirrored[:, RIGHT] = mirrored[:, RIGHT].copy(), mirrored[:, LEFT].copy()
    return mirrored


def text(name: str) -> str:
    side = "right" if name.startswith("M") else "left"
    return f"clip {name} turns {side}#clip/NOUN turn/VERB {side}/ADV#0.0#0.0\nwaves#wave/VERB#0.5#1.5\n"


@pytest.fixture(scope="module")
def clone(amass: Any) -> Path:
    """What a clone of the authors' repository holds, with AMASS and the bodies beside."""
    root: Path = amass.root
    rows = []
    for seed, (name, row) in enumerate(zip(NAMES, SEQUENCES)):
        path, gender, fps, frames, _, _, start, stop = row
        amass.write(path, frames, fps, gender, seed)
        rows.append((f"./pose_data/{path[:-4]}.npy", start, stop, f"{name}.npy"))
    source = f"./pose_data/{SEQUENCES[0][0][:-4]}.npy"
    rows += [
        ("./pose_data/humanact12/humanact12/P01G01R01F0001T0064A0101.npy", 0, -1, f"{HUMANACT12}.npy"),
        (source, 45, 46, f"{SHORT}.npy"),
        ("./pose_data/CMU/80/80_43_poses.npy", 0, 40, f"{GONE}.npy"),
        (source, 0, 40, f"{NAN}.npy"),
    ]
    acted = root / "pose_data/humanact12/humanact12/P01G01R01F0001T0064A0101.npy"
    acted.parent.mkdir(parents=True)
    rng = np.random.default_rng(7)
    np.save(acted, amass.bodies["male"][0][None] + 0.01 * rng.normal(size=(30, 22, 3)).cumsum(0))
    with open(root / "index.csv", "w", newline="") as file:
        csv.writer(file).writerows([("source_path", "start_frame", "end_frame", "new_name"), *rows])
    lists = root / "HumanML3D"
    lists.mkdir()
    names = [row[3].removesuffix(".npy") for row in rows]
    # Not in the order of the names: the original's order counts.
    splits = {"test": [*names[4:5], GONE, NAN], "val": names[3:4], "train": [*names[2::-1], HUMANACT12, SHORT]}
    splits |= {"train_val": splits["train"] + splits["val"], "all": names}
    for split, members in splits.items():
        both = members + [f"M{name}" for name in members]
        (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in both))
    with zipfile.ZipFile(lists / "texts.zip", "w") as archive:
        for name in names:
            archive.writestr(f"texts/{name}.txt", text(name))
            archive.writestr(f"texts/M{name}.txt", text(f"M{name}"))
            archive.writestr(f"__MACOSX/texts/._{name}.txt", "no text")
    return root


@pytest.fixture(scope="module")
def made(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    out = tmp_path_factory.mktemp("humanml3d") / "out"
    return out, run("humanml3d", clone, out, Options(workers=1))


def array(out: Path, folder: str, name: str) -> np.ndarray:
    loaded: np.ndarray = np.load(out / folder / f"{name}.npy")
    return loaded


@pytest.mark.parametrize("index", range(len(SEQUENCES)))
def test_joints_are_those_of_the_notebooks(made: tuple[Path, Summary], amass: Any, index: int) -> None:
    path, _, _, _, *cut = SEQUENCES[index]
    joints = joints_by_the_notebooks(amass.joints[path], *cut)
    for name, expected in ((NAMES[index], joints), (f"M{NAMES[index]}", swapped(joints))):
        vectors = features.encode(torch.from_numpy(expected)).numpy()
        assert vectors.shape == (len(joints) - 1, 263) and len(joints) > 20
        assert np.abs(array(made[0], "new_joint_vecs", name) - vectors).max() < 1e-5
        recovered = features.decode(torch.from_numpy(vectors)).numpy()
        assert np.abs(array(made[0], "new_joints", name) - recovered).max() < 1e-5
        assert array(made[0], "new_joint_vecs", name).dtype == np.float32


def test_a_clip_of_humanact12_is_taken_whole_and_not_negated(made: tuple[Path, Summary], clone: Path) -> None:
    joints = np.load(clone / "pose_data/humanact12/humanact12/P01G01R01F0001T0064A0101.npy")
    vectors = features.encode(torch.from_numpy(joints)).numpy()
    assert np.abs(array(made[0], "new_joint_vecs", HUMANACT12) - vectors).max() < 1e-5


def test_statistics_are_over_all_clips_with_a_deviation_for_each_group(made: tuple[Path, Summary]) -> None:
    out = made[0]
    rows = np.concatenate([np.load(path) for path in (out / "new_joint_vecs").glob("*.npy")]).astype(np.float64)
    std = rows.std(0)
    for start, stop in ((0, 1), (1, 3), (3, 4), (4, 67), (67, 193), (193, 259), (259, 263)):
        std[start:stop] = std[start:stop].mean()
    assert np.abs(np.load(out / "Mean.npy") - rows.mean(0)).max() < 1e-5
    assert np.abs(np.load(out / "Std.npy") / np.maximum(std, 1e-4) - 1).max() < 1e-4
    assert np.load(out / "Mean.npy").dtype == np.float32


def test_lists_keep_the_order_and_lose_what_was_not_made(made: tuple[Path, Summary], clone: Path) -> None:
    out, summary = made
    for split in module.LISTS:
        original = (clone / "HumanML3D" / f"{split}.txt").read_text().split()
        expected = [n for n in original if n.removeprefix("M") not in (SHORT, GONE, NAN)]
        assert (out / f"{split}.txt").read_text().split() == expected
    assert summary.splits == {"train": 8, "val": 2, "test": 2, "train_val": 10, "all": 14}
    with open(out / "skipped.csv", newline="") as file:
        skipped = {row["name"]: row["reason"] for row in csv.DictReader(file)}
    assert skipped == summary.skipped and set(skipped) == {SHORT, GONE, NAN}
    assert "published vectors are NaN" in skipped[NAN]
    assert "CMU is not below" in skipped[GONE]
    assert skipped[SHORT].startswith("1 frames are left")
    assert "test.txt: 4 of 6 names left out" in summary.notes


def test_texts_are_taken_over_to_the_letter(made: tuple[Path, Summary]) -> None:
    for name in (made[0] / "all.txt").read_text().split():
        assert (made[0] / "texts" / f"{name}.txt").read_text() == text(name)


def test_the_manifest_knows_every_input_by_its_digest(made: tuple[Path, Summary], clone: Path) -> None:
    manifest = json.loads((made[0] / "manifest.json").read_text())
    assert (manifest["dataset"], manifest["fps"], manifest["joints"], manifest["features"]) == (
        "humanml3d",
        20,
        22,
        263,
    )
    assert (manifest["clips"], manifest["mirrored"]) == (14, 7)
    inputs = {Path(path): value for path, value in manifest["inputs"].items()}
    wanted = [clone / "index.csv", clone / "HumanML3D/texts.zip", clone / "body_models/smplh/male/model.npz"]
    wanted += [clone / "amass_data" / row[0] for row in SEQUENCES]
    assert {path: inputs[path] for path in wanted} == {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in wanted
    }


def test_a_call_that_was_interrupted_is_gone_on_with(
    made: tuple[Path, Summary], clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left, write = tmp_path / "out", 3, layout.write_record

    def cut_off(folder: Path, record: dict[str, Any]) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        write(folder, record)

    monkeypatch.setattr(layout, "write_record", cut_off)
    with pytest.raises(KeyboardInterrupt):
        run("humanml3d", clone, out, Options(workers=1))
    monkeypatch.undo()
    (out / "new_joints" / ".000002.npy.1.part.npy").write_bytes(b"half a file")
    assert not (out / "Mean.npy").exists()

    def elsewhere(work: Callable[..., Any], jobs: Sequence[Any], workers: int) -> Iterator[Any]:
        for job in jobs:
            # As it would reach a process of its own.
            work, job = pickle.loads(pickle.dumps((work, job)))
            yield from work(job)

    monkeypatch.setattr(field, "run", elsewhere)
    again = run("humanml3d", clone, out, Options(workers=2))
    assert (again.written, again.kept) == (4, 3)
    names = {p.relative_to(out) for p in out.rglob("*") if p.is_file()}
    assert names == {p.relative_to(made[0]) for p in made[0].rglob("*") if p.is_file()}
    for name in names:
        assert (out / name).read_bytes() == (made[0] / name).read_bytes(), name

    (out / "new_joint_vecs" / "M000003.npy").unlink()
    assert run("humanml3d", clone, out, Options(workers=1)).written == 1
    # A disk with AMASS that is away for once costs no work.
    (clone / "amass_data").rename(clone / "away")
    assert run("humanml3d", clone, out, Options(workers=1)).splits["all"] == 2
    (clone / "away").rename(clone / "amass_data")
    assert run("humanml3d", clone, out, Options(workers=1)).kept == 7
    assert (out / "manifest.json").read_bytes() == (made[0] / "manifest.json").read_bytes()


def test_a_damaged_sequence_costs_its_clips_alone(made: tuple[Path, Summary], clone: Path, tmp_path: Path) -> None:
    data = tmp_path / "amass_data"
    # Archives as they are called today, one of which cannot be read.
    for path, *_ in SEQUENCES:
        corpus, rest = path.split("/", 1)
        target = data / {"MPI_HDM05": "HDM05", "MPI_Limits": "PosePrior"}.get(corpus, corpus) / rest.replace(" ", "_")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((clone / "amass_data" / path).read_bytes())
    (data / "TotalCapture/s1/acting1_poses.npz").write_bytes(b"PK no archive")
    summary = run("humanml3d", clone, tmp_path / "out", Options(workers=1, amass=data, mirror=False))
    assert summary.written == 6
    assert "not a readable npz" in summary.skipped["000003"]
    assert (tmp_path / "out" / "all.txt").read_text().split() == [
        name for name in (made[0] / "all.txt").read_text().split() if name != "000003" and name[0] != "M"
    ]
    for name in ("000001", "000002", "000004"):
        assert array(tmp_path / "out", "new_joint_vecs", name).tobytes() == (
            array(made[0], "new_joint_vecs", name).tobytes()
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{clone}", "out", "--fps", "30"), "--fps is not for humanml3d, which takes --amass, --bodies, --mirror"),
        (("{clone}", "{clone}/HumanML3D"), "name another OUT"),
        (("{clone}", "out", "--bodies", "nowhere"), "no SMPL-H body smplh/male/model.npz"),
        (("empty", "out"), "texts.zip: no such file"),
        (("{clone}", "other"), "holds clips of other sources"),
        (("{clone}", "out", "--amass", "empty"), "none of the 10 rows"),
    ],
)
def test_refusals_are_one_line(
    arguments: tuple[str, ...], said: str, clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    layout.write_record(tmp_path / "other", {"name": "cmu_01_01"})
    if "--amass" in arguments:
        # HumanAct12 alone would be enough.
        monkeypatch.setattr(module, "_file_of", lambda row, src, folder: (None, "is not there"))
    code, error = cli("prepare", "humanml3d", *(a.format(clone=clone) for a in arguments))
    assert code == 2 and said in error and error.count("error:") == 1 and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_the_published_clip_comes_back_from_an_amass_file_of_it(
    shared: Path, tmp_path: Path, new_amass: Callable[[Path], Any]
) -> None:
    """A body posed as the published clip is, recorded with a lead-in at twice the rate, in the row that names it."""
    folder = shared / "reference" / "humanml3d"
    with open(folder / "index.csv", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["new_name"] == "012314.npy")
    assert "Eyes_Japan_Dataset" in row["source_path"]
    published = torch.from_numpy(array(folder, "new_joints", "012314")).double()
    start, stop = int(row["start_frame"]), int(row["end_frame"])
    assert len(published) == stop - start - 1

    tree = new_amass(tmp_path / "clone")
    rest = skeleton_rest(published)
    tree.bodies["male"] = (rest.numpy(), np.zeros((22, 3, 10)))
    tree.write_bodies()
    local = rotations_for(published, rest, 20.0)
    # From the clip's world, Y up, to AMASS's, Z up: the inverse of what is done to AMASS.
    turn = torch.tensor([[-1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]], dtype=torch.float64)
    local[:, 0] = turn @ local[:, 0]
    poses = np.zeros((len(published), 156))
    poses[:, :66] = from_matrix(local).flatten(1).numpy()
    trans = (published[:, 0] @ turn.T - rest[0]).numpy()
    at_20_fps = np.concatenate([np.zeros(60 + start, dtype=int), np.arange(len(published)), [len(published) - 1]])
    frames = at_20_fps.repeat(2)
    path = row["source_path"].removeprefix("./pose_data/").replace(".npy", ".npz")
    tree.write(path, len(frames), 40.0, poses=poses[frames], trans=trans[frames], betas=np.zeros(16))

    source = tree.root
    with open(source / "index.csv", "w", newline="") as file:
        csv.writer(file).writerows([row.keys(), row.values()])
    for split in module.LISTS:
        (source / f"{split}.txt").write_text("012314\nM012314\n")
    for name in ("012314", "M012314"):
        (source / "texts").mkdir(exist_ok=True)
        (source / "texts" / f"{name}.txt").write_text(text(name))
    (source / "new_joints").mkdir()
    np.save(source / "new_joints" / "012314.npy", array(folder, "new_joints", "012314"))
    summary = run("humanml3d", source, tmp_path / "out", Options(workers=1))
    assert summary.written == 1

    made, vectors = (array(tmp_path / "out", kind, "012314") for kind in ("new_joints", "new_joint_vecs"))
    largest = np.abs(made - published.numpy()).max()
    assert largest < 1e-5
    # The published vectors were made from one frame more, and the heading's smoothing reaches back from it.
    apart = np.abs(vectors - array(folder, "new_joint_vecs", "012314"))[:-1]
    assert apart.max() < 0.015
    checks = json.loads((tmp_path / "out" / "manifest.json").read_text())["checks"]
    assert checks == {"new_joints/012314.npy, largest difference from the published one": pytest.approx(largest)}
