"""Preparing folders of clips: layout, resuming, refusals, accumulation; on small BVH text written here."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from motiongen.motion import MotionError
from motiongen.skeleton import MIRROR
from motiongen_data_prep import prepare as module
from motiongen_data_prep.captions import MAX_CAPTIONS
from motiongen_data_prep.prepare import Summary, prepare
from motiongen_data_prep.starter import bandai_takes, cmu_takes

CMU_BONES = {
    "LHipJoint": ("Hips", (0, 0, 0)),
    "LeftUpLeg": ("LHipJoint", (1.6, -1.8, 0.8)),
    "LeftLeg": ("LeftUpLeg", (2.4, -6.7, 0)),
    "LeftFoot": ("LeftLeg", (2.4, -6.7, 0)),
    "LeftToeBase": ("LeftFoot", (0.1, -0.5, 2.2)),
    "RHipJoint": ("Hips", (0, 0, 0)),
    "RightUpLeg": ("RHipJoint", (-1.6, -1.8, 0.8)),
    "RightLeg": ("RightUpLeg", (-2.4, -6.7, 0)),
    "RightFoot": ("RightLeg", (-2.4, -6.7, 0)),
    "RightToeBase": ("RightFoot", (-0.1, -0.5, 2.2)),
    "LowerBack": ("Hips", (0, 0, 0)),
    "Spine": ("LowerBack", (0, 2.0, 0)),
    "Spine1": ("Spine", (0, 2.0, 0)),
    "Neck": ("Spine1", (0, 0, 0)),
    "Neck1": ("Neck", (0, 1.7, 0.2)),
    "Head": ("Neck1", (0, 1.7, -0.2)),
    "LeftShoulder": ("Spine1", (0, 0, 0)),
    "LeftArm": ("LeftShoulder", (3.3, 0.7, 0)),
    "LeftForeArm": ("LeftArm", (5.0, 0, 0)),
    "LeftHand": ("LeftForeArm", (3.4, 0, 0)),
    "RightShoulder": ("Spine1", (0, 0, 0)),
    "RightArm": ("RightShoulder", (-3.3, 0.7, 0)),
    "RightForeArm": ("RightArm", (-5.0, 0, 0)),
    "RightHand": ("RightForeArm", (-3.4, 0, 0)),
}


def bvh(frames: int = 60, fps: float = 30.0) -> str:
    """A walk with a swinging left arm, on a skeleton with CMU's names and units."""
    children: dict[str, list[str]] = {}
    for name, (parent, _) in CMU_BONES.items():
        children.setdefault(parent, []).append(name)
    order: list[str] = []

    def joint(name: str, offset: tuple[float, ...], depth: int) -> str:
        order.append(name)
        pad = "  " * depth
        channels = "6 Xposition Yposition Zposition" if name == "Hips" else "3"
        text = f"{pad}{'ROOT' if name == 'Hips' else 'JOINT'} {name}\n{pad}{{\n"
        text += f"{pad}  OFFSET {offset[0]} {offset[1]} {offset[2]}\n"
        text += f"{pad}  CHANNELS {channels} Zrotation Yrotation Xrotation\n"
        for child in children.get(name, []):
            text += joint(child, CMU_BONES[child][1], depth + 1)
        if name not in children:
            text += f"{pad}  End Site\n{pad}  {{\n{pad}    OFFSET 0 0 1\n{pad}  }}\n"
        return text + f"{pad}}}\n"

    lines = []
    hierarchy = joint("Hips", (0, 0, 0), 0)
    for frame in range(frames):
        swing = 30 * math.sin(frame / fps * 6)
        turns = {"LeftUpLeg": (0, 0, swing), "RightUpLeg": (0, 0, -swing), "LeftArm": (-60 + swing, 0, 0)}
        turns["RightArm"] = (70, 0, 0)
        values = [0.0, 17.0, 20.0 * frame / fps]
        for name in order:
            values += turns.get(name, (0, 0, 0))
        lines.append(" ".join(f"{value:.4f}" for value in values))
    return f"HIERARCHY\n{hierarchy}MOTION\nFrames: {frames}\nFrame Time: {1 / fps:.6f}\n" + "\n".join(lines) + "\n"


@pytest.fixture
def bandai(tmp_path: Path) -> Path:
    data = tmp_path / "src" / "deep" / "data"
    data.mkdir(parents=True)
    for name in (
        "2_walk_normal_001",
        "2_wave-left-hand_active_001",
        "2_walk-turn-right_elderly_003",
        "1_bow_happy_001",
    ):
        (data / f"dataset-{name}.bvh").write_text(bvh())
    return tmp_path / "src"


def run(source: str, src: Path, out: Path, **options: bool) -> tuple[Summary, str]:
    stream = io.StringIO()
    console = Console(file=stream, width=400)
    return prepare(source, src, out, workers=1, console=console, **options), stream.getvalue()


