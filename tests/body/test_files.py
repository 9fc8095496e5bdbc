"""Pickles are read and never run."""

from __future__ import annotations

import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from motiongen.body import files
from motiongen.body.smpl import BodyModel
from motiongen.motion import MotionError
from tests.body.conftest import smpl_arrays


class _Runs:
    def __init__(self, function: Any, *args: Any) -> None:
        self.what = function, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.what


def _foreign(module: str, name: str, state: dict[str, Any]) -> Any:
    """An object of a class of a package that is not installed."""
    made = type(name, (), {"__module__": module})()
    made.__dict__.update(state)
    return made


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes classes importable while something is pickled, and not while it is read."""

    def dump(content: Any, path: Path, classes: list[type], protocol: int) -> None:
        with monkeypatch.context() as patch:
            for cls in classes:
                package = types.ModuleType(cls.__module__.partition(".")[0])
                package.__path__ = []
                if package.__name__ not in sys.modules:
                    patch.setitem(sys.modules, package.__name__, package)
                module = types.ModuleType(cls.__module__)
                setattr(module, cls.__name__, cls)
                patch.setitem(sys.modules, cls.__module__, module)
            path.write_bytes(pickle.dumps(content, protocol))

    return dump


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_as_smpl_has_it_gives_the_same_body(tmp_path: Path, packages: Any, protocol: int) -> None:
    arrays = smpl_arrays()
    np.savez(tmp_path / "body.npz", **arrays)
    sparse = _foreign(
        "scipy.sparse.csc",
        "csc_matrix",
        {
            "_shape": (24, 120),
            "indices": np.tile(np.arange(24, dtype=np.int32), 120),
            "indptr": np.arange(0, 24 * 121, 24, dtype=np.int32),
            "data": arrays["J_regressor"].T.ravel(),
        },
    )
    plain = _foreign("chumpy.ch", "Ch", {"x": arrays["shapedirs"]})
    chosen = _foreign(
        "chumpy.reordering",
        "Select",
        {"a": _foreign("chumpy.ch", "Ch", {"x": np.concatenate([arrays["v_template"], np.zeros((5, 3))])}),
         "idxs": np.arange(360), "preferred_shape": (120, 3)},
    )  # fmt: skip
    content = {
        **arrays,
        "J_regressor": sparse,
        "shapedirs": plain,
        "v_template": chosen,
        "weights": np.asfortranarray(arrays["weights"]),
        "bs_style": "lbs",
    }
    # chosen["a"] has a class of its own that goes by the same name.
    chosen.a.__class__ = type(plain)
    packages(content, tmp_path / "body.pkl", [type(sparse), type(plain), type(chosen)], protocol)
    assert "chumpy" not in sys.modules
    read, expected = BodyModel.load(tmp_path / "body.pkl"), BodyModel.load(tmp_path / "body.npz")
    for name in ("template", "faces", "weights", "joint_regressor", "shape_dirs", "pose_dirs"):
        assert torch.equal(getattr(read, name), getattr(expected, name)), name
    assert "chumpy" not in sys.modules


@pytest.mark.parametrize("where", ["array", "unused", "whole"])
@pytest.mark.parametrize("call", [(os.system, "touch {}"), (exec, "open({!r}, 'w')"), (os.mkdir, "{}")])
def test_what_a_pickle_would_run_is_not_run(tmp_path: Path, call: tuple[Any, str], where: str) -> None:
    function, text = call
    mark = tmp_path / "mark"
    evil = _Runs(function, text.format(str(mark)))
    content: Any = {"array": {**smpl_arrays(), "weights": evil}, "unused": {**smpl_arrays(), "x": evil}, "whole": evil}
    path = tmp_path / "body.pkl"
    path.write_bytes(pickle.dumps(content[where]))
    with pytest.raises(MotionError, match="it names") as caught:
        BodyModel.load(path)
    assert not mark.exists()
    assert "\n" not in str(caught.value)


def test_functions_are_not_reached_through_names_that_are_allowed(tmp_path: Path) -> None:
    """A name with dots walks into attributes of what it begins with."""
    path, mark = tmp_path / "body.pkl", tmp_path / "mark"
    for module, name in (("numpy.core.multiarray", "os.mkdir"), ("chumpy.os", "mkdir"), ("copyreg", "sys.modules")):
        path.write_bytes(
            b"\x80\x04\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode()
            + b"\x93\x8c" + bytes([len(str(mark))]) + str(mark).encode() + b"\x85R."
        )  # fmt: skip
        with pytest.raises(MotionError):
            BodyModel.load(path)
        assert not mark.exists()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 4000), flip=st.integers(0, 4000), to=st.integers(0, 255))
def test_damaged_pickles_end_in_one_line(tmp_path: Path, cut: int, flip: int, to: int) -> None:
    content = {k: v[:2] if k == "f" else v for k, v in smpl_arrays(vertices=4).items()}
    data = bytearray(pickle.dumps(content, 2))
    data[flip % len(data)] = to
    path = tmp_path / "body.pkl"
    path.write_bytes(bytes(data[: len(data) - cut % 300]))
    try:
        BodyModel.load(path)
    except MotionError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"_shape": (2**20, 2**20)}, "an array of shape"),
        ({"indptr": np.array([0, 2**40])}, "do not fit its entries"),
        ({"indptr": np.array([0, 5, 3])}, "do not fit its entries"),
    ],
)
def test_few_bytes_that_ask_for_much_memory_are_refused(
    tmp_path: Path, packages: Any, state: dict[str, Any], says: str
) -> None:
    small = {"_shape": (24, 120), "indices": np.arange(3), "indptr": np.array([0, 3]), "data": np.ones(3)}
    sparse = _foreign("scipy.sparse.csc", "csc_matrix", {**small, **state})
    packages({**smpl_arrays(), "J_regressor": sparse}, tmp_path / "body.pkl", [type(sparse)], 2)
    with pytest.raises(MotionError, match=says):
        BodyModel.load(tmp_path / "body.pkl")


def test_arrays_of_an_npz_have_a_limit_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "body.npz", **smpl_arrays())
    monkeypatch.setattr(files, "_MAX_NUMBERS", 2000)
    with pytest.raises(MotionError, match="'weights' is larger than"):
        BodyModel.load(tmp_path / "body.npz")


@pytest.mark.parametrize("content", [b"", b"PK", b"hello", b"\x80\x02.", pickle.dumps([1]), pickle.dumps({})])
def test_what_is_no_body_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "body.pkl"
    path.write_bytes(content)
    with pytest.raises(MotionError) as caught:
        BodyModel.load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="is a folder"):
        BodyModel.load(tmp_path)
    with pytest.raises(MotionError, match="no such file"):
        BodyModel.load(tmp_path / "none.pkl")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_none_are_refused_in_every_precision(tmp_path: Path, kind: Any, value: float) -> None:
    arrays: dict[str, Any] = smpl_arrays(vertices=8)
    arrays["v_template"] = arrays["v_template"].astype(kind)
    arrays["v_template"][0, 0] = value
    np.savez(tmp_path / "body.npz", **arrays)
    with pytest.raises(MotionError, match="NaN or infinity"):
        BodyModel.load(tmp_path / "body.npz")
