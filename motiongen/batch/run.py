"""A run: prompts through an engine into a layout, with a manifest from which it can go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from motiongen import __version__
from motiongen.batch.chunks import chunked
from motiongen.batch.engine import Engine
from motiongen.batch.filters import Condition
from motiongen.batch.jobs import Job, Options, job_of
from motiongen.batch.layouts import build_layout, check_layout
from motiongen.batch.manifest import BatchError, Manifest, sync_folder
from motiongen.batch.prompt_files import Entry, Refused, format_of, read_prompts
from motiongen.batch.worker import Info
from motiongen.motion import atomic_path

SETTINGS = "batch.json"
# Refused lines that are kept before they are written, where no results come between them.
_ODD = 256


@dataclass(frozen=True)
class Plan:
    """What a run is told, but for who does it.

    Attributes:
        prompts: file to read; see `prompt_files` for `kind` and `unit`.
        out: folder to write to.
        seed: from which the seeds of lines come that tell none.
        seconds: length of a sentence where its line tells none.
        options: for lines that tell no others.
        formats, filters, device: those of the workers, of which the results depend too.
        layout: one of `layouts.LAYOUTS`; `shard_size` samples are in a shard of it, if it has any.
        shard: (i, n) takes every n-th entry, the i-th first.
        resume: whether what is there may be gone on with.
    """

    prompts: Path
    out: Path
    kind: str | None = None
    unit: str = "seconds"
    seed: int = 7
    seconds: float = 4.0
    options: Options = field(default_factory=Options)
    formats: tuple[str, ...] = ("npz",)
    filters: tuple[Condition, ...] = ()
    device: str = "cpu"
    layout: str = "files"
    shard_size: int = 1000
    shard: tuple[int, int] = (0, 1)
    resume: bool = False

    @property
    def tag(self) -> str:
        """What tells the files of this shard of the work from those of others; nothing if it is the whole."""
        index, count = self.shard
        return "" if count == 1 else f"-{index:03d}-of-{count:03d}"

    @property
    def manifest(self) -> Path:
        return self.out / f"manifest{self.tag}.jsonl"

    def entries(self) -> Iterator[Entry | Refused]:
        """This shard's entries. Raises: PromptError: the file cannot be read."""
        index, count = self.shard
        for number, entry in enumerate(read_prompts(self.prompts, self.kind, self.unit)):
            if number % count == index:
                yield entry

    def check(self) -> None:
        """Raises: BatchError, MotionError: something that is known before anything is loaded stands against the run."""
        self.options.check()
        index, count = self.shard
        if not 0 <= index < count:
            raise BatchError(
                f"shard {index}/{count} is none; the first is 0, and the last one less than how many there are"
            )
        if self.manifest.exists() and not self.resume:
            raise BatchError(f"{self.manifest}: is there already; give --resume to go on with it, or another --out")
        check_layout(self.layout, self.out, self.tag, self.manifest.exists())


@dataclass
class Tally:
    """How far a run is.

    Attributes:
        total: entries, of which `skipped` were done by the run that is gone on with.
        done, filtered, refused: those of this run by status.
        seconds: of motion made by this run, filtered clips too.
        lost: lines whose processes ended; they are in no manifest, and the next run tries them again.
    """

    total: int = 0
    skipped: int = 0
    done: int = 0
    filtered: int = 0
    refused: int = 0
    seconds: float = 0.0
    lost: int = 0

    @property
    def finished(self) -> int:
        return self.skipped + self.done + self.filtered + self.refused


def run_batch(plan: Plan, engine: Engine, tell: Callable[[Tally], None] = lambda tally: None) -> Tally:
    """Do what of a plan is not done yet.

    Args:
        engine: not entered yet.
        tell: called after every step with how far the run is.

    Raises:
        BatchError: there is a run in the folder already, or with other settings; or the disk refuses.
        MotionError: the prompts or the pipeline cannot be read.
    """
    plan.check()
    tally = Tally(total=sum(1 for _ in plan.entries()))
    if not tally.total:
        raise BatchError(f"{plan.prompts}: holds no prompt; give one a line")
    with engine:
        try:
            plan.out.mkdir(parents=True, exist_ok=True)
            _agree(plan, engine.info)
            manifest = Manifest(plan.manifest)
            try:
                _through(plan, engine, manifest, tally, tell)
            finally:
                manifest.close()
        except OSError as error:
            where = error.filename or plan.out
            raise BatchError(f"{where}: {error.strerror or error}; mend that and go on with --resume") from None
    return tally


