"""Finds and loads the C kernels, built beside this module where a compiler was at hand."""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
from pathlib import Path
from typing import Any

import torch

# The levels of kernels.h.
INSTRUCTION_SETS = ("baseline", "avx2", "avx512")


@functools.cache
def load(kernel: str) -> tuple[ctypes.CDLL | None, str]:
    """The library of `kernel`, "scan", "conv" or "fused", and ""; or None and the reason."""
    folder = Path(__file__).parent
    names = [folder / f"_{kernel}{suffix}" for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    path = next((name for name in names if name.is_file()), None)
    if path is None:
        return None, (
            f"the C extension was not built (no _{kernel} library in {folder}); reinstall where a C compiler is"
        )
    try:
        library = ctypes.CDLL(str(path))
        _function(library, kernel, "set_level")(_function(library, kernel, "best_level")())
        _function(library, kernel, "set_team")(_torch_team())
    except (OSError, AttributeError) as error:
        return None, f"{path.name} does not load: {error}"
    return library, ""


def _torch_team() -> ctypes.c_void_p:
    """Address of GOMP_parallel in the OpenMP that torch itself runs on; null where torch has none."""
    try:
        # Looks through the libraries that this one was linked with, whatever their file names are.
        return ctypes.cast(ctypes.CDLL(torch._C.__file__).GOMP_parallel, ctypes.c_void_p)
    except (OSError, AttributeError):
        return ctypes.c_void_p()


def instruction_sets(kernel: str) -> tuple[str, ...]:
    """What the library can use on this processor, the best one, which it does use, last; none without the library."""
    library, _ = load(kernel)
    return () if library is None else INSTRUCTION_SETS[: _function(library, kernel, "best_level")() + 1]


def use_instruction_set(kernel: str, name: str) -> None:
    """Chooses among `instruction_sets(kernel)`, for every thread of this process; for tests and measurements.

    Raises:
        RuntimeError: there is no library, or the processor lacks the instruction set; the message says which.
    """
    library, reason = load(kernel)
    if library is None:
        raise RuntimeError(reason)
    names = instruction_sets(kernel)
    if name not in names:
        raise RuntimeError(f"instruction set {name!r} is not in this processor; it has {', '.join(names)}")
    _function(library, kernel, "set_level")(INSTRUCTION_SETS.index(name))


def call(kernel: str, function: str, arguments: bytes) -> bool:
    """Calls `motiongen_<kernel>_<function>` with its packed struct; False when memory for its scratch ran out.

    Raises:
        RuntimeError: there is no library; the message says why.
    """
    library, reason = load(kernel)
    if library is None:
        raise RuntimeError(reason)
    return not _function(library, kernel, function)(arguments)


def saved_states(*shape: int) -> int:
    """How many numbers the fused kernel saves for its backward pass on (b, l, k, c, n)."""
    library, reason = load("fused")
    if library is None:
        raise RuntimeError(reason)
    count = _function(library, "fused", "saved_size")
    count.restype = ctypes.c_int64
    return int(count(*map(ctypes.c_int64, shape)))


def _function(library: ctypes.CDLL, kernel: str, name: str) -> Any:
    return getattr(library, f"motiongen_{kernel}_{name}")
