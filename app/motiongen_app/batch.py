"""`motiongen batch`: clips for every line of a file, with bars that say how it goes."""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

import motiongen_assets
from motiongen.batch.engine import Engine
from motiongen.batch.filters import conditions
from motiongen.batch.jobs import Options
from motiongen.batch.layouts import LAYOUTS
from motiongen.batch.local import LocalEngine
from motiongen.batch.manifest import BatchError
from motiongen.batch.prompt_files import FORMATS, UNITS
from motiongen.batch.run import Plan, Tally, run_batch
from motiongen.batch.worker import WorkerSpec
from motiongen.motion import atomic_path
from motiongen.prompts import MAX_SECONDS, MIN_SECONDS
from motiongen_app.errors import InputError, in_range
from motiongen_app.settings import Settings, chosen_device, chosen_formats

ENGINES = ("local", "ray")
MAX_WORKERS = 1024
MAX_SHARD_SIZE = 100_000
STDIN = "-"
# On a GPU several processes share one device: while one encodes its clips, another generates.
_PROCESSES_A_GPU = 4


@dataclass(frozen=True)
class Request:
    """What `motiongen batch` alone is told; `prompts` is a file, or - for what comes through standard input."""

    prompts: str
    seconds: float = 4.0
    input_format: str | None = None
    unit: str = "seconds"
    best_of: int = 1
    filters: str = ""
    layout: str = "files"
    shard_size: int = 1000
    shard: str = "0/1"
    workers: int | None = None
    engine: str = "local"
    resume: bool = False

    def check(self) -> None:
        """Raises: InputError: a value is out of range or names nothing that exists."""
        in_range("--seconds", self.seconds, MIN_SECONDS, MAX_SECONDS)
        in_range("--shard-size", self.shard_size, 1, MAX_SHARD_SIZE)
        in_range("--workers", 1 if self.workers is None else self.workers, 1, MAX_WORKERS)
        for name, value, known in (
            ("engine", self.engine, ENGINES), ("layout", self.layout, LAYOUTS), ("unit", self.unit, UNITS),
            ("input format", self.input_format or FORMATS[0], FORMATS),
        ):  # fmt: skip
            if value not in known:
                raise InputError(f"{name} '{value}' is unknown; there are {', '.join(known)}")
        if not re.fullmatch(r"\d{1,6}/\d{1,6}", self.shard, re.ASCII):
            raise InputError(f"--shard is {self.shard}; give which of how many, from 0: 0/8")


def run(request: Request, settings: Settings) -> Tally:
    """Generate what the file asks for and is not there yet; prints how many clips were made.

    Raises:
        BatchError: see `run_batch`; also if lines were lost with the processes that made them.
    """
    request.check()
    settings.check()
    index, count = (int(number) for number in request.shard.split("/"))
    options = Options(settings.steps, settings.guidance, settings.scheduler, settings.clean_feet, request.best_of)
    plan = Plan(
        Path(request.prompts), settings.out, request.input_format, request.unit, settings.seed, request.seconds,
        options, chosen_formats(settings.formats), conditions(request.filters),
        str(chosen_device(settings.device)), request.layout, request.shard_size, (index, count), request.resume,
    )  # fmt: skip
    plan.check()
    if request.prompts == STDIN or plan.prompts.is_fifo():
        plan = _kept(plan)
    bars = _bars()
    engine = _engine(request, settings, plan, lambda line: bars.console.print(line, markup=False))
    with bars:
        bar = bars.add_task("loading", total=None, clips="", motion="", left_out="")
        watch = _Watch(bars, bar)
        tally = run_batch(plan, engine, watch)
    made = f"{tally.done} clips" + (f" ({tally.skipped} lines were done before)" if tally.skipped else "")
    others = ", ".join(f"{n} {name}" for name, n in (("filtered", tally.filtered), ("refused", tally.refused)) if n)
    print(f"{made}{'; ' + others if others else ''}; in {plan.out}, with {plan.manifest.name}")
    if tally.lost:
        raise BatchError(f"{tally.lost} lines were lost with their processes; --resume tries them again")
    return tally


def _engine(request: Request, settings: Settings, plan: Plan, tell: Callable[[str], None]) -> Engine:
    if request.engine == "ray":
        from motiongen.batch.ray_engine import RayEngine

        gpus = 1 / _PROCESSES_A_GPU if plan.device.startswith("cuda") else 0.0
        # Its processes have other working folders.
        released = settings.pipeline in motiongen_assets.pipelines()
        pipeline = settings.pipeline if released else str(Path(settings.pipeline).absolute())
        # Ray shows a worker only the GPU that it gives it, and it is the first that the worker sees.
        spec = replace(_spec(settings, plan, plan.device.partition(":")[0]), pipeline=pipeline)
        return RayEngine(spec, request.workers, gpus, tell)
    return LocalEngine([_spec(settings, plan, device) for device in _devices(plan.device, request.workers)], tell)


def _spec(settings: Settings, plan: Plan, device: str) -> WorkerSpec:
    return WorkerSpec(settings.pipeline, device, plan.formats, plan.filters)


def _devices(device: str, workers: int | None) -> list[str]:
    """The device of every worker: with cuda and no number, all that there are in turn."""
    if device == "cuda":
        found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    else:
        found = [device]
    if workers is None:
        workers = processors() if device == "cpu" else _PROCESSES_A_GPU * len(found)
    return [found[number % len(found)] for number in range(workers)]


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _kept(plan: Plan) -> Plan:
    """The plan with a copy in its folder of prompts that can be read but once: they are needed twice.

    Raises:
        InputError: there is no space for it, or the run that is gone on with had others.
    """
    kind = plan.kind or "txt"
    path = plan.out / f"stdin{plan.tag}.{kind if kind != 'flowmdm' else 'json'}"
    try:
        with ExitStack() as opened:
            stdin = str(plan.prompts) == STDIN
            source = sys.stdin.buffer if stdin else opened.enter_context(open(plan.prompts, "rb"))
            with atomic_path(path) as beside:
                with open(beside, "wb") as file:
                    shutil.copyfileobj(source, file)
                    file.flush()
                    os.fsync(file.fileno())
                if plan.manifest.exists() and path.exists() and not filecmp.cmp(path, beside, shallow=False):
                    raise InputError(f"{path}: holds other prompts than came now; give the same, or another --out")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; free space, or name another --out") from None
    return replace(plan, prompts=path, kind=kind)


def _bars() -> Progress:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[clips]}"), TextColumn("{task.fields[motion]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[left_out]}"),
    )  # fmt: skip
    return Progress(*columns, console=Console(stderr=True), speed_estimate_period=300)


class _Watch:
    """Tells a bar how far a run is."""

    def __init__(self, bars: Progress, bar: TaskID) -> None:
        self._bars, self._bar = bars, bar
        self._began = time.perf_counter()

    def __call__(self, tally: Tally) -> None:
        passed = max(time.perf_counter() - self._began, 1e-9)
        made = tally.done + tally.filtered
        left_out = ((name, getattr(tally, name)) for name in ("skipped", "filtered", "refused", "lost"))
        self._bars.update(
            self._bar, description="generating", total=tally.total, completed=tally.finished,
            clips=f"{made / passed:.1f} clips/s", motion=f"{tally.seconds / passed:.1f} s of motion/s",
            left_out=" ".join(f"{name} {count}" for name, count in left_out if count),
        )  # fmt: skip
