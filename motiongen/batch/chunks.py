"""Jobs put together so that those of one length are generated in one pass, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from motiongen.batch.jobs import Job

# Clips that a worker gets at once, and how many seconds of motion they may be together before they are fewer.
CHUNK = 16
_MAX_FRAMES = 3200
# Chunks hold a multiple of this where there are so many clips of a length; passes of workers divide it.
_STEP = 4
# How many jobs are looked at to find those of one length.
WINDOW = 2048


def chunked(jobs: Iterable[Job], spread: int = 1, window: int = WINDOW) -> Iterator[list[Job]]:
    """Lists of jobs of equal `Job.key`, of so many that passes over them are full, if there are so many.

    Args:
        spread: workers; what is left at the end is shared out among them.
        window: jobs that are held at most.
    """
    held: dict[tuple[Any, ...], list[Job]] = {}
    count = 0
    for job in jobs:
        group = held.setdefault(job.key, [])
        group.append(job)
        count += 1
        if len(group) >= _full(job):
            yield held.pop(job.key)
            count -= len(group)
        elif count >= window:
            largest = max(held, key=lambda key: len(held[key]))
            count -= len(held[largest])
            yield held.pop(largest)
    share = -(-count // (spread * _STEP)) * _STEP
    for group in held.values():
        step = min(share, _full(group[0]))
        yield from (group[start : start + step] for start in range(0, len(group), step))


def _full(job: Job) -> int:
    most = min(CHUNK, _MAX_FRAMES // sum(job.frames)) // job.options.best_of
    return max(1, most // _STEP * _STEP)
