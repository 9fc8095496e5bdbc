"""The native format: joints, frame rate, sentences and whatever travels with the clip."""

from __future__ import annotations

from pathlib import Path

from motiongen.motion import Motion, MotionError


def write(motion: Motion, path: Path) -> None:
    """Write the native `npz`; equal motions give equal bytes."""
    try:
        motion.save(path)
    except OSError as error:
        raise MotionError(f"{path}: cannot be written ({error.strerror or error}); choose another path") from None
