"""What an engine has to be: something that does chunks of jobs, wherever it does them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

from motiongen.batch.jobs import Job
from motiongen.batch.worker import Info, Result

# Processes end without any job's fault, for want of memory or with a machine that was lent. The jobs of one that ended
# are made again one by one; one that was there at so many ends is lost to this run.
DEATHS = 3
UNKNOWN = Info("", "", False, 0)


@runtime_checkable
class BatchWorker(Protocol):
    """What does jobs in one process; `motiongen.batch.worker.Worker` is one."""

    @property
    def info(self) -> Info: ...

    def batch(self, jobs: Sequence[Job]) -> list[Result]: ...


@runtime_checkable
class Builder(Protocol):
    """What makes a worker where it is to run; it is sent there, so it must be small and can be pickled."""

    def build(self) -> BatchWorker: ...


@runtime_checkable
class Engine(Protocol):
    """Used in a `with`: its workers end with it.

    Attributes:
        workers: how many chunks are done at once.
        info: what the workers say of themselves; known once the `with` is entered.
    """

    workers: int
    info: Info

    def __enter__(self) -> Engine: ...

    def __exit__(self, *raised: object) -> None: ...

    def results(self, chunks: Iterable[Sequence[Job]]) -> Iterator[list[Result]]:
        """Results in any order, one for every job. Takes no more chunks than it has workers to do them soon."""
        ...
