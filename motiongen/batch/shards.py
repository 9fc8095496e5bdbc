"""Samples in shards: files of many, written beside and renamed whole."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from motiongen.batch.manifest import BatchError, sync_folder
from motiongen.batch.worker import Result


def record_of(result: Result, **place: Any) -> dict[str, Any]:
    """The manifest's line for a result."""
    return {"line": result.line, "status": result.status, "name": result.name, **result.record, **place}


class Shards:
    """Shards of so many samples, written beside and renamed whole; their records are held back until then."""

    ending: str

    def __init__(self, out: Path, tag: str, size: int, known: set[str]) -> None:
        """`known` are shards that the manifest points to; others of the same tag are of a run that was cut off."""
        self._out, self._tag, self._size = out, tag, size
        self._beside = emptied(out / f".unfinished{tag}")
        there = self._there(out, tag)
        for name in there.keys() - known:
            (out / name).unlink()
        self._next = max((number for name, number in there.items() if name in known), default=-1) + 1
        self._held: list[dict[str, Any]] = []

    @classmethod
    def refuse_others(cls, out: Path, tag: str) -> None:
        """Raises: BatchError: files are there that shards of a run that begins would replace."""
        for name in sorted(cls._there(out, tag)):
            raise BatchError(f"{out / name}: is there already and of no run here; give another --out")

    @classmethod
    def _there(cls, out: Path, tag: str) -> dict[str, int]:
        """Shards in a folder, with their numbers."""
        named = re.compile(rf"shard{tag}-(\d{{6,}}){re.escape(cls.ending)}", re.ASCII)
        found = (named.fullmatch(path.name) for path in out.glob(f"shard{tag}-*{cls.ending}"))
        return {match[0]: int(match[1]) for match in found if match}

    def add(self, results: Sequence[Result]) -> list[dict[str, Any]]:
        safe = []
        for result in results:
            if result.status != "done":
                safe.append(record_of(result))
                continue
            if not self._held:
                self._open(self._beside / self._name)
            record = record_of(result, shard=self._name)
            self._write(result, record)
            self._held.append(record)
            if len(self._held) >= self._size:
                safe += self._closed()
        return safe

    def finish(self) -> list[dict[str, Any]]:
        safe = self._closed() if self._held else []
        shutil.rmtree(self._beside, ignore_errors=True)
        return safe

    def _closed(self) -> list[dict[str, Any]]:
        self._close()
        beside = self._beside / self._name
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, self._out / self._name)
        sync_folder(self._out)
        held, self._held = self._held, []
        held[-1]["last"] = True
        self._next += 1
        return held

    @property
    def _name(self) -> str:
        return f"shard{self._tag}-{self._next:06d}{self.ending}"

    def _open(self, path: Path) -> None:
        raise NotImplementedError

    def _write(self, result: Result, record: dict[str, Any]) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


def emptied(folder: Path) -> Path:
    """A folder with nothing in it: what is there is of a run that was cut off."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder
