"""`manifest.json`, which says of every clip in a folder how it was made. A folder is added to, never emptied."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from motiongen.motion import atomic_path
from motiongen_app.errors import InputError

NAME = "manifest.json"
_NUMBERED = re.compile(r"(\d{3,9})-")


def entries(folder: Path) -> list[dict[str, Any]]:
    """What the folder's manifest says; nothing if there is none.

    Raises:
        InputError: there is something of that name that motiongen did not write.
    """
    path = folder / NAME
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, RecursionError):
        held = None
    if not isinstance(held, list) or not all(isinstance(entry, dict) for entry in held):
        raise InputError(f"{path}: is no list of clips to add to; name another --out")
    return held


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits until no other run writes to the folder, and keeps others from it; makes the folder if need be.

    Where the system has no such locks, two runs into one folder are the user's to avoid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:
        yield
        return
    # The folder itself, so that no file stays behind in it.
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def next_number(folder: Path) -> int:
    """One more than that of any clip in the folder, whether or not its manifest has it."""
    found = (_NUMBERED.match(path.name) for path in folder.iterdir()) if folder.is_dir() else ()
    return max((int(match[1]) + 1 for match in found if match), default=0)


def add(folder: Path, entry: dict[str, Any]) -> None:
    """Write the manifest with one more entry. It is read anew: another run may have added to it."""
    whole = [*entries(folder), entry]
    with atomic_path(folder / NAME) as beside:
        beside.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
