"""What the demo has made: kept for a while under a name that cannot be guessed, with its files made when asked for."""

from __future__ import annotations

import json
import logging
import secrets
import tempfile
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from motiongen import __version__
from motiongen.batch.jobs import slug
from motiongen.body import shapes
from motiongen.export import EXPORTERS, suffix
from motiongen.export.posed import with_pose
from motiongen.motion import Motion, MotionError, atomic_path
from motiongen_app.clips import metrics
from motiongen_app.demo.recipe import Recipe
from motiongen_app.errors import InputError

log = logging.getLogger("motiongen.demo")

# Results in all, and of one page: who makes many replaces the own ones first.
KEPT = 64
KEPT_OF_ONE = 8
# What is written at once; a video takes seconds and is asked for by itself.
QUICK = ("glb", "bvh", "amass", "npz", "joints")


@dataclass(frozen=True)
class DemoClip:
    """A clip on the page. `label` tells it from those beside it."""

    motion: Motion
    recipe: Recipe
    label: str
    alignment: float | None = None

    @cached_property
    def posed(self) -> Motion:
        """The clip with the pose of a body of its shape, which is found on first use: the skeleton is seen before."""
        return with_pose(self.motion, betas=shapes.betas(self.recipe.shape))

    def file_name(self, kind: str) -> str:
        name = f"{self.recipe.number:03d}-{slug([s.text for s in self.motion.text])}"
        return name + (".joints.npy" if kind == "joints" else suffix(kind))

    def measured(self) -> dict[str, float | None]:
        return {**metrics(self.motion), "alignment": None if self.alignment is None else round(self.alignment, 4)}


@dataclass
class Result:
    """Clips that were made together, and the folder for their files."""

    clips: tuple[DemoClip, ...]
    seconds: float
    formats: tuple[str, ...] = QUICK
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    folder: Path = Path()
    # The page that it was made for.
    owner: str = ""
    # One thread finds poses and writes files, the others wait for what it made.
    writing: threading.RLock = field(default_factory=threading.RLock)

    def posed(self, number: int) -> Motion:
        with self.writing:
            return self.clips[number].posed

    def file(self, number: int, kind: str) -> Path:
        """The file of a clip, written on first use. Raises: KeyError: no such clip or format."""
        if not 0 <= number < len(self.clips) or kind not in {*EXPORTERS, "joints"}:
            raise KeyError(kind)
        clip = self.clips[number]
        path = self.path(number, kind)
        with self.writing, exporting():
            if not path.exists():
                if kind == "joints":
                    _write_joints(clip.motion, path)
                else:
                    EXPORTERS[kind](clip.posed, path)
        return path

    def path(self, number: int, kind: str) -> Path:
        """Where the file of a clip is, or will be."""
        return self.folder / f"{number}-{self.clips[number].file_name(kind)}"

    def has(self, number: int, kind: str) -> bool:
        return self.path(number, kind).exists()

    def zip(self) -> Path:
        """Every clip in the result's formats, videos that are there already, and `manifest.json`."""
        there = [["mp4"] if self.has(n, "mp4") else [] for n in range(len(self.clips))]
        wanted = {n: list(dict.fromkeys([*self.formats, *drawn])) for n, drawn in enumerate(there)}
        files = {n: {kind: self.file(n, kind) for kind in kinds} for n, kinds in wanted.items()}
        path = self.folder / f"motiongen-{sum(map(len, wanted.values()))}.zip"
        with self.writing:
            if not path.exists():
                with atomic_path(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as out:
                    for number, paths in files.items():
                        for kind, source in paths.items():
                            out.write(source, f"{number}-{self.clips[number].file_name(kind)}")
                    names = {n: [f"{n}-{self.clips[n].file_name(kind)}" for kind in wanted[n]] for n in wanted}
                    out.writestr("manifest.json", json.dumps(self.manifest(names), indent=2, ensure_ascii=False))
        return path

    def manifest(self, files: dict[int, list[str]]) -> list[dict[str, Any]]:
        """Entries as `motiongen generate` writes them, with what it takes to make each clip again."""
        return [
            {
                "text": " ".join(s.text for s in clip.motion.text),
                "seconds": clip.motion.seconds,
                "segments": [{"text": s.text, "start": s.start, "stop": s.stop} for s in clip.motion.text],
                "seed": clip.recipe.own_seed,
                "files": files.get(number, []),
                "metrics": clip.measured(),
                "timings_s": {"generate": round(self.seconds, 4)},
                "command": clip.recipe.command(),
                "version": __version__,
                **clip.recipe.settings(),
            }
            for number, clip in enumerate(self.clips)
        ]


class ResultStore:
    """The latest results, oldest dropped first, with the folder that holds their files."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="motiongen-demo-")
        self.uploads = tempfile.mkdtemp(prefix="uploads-", dir=self._folder.name)
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._lock = threading.Lock()
        self.welcome: Result | None = None

    def add(self, result: Result, owner: str = "") -> Result:
        """Keep a result for a page, which has a number of them at most."""
        result.folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        result.owner = owner
        with self._lock:
            self._results[result.token] = result
            own = [token for token, kept in self._results.items() if kept.owner == owner]
            dropped = [self._results.pop(token) for token in own[:-KEPT_OF_ONE]]
            dropped += [self._results.popitem(last=False)[1] for _ in range(len(self._results) - KEPT)]
        for old in dropped:
            if old is not self.welcome:
                _remove(old.folder)
        return result

    def get(self, token: object) -> Result | None:
        """The result of that name, which is used again now and so kept longer."""
        if self.welcome is not None and token == self.welcome.token:
            return self.welcome
        with self._lock:
            if not isinstance(token, str) or token not in self._results:
                return None
            self._results.move_to_end(token)
            return self._results[token]

    def close(self) -> None:
        """Remove all files."""
        self._folder.cleanup()


def fixed_blocks(clip: DemoClip) -> set[int]:
    """Sentences that cannot be made anew alone: the ends of a clip that was closed to a loop, or brought to a place."""
    return {0, len(clip.motion.text) - 1} if clip.recipe.loop or clip.recipe.in_place else set()


@contextmanager
def exporting() -> Iterator[None]:
    """Writing a file. Raises: InputError: it cannot be; the log says why, and where, which no page is told."""
    try:
        yield
    except MotionError as error:
        log.error("a file was not written: %s", error)
        raise InputError("the file cannot be written now; try again, or choose another format") from None


def _write_joints(motion: Motion, path: Path) -> None:
    import numpy as np

    with atomic_path(path) as beside, open(beside, "wb") as file:
        np.save(file, motion.joints.numpy().astype(np.float32))


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
