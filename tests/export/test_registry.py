from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from motiongen.export import EXPORTERS
from motiongen.motion import Motion, MotionError, Segment
from motiongen.skeleton import PARENTS, uniform_offsets


@pytest.fixture
def standing() -> Motion:
    joints = torch.zeros(4, 22, 3)
    for joint, offset in enumerate(uniform_offsets()):
        if joint:
            joints[:, joint] = joints[:, PARENTS[joint]] + offset
    joints[..., 1] -= joints[..., 1].min()
    return Motion(joints, 20.0, (Segment("a person stands", 0, 4),))


_MAGIC = {"npz": (0, b"PK\x03\x04"), "mp4": (4, b"ftyp")}


@pytest.mark.parametrize("name", ["npz", "mp4"])
def test_a_format_writes_what_it_says(standing: Motion, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"clip.{name}"
    EXPORTERS[name](standing, path)
    at, magic = _MAGIC[name]
    assert path.read_bytes()[at : at + len(magic)] == magic
    assert list(tmp_path.iterdir()) == [path]


def test_npz_bytes_depend_on_the_motion_alone(standing: Motion, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        EXPORTERS["npz"](standing, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = Motion.load(tmp_path / "a.npz")
    assert torch.equal(back.joints, standing.joints) and back.text == standing.text and back.fps == standing.fps


@pytest.mark.parametrize("name", ["npz", "mp4"])
def test_an_unwritable_path_is_one_line(standing: Motion, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MotionError, match="cannot be written") as caught:
        EXPORTERS[name](standing, tmp_path / "file" / f"x.{name}")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_registry_imports_no_library_of_a_format() -> None:
    code = "import sys, motiongen.export as e; print(len(e.EXPORTERS) > 1, {'av', 'embreex'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True set()"
