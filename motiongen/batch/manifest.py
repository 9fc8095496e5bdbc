"""The record of what is done: a line of JSON a sample, appended when its data are safe, and never changed."""

from __future__ import annotations

import io
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

    Records of a shard follow each other, and the last of them has `last`: without it they are those of a shard of which
    not all records came to the disk, and none of them counts.

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
        # Unbuffered: what could not be written must not be tried once more when the file is closed.
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115 - as long as the run
        try:
            _lock(self._file.fileno(), path)
            self._end = self._read()
        except BatchError:
            self._file.close()
            raise
        # What a crash left of a line, or of the records of a shard, goes: the next line begins at the margin.
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
        lines = b"".join(map(line_of, records))
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except BaseException:
            # Interrupted too: records that may be cut off in their midst must have none behind them.
            self._file.truncate(self._end)
            raise
        self._end += len(lines)
        self._count(records)

    def close(self) -> None:
        self._file.close()

    def _read(self) -> int:
        """Count what is there; gives back the size of it without what a crash left incomplete."""
        self._file.seek(0)
        reader = io.BufferedReader(self._file)
        # Records of a shard whose last one has not been read yet.
        pending: list[dict[str, Any]] = []
        end = size = 0
        for number, line in enumerate(reader, start=1):
            if not line.endswith(b"\n"):
                break
            size += len(line)
            try:
                record = json.loads(line)
                if pending and record.get("shard") != pending[0]["shard"]:
                    raise ValueError("the shard before it has no last record")
                pending.append({name: record[name] for name in ("line", "status", "shard") if name in record})
                if "shard" in record and not record.get("last"):
                    continue
                self._count(pending)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise BatchError(
                    f"{self.path}: line {number} is damaged; take it out, or begin in a new folder"
                ) from None
            pending = []
            end = size
        reader.detach()
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


def line_of(record: dict[str, Any]) -> bytes:
    """A record as it stands in the file. Halves of characters, which UTF-8 cannot hold, become escapes of JSON."""
    return (json.dumps(record, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


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
