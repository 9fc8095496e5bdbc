"""Files worked on by processes side by side, what came of them, and how a call that is run again goes on."""

from __future__ import annotations

import multiprocessing
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from motiongen.motion import MotionError

Job = TypeVar("Job")
# A clip's name, and the reason why it was not made or None.
Result = tuple[str, str | None]


@dataclass
class Summary:
    """What a call of `prepare` did.

    Attributes:
        written: clips made in this call, mirrored twins not counted.
        kept: clips of an earlier call whose files are unchanged.
        skipped: clip or file -> reason.
        splits: clips of the whole folder in each split, mirrored ones included.
        seconds: time the call took.
        notes: lines for the user about the whole.
    """

    source: str
    written: int = 0
    kept: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    def reasons(self) -> dict[str, int]:
        """Reasons and how many clips each of them cost, most frequent first; numbers in them are written N."""
        general = (re.sub(r"\b\d+(\.\d+)?\b", "N", reason) for reason in self.skipped.values())
        return dict(Counter(general).most_common())

    def skip(self, name: str, why: str, console: Console | None = None) -> None:
        """Remember that a clip or file is left out, and say so on the console if there is one."""
        self.skipped[name] = one_line(why)
        if console is not None:
            line = one_line(f"skipped {name}: {why}")
            console.print(line, style="yellow", soft_wrap=True, highlight=False, markup=False)

    def first(self) -> str:
        """The first refusal, for when there is nothing else to say."""
        return next((f"{name}: {reason}" for name, reason in self.skipped.items()), "none")


def run(work: Callable[[Job], list[Result]], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """What `work` makes of every job, as it comes, in at most so many processes.

    Raises:
        MotionError: a process died.
    """
    workers = min(workers, len(jobs))
    if workers <= 1:
        for job in jobs:
            yield from work(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        futures = [pool.submit(work, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield from future.result()
        except BrokenProcessPool:
            raise MotionError("a worker process died (out of memory?); run again with fewer workers to go on") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def checked_workers(workers: int | None) -> int:
    """How many processes to start: as many as asked for, or one for each processor.

    Raises:
        MotionError: fewer than one asked for.
    """
    if workers is not None and workers < 1:
        raise MotionError(f"workers is {workers}; it must be at least 1")
    return workers or os.cpu_count() or 1


def remove_leftovers(out: Path) -> None:
    """Delete files that a killed call had begun to write."""
    for part in out.glob("*/.*.part*"):
        part.unlink(missing_ok=True)


def one_line(text: str) -> str:
    """Names out of a file may hold line breaks and halves of characters that cannot be written."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def progress_bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _start_worker() -> None:
    # Processes share the processors already; threads inside them would only get in each other's way.
    torch.set_num_threads(1)
    # A killed parent cannot tell its workers; without this they would wait for work for ever.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