def rows(out: Path) -> dict[str, dict[str, str]]:
    with open(out / "clips.csv", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_layout_is_that_of_humanml3d(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary, _ = run("bandai-namco", bandai, out)
    assert (summary.written, summary.kept, summary.skipped) == (4, 0, {})
    assert (out / "heldout.txt").read_text().split() == ["bn1_bow_happy_001", "Mbn1_bow_happy_001"]
    listed = [
        name for split in ("train", "val", "test", "heldout") for name in (out / f"{split}.txt").read_text().split()
    ]
    assert sorted(listed) == sorted(rows(out))
    for name in listed:
        joints, features = np.load(out / f"new_joints/{name}.npy"), np.load(out / f"new_joint_vecs/{name}.npy")
        assert joints.dtype == features.dtype == np.float32
        assert joints.shape[1:] == (22, 3) and features.shape == (len(joints) - 1, 263)
        assert abs(joints[..., 1].min()) < 1e-5 and np.abs(joints[0, 0, [0, 2]]).max() < 1e-5
        captions = (out / f"texts/{name}.txt").read_text().splitlines()
        assert len(captions) == MAX_CAPTIONS and all(
            line.count("#") == 3 and line.endswith("#0.0#0.0") for line in captions
        )
    assert np.load(out / "Mean.npy").shape == np.load(out / "Std.npy").shape == (263,)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["clips"] == {"bandai-namco": 8} and manifest["mirrored"] == 4
    assert "CC BY-NC 4.0" in (out / "LICENSES.txt").read_text()


def test_the_twin_mirrors_motion_words_and_label(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("bandai-namco", bandai, out)
    name = "bn2_wave-left-hand_active_001"
    joints, twin = np.load(out / f"new_joints/{name}.npy"), np.load(out / f"new_joints/M{name}.npy")
    # Up to the small turn that brings each to face +Z in its first frame.
    assert np.allclose(twin[..., 1], joints[:, list(MIRROR), 1], atol=0.02)
    assert rows(out)[f"M{name}"]["content"] == "wave-right-hand"
    text, swapped = (out / f"texts/{name}.txt").read_text(), (out / f"texts/M{name}.txt").read_text()
    assert "left" in text and "left" not in swapped and "right" in swapped


def test_statistics_are_those_of_the_training_clips(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("bandai-namco", bandai, out)
    names = (out / "train.txt").read_text().split()
    features = np.concatenate([np.load(out / f"new_joint_vecs/{name}.npy") for name in names]).astype(np.float64)
    mean, std = np.load(out / "Mean.npy"), np.load(out / "Std.npy")
    assert np.allclose(mean, features.mean(0), atol=1e-5)
    for first, last in ((0, 1), (1, 3), (3, 4), (4, 67), (67, 193), (193, 259), (259, 263)):
        assert np.allclose(std[first:last], max(features[:, first:last].std(0).mean(), 1e-4), atol=1e-5)


def test_a_second_call_keeps_what_is_unchanged_and_refreshes_texts(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("bandai-namco", bandai, out)
    kept = out / "new_joints" / "bn2_walk_normal_001.npy"
    before = kept.stat().st_mtime_ns
    text = out / "texts" / "bn2_walk_normal_001.txt"
    wanted = text.read_text()
    text.write_text("stale\n")
    changed = next(bandai.rglob("*elderly*.bvh"))
    changed.write_text(bvh(frames=75))
    summary, _ = run("bandai-namco", bandai, out)
    assert (summary.written, summary.kept) == (1, 3)
    assert kept.stat().st_mtime_ns == before and text.read_text() == wanted


def test_a_lost_file_is_made_again_and_leftovers_of_a_kill_go(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("bandai-namco", bandai, out)
    (out / "new_joint_vecs" / "Mbn2_walk_normal_001.npy").unlink()
    leftover = out / "new_joints" / ".x.npy.123.part.npy"
    leftover.write_bytes(b"half")
    summary, _ = run("bandai-namco", bandai, out)
    assert (summary.written, summary.kept) == (1, 3)
    assert not leftover.exists() and (out / "new_joint_vecs" / "Mbn2_walk_normal_001.npy").is_file()


def test_bad_files_cost_a_line_each_and_the_run_goes_on(bandai: Path, tmp_path: Path) -> None:
    data = next(bandai.rglob("*.bvh")).parent
    (data / "dataset-2_run_normal_001.bvh").write_text("HIERARCHY\nROOT oops")
    (data / "dataset-2_run_normal_002.bvh").write_text(bvh(frames=20))
    (data / "holiday.bvh").write_text(bvh())
    (data / "dataset-2_juggle_normal_001.bvh").write_text(bvh())
    summary, output = run("bandai-namco", bandai, tmp_path / "out")
    assert summary.written == 4 and len(summary.skipped) == 4
    assert "clip needs 1 s" in summary.skipped["bn2_run_normal_002"]
    assert "not named dataset-N" in summary.skipped["holiday.bvh"]
    assert output.count("skipped ") == 4
    assert "bn2_run_normal_001" not in rows(tmp_path / "out")


def test_a_clip_whose_file_became_unusable_leaves_the_lists(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("bandai-namco", bandai, out)
    next(bandai.rglob("*walk_normal*.bvh")).write_text("broken")
    run("bandai-namco", bandai, out)
    assert "bn2_walk_normal_001" not in rows(out)


def test_without_mirror_there_are_no_twins_and_old_ones_go(bandai: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("bandai-namco", bandai, out)
    run("bandai-namco", bandai, out, mirror=False)
    assert len(rows(out)) == 4 and not list(out.glob("*/M*.npy")) and not list(out.glob("texts/M*"))


def test_processes_write_the_same_as_one(bandai: Path, tmp_path: Path) -> None:
    run("bandai-namco", bandai, tmp_path / "one")
    prepare("bandai-namco", bandai, tmp_path / "two", workers=2, console=Console(file=io.StringIO()))
    for path in sorted((tmp_path / "one").rglob("*.npy")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_sources_accumulate_in_one_folder(bandai: Path, tmp_path: Path) -> None:
    out, own = tmp_path / "out", tmp_path / "own"
    run("bandai-namco", bandai, out)
    (own / "day one").mkdir(parents=True)
    (own / "day one" / "clip.bvh").write_text(bvh())
    (own / "captions.csv").write_text(
        "file,caption,split\n"
        "day one/clip.bvh,a robot walks,val\n"
        'day one/clip.bvh,"it walks, swinging the left arm",\n'
        "missing.bvh,nothing,\n"
        "notes.txt,nothing,\n"
    )
    summary, _ = run("folder", own, out)
    assert summary.written == 1 and set(summary.skipped) == {"missing.bvh", "notes.txt"}
    assert len(rows(out)) == 10 and rows(out)["day-one_clip"]["split"] == "val"
    lines = (out / "texts" / "Mday-one_clip.txt").read_text().splitlines()
    assert [line.split("#")[0] for line in lines] == ["a robot walks", "it walks, swinging the right arm"]
    assert set(json.loads((out / "manifest.json").read_text())["sources"]) == {"bandai-namco", "folder"}


def test_partners_of_a_dance_share_a_split_and_amc_needs_its_skeleton(tmp_path: Path) -> None:
    skipped: dict[str, str] = {}
    for number in (*range(1, 8), *range(9, 23), *range(24, 31)):
        (tmp_path / f"salsa_{number:02d}.bvh").write_text("")
    (tmp_path / "88_01.amc").write_text("")
    (tmp_path / "cmu-mocap-index.csv").write_text("88_01,backflip,Subject #88\n")
    split = {take.name: take.split for take in cmu_takes(tmp_path, skipped.__setitem__)}
    assert all(split[f"cmu_salsa_{n:02d}"] == split[f"cmu_salsa_{n + 15:02d}"] for n in (*range(1, 8), *range(9, 16)))
    assert {"train", "test"} <= set(split.values())
    assert "88.asf" in skipped["88_01.amc"]


def test_takes_that_turn_the_other_way_are_labelled_by_what_they_show(tmp_path: Path) -> None:
    (tmp_path / "dataset-2_walk-turn-left_masculine_006.bvh").write_text("")
    (take,) = bandai_takes(tmp_path, lambda name, reason: None)
    assert (take.content, take.turn) == ("walk-turn-right", "right")
    assert "left" not in " ".join(sentence for group in take.captions for sentence in group)


@pytest.mark.parametrize(
    ("source", "names"),
    [("bandai-namco", "dataset-N"), ("cmu", "SUBJECT_TRIAL"), ("mesh2motion", "GLB"), ("folder", "csv")],
)
def test_an_empty_folder_is_one_line_that_says_what_was_looked_for(source: str, names: str, tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=names) as refused:
        run(source, tmp_path, tmp_path / "out")
    assert "\n" not in str(refused.value) and str(tmp_path) in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_wrong_calls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="bandai-namco, cmu"):
        run("amass", tmp_path, tmp_path / "out")
    with pytest.raises(MotionError, match="no such folder"):
        run("cmu", tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "captions.csv").write_text("file,text\n")
    with pytest.raises(MotionError, match="file,caption"):
        run("folder", tmp_path, tmp_path / "out")
    (tmp_path / "captions.csv").write_text("file,caption,split\na.bvh,b,holdout\n")
    with pytest.raises(MotionError, match="'holdout'"):
        run("folder", tmp_path, tmp_path / "out")
    with pytest.raises(MotionError, match="at least 1"):
        module.prepare("cmu", tmp_path, tmp_path / "out", workers=0)
