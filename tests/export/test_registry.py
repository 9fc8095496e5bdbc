from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.export import EXPORTERS, IMPORTERS, format_to_read, format_to_write, load, suffix
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


_MAGIC = {
    "npz": (0, b"PK\x03\x04"),
    "amass": (0, b"PK\x03\x04"),
    "bvh": (0, b"HIERARCHY"),
    "glb": (0, b"glTF\x02"),
    "mp4": (4, b"ftyp"),
    "mdm": (0, b"\x93NUMPY"),
}


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_format_writes_what_it_says(standing: Motion, tmp_path: Path, name: str) -> None:
    path = tmp_path / f"clip{suffix(name)}"
    EXPORTERS[name](standing, path)
    at, magic = _MAGIC[name]
    assert path.read_bytes()[at : at + len(magic)] == magic
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", sorted(EXPORTERS.keys() - {"mp4"}))
def test_motion_that_is_being_optimised_or_in_double_precision_is_written_too(
    standing: Motion, tmp_path: Path, name: str
) -> None:
    joints = standing.joints.double().requires_grad_()
    paths = [tmp_path / f"{i}{suffix(name)}" for i in range(2)]
    EXPORTERS[name](standing, paths[0])
    EXPORTERS[name](Motion(joints, standing.fps, standing.text), paths[1])
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_npz_bytes_depend_on_the_motion_alone(standing: Motion, tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        EXPORTERS["npz"](standing, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    back = Motion.load(tmp_path / "a.npz")
    assert torch.equal(back.joints, standing.joints) and back.text == standing.text and back.fps == standing.fps


@pytest.mark.parametrize("name", EXPORTERS)
def test_an_unwritable_path_is_one_line(standing: Motion, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MotionError, match="cannot be written") as caught:
        EXPORTERS[name](standing, tmp_path / "file" / f"x.{name}")
    assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", sorted(EXPORTERS.keys() - {"npz"}))
def test_a_full_disk_leaves_the_file_that_was_there(
    standing: Motion, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"clip{suffix(name)}"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(MotionError, match=r"cannot be written \(No space left on device"):
        EXPORTERS[name](standing, path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_name_asks_for_the_format_that_ends_so(name: str) -> None:
    assert format_to_write(Path(f"some.dir/CLIP.x{suffix(name).upper()}")) == name


def test_names_that_no_format_has_are_refused() -> None:
    assert format_to_write(Path("results.npy")) == "mdm"
    for name in ("clip", "clip.fbx", "clip.npy"):
        with pytest.raises(MotionError, match=r"no format ends in .*; there are \.npz, \.amass\.npz, \.bvh, "):
            format_to_write(Path(name))


def test_files_are_known_by_what_they_hold(standing: Motion, tmp_path: Path) -> None:
    for name, as_if in (("amass", "a.npz"), ("npz", "b.npz"), ("mdm", "c.npy")):
        EXPORTERS[name](standing, tmp_path / as_if)
        assert format_to_read(tmp_path / as_if) == name
    np.save(tmp_path / "d.npy", standing.joints.numpy())
    assert torch.equal(load(tmp_path / "d.npy").joints, standing.joints)


@pytest.mark.parametrize("name", ["absent.npz", "absent.npy", "absent.bvh", "absent.glb"])
def test_an_absent_file_is_said_to_be_absent(name: str, tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=f"{name}: no such file"):
        load(tmp_path / name)


@pytest.mark.parametrize("name", ["text.npz", "text.npy", "text.bvh", "text.glb", "text.mp4", "text.txt", "text"])
def test_what_is_no_clip_is_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("hello")
    with pytest.raises(MotionError, match=name) as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert IMPORTERS.keys() == EXPORTERS.keys() - {"mp4"}


def test_the_registry_imports_no_library_of_a_format() -> None:
    libraries = "{'av', 'embreex', 'pygltflib', 'motiongen.body.smpl'}"
    code = f"import sys, motiongen.export as e; print(len(e.EXPORTERS) > 1, {libraries} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True set()"
