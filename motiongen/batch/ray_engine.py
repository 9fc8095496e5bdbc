"""The engine of many machines: actors of a Ray cluster, each with a pipeline of its own.

Actors of Ray's core and not Ray Data's `map_batches`, since of a run nothing may be lost and nothing made twice. Ray
Data wants all rows before it begins, gives results out when a block of its own making is whole, and answers a process
that dies with the whole block again, or with none of it. Here jobs are drawn as workers are free, the results of a
chunk are in the manifest before anybody waits for another, and a job that kills its process is found and left out.
"""

from __future__ import annotations

import importlib
import logging
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from motiongen.batch.engine import DEATHS, UNKNOWN, Builder
from motiongen.batch.jobs import Job
from motiongen.batch.manifest import BatchError
from motiongen.batch.worker import Result, StorageError, lost
from motiongen.motion import MotionError

# Chunks that an actor has at once: while results of one are on their way, it does the next.
_AHEAD = 2
# Seconds after which it is told that no worker is ready yet: a cluster may be waiting for its machines.
_PATIENCE = 60
INSTALL = 'pip install "motiongen[ray]"'


@dataclass
class _Chunk:
    jobs: Sequence[Job]
    deaths: int = 0


@dataclass
class _Actor:
    handle: Any
    info: Any
    ready: bool = False
    doing: deque[tuple[Any, _Chunk]] = field(default_factory=deque)


