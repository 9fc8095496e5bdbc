"""A worker for processes of their own, which import it by this name: some of its jobs end the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from motiongen.batch.jobs import Job
from motiongen.batch.worker import Info, Result, StorageError
from motiongen.motion import MotionError


@dataclass(frozen=True)
class Dying:
    """Builds itself. A job whose sentence begins with "dies" ends the process; `once` is a file that spares others.

    Attributes:
        once: made by the first death, after which jobs with "dies once" are done.
        failing: what building it comes to: "", "refused" or "killed".
        rows: what it says of itself.
    """

    once: str
    failing: str = ""
    rows: int = 4

    @property
    def info(self) -> Info:
        return Info("dying", "0", True, self.rows)

    def build(self) -> Dying:
        if self.failing == "refused":
            raise MotionError("no pipeline 'dying'")
        if self.failing == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return self

    def batch(self, jobs: Sequence[Job]) -> list[Result]:
        return [self._one(job) for job in jobs]

    def _one(self, job: Job) -> Result:
        text = job.prompt[0]
        if text == "disk":
            raise StorageError("the disk is full")
        if text.startswith("dies") and not (text == "dies once" and os.path.exists(self.once)):
            open(self.once, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return Result(
            job.line, job.name, "done", {"text": text, "pid": os.getpid(), "threads": os.environ.get("OMP_NUM_THREADS")}
        )
