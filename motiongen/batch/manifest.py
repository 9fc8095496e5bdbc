"""The record of what is done: a line of JSON a sample, appended when its data are safe, and never changed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from motiongen.motion import MotionError


class BatchError(MotionError):
    """A run cannot start or go on; the message is one line."""


class Manifest:
    """An append-only file of records, each with `line` and `status`. A torn last line is no record.

    Attributes:
        counts: records by status.
        shards: names of the shard files that records point to.
    """

    def __init__(self, path: Path) -> None:
        """Open a manifest, reading what is in it; of records, only which lines they are for stays in memory.

        Raises:
            BatchError: another run has it open, or a line in it is damaged.
        """
        self.path = path
        self.counts: Counter[str] = Counter()
        self.shards: set[str] = set()
        self._done = bytearray()
        fresh = not path.exists()
        self._file = open(path, "ab+")  # noqa: SIM115 - as long as the run
        try:
            _lock(self._file.fileno(), path)
            self._end = self._read()
        except BatchError:
            self._file.close()
            raise
        # What a crash left of a line goes, so that the next one begins at the margin.
        self._file.truncate(self._end)
        if fresh:
            sync_folder(path.parent)

    def __contains__(self, line: int) -> bool:
        return line < len(self._done) and bool(self._done[line])

    def append(self, records: Sequence[dict[str, Any]]) -> None:
        """Write records and wait until they are on the disk.

        Raises:
            OSError: there is no space; the file is then as before.
        """
        if not records:
            return
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode("utf-8")
        try:
            self._file.write(lines)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            os.ftruncate(self._file.fileno(), self._end)
            raise
        self._end += len(lines)
        self._count(records)

    def close(self) -> None:
        self._file.close()

    def _read(self) -> int:
        self._file.seek(0)
        end = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                break
            try:
                record = json.loads(line)
                self._count([record])
            except (ValueError, KeyError, TypeError, RecursionError):
                raise BatchError(
                    f"{self.path}: line {number} is damaged; take it out, or begin in a new folder"
                ) from None
            end += len(line)
        return end

    def _count(self, records: Iterable[dict[str, Any]]) -> None:
        for record in records:
            line = int(record["line"])
            if line >= len(self._done):
                # Half as long again, so that appending costs the same however many there are.
                self._done.extend(bytes(max(line + 1 - len(self._done), len(self._done) // 2)))
            self._done[line] = 1
            self.counts[record["status"]] += 1
            if "shard" in record:
                self.shards.add(record["shard"])


def sync_folder(folder: Path) -> None:
    """Wait until names in a folder are on the disk, where the system can tell."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        import fcntl
    except ImportError:
        # Only where there is no such lock: two runs in one folder are then the user's to avoid.
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BatchError(f"{path}: another run is writing it; wait for it, or give another --out") from None
    except OSError:
        # Some network file systems know no locks.
        return
