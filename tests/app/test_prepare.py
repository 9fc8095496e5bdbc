"""`motiongen prepare` on a folder written here; what it makes of sources is tested beside the code that does it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen.skeleton import PARENTS, uniform_offsets

Run = Callable[..., Any]
# Names that every reader of BVH knows, in the order of the 22 joints.
NAMES = (
    "Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot", "RightFoot", "Spine2",
    "LeftToeBase", "RightToeBase", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftArm", "RightArm",
    "LeftForeArm", "RightForeArm", "LeftHand", "RightHand",
)  # fmt: skip


def bvh(seconds: float = 3.0) -> str:
    """A person who glides and swings the arms, centimetres, 30 fps."""
    offsets = (100 * uniform_offsets()).tolist()
    order: list[int] = []

    def joint(index: int) -> str:
        order.append(index)
        x, y, z = offsets[index]
        position = "6 Xposition Yposition Zposition" if index == 0 else "3"
        children = [child for child, parent in enumerate(PARENTS) if parent == index]
        inner = "".join(map(joint, children)) or "End Site\n{\nOFFSET 0 1 5\n}\n"
        head = f"{'JOINT' if index else 'ROOT'} {NAMES[index]}\n{{\nOFFSET {x:.4f} {y:.4f} {z:.4f}\n"
        return f"{head}CHANNELS {position} Zrotation Xrotation Yrotation\n{inner}}}\n"

    hierarchy = joint(0)
    rows = []
    for frame in range(round(30 * seconds)):
        swing = 30 * math.sin(frame / 5)
        turns = {NAMES.index("LeftArm"): (-70 + swing, 0, 0), NAMES.index("RightArm"): (70 + swing, 0, 0)}
        numbers = [0.0, 95.0, 3.0 * frame]
        for index in order:
            numbers += turns.get(index, (0.0, 0.0, 0.0))
        rows.append(" ".join(f"{number:.4f}" for number in numbers))
    return f"HIERARCHY\n{hierarchy}MOTION\nFrames: {len(rows)}\nFrame Time: {1 / 30:.6f}\n" + "\n".join(rows) + "\n"


@pytest.fixture(name="source")
def _source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "walk.bvh").write_text(bvh())
    (folder / "broken.bvh").write_text("HIERARCHY\n")
    lines = ("file,caption,split", "walk.bvh,a person swings both arms,train", "broken.bvh,nothing,train")
    (folder / "captions.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("mirror", [True, False])
def test_a_folder_becomes_a_dataset(mirror: bool, source: Path, tmp_path: Path, run: Run) -> None:
    flags = () if mirror else ("--no-mirror",)
    result = run("prepare", "folder", source, tmp_path / "data", "--workers", 1, *flags)
    assert result.code == 0, result.err
    assert "1 clips written, 0 kept, 1 skipped" in result.out
    assert "broken" in result.err
    names = (tmp_path / "data" / "train.txt").read_text().split()
    assert len(names) == (2 if mirror else 1)
    for name in names:
        assert np.load(tmp_path / "data" / "new_joint_vecs" / f"{name}.npy").shape[1] == 263

    again = run("prepare", "folder", source, tmp_path / "data", "--workers", 1, *flags)
    assert "0 clips written, 1 kept, 1 skipped" in again.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dance", "source", "data"), "source is 'dance'; it must be one of bandai-namco"),
        (("folder", "absent", "data"), "absent: no such folder"),
        (("folder", "source", "source/walk.bvh"), "is a file, not a folder"),
        (("folder", "source", "data", "--workers", "0"), "workers is 0"),
        (("folder", "empty", "data"), "captions.csv: no such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], said: str, source: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    result = run("prepare", *arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("error: ") and said in result.err
    assert not (tmp_path / "data").exists()