def _through(plan: Plan, engine: Engine, manifest: Manifest, tally: Tally, tell: Callable[[Tally], None]) -> None:
    layout = build_layout(plan.layout, plan.out, plan.tag, plan.shard_size, manifest.shards)
    tell(tally)
    odd: list[dict[str, Any]] = []

    def jobs() -> Iterator[Job]:
        for entry in plan.entries():
            if entry.line in manifest:
                tally.skipped += 1
                continue
            job = job_of(entry, plan.seed, plan.seconds, plan.options) if isinstance(entry, Entry) else entry
            if isinstance(job, Job):
                yield job
                continue
            odd.append({"line": job.line, "status": "refused", "reason": job.reason})
            tally.refused += 1
            if len(odd) >= _ODD:
                write([])

    def write(records: list[dict[str, Any]]) -> None:
        # Emptied first: an interruption that comes once they are written must not write them again.
        due = [*odd, *records]
        odd.clear()
        manifest.append(due)
        tell(tally)

    adding = False
    try:
        for results in engine.results(chunked(jobs(), engine.workers)):
            adding = True
            records = layout.add([result for result in results if result.status != "lost"])
            adding = False
            for result in results:
                setattr(tally, result.status, getattr(tally, result.status) + 1)
                tally.seconds += result.seconds
            write(records)
    except BaseException as error:
        # Interrupted, or a worker failed: what is made already need not be made again, unless the disk refuses it or
        # only a part of it is written.
        if not adding and not isinstance(error, OSError):
            write(layout.finish())
        raise
    write(layout.finish())


def _agree(plan: Plan, info: Info) -> None:
    """Remember the settings of the first run in the folder, or see that this one has the same."""
    path = plan.out / SETTINGS
    settings = {
        "prompts": _digest(plan.prompts),
        "input_format": format_of(plan.prompts, plan.kind),
        "unit": plan.unit,
        "pipeline": f"{info.pipeline} {info.digest}",
        "device": plan.device.partition(":")[0],
        "seed": plan.seed,
        "seconds": plan.seconds,
        **asdict(plan.options),
        "formats": list(plan.formats),
        "filter": ",".join(map(str, plan.filters)),
        "layout": plan.layout,
        "shards": plan.shard[1],
        "rows": info.rows,
        "version": __version__,
        "torch": str(torch.__version__),
    }
    if any(condition.measure == "alignment" for condition in plan.filters) and not info.scores:
        raise BatchError(f"pipeline '{info.pipeline}' has no alignment heads; leave alignment out of --filter")
    if plan.options.best_of > 1 and not info.scores:
        raise BatchError(f"pipeline '{info.pipeline}' has no alignment heads to choose by; leave out --best-of")
    # Looked for first: another shard of the work may begin at this moment, and writes settings before its manifest.
    manifests = sorted(plan.out.glob("manifest*.jsonl"))
    if not path.exists():
        if manifests:
            raise BatchError(f"{manifests[0]}: of its run, {SETTINGS} is missing; bring it back, or give another --out")
        with atomic_path(path) as beside, open(beside, "w", encoding="utf-8") as file:
            file.write(json.dumps(settings, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(plan.out)
        return
    before: Any = None
    with suppress(ValueError):
        before = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(before, dict):
        raise BatchError(f"{path}: is damaged; give another --out")
    for name, value in settings.items():
        if before.get(name) == value:
            continue
        if name == "rows":
            both = f"{before.get(name)} clips a pass before, now {value}"
            raise BatchError(f"this machine multiplies in another way ({both}); go on on one like the first")
        what = "the prompts are others" if name == "prompts" else f"{name} was {before.get(name)}, now {value}"
        raise BatchError(f"{plan.out}: holds a run with other settings ({what}); give them again, or another --out")


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()
