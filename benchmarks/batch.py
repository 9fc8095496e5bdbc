"""Throughput and memory of `motiongen batch` on this machine: seconds of motion a second, and what lines add.

    python benchmarks/batch.py [--lines 128] [--seconds 4] [--workers 2] [--formats npz]
    python benchmarks/batch.py --alone             the same clips one a pass, for the ratio
    python benchmarks/batch.py --memory 100 10000  the largest size of the process that hands out and writes, of a stub

Times begin when the first worker is ready. CPU time is that of all processes from then on: other load on the machine
does not disturb it, and motion per CPU second times processors is what a quiet machine can give.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from motiongen.batch.jobs import Job
from motiongen.batch.local import LocalEngine
from motiongen.batch.run import Plan, Tally, run_batch
from motiongen.batch.worker import Info, Result, Worker, WorkerSpec

SENTENCES = (
    "a person walks forward", "a person waves with the left hand", "a man runs in a circle", "someone sits down slowly",
    "a person jumps twice and then kicks", "a woman bows", "the person turns around to the left and walks back",
)  # fmt: skip


@dataclass(frozen=True)
class Alone(WorkerSpec):
    """Workers whose passes hold one clip."""

    def build(self) -> Worker:
        worker = super().build()
        worker._rows = 1
        return worker


@dataclass(frozen=True)
class Stub:
    """Workers that give as many bytes as a clip of four seconds has, at once."""

    @property
    def info(self) -> Info:
        return Info("stub", "0", False, 4)

    def build(self) -> Stub:
        return self

    def batch(self, jobs: Sequence[Job]) -> list[Result]:
        record = {"text": "walk", "seconds": 4.0, "segments": [], "seed": 0, "metrics": {}}
        return [Result(job.line, job.name, "done", record, {"npz": os.urandom(130_000)}, 4.0) for job in jobs]


def cpu_seconds() -> float:
    """CPU time of this process and of those that it started and that still run (Linux)."""
    total = sum(os.times()[:2])
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def peak_mb(pid: int | str = "self") -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


class Watch:
    """Notes times and sizes when the first worker is ready, and after every step."""

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        self.wall = self.cpu = self.workers_mb = 0.0

    def __call__(self, tally: Tally) -> None:
        self.began = self.began or (time.perf_counter(), cpu_seconds())
        self.wall, self.cpu = time.perf_counter() - self.began[0], cpu_seconds() - self.began[1]
        self.workers_mb = max([self.workers_mb, *(peak_mb(c.pid or 0) for c in multiprocessing.active_children())])


def prompts(folder: Path, lines: int, seconds: float) -> Path:
    path = folder / "prompts.txt"
    told = (f"{SENTENCES[i % len(SENTENCES)]}#{seconds}" for i in range(lines))
    path.write_text("\n".join(told) + "\n", encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--formats", default="npz")
    parser.add_argument("--pipeline", default="base")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--memory", type=int, nargs="+", metavar="LINES")
    given = parser.parse_args()
    if given.memory:
        print("   lines   peak MB of the process that hands out and writes")
        for lines in given.memory:
            context = multiprocessing.get_context("spawn")
            process = context.Process(target=stub_run, args=(lines,))
            process.start()
            process.join()
        return
    formats = tuple(given.formats.split(","))
    spec = (Alone if given.alone else WorkerSpec)(given.pipeline, "cpu", formats)
    with tempfile.TemporaryDirectory() as folder:
        path = prompts(Path(folder), given.lines, given.seconds)
        watch = Watch()
        tally = run_batch(
            Plan(path, Path(folder) / "out", formats=formats), LocalEngine([spec] * given.workers), watch
        )  # fmt: skip
    print(f"{tally.done} clips of {given.seconds:g} s, {given.workers} workers, formats {given.formats}")
    print(f"  {tally.seconds / watch.wall:6.1f} s of motion per second as it passed")
    print(f"  {tally.seconds / watch.cpu:6.1f} s of motion per CPU second of all processes")
    print(f"  {1000 * watch.cpu / tally.done:6.0f} ms of CPU time a clip")
    print(f"  {watch.workers_mb:6.0f} MB a worker at most, {peak_mb():.0f} MB the process that hands out and writes")


def stub_run(lines: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = prompts(Path(folder), lines, 4.0)
        run_batch(Plan(path, Path(folder) / "out"), LocalEngine([Stub()]))
    print(f"{lines:8d} {peak_mb():9.1f}", flush=True)


if __name__ == "__main__":
    main()
