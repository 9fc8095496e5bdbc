"""Files as every format writes and reads them: whole or not at all, and one line when that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from motiongen.motion import MotionError, atomic_path

# A larger file is no clip: it would only fill the memory before it is refused for something else.
MAX_BYTES = 1 << 30


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """A path to write to, renamed to `path` when all went well.

    Raises:
        MotionError: the disk or the folder refuses.
    """
    try:
        with atomic_path(path) as beside:
            yield beside
    except OSError as error:
        raise MotionError(f"{path}: cannot be written ({error.strerror or error}); choose another path") from None


def contents(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        MotionError: there is no such file, it cannot be read, or it is too large for a clip.
    """
    try:
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            raise MotionError(f"{path}: is {size / 2**20:.0f} MiB; a clip has at most {MAX_BYTES / 2**20:.0f}")
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file") from None
    except OSError as error:
        raise MotionError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Says which file it is that a motion was refused from."""
    try:
        yield
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from None
