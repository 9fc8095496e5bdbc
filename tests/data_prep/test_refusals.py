"""What owners of files get wrong costs them a line, not the run, and never puts a wrong clip into the lists."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from motiongen.motion import MotionError
from motiongen.skeleton import PARENTS, uniform_offsets
from motiongen_data_prep import layout
from motiongen_data_prep import prepare as module
from motiongen_data_prep.folder import folder_takes, with_validation
from motiongen_data_prep.mesh2motion_captions import CLIPS
from motiongen_data_prep.prepare import Summary, prepare
from motiongen_data_prep.starter import mesh2motion_takes

NAMES = (
    "Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot", "RightFoot", "Spine2",
    "LeftToeBase", "RightToeBase", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftArm", "RightArm",
    "LeftForeArm", "RightForeArm", "LeftHand", "RightHand",
)  # fmt: skip


def bvh(frames: int = 45) -> str:
    """A person who glides forward, metres, 30 fps."""
    offsets = uniform_offsets().tolist()

    def joint(index: int) -> str:
        children = "".join(joint(child) for child, parent in enumerate(PARENTS) if parent == index)
        position = "6 Xposition Yposition Zposition" if index == 0 else "3"
        head = f"{'JOINT' if index else 'ROOT'} {NAMES[index]}\n{{\nOFFSET {' '.join(map(str, offsets[index]))}\n"
        inner = children or "End Site\n{\nOFFSET 0 0.01 0.05\n}\n"
        return f"{head}CHANNELS {position} Zrotation Xrotation Yrotation\n{inner}}}\n"

    rows = [f"0 1 {frame / 30}" + " 0" * 3 * len(NAMES) for frame in range(frames)]
    return f"HIERARCHY\n{joint(0)}MOTION\nFrames: {frames}\nFrame Time: {1 / 30}\n" + "\n".join(rows) + "\n"


def glb(*clips: str, count: str = "2") -> bytes:
    """The same person; each clip moves the hips. The accessors claim to hold `count` values."""
    values = np.array([[0, 1, 0], [0, 1, 1.5]], "<f4")
    data = np.array([0, 1.5], "<f4").tobytes() + values.tobytes()
    nodes = [{"name": name, "translation": offset} for name, offset in zip(NAMES, uniform_offsets().tolist())]
    for index, node in enumerate(nodes):
        children = [child for child, parent in enumerate(PARENTS) if parent == index]
        node.update({"children": children} if children else {})
    curve = {"samplers": [{"input": 0, "output": 1}]}
    document = {
        "asset": {"version": "2.0"},
        "nodes": nodes,
        "skins": [{"joints": list(range(len(NAMES)))}],
        "animations": [
            {"name": name, "channels": [{"sampler": 0, "target": {"node": 0, "path": "translation"}}], **curve}
            for name in clips
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 2, "type": "SCALAR"},
            {"bufferView": 0, "byteOffset": 8, "componentType": 5126, "count": 2, "type": "VEC3"},
        ],
        "bufferViews": [{"buffer": 0, "byteLength": len(data)}],
        "buffers": [{"byteLength": len(data)}],
    }
    text = json.dumps(document).replace('"count": 2', f'"count": {count}').encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(data), 0x004E4942) + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def table(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "captions.csv").write_text("\n".join(("file,caption,split", *rows)) + "\n", encoding="utf-8")
    return folder


def own(folder: Path, *names: str) -> Path:
    """A user's folder of BVH files, each with a caption and no split."""
    table(folder, *(f"{name}.bvh,a person glides," for name in names))
    for name in names:
        if not (folder / f"{name}.bvh").exists():
            (folder / f"{name}.bvh").write_text(bvh())
    return folder


def run(source: str, src: Path, out: Path) -> tuple[Summary, str]:
    stream = io.StringIO()
    summary = prepare(source, src, out, workers=1, console=Console(file=stream, width=200))
    return summary, stream.getvalue().strip()


def listed(out: Path) -> dict[str, str]:
    """Split of every clip in the lists."""
    with open(out / "clips.csv", newline="") as file:
        return {row["name"]: row["split"] for row in csv.DictReader(file)}


