"""MDM's `results.npy` (Tevet et al. 2023), which motion diffusion projects and their visualisers exchange.

It is a pickled dictionary, 20 frames per second by custom. Ours is written as peers read it,
`np.load(path, allow_pickle=True).item()`; it is read with an unpickler that can make arrays and nothing else.
"""

from __future__ import annotations

import pickle
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch

from motiongen.export.disk import about, contents, written
from motiongen.export.posed import sentence
from motiongen.motion import FPS, Motion, MotionError, Segment
from motiongen.pickles import check_pickle
from motiongen.skeleton import NUM_JOINTS

_COPIED = 1 << 20


def write(motion: Motion, path: Path) -> None:
    """Write `motion` [1, 22, 3, t], `text`, `lengths`, `num_samples` and `num_repetitions`.

    A clip of another frame rate is resampled to 20, as the file has no place for one; sentences become one.

    Raises:
        MotionError: the file cannot be written.
    """
    clip = motion.resampled(FPS)
    results = {
        "motion": clip.joints.permute(1, 2, 0)[None].numpy().astype(np.float32),
        "text": [sentence(clip)],
        "lengths": np.array([len(clip)]),
        "num_samples": 1,
        "num_repetitions": 1,
    }
    # np.save would name numpy 2's own modules, which the numpy of most peers does not have; their old names do in both.
    # Protocol 3 writes such a name as a line of its own.
    payload = pickle.dumps(np.array(results, dtype=object), protocol=3)
    payload = payload.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    with written(path) as beside, open(beside, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(payload)


def read(path: Path, sample: int | None = None) -> Motion:
    """A clip of MDM's results at 20 frames per second.

    Args:
        sample: which one, from 0; may be left out where there is one alone.

    Raises:
        MotionError: not such a file, damaged, of another skeleton, or no such sample.
    """
    results = _results(contents(path), path)
    try:
        motions = _array_of(results, "motion")
        if motions.ndim != 4 or motions.shape[1:3] != (NUM_JOINTS, 3) or motions.dtype.kind != "f":
            raise MotionError(
                f"{path}: 'motion' is {motions.dtype} of shape {motions.shape}, not [clips, {NUM_JOINTS}, 3, frames]"
            )
        count = len(motions)
        if count == 0 or (sample is None and count > 1) or not 0 <= (sample or 0) < count:
            what = "holds no clip" if count == 0 else f"holds {count} clips; choose one by --sample 0 to {count - 1}"
            raise MotionError(f"{path}: {what}")
        number = sample or 0
        lengths = _array_of(results, "lengths").reshape(-1) if "lengths" in results else None
        frames = motions.shape[3] if lengths is None else int(lengths[number])
        frames = min(max(frames, 0), motions.shape[3])
        joints = torch.from_numpy(motions[number, ..., :frames].astype(np.float32)).permute(2, 0, 1)
        said = results.get("text", [])
        text = str(said[number]) if len(said) > number and isinstance(said[number], str) else ""
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        if isinstance(error, MotionError):
            raise
        raise MotionError(f"{path}: not results of MDM ({type(error).__name__}: {str(error)[:60]})") from None
    with about(path):
        return Motion(joints.contiguous(), FPS, (Segment(text, 0, frames),) if text else ())


def _array_of(results: dict[str, Any], key: str) -> np.ndarray:
    """An array, or a plain list of numbers: lists of lists may stand for far more than is in the file."""
    value = results[key]
    if isinstance(value, list) and all(isinstance(number, (int, float)) for number in value):
        return np.array(value)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"'{key}' is a {type(value).__name__} and no array")
    return value


def is_results(path: Path) -> bool:
    """Whether a npy file holds an object, as MDM's results do, and not an array of numbers."""
    try:
        return _payload(contents(path)) is not None
    except ValueError:
        return False


def _payload(data: bytes) -> bytes | None:
    """The pickle inside a npy file of one object; None where the file holds numbers.

    Raises:
        ValueError: the bytes are no npy file.
    """
    file = BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        _, _, dtype = read_header(file)
    except Exception as error:  # numpy parses a header as Python, and a damaged one raises whatever that does
        raise ValueError("not a npy file") from error
    return file.read() if dtype.hasobject else None


def _results(data: bytes, path: Path) -> dict[str, Any]:
    try:
        payload = _payload(data)
    except ValueError:
        raise MotionError(f"{path}: not a npy file") from None
    if payload is None:
        raise MotionError(f"{path}: holds an array and no results of MDM")
    try:
        check_pickle(payload)
        results = _plain(_ArraysOnly(payload).load())
        if isinstance(results, list) and len(results) == 1:
            (results,) = results
    except _Forbidden as error:
        raise MotionError(f"{path}: its pickle asks for {error}, which could run code; it is not read") from None
    except Exception as error:  # a damaged pickle may raise anything
        raise MotionError(f"{path}: damaged ({type(error).__name__})") from None
    if not isinstance(results, dict):
        raise MotionError(f"{path}: holds a {type(results).__name__} and no results of MDM")
    return {key: _plain(value) for key, value in results.items()}


class _Forbidden(Exception):
    """A pickle names something that is not needed to make arrays."""


class _ArraysOnly(pickle.Unpickler):
    """Records of arrays, numbers, strings and containers of them; looks up nothing else, so nothing else can run.

    Not even numpy's own types are made while it reads: what a pickle may tell them of their insides is not safe.
    """

    _MODULES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")

    def __init__(self, payload: bytes) -> None:
        super().__init__(BytesIO(payload))
        # Bytes that may be made of others: a pickle needs few to ask for the same ones again and again.
        self.left = _COPIED + 4 * len(payload)

    def find_class(self, module: str, name: str) -> Any:
        known: dict[str, Any] = {"ndarray": _Array, "dtype": _Type, "scalar": self._scalar, "_reconstruct": _Array}
        if module in self._MODULES and name in known:
            return known[name]
        if (module, name) == ("_codecs", "encode"):
            return self._latin1
        raise _Forbidden(ascii(f"{module}.{name}"[:120])[1:-1])

    def _scalar(self, kind: _Type, data: bytes) -> Any:
        self._count(data)
        return kind.array(data, (), False)[()]

    def _latin1(self, text: str, encoding: str) -> bytes:
        if encoding != "latin1":
            raise _Forbidden(f"the encoding {encoding[:40]!r}")
        self._count(text)
        return text.encode("latin1")

    def _count(self, copied: str | bytes) -> None:
        self.left -= len(copied)
        if self.left < 0:
            raise _Forbidden("the same bytes over and over")


class _Type:
    """A type of numbers or strings by its name and byte order, and nothing else of it."""

    def __init__(self, name: object, *unused: object) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[<>|=]?([fiub][1248]|U[0-9]{1,6}|O8?)", name):
            raise _Forbidden(f"the type {name[:40]!r}" if isinstance(name, str) else "a type without a name")
        self.name, self.order = name.lstrip("<>|="), "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise _Forbidden("a type with parts")
        self.order = state[1]

    def array(self, data: bytes, shape: tuple[int, ...], fortran: bool) -> np.ndarray:
        order = "" if self.order in "|=" else self.order
        return np.frombuffer(data, np.dtype(order + self.name)).reshape(shape, order="F" if fortran else "C")


class _Array:
    """What a pickle says of an array; `value` is the array, or a list where it holds objects."""

    def __init__(self, *unused: object) -> None:
        self.value: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, data = state
        self.value = data if isinstance(data, list) else kind.array(data, shape, fortran)


def _plain(loaded: Any) -> Any:
    return loaded.value if isinstance(loaded, _Array) else loaded
