"""Reading SMPL's files without running anything that they hold.

The official `pkl` files are pickles of Python 2 that hold numpy arrays, a scipy sparse matrix and objects of chumpy, a
package that installs nowhere today. Everything a pickle names is replaced by an inert record of what it was given;
arrays are put together from those afterwards.
"""

from __future__ import annotations

import math
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from motiongen.motion import MotionError
from motiongen.pickles import check_pickle

_NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_HARMLESS = ("chumpy.", "scipy.sparse.", "numpy.core.", "numpy._core.")
_HARMLESS_NAMES = {
    "numpy": {"ndarray", "dtype", "float64", "float32", "int64", "int32", "uint32"},
    "copy_reg": {"_reconstructor"}, "copyreg": {"_reconstructor", "__newobj__"},
    "__builtin__": {"object"}, "builtins": {"object"}, "_codecs": {"encode"}, "collections": {"OrderedDict"},
}  # fmt: skip
_MAX_DEPTH = 8
# Numbers in one array: four times the largest of SMPL-X. A few bytes of a file can ask for any number of zeros.
_MAX_NUMBERS = 2**26
_MAX_BYTES = 1 << 31
# No place, weight or displacement is larger.
_LARGEST = 1e9


class NotAnArray(ValueError):
    """A record of a pickle is none of the arrays that are known here."""


class _Record:
    """What a pickle made: the name of its class, what the constructor was given, and the state set afterwards."""

    __slots__ = ("args", "items", "state")
    name = ""
    args: tuple[Any, ...]
    items: list[Any]
    state: Any

    def __new__(cls, *args: Any) -> _Record:
        made = object.__new__(cls)
        made.args, made.state, made.items = args, None, []
        return made

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def append(self, item: Any) -> None:
        self.items.append(item)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.items.append((key, value))


class _InertUnpickler(pickle.Unpickler):
    """Calls nothing but the constructors of records; refuses names that have no place in a body."""

    def find_class(self, module: str, name: str) -> type[_Record]:
        known = module.startswith(_HARMLESS) or name in _HARMLESS_NAMES.get(module, ())
        if not known or not name.isidentifier():
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        # A class of its own for every name and every reading, so that nothing a file does to it outlasts the file.
        return type("Record", (_Record,), {"__slots__": (), "name": f"{module}.{name}"})