class RayEngine:
    """Workers on a Ray cluster: that of this process, of RAY_ADDRESS or of `ray start`, else one of this machine alone.

    Results are those of the local engine. Processes and machines may die and others join while it runs.

    Args:
        builder: what makes a worker where it is to run; motiongen and the pipeline must be there.
        workers: how many; by default one a processor of the cluster, or one a GPU.
        gpus: what each worker needs of a GPU: 0 is none, 0.25 lets four share one.
        tell: is called with a line when a worker has died.
    """

    def __init__(
        self,
        builder: Builder,
        workers: int | None = None,
        gpus: float = 0.0,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._builder, self._gpus, self._tell = builder, gpus, tell
        self.workers = workers or 1
        self._wanted = workers
        self._ray: Any = None
        self._running: list[_Actor] = []
        self._never_ready, self._joined = 0, False
        self.info = UNKNOWN

    def __enter__(self) -> RayEngine:
        """Join the cluster and wait for the first worker that is ready.

        Raises:
            BatchError: Ray is not installed, there is no such cluster, or nothing in it can hold a worker.
            MotionError: a worker cannot be built.
        """
        self._ray = _imported()
        self._joined = self._ray.is_initialized()
        try:
            if not self._joined:
                self._ray.init(logging_level=logging.ERROR, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            why = (str(error).splitlines() or [type(error).__name__])[0][:160]
            raise BatchError(f"no Ray cluster can be joined or started ({why}); see RAY_ADDRESS") from None
        try:
            kind, each = ("GPU", self._gpus) if self._gpus else ("CPU", 1)
            room = int(self._ray.cluster_resources().get(kind, 0) / each)
            if room < 1:
                raise BatchError(f"the Ray cluster has no {kind}; give another --device, or add machines")
            self.workers = self._wanted or room
            self._running = [self._start() for _ in range(self.workers)]
            while not any(actor.ready for actor in self._running):
                starting = [actor.info for actor in self._running if not actor.ready]
                ready, _ = self._ray.wait(starting, num_returns=1, timeout=_PATIENCE)
                if ready:
                    self._heard(ready[0], deque())
                else:
                    self._tell(f"no worker of the cluster is ready yet; each needs {each:g} {kind}: see 'ray status'")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        for actor in self._running:
            self._ray.kill(actor.handle)
        self._running = []
        if not self._joined:
            self._ray.shutdown()

    def results(self, chunks: Iterable[Sequence[Job]]) -> Iterator[list[Result]]:
        """See `Engine`. Raises: StorageError: a worker has no space to encode files in."""
        waiting: deque[_Chunk] = deque()
        source = iter(chunks)
        more = True
        while True:
            for depth in range(_AHEAD):
                # Every worker gets its first before any gets its second; one that is not there yet gets none.
                for actor in [a for a in self._running if a.ready and len(a.doing) <= depth]:
                    if not waiting and more:
                        following = next(source, None)
                        more = following is not None
                        waiting += [] if following is None else [_Chunk(following)]
                    if waiting:
                        chunk = waiting.popleft()
                        actor.doing.append((actor.handle.batch.remote(list(chunk.jobs)), chunk))
            asked = [ref for actor in self._running for ref, _ in actor.doing]
            if not asked and not more and not waiting:
                return
            starting = [actor.info for actor in self._running if not actor.ready]
            done = self._heard(self._first(asked + starting), waiting)
            if done:
                yield done

    def _start(self) -> _Actor:
        options = {"num_cpus": 1, "num_gpus": self._gpus, "max_restarts": 0}
        handle = self._ray.remote(**options)(RayWorker).remote(self._builder)
        return _Actor(handle, handle.info.remote())

    def _first(self, refs: list[Any]) -> Any:
        ready, _ = self._ray.wait(refs, num_returns=1)
        return ready[0]

    def _heard(self, ref: Any, waiting: deque[_Chunk]) -> list[Result]:
        """Take in what has become of something that a worker was asked."""
        actor = next(a for a in self._running if ref is a.info or any(ref is r for r, _ in a.doing))
        try:
            kind, what = self._ray.get(ref)
        except self._ray.exceptions.RayError as error:
            return self._died(actor, type(error).__name__, waiting)
        if kind == "ready":
            if self.info not in (UNKNOWN, what):
                both = f"{self.info} and {what}"
                raise BatchError(f"workers of the cluster differ ({both}); give all machines the same pipeline")
            actor.ready, self.info = True, what
            self._never_ready = 0
        elif kind == "done":
            actor.doing = deque((r, chunk) for r, chunk in actor.doing if r is not ref)
            return list(what)
        elif kind == "storage":
            raise StorageError(what)
        elif kind == "refused":
            raise MotionError(what)
        else:
            raise RuntimeError(f"a worker failed:\n{what}")
        return []

    def _died(self, actor: _Actor, how: str, waiting: deque[_Chunk]) -> list[Result]:
        """Put another in its place; what it had finished is taken, what it had begun is made again job by job."""
        if not actor.ready:
            self._never_ready += 1
            if self._never_ready >= DEATHS * self.workers:
                raise BatchError(f"workers of the cluster end while they load ({how}); see 'ray logs'")
        results: list[Result] = []
        begun: _Chunk | None = None
        for ref, chunk in actor.doing:
            try:
                kind, what = self._ray.get(ref)
            except self._ray.exceptions.RayError:
                if begun is None:
                    begun = chunk
                else:
                    waiting.append(chunk)
                continue
            results += list(what) if kind == "done" else []
            waiting.extend([] if kind == "done" else [chunk])
        self._ray.kill(actor.handle)
        self._running[self._running.index(actor)] = self._start()
        if begun is not None and begun.deaths + 1 >= DEATHS:
            lines = ", ".join(str(job.line) for job in begun.jobs)
            self._tell(f"a worker ended ({how}), as all {DEATHS} that had line {lines} to make; it is left out")
            return results + [lost(job) for job in begun.jobs]
        if begun is not None:
            waiting.extendleft(_Chunk([job], begun.deaths + 1) for job in reversed(begun.jobs))
        count = 0 if begun is None else len(begun.jobs)
        self._tell(f"a worker of the cluster ended ({how}); another takes its place and makes {count} clips again")
        return results


class RayWorker:
    """What runs in a process of the cluster. What goes wrong is told as a value, so that it arrives as it was said."""

    def __init__(self, builder: Builder) -> None:
        self._refusal = ""
        try:
            self._worker = builder.build()
        except MotionError as error:
            self._refusal = str(error)

    def info(self) -> tuple[str, Any]:
        return ("refused", self._refusal) if self._refusal else ("ready", self._worker.info)

    def batch(self, jobs: list[Job]) -> tuple[str, Any]:
        try:
            return "done", self._worker.batch(jobs)
        except StorageError as error:
            return "storage", str(error)
        except MotionError as error:
            return "refused", str(error)
        except Exception:
            return "failed", traceback.format_exc()


def _imported() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise BatchError(f"the engine ray is not installed ({error.name}); {INSTALL}") from None