def test_a_glb_of_one_clip_needs_no_clip_name(tmp_path: Path) -> None:
    src = table(tmp_path / "own", "one.glb,a person glides,train", "some.glb#Armature/Go,a person glides,train")
    (src / "one.glb").write_bytes(glb("Wave"))
    (src / "some.glb").write_bytes(glb("Armature/Go", "Stop"))
    summary, _ = run("folder", src, tmp_path / "out")
    assert summary.skipped == {}
    assert set(listed(tmp_path / "out")) == {"one", "Mone", "some_Armature_Go", "Msome_Armature_Go"}


def test_a_glb_of_several_clips_is_refused_with_their_names(tmp_path: Path) -> None:
    src = table(tmp_path / "own", "some.glb,b,train", "some.glb#Jump,b,train", "walk.bvh,c,train", "walk.bvh#1,c,train")
    (src / "some.glb").write_bytes(glb("Go", "St\n\ud800op"))
    (src / "walk.bvh").write_text(bvh())
    summary, output = run("folder", src, tmp_path / "out")
    assert summary.skipped == {
        "walk.bvh#1": "only a GLB has clips to choose from; write walk.bvh",
        "some": "some.glb: has 2 clips; add # and one of them: Go, St ?op",
        "some_Jump": "some.glb: has no clip 'Jump'; its clips: Go, St ?op",
    }
    assert len(output.split("\n")) == 3


def test_a_damaged_glb_costs_mesh2motion_a_line(tmp_path: Path) -> None:
    first, second = [name for name, clip in CLIPS.items() if not isinstance(clip, str)][:2]
    (tmp_path / "a.glb").write_bytes(b"glTF, or not")
    (tmp_path / "b.glb").write_bytes(glb(first))
    (tmp_path / "c.glb").write_bytes(glb(first, second))
    (tmp_path / "d.glb").write_bytes(glb(first, count="1e999"))
    skipped: dict[str, str] = {}
    takes = mesh2motion_takes(tmp_path, skipped.__setitem__)
    assert [(take.file.name, take.clip) for take in takes] == [("b.glb", first), ("c.glb", second)]
    assert set(skipped) == {"a.glb", "d.glb", f"c.glb#{first}"}
    assert "not a GLB" in skipped["a.glb"] and "OverflowError" in skipped["d.glb"]
    assert f"already taken from b.glb#{first}" in skipped[f"c.glb#{first}"]


def test_numbers_beyond_all_bounds_cost_a_line(tmp_path: Path) -> None:
    src = own(tmp_path / "own", "walk", "odd")
    table(src, "walk.bvh,a person glides,train", "endless.glb,b,train", "odd.bvh,c,train")
    (src / "endless.glb").write_bytes(glb("Wave", count="1e999"))
    # A digit to Python, but no number.
    (src / "odd.bvh").write_text(bvh().replace("CHANNELS 3", "CHANNELS \N{SUPERSCRIPT THREE}"), encoding="utf-8")
    summary, output = run("folder", src, tmp_path / "out")
    assert summary.written == 1 and len(output.split("\n")) == 2
    assert "endless.glb: breaks the rules of glTF (OverflowError: " in summary.skipped["endless"]
    assert "odd.bvh: joint 'LeftUpLeg' has '\N{SUPERSCRIPT THREE}' channels" in summary.skipped["odd"]


@pytest.mark.parametrize("error", [OverflowError, MemoryError, IndexError, ValueError, ZeroDivisionError])
@pytest.mark.parametrize("step", ["read", "retarget"])
def test_whatever_a_file_brings_about_names_it(
    step: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    src = own(tmp_path / "own", "bad", "walk")
    table(src, "bad.bvh,b,train", "walk.bvh,a,train")
    whole = getattr(module, step)
    calls = iter([error("first\nsecond"), None])

    def fail_once(*arguments: object) -> object:
        if (failure := next(calls)) is not None:
            raise failure
        return whole(*arguments)

    monkeypatch.setattr(module, step, fail_once)
    summary, _ = run("folder", src, tmp_path / "out")
    assert set(listed(tmp_path / "out")) == {"walk", "Mwalk"}
    assert summary.skipped["bad"].endswith(f"bad.bvh: cannot be used ({error.__name__}: first second)")


def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layout, "write_clip", full)
    with pytest.raises(OSError, match="No space left"):
        run("folder", own(tmp_path / "own", "walk"), tmp_path / "out")