def read_arrays(path: Path, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named arrays of an npz or pkl.

    Raises:
        MotionError: there is no such file, it is neither, an array is missing or is none, or it names code to run.
    """
    if path.is_dir():
        raise MotionError(f"{path}: is a folder; name the body's npz or pkl file")
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"PK"
            file.seek(0)
            return _from_npz(file, keys) if packed else _from_pickle(file, keys)
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file; give the npz or pkl of an SMPL-format body") from None
    except KeyError as error:
        raise MotionError(f"{path}: holds no array {error}; an SMPL-format body has {', '.join(keys)}") from None
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise MotionError(f"{path}: not an SMPL-format body ({reason})") from None


def _from_npz(file: Any, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as arrays:
        missing = [k for k in keys if k not in arrays.files]
        if missing:
            raise KeyError(missing[0])
        for key in keys:
            if arrays.zip.getinfo(f"{key}.npy").file_size > 8 * _MAX_NUMBERS + 4096:
                raise NotAnArray(f"'{key}' is larger than {8 * _MAX_NUMBERS >> 20} MiB")
        return {k: _numbers(arrays[k]) for k in keys}


def _from_pickle(file: Any, keys: tuple[str, ...]) -> dict[str, np.ndarray]:
    data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise NotAnArray(f"larger than {_MAX_BYTES >> 20} MiB")
    check_pickle(data)
    content = _InertUnpickler(BytesIO(data), encoding="latin1").load()
    if not isinstance(content, dict):
        raise NotAnArray("a pickle of something else")
    return {k: _numbers(_array(content[k])) for k in keys}


def _numbers(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise NotAnArray(f"an array of {array.dtype} instead of numbers")
    # In double precision: the limit itself is infinity in half.
    if array.dtype.kind == "f" and not (np.abs(array.astype(np.float64)) <= _LARGEST).all():
        raise NotAnArray(f"an array with NaN or infinity, or more than {_LARGEST:g}")
    return array


def _array(value: Any, depth: int = 0) -> np.ndarray:
    """The array that a record stands for."""
    if depth > _MAX_DEPTH:
        raise NotAnArray("arrays nested too deeply")
    if not isinstance(value, _Record):
        return np.asarray(_counted(value), dtype=np.float64)
    name, state = value.name, value.state
    if name.rpartition(".")[2] in ("_reconstructor", "__newobj__"):
        name = _class_name(value.args)
    last = name.rpartition(".")[2]
    if name.startswith(_NUMPY_MODULES) and last == "_reconstruct":
        _, shape, dtype, fortran, data = state
        return _from_bytes(data, dtype, shape, "F" if fortran else "C")
    if name.startswith(_NUMPY_MODULES) and last == "_frombuffer":
        data, dtype, shape, order = value.args
        return _from_bytes(data, dtype, shape, order)
    if name.startswith("scipy.sparse.") and last in ("csc_matrix", "csr_matrix", "coo_matrix"):
        return _sparse(last, state, depth)
    return _chumpy(name, state, depth)


def _counted(value: Any) -> Any:
    """A number, or lists of numbers two deep at most: one list that is many times in others stands for any amount."""
    rows = value if isinstance(value, (list, tuple)) else [value]
    if sum(len(row) if isinstance(row, (list, tuple)) else 1 for row in rows) > _MAX_NUMBERS:
        raise NotAnArray(f"lists of more than {_MAX_NUMBERS} numbers")
    if any(isinstance(item, (list, tuple, dict)) for row in rows if isinstance(row, (list, tuple)) for item in row):
        raise NotAnArray("lists nested too deeply")
    return value


def _class_name(args: tuple[Any, ...]) -> str:
    """Of the class that old pickles hand to a function which makes objects of it."""
    if not (args and isinstance(args[0], type) and issubclass(args[0], _Record)):
        raise NotAnArray("an object of no class")
    return args[0].name


def _chumpy(name: str, state: Any, depth: int) -> np.ndarray:
    """The value of chumpy's plain array, and of the selection that slicing one gives."""
    if name == "chumpy.ch.Ch" and "x" in state:
        return _array(state["x"], depth + 1)
    if name == "chumpy.reordering.Select":
        chosen = _array(state["a"], depth + 1).ravel()[_array(state["idxs"], depth + 1).astype(np.int64)]
        return chosen.reshape(_shape(state["preferred_shape"]))
    raise NotAnArray(f"'{name}' cannot be read without running it")


def _sparse(kind: str, state: dict[str, Any], depth: int) -> np.ndarray:
    rows, columns = _shape(state["_shape"] if "_shape" in state else state["shape"])
    data = _array(state["data"], depth + 1)
    if kind == "coo_matrix":
        row, column = (_array(state[k], depth + 1).astype(np.int64) for k in ("row", "col"))
    else:
        minor = _array(state["indices"], depth + 1).astype(np.int64)
        starts = _array(state["indptr"], depth + 1).astype(np.int64)
        counts = starts[1:] - starts[:-1]
        if (counts < 0).any() or counts.sum() != len(minor):
            raise NotAnArray("a sparse matrix whose rows do not fit its entries")
        major = np.repeat(np.arange(len(counts)), counts)
        row, column = (minor, major) if kind == "csc_matrix" else (major, minor)
    dense = np.zeros((rows, columns))
    np.add.at(dense, (row, column), data)
    return dense


def _from_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """An array of numbers from the bytes and the description that numpy's pickles have."""
    if not (isinstance(dtype, _Record) and dtype.name == "numpy.dtype"):
        raise NotAnArray("an array without a type")
    swapped = dtype.state is not None and dtype.state[1] == ">"
    if not isinstance(dtype.args[0], str):
        raise NotAnArray("an array whose type has no name")
    kind = np.dtype(dtype.args[0]).newbyteorder(">" if swapped else "<")
    raw, shape = _bytes(data), _shape(shape)
    if kind.kind not in "fiu" or len(raw) != kind.itemsize * math.prod(shape):
        raise NotAnArray(f"an array of {kind} that does not fill {shape}")
    return np.frombuffer(raw, kind).astype(kind.newbyteorder("=")).reshape(shape, order="F" if order == "F" else "C")


def _bytes(data: Any) -> bytes:
    if isinstance(data, _Record) and data.name == "_codecs.encode":
        data = data.args[0]
    return data.encode("latin1") if isinstance(data, str) else bytes(memoryview(data))


def _shape(value: Any) -> tuple[int, ...]:
    shape = tuple(int(n) for n in (_array(value) if isinstance(value, _Record) else value))
    if any(n < 0 for n in shape) or math.prod(shape) > _MAX_NUMBERS:
        raise NotAnArray(f"an array of shape {shape}; a body's have at most {_MAX_NUMBERS} numbers")
    return shape
