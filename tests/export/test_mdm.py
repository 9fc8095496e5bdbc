"""MDM's results.npy: read by others as they read it, and by us without running what it holds."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.export.mdm import read, write
from motiongen.motion import Motion, MotionError


@pytest.fixture(name="file", scope="module")
def _file(clip: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mdm") / "results.npy"
    write(clip, path)
    return path


def test_peers_read_it_as_they_read_their_own(clip: Motion, file: Path) -> None:
    results = np.load(file, allow_pickle=True).item()
    assert results["motion"].shape == (1, 22, 3, len(clip)) and results["motion"].dtype == np.float32
    np.testing.assert_array_equal(results["motion"][0].transpose(2, 0, 1), clip.joints.numpy())
    assert results["text"] == ["a person walks then spins »around«"]
    assert (results["lengths"].tolist(), results["num_samples"], results["num_repetitions"]) == ([len(clip)], 1, 1)


def test_the_numpy_of_peers_finds_the_names_in_it(file: Path) -> None:
    assert b"numpy._core" not in file.read_bytes() and b"numpy.core.multiarray" in file.read_bytes()


def test_it_comes_back_at_twenty_frames_a_second(clip: Motion, file: Path, tmp_path: Path) -> None:
    back = read(file)
    assert (back.joints == clip.joints).all() and back.fps == 20.0
    (segment,) = back.text
    assert (segment.text, segment.start, segment.stop) == ("a person walks then spins »around«", 0, len(clip))
    write(clip.resampled(60.0), tmp_path / "fast.npy")
    slow = read(tmp_path / "fast.npy")
    assert len(slow) == len(clip) and (slow.joints - clip.joints).abs().max() < 1e-5


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_results_of_mdm_itself_hold_several_clips(protocol: int, clip: Motion, tmp_path: Path) -> None:
    motion = clip.joints.permute(1, 2, 0).numpy()
    results = {"motion": np.stack([motion, 2 * motion, motion]).astype(np.float64), "text": ["a", "b", "c"],
               "lengths": np.array([40, 30, 43]), "num_samples": 3, "num_repetitions": 1}  # fmt: skip
    path = save(results, tmp_path / "results.npy", protocol)
    second = read(path, 1)
    assert len(second) == 30 and second.text[0].text == "b"
    assert (second.joints == 2 * clip.joints[:30]).all()
    with pytest.raises(MotionError, match="holds 3 clips; choose one by --sample 0 to 2"):
        read(path)
    with pytest.raises(MotionError, match="--sample 0 to 2"):
        read(path, 3)


class _Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (_Evil.mark,)

    mark = ""


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    _Evil.mark = str(tmp_path / "ran")
    path = save({"motion": _Evil()}, tmp_path / "results.npy", 4)
    with pytest.raises(MotionError, match=r"asks for .*mkdir, which could run code; it is not read"):
        read(path)
    assert not (tmp_path / "ran").exists()
    np.load(path, allow_pickle=True)
    assert (tmp_path / "ran").exists()  # so the file was dangerous


@pytest.mark.parametrize("name", ["numpy.f2py.os.system", "numpy.testing.runstring", "builtins.eval", "numpy.load"])
def test_no_door_is_open_through_numpy(name: str, tmp_path: Path) -> None:
    module, _, attribute = name.rpartition(".")
    path = tmp_path / "results.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(f"c{module}\n{attribute}\n.".encode())
    with pytest.raises(MotionError, match="which could run code"):
        read(path)


@pytest.mark.parametrize(
    ("results", "said"),
    [
        ([1, 2], "holds a .* and no results of MDM"),
        ({"text": ["a"]}, "not results of MDM"),
        ({"motion": np.zeros((1, 21, 3, 8), np.float32)}, r"shape \(1, 21, 3, 8\), not \[clips, 22, 3, frames\]"),
        ({"motion": np.zeros((0, 22, 3, 8), np.float32)}, "holds no clip"),
        ({"motion": np.full((1, 22, 3, 8), np.nan, np.float32)}, "NaN or infinity"),
        ({"motion": np.zeros((1, 22, 3, 8), np.float32), "lengths": [0]}, "frames >= 1"),
    ],
)
def test_what_is_no_result_is_one_line(results: Any, said: str, tmp_path: Path) -> None:
    path = save(results, tmp_path / "bad.npy", 4)
    with pytest.raises(MotionError, match=said) as caught:
        read(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 600), put=st.binary(min_size=1, max_size=6))
def test_whatever_is_done_to_a_file_it_is_read_or_refused(file: Path, at: int, put: bytes) -> None:
    data = file.read_bytes()
    other = file.with_name("other.npy")
    other.write_bytes(data[:at] + put + data[at + len(put) :])
    try:
        assert len(read(other)) > 0
    except MotionError as error:
        assert "\n" not in str(error)


def save(results: Any, path: Path, protocol: int) -> Path:
    """What np.save writes, with a pickle of the given protocol."""
    box = np.empty((), dtype=object)
    box[()] = results
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(box, file, protocol=protocol)
    return path
