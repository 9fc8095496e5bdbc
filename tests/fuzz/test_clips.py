"""Whatever is in a file of a clip, it is read or refused in one line, at once and in little memory."""

from __future__ import annotations

import json
import os
import pickle
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiongen import export
from motiongen.motion import Motion, MotionError, Segment
from tests.app.conftest import walk
from tests.fuzz.damage import FUZZ, damaged_arrays, damaged_bytes, damaged_json, damaged_words, read_or_refused

FORMATS = ("npz", "amass", "bvh", "glb", "mdm")
SMALL = 64 << 20


@pytest.fixture(name="clips", scope="module")
def _clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same clip in every format that is read."""
    folder = tmp_path_factory.mktemp("clips")
    motion = Motion(walk(6), 20.0, (Segment("a person walks", 0, 6),))
    for name in FORMATS:
        export.EXPORTERS[name](motion, folder / f"clip{export.suffix(name)}")
    return {name: folder / f"clip{export.suffix(name)}" for name in FORMATS}


def tried(path: Path, data: bytes) -> Motion | MotionError:
    other = path.with_name(f"other{''.join(path.suffixes)}")
    other.write_bytes(data)
    result = read_or_refused(export.load, other)
    assert isinstance(result, (Motion, MotionError))
    return result


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_bytes(name: str, clips: dict[str, Path]) -> None:
    data = clips[name].read_bytes()

    @FUZZ
    @given(damaged_bytes(data))
    def check(damaged: bytes) -> None:
        tried(clips[name], damaged)

    assert isinstance(tried(clips[name], data), Motion)
    check()


@pytest.mark.parametrize("name", ["npz", "amass"])
def test_other_arrays(name: str, clips: dict[str, Path]) -> None:
    with np.load(clips[name]) as file:
        arrays = {key: file[key] for key in file.files}
    path = clips[name].with_name("arrays.npz")

    @FUZZ
    @given(damaged_arrays(arrays))
    def check(damaged: dict[str, Any]) -> None:
        np.savez(path, **damaged)
        read_or_refused(export.IMPORTERS[name], path)

    check()


def test_other_words_in_a_bvh(clips: dict[str, Path]) -> None:
    @FUZZ
    @given(damaged_words(clips["bvh"].read_text()))
    def check(damaged: str) -> None:
        tried(clips["bvh"], damaged.encode("utf-8", "replace"))

    check()


def test_other_values_in_a_glb(clips: dict[str, Path]) -> None:
    data = clips["glb"].read_bytes()
    size = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + size])
    document.pop("meshes")

    @FUZZ
    @given(damaged_json(document))
    def check(damaged: Any) -> None:
        text = json.dumps(damaged).encode()
        tried(clips["glb"], data[:12] + struct.pack("<I", len(text)) + data[16:20] + text + data[20 + size :])

    check()


def test_other_results_of_mdm(clips: dict[str, Path]) -> None:
    results = {
        "motion": np.zeros((2, 22, 3, 4), np.float32), "text": ["a", "b"], "lengths": np.array([4, 4]), "num_samples": 2
    }  # fmt: skip
    deep: list[Any] = [0] * 30
    for _ in range(40):
        deep = [deep] * 30
    values = [None, 0, "x", [], {}, [1.5] * 4, deep, np.array("x"), np.full(2, np.nan), np.array([2**62] * 2), b"abc"]

    @FUZZ
    @given(st.sampled_from(sorted(results)), st.sampled_from(range(len(values))), st.integers(2, 5))
    def check(key: str, value: int, protocol: int) -> None:
        changed = {**results, key: values[value]}
        tried(clips["mdm"], boxed(pickle.dumps(np.array(changed, dtype=object), protocol)))
        read_or_refused(read_second, clips["mdm"].with_name("other.mdm.npy"))

    check()


def read_second(path: Path) -> Motion:
    from motiongen.export.mdm import read

    return read(path, 1)


def boxed(payload: bytes) -> bytes:
    """A pickle in a npy file of one object, as MDM's results are."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