@pytest.mark.parametrize("count", [3, 4, 7, 12])
def test_three_clips_are_enough_to_validate(count: int, tmp_path: Path) -> None:
    src = own(tmp_path / "own", *(f"take{i}" for i in range(count)))
    takes = with_validation(folder_takes(src, lambda name, why: None))
    number = Counter(take.split for take in takes)
    assert number["val"] == 1 and number["train"] >= 2
    assert takes == with_validation(folder_takes(src, lambda name, why: None))


def test_validation_is_of_clips_that_can_be_used(tmp_path: Path) -> None:
    src = own(tmp_path / "own", *(f"take{i}" for i in range(4)))
    chosen = next(take.name for take in with_validation(folder_takes(src, lambda *_: None)) if take.split == "val")
    (src / f"{chosen}.bvh").write_text("broken")
    summary, _ = run("folder", src, tmp_path / "out")
    assert (summary.splits["val"], summary.splits["train"]) == (2, 4)
    assert (tmp_path / "out" / "val.txt").read_text().count("\n") == 2


@pytest.mark.parametrize("splits", [("train", "train", "train"), ("test", "test", ""), ("", "", "val"), ("", "")])
def test_splits_that_were_given_stay(splits: tuple[str, ...], tmp_path: Path) -> None:
    src = own(tmp_path / "own", *(f"take{i}" for i in range(len(splits))))
    table(src, *(f"take{i}.bvh,a,{split}" for i, split in enumerate(splits)))
    takes = with_validation(folder_takes(src, lambda name, why: None))
    assert tuple(take.split for take in takes) == tuple(split or "train" for split in splits)


def test_a_clip_that_the_table_no_longer_names_leaves_the_lists(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("folder", own(tmp_path / "own", "a", "b", "c"), out)
    run("folder", own(tmp_path / "other", "d"), out)
    # Of another source altogether, whose clips nobody asked about.
    layout.write_record(out, {**(layout.read_record(out, "d") or {}), "source": "cmu"})
    run("folder", own(tmp_path / "more", "e"), out)
    summary, _ = run("folder", own(tmp_path / "own", "a", "c"), out)
    assert (summary.written, summary.kept) == (0, 2)
    assert set(listed(out)) == {"a", "Ma", "c", "Mc", "d", "Md", "e", "Me"}
    assert "b" not in (out / "train.txt").read_text().split()


def test_a_clip_named_like_a_mirrored_twin_is_skipped(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("folder", own(tmp_path / "own", "Mwalk", "bow"), out)
    summary, _ = run("folder", own(tmp_path / "own", "Mwalk", "bow", "walk"), out)
    assert set(summary.skipped) == {"Mwalk"} and "mirrored twin" in summary.skipped["Mwalk"]
    assert set(listed(out)) == {"walk", "Mwalk", "bow", "Mbow"}
    # Clips that another folder's call made count too, whichever of the two comes first.
    summary, _ = run("folder", own(tmp_path / "other", "Mbow", "run"), out)
    assert set(summary.skipped) == {"Mbow"} and "Mrun" in listed(out)
    run("folder", own(tmp_path / "third", "Mjump"), out)
    summary, _ = run("folder", own(tmp_path / "fourth", "jump", "hop"), out)
    assert set(summary.skipped) == {"jump"} and "MMjump" in listed(out)


def test_the_table_may_begin_with_a_mark_and_must_be_utf_8(tmp_path: Path) -> None:
    src = own(tmp_path / "own", "walk")
    path, text = src / "captions.csv", "file,caption\nwalk.bvh,a person goes to a café\n"
    path.write_bytes(text.encode("utf-8-sig"))
    (take,) = folder_takes(src, lambda name, why: None)
    assert take.captions == (("a person goes to a café",),)
    for encoding in ("cp1252", "utf-16"):
        path.write_bytes(text.encode(encoding))
        with pytest.raises(MotionError, match="is not UTF-8; save it as UTF-8") as refused:
            folder_takes(src, lambda name, why: None)
        assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)
    path.write_text("file,caption\nwalk.bvh," + "a" * (csv.field_size_limit() + 1))
    with pytest.raises(MotionError, match="is not CSV"):
        folder_takes(src, lambda name, why: None)
