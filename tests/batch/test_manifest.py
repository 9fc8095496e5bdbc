"""The manifest: what is not whole on the disk is no record, and what cannot be written leaves it as it was."""

from __future__ import annotations

import errno
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from motiongen.batch import manifest as manifest_module
from motiongen.batch.manifest import BatchError, Manifest


def shard(name: str, *lines: int) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = [{"line": line, "status": "done", "shard": name} for line in lines]
    records[-1]["last"] = True
    return records


def test_a_manifest_that_cannot_be_written_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = Manifest(tmp_path / "manifest.jsonl")
    manifest.append([{"line": 1, "status": "done"}])
    before = manifest.path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        manifest.append([{"line": 2, "status": "done"}])
    manifest.close()
    assert manifest.path.read_bytes() == before
    assert 1 in manifest and 2 not in manifest and 10**9 not in manifest


@contextmanager
def room(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond so many bytes, as on a disk that is nearly full."""
    resource = pytest.importorskip("resource", reason="limits of files are those of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


# Fewer bytes than a buffer of Python holds, and more.
@pytest.mark.parametrize(("count", "size"), [(100, 1000), (2000, 20_000)])
def test_a_disk_that_fills_up_in_the_midst_of_an_append_damages_nothing(tmp_path: Path, count: int, size: int) -> None:
    path = tmp_path / "manifest.jsonl"
    manifest = Manifest(path)
    manifest.append([{"line": 1, "status": "done"}])
    before = path.read_bytes()
    many = [{"line": line, "status": "done"} for line in range(2, count)]
    with room(size):
        with pytest.raises(OSError, match="too large"):
            manifest.append(many)
        # As an interrupted run does, which tries to write what is left.
        with pytest.raises(OSError, match="too large"):
            manifest.append(many)
        manifest.close()
    assert path.read_bytes() == before
    again = Manifest(path)
    again.append([{"line": 2, "status": "done"}])
    again.close()
    assert [json.loads(line)["line"] for line in path.read_text().splitlines()] == [1, 2]


def test_records_of_a_shard_count_only_all_together(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    manifest = Manifest(path)
    manifest.append([{"line": 1, "status": "filtered"}, *shard("a.tar", 2, 3), {"line": 4, "status": "refused"}])
    kept = path.stat().st_size
    manifest.append(shard("b.tar", 5, 6, 7))
    manifest.close()
    whole = path.read_bytes()
    for size in range(kept, len(whole)):
        path.write_bytes(whole[:size])
        manifest = Manifest(path)
        manifest.close()
        assert manifest.shards == {"a.tar"} and manifest.counts.total() == 4
        assert path.read_bytes() == whole[:kept]
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    with pytest.raises(BatchError, match="line 3 is damaged"):
        Manifest(path)


def test_halves_of_characters_are_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    manifest = Manifest(path)
    manifest.append([{"line": 1, "status": "refused", "reason": "'x\ud800' is unknown; ä"}])
    manifest.close()
    again = Manifest(path)
    assert 1 in again
    again.close()
    assert json.loads(path.read_text(encoding="utf-8"))["reason"] == "'x\ud800' is unknown; ä"