class _Touches:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def npy(shape: str, dtype: str = "<f4") -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 64


def packed(path: Path, member: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("joints.npy", member)


def bomb_of_zeros(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file, file.open("joints.npy", "w") as member:
        member.write(npy("(70_000_000,)", "|u1").replace(b"70_000_000", b"70000000  "))
        for _ in range(70):
            member.write(bytes(1_000_000))


def the_same_bytes() -> bytes:
    """A pickle of 4000 copies of 256 KiB."""
    text = b"X\x00\x00\x04\x00" + b"a" * (1 << 18)
    named = b"c_codecs\nencode\nq\x00" + text + b"q\x01" + b"X\x06\x00\x00\x00latin1q\x02"
    return b"\x80\x03" + named + b"0]" + b"(" + b"h\x00h\x01h\x02\x86R" * 4000 + b"e."


def bvh_of_one_channel(path: Path, clips: dict[str, Path]) -> None:
    text = clips["bvh"].read_text().split("MOTION")[0].replace("CHANNELS 3 Zrotation Yrotation Xrotation", "")
    lines = [line for line in text.splitlines() if "CHANNELS 3" not in line]
    text = "\n".join(lines).replace("CHANNELS 6", "CHANNELS 1 Xposition #").split("#")
    body = "\n".join(part.split("\n", 1)[1] if i else part for i, part in enumerate(text))
    path.write_text(f"{body}\nMOTION\nFrames: 500000\nFrame Time: 0.05\n" + "0 " * 500_000)


BOMBS: dict[str, tuple[str, Callable[[Path, dict[str, Path]], object]]] = {
    "an array that is not there": ("x.npz", lambda path, _: packed(path, npy("(1000000000000,)"))),
    "an array of no bytes": ("x.npz", lambda path, _: packed(path, npy("(1000000000000,)", "<U0"))),
    "a bare array that is not there": ("x.npy", lambda path, _: path.write_bytes(npy("(9000000000, 22, 3)"))),
    "zeros that were packed": ("x.npz", lambda path, _: bomb_of_zeros(path)),
    "a memo of billions": ("x.npy", lambda path, _: path.write_bytes(boxed(b"\x80\x03Nr\xf0\xff\xff\x7f."))),
    "a text of billions": ("x.npy", lambda path, _: path.write_bytes(boxed(b"\x80\x04\x8e" + b"\xff" * 4 + bytes(4)))),
    "the same bytes again and again": ("x.npy", lambda path, _: path.write_bytes(boxed(the_same_bytes()))),
    "lines without end": ("x.bvh", lambda path, _: path.write_text("HIERARCHY" + "\n" * 400_000)),
    "frames without values": ("x.bvh", bvh_of_one_channel),
    "brackets without end": (
        "x.glb", lambda path, _: path.write_bytes(b"glTF" + bytes(8) + b"\x40\x0d\x03\x00JSON" + b"[" * 200_000)
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BOMBS)
def test_small_files_that_ask_for_much(what: str, clips: dict[str, Path], tmp_path: Path) -> None:
    name, make = BOMBS[what]
    make(tmp_path / name, clips)
    assert (tmp_path / name).stat().st_size < 2_000_000
    began = time.process_time()
    tracemalloc.start()
    try:
        result = read_or_refused(export.load, tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(result, MotionError) and name in str(result)
    assert peak < SMALL and time.process_time() - began < 5


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.glb", "a.bvh"])
def test_no_pickle_is_run(name: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = np.empty((), dtype=object)
    evil[()] = _Touches(mark)
    if name == "a.npz":
        np.savez(tmp_path / name, joints=evil)
    elif name == "a.npy":
        np.save(tmp_path / name, evil)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(evil))
    assert isinstance(read_or_refused(export.load, tmp_path / name), MotionError)
    assert not mark.exists()
