"""How samples lie on the disk. A record is handed back only when the data that it speaks of are safe there."""

from __future__ import annotations

import io
import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from motiongen.batch.manifest import BatchError, sync_folder
from motiongen.batch.shards import Shards, emptied, record_of
from motiongen.batch.worker import Result
from motiongen.export import suffix

# Samples of one folder of the layout of files.
_FOLDER = 1000


@runtime_checkable
class Layout(Protocol):
    """Where results go."""

    def add(self, results: Sequence[Result]) -> list[dict[str, Any]]:
        """Take results; gives back the records, of these or earlier ones, whose data are now safe."""
        ...

    def finish(self) -> list[dict[str, Any]]:
        """Write what is held back; gives back its records."""
        ...


class Files:
    """`OUT/<thousand>/<line>-<words>.<format>`: lines 0 to 999 in `00000`, and so on."""

    def __init__(self, out: Path, tag: str) -> None:
        """`tag` tells runs apart that write to one folder at the same time."""
        self._out = out
        self._beside = emptied(out / f".unfinished{tag}")

    def add(self, results: Sequence[Result]) -> list[dict[str, Any]]:
        records = []
        touched: set[Path] = set()
        for result in results:
            names = []
            for form, data in result.files.items():
                folder = f"{result.line // _FOLDER:05d}"
                name = f"{result.name}{suffix(form)}"
                if not (self._out / folder).is_dir():
                    (self._out / folder).mkdir(exist_ok=True)
                    touched.add(self._out)
                beside = self._beside / name
                with open(beside, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(beside, self._out / folder / name)
                touched.add(self._out / folder)
                names.append(f"{folder}/{name}")
            records.append(record_of(result, files=names) if result.status == "done" else record_of(result))
        for folder_path in touched:
            sync_folder(folder_path)
        return records

    def finish(self) -> list[dict[str, Any]]:
        shutil.rmtree(self._beside, ignore_errors=True)
        return []


class WebDataset(Shards):
    """Tar files as the webdataset package reads them: of each sample its formats, `txt` and `json`."""

    ending = ".tar"

    def _open(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 - closed with the shard

    def _write(self, result: Result, record: dict[str, Any]) -> None:
        members = {suffix(form): data for form, data in result.files.items()}
        members[".txt"] = record["text"].encode("utf-8")
        members[".json"] = json.dumps(record, ensure_ascii=False).encode("utf-8")
        for ending, data in members.items():
            # Without times and owners: equal samples are equal bytes.
            member = tarfile.TarInfo(f"{result.name}{ending}")
            member.size = len(data)
            self._tar.addfile(member, io.BytesIO(data))

    def _close(self) -> None:
        self._tar.close()


def build_layout(name: str, out: Path, tag: str, size: int, known: set[str]) -> Layout:
    """The layout of that name.

    Raises:
        BatchError: there is none, or its package is missing.
    """
    kind = _kind(name)
    return kind(out, tag) if kind is Files else kind(out, tag, size, known)


def check_layout(name: str, out: Path, tag: str, begun: bool) -> None:
    """Find what stands against a layout before anything is loaded or written.

    Args:
        begun: whether a run is in the folder, so that shards there are its own.

    Raises:
        BatchError: there is none of that name, its package is missing, or shards are there that it would replace.
    """
    kind = _kind(name)
    if issubclass(kind, Shards) and not begun:
        kind.refuse_others(out, tag)


def _kind(name: str) -> type[Any]:
    if name == "parquet":
        from motiongen.batch.parquet import Parquet

        return Parquet
    kinds: dict[str, type[Any]] = {"files": Files, "webdataset": WebDataset}
    if name not in kinds:
        raise BatchError(f"layout '{name}' is unknown; there are {', '.join(LAYOUTS)}")
    return kinds[name]


LAYOUTS = ("files", "parquet", "webdataset")
