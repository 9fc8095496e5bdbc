"""The native format: joints, frame rate, sentences and whatever travels with the clip."""

from __future__ import annotations

import zipfile
from pathlib import Path

from motiongen.motion import Motion, MotionError


def write(motion: Motion, path: Path) -> None:
    """Write the native `npz`; equal motions give equal bytes."""
    try:
        motion.save(path)
    except OSError as error:
        raise MotionError(f"{path}: cannot be written ({error.strerror or error}); choose another path") from None


def read(path: Path) -> Motion:
    """Read the native `npz`, or a bare `npy` of joints [t, 22, 3] at 20 fps."""
    return Motion.load(path)


def keys(path: Path) -> set[str]:
    """Names of the arrays in a npz file; none if it is not one, which `read` says better."""
    try:
        with zipfile.ZipFile(path) as file:
            return {name.removesuffix(".npy") for name in file.namelist()}
    except Exception:  # a damaged archive may raise anything
        return set()
