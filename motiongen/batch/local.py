"""The engine of one machine: a process for every worker, each with a pipeline of its own."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from motiongen.batch.engine import DEATHS, UNKNOWN, Builder
from motiongen.batch.jobs import Job
from motiongen.batch.manifest import BatchError
from motiongen.batch.worker import Result, StorageError, lost
from motiongen.motion import MotionError

# Chunks that a worker has at once: while results of one are taken, it does the next.
_AHEAD = 2


@dataclass
class _Chunk:
    jobs: Sequence[Job]
    deaths: int = 0


@dataclass
class _Process:
    process: BaseProcess
    pipe: Connection
    builder: Builder
    ready: bool = False
    doing: deque[_Chunk] = field(default_factory=deque)


class LocalEngine:
    """Processes of this machine. The jobs of one that dies are done again one by one; see `DEATHS`.

    Args:
        builders: what makes the worker of each process.
        tell: is called with a line when a process has died.

    Attributes:
        start_method: of multiprocessing; a copy of a process with threads, as "fork" makes it, may hang.
    """

    start_method = "spawn"

    def __init__(self, builders: Sequence[Builder], tell: Callable[[str], None] = lambda line: None) -> None:
        self._builders, self._tell = list(builders), tell
        self.workers = len(self._builders)
        self._context: Any = multiprocessing.get_context(self.start_method)
        self._running: list[_Process] = []
        self.info = UNKNOWN

    def __enter__(self) -> LocalEngine:
        """Start the processes and wait for the first that is ready.

        Raises:
            MotionError: a worker cannot be built.
        """
        try:
            for builder in self._builders:
                self._running.append(self._start(builder))
            while not any(worker.ready for worker in self._running):
                for worker, told in self._news():
                    self._heard(worker, told)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        for worker in self._running:
            worker.process.kill()
        for worker in self._running:
            worker.process.join()
            worker.pipe.close()
        self._running = []

    def results(self, chunks: Iterable[Sequence[Job]]) -> Iterator[list[Result]]:
        """See `Engine`. Raises: StorageError: a worker has no space to encode files in."""
        waiting: deque[_Chunk] = deque()
        source = iter(chunks)
        more = True
        while True:
            for depth in range(_AHEAD):
                # Every worker gets its first before any gets its second.
                for worker in [w for w in self._running if w.ready and len(w.doing) <= depth]:
                    if not waiting and more:
                        following = next(source, None)
                        more = following is not None
                        waiting += [] if following is None else [_Chunk(following)]
                    if waiting:
                        worker.doing.append(waiting.popleft())
                        self._send(worker)
            if not more and not waiting and not any(worker.doing for worker in self._running):
                return
            for worker, told in self._news():
                done = self._heard(worker, told, waiting)
                if done:
                    yield done

    def _start(self, builder: Builder) -> _Process:
        pipe, end = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(end, builder), daemon=True)
        with _no_interrupts(), _one_thread():
            process.start()
        # Closed here, so that the pipe ends when the process does.
        end.close()
        return _Process(process, pipe, builder)

    def _send(self, worker: _Process) -> None:
        try:
            worker.pipe.send(list(worker.doing[-1].jobs))
        except OSError:
            # It has died; what it had to do is taken back when that is heard.
            return

    def _news(self) -> list[tuple[_Process, Any]]:
        """Messages, with None from a process that has died."""
        heard = []
        for pipe in wait([worker.pipe for worker in self._running]):
            worker = next(w for w in self._running if w.pipe is pipe)
            try:
                heard.append((worker, worker.pipe.recv()))
            except (EOFError, OSError):
                heard.append((worker, None))
        return heard

    def _heard(self, worker: _Process, told: Any, waiting: deque[_Chunk] | None = None) -> list[Result]:
        if told is None:
            return self._died(worker, waiting if waiting is not None else deque())
        kind, what = told
        if kind == "ready":
            if self.info not in (UNKNOWN, what):
                raise BatchError(f"workers differ ({self.info} and {what}); give one --device, one pipeline")
            worker.ready, self.info = True, what
        elif kind == "done":
            worker.doing.popleft()
            return list(what)
        elif kind == "storage":
            raise StorageError(what)
        elif kind == "refused":
            raise MotionError(what)
        else:
            raise RuntimeError(f"a worker failed:\n{what}")
        return []

    def _died(self, worker: _Process, waiting: deque[_Chunk]) -> list[Result]:
        worker.process.join()
        worker.pipe.close()
        code = worker.process.exitcode or 0
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        if not worker.ready:
            raise BatchError(f"a worker process ended while it loaded ({how}); give fewer --workers if memory is short")
        self._running[self._running.index(worker)] = self._start(worker.builder)
        # What it had not begun goes back as it is.
        waiting.extendleft(reversed(list(worker.doing)[1:]))
        begun = worker.doing[0] if worker.doing else _Chunk([])
        if begun.deaths + 1 >= DEATHS:
            lines = ", ".join(str(job.line) for job in begun.jobs)
            self._tell(f"a worker process ended ({how}), as all {DEATHS} that had line {lines} to make; it is left out")
            return [lost(job) for job in begun.jobs]
        waiting.extendleft(_Chunk([job], begun.deaths + 1) for job in reversed(begun.jobs))
        count = len(begun.jobs)
        self._tell(f"a worker process ended ({how}); another takes its place and makes {count} clips again")
        return []


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started meanwhile have one thread each, also in libraries that read it when they are loaded."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Processes started meanwhile do not hear Ctrl-C, which goes to all of a terminal: the first ends the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: Connection, builder: Builder) -> None:
    """The life of a process: build a worker, then do what comes through the pipe."""
    inbox: queue.SimpleQueue[list[Job]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, inbox), daemon=True).start()
    try:
        worker = builder.build()
        pipe.send(("ready", worker.info))
        while True:
            pipe.send(("done", worker.batch(inbox.get())))
    except StorageError as error:
        pipe.send(("storage", str(error)))
    except MotionError as error:
        pipe.send(("refused", str(error)))
    except Exception:
        pipe.send(("failed", traceback.format_exc()))


def _receive(pipe: Connection, inbox: queue.SimpleQueue[list[Job]]) -> None:
    """Take in jobs while others are done; when the one who sends them is gone, nobody waits for results."""
    try:
        while True:
            inbox.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)
