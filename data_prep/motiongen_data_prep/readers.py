"""Reads a motion capture file of any supported format into an `Animation`."""

from __future__ import annotations

from pathlib import Path

from motiongen.motion import MotionError
from motiongen_data_prep import amc, bvh, glb
from motiongen_data_prep.animation import Animation, FileRefused

__all__ = ["UNREADABLE", "FileRefused", "load", "read", "read_all", "reason"]

# A larger file is no clip: it would only fill the memory before it is refused for something else.
MAX_BYTES = 1 << 28
# What a damaged or hostile file can bring about in reading it and in computing with what it holds; MotionError is one
# of them. Not OSError: a full disk is no fault of the file.
UNREADABLE = (ValueError, ArithmeticError, LookupError, MemoryError)


def read(path: Path, asf: Path | None = None) -> Animation:
    """Read a `.bvh` or an `.amc` file.

    Args:
        path: the motion.
        asf: the skeleton of an `.amc` file; by default `{subject}.asf` beside it or in the sibling folder `asf`.

    Raises:
        FileRefused: the file is missing, of another format, damaged or holds no motion.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        return bvh.parse(load(path), path)
    if suffix == ".amc":
        skeleton = asf or _skeleton_of(path)
        return amc.parse(load(path), load(skeleton), path, skeleton)
    raise FileRefused(path, f"'{suffix}' is not a motion format; known are .bvh, .amc with its .asf, and .glb")


def read_all(path: Path) -> dict[str, Animation]:
    """Read every clip of a file, by name; a format of one clip names it after the file.

    Raises:
        FileRefused: see `read`.
    """
    path = Path(path)
    if path.suffix.lower() == ".glb":
        return glb.parse(load(path), path)
    return {path.stem: read(path)}


def reason(error: BaseException) -> str:
    """One of UNREADABLE as one line for the user."""
    said = " ".join(str(error).split())
    if isinstance(error, MotionError):
        return said
    return f"cannot be used ({type(error).__name__}{f': {said[:80]}' if said else ''})"


def load(path: Path) -> bytes:
    """The bytes of a file, if it is one and of a sensible size."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileRefused(path, f"is {size / 2**20:.0f} MiB; the largest clip read is {MAX_BYTES / 2**20:.0f} MiB")
        return path.read_bytes()
    except OSError as error:
        raise FileRefused(path, (error.strerror or "cannot be read").lower()) from None


def _skeleton_of(path: Path) -> Path:
    """The ASF file of an AMC file named `SUBJECT_TRIAL.amc`."""
    name = path.stem.split("_")[0] + ".asf"
    for folder in (path.parent, path.parent.parent / "asf"):
        if (folder / name).is_file():
            return folder / name
    raise FileRefused(path, f"needs the skeleton {name} beside it or in ../asf; give it with asf=")
