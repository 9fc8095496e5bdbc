"""Arrays from npz and npy files that nobody vouches for: no pickle, and no more memory than the file's size warrants.

numpy's own reader takes a header's word for how much to allocate, and a few packed kilobytes can unpack to gigabytes.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Collection
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

# A file may unpack to so many bytes, or to so many times its own size, whichever is more.
_FREE, _GROWTH = 1 << 26, 100
_NUMBERS_AND_TEXT = "biufcSU"


class ArraysError(ValueError):
    """A file holds no arrays, or none that may be read; the message is the reason alone, in one line."""


def read_npz(file: str | Path | BufferedIOBase, keys: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a npz by name: all, or those of `keys` that are there. They may be written to.

    Raises:
        OSError: the file cannot be opened.
        ArraysError: it is no npz, is damaged, holds objects, or unpacks to far more than its size.
    """
    if isinstance(file, (str, Path)):
        with open(file, "rb") as opened:
            return read_npz(opened, keys)
    size = file.seek(0, 2)
    try:
        with zipfile.ZipFile(file) as packed:
            members = {m.filename[:-4]: m for m in packed.infolist() if m.filename.endswith(".npy")}
            if keys is not None:
                members = {key: members[key] for key in keys if key in members}
            unpacked = sum(member.file_size for member in members.values())
            if unpacked > max(_FREE, _GROWTH * size):
                raise ArraysError(f"unpacks from {size} to {unpacked} bytes; no clip is packed so tightly")
            # What numpy packs with; the others allocate by what the file says.
            if any(m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members.values()):
                raise ArraysError("is packed in a way that numpy does not use")
            return {key: _array(packed.open(member), member.file_size) for key, member in members.items()}
    except ArraysError:
        raise
    except Exception as error:  # a damaged archive may raise anything
        raise ArraysError(f"damaged ({type(error).__name__})") from None


def read_npy(file: str | Path | BufferedIOBase) -> np.ndarray:
    """The array of a npy; it may be written to.

    Raises:
        OSError: the file cannot be opened.
        ArraysError: it is no npy, is cut off, or holds objects.
    """
    if isinstance(file, (str, Path)):
        with open(file, "rb") as opened:
            return read_npy(opened)
    size = file.seek(0, 2)
    file.seek(0)
    return _array(file, size)


def _array(file: Any, size: int) -> np.ndarray:
    """The array in a stream that holds `size` bytes at most."""
    try:
        shape, fortran, dtype = _header(file)
    except Exception as error:  # numpy parses a header as Python, and a damaged one raises whatever that does
        raise ArraysError(f"damaged ({type(error).__name__})") from None
    if dtype.hasobject or dtype.kind not in _NUMBERS_AND_TEXT:
        raise ArraysError("damaged or unsafe: holds objects instead of numbers and text")
    wanted = dtype.itemsize * math.prod(shape)
    # Texts of no length would take none however many they are.
    if not 0 <= wanted <= size or dtype.itemsize == 0 or any(n < 0 for n in shape):
        raise ArraysError(f"damaged (an array of shape {str(shape)[:60]} in {size} bytes)")
    body = bytearray(file.read(wanted))
    if len(body) < wanted:
        raise ArraysError("damaged (cut off)")
    try:
        array = np.ndarray(shape, dtype, body, order="F" if fortran else "C")
    except ValueError as error:  # more axes, or longer ones, than numpy has
        raise ArraysError(f"damaged ({type(error).__name__})") from None
    return array.astype(dtype.newbyteorder("="), copy=False)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    # Version 3 differs in the names of fields, which no array of numbers has.
    return np.lib.format.read_array_header_2_0(file)
