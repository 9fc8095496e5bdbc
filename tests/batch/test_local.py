"""The engine of processes: one that dies takes nothing with it, and what cannot start is one line."""

from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motiongen.batch.jobs import Job
from motiongen.batch.local import LocalEngine
from motiongen.batch.manifest import BatchError
from motiongen.batch.worker import StorageError
from motiongen.motion import MotionError

Make = Callable[..., Any]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that are copies of this one")


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    # Copies of this process, which need not load torch again; that others work too is seen at the command line.
    monkeypatch.setattr(LocalEngine, "start_method", "fork")
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    kind = importlib.import_module("dying_worker").Dying
    return lambda failing="": kind(str(tmp_path / "once"), failing)


def jobs(*texts: str) -> list[Job]:
    return [Job(line, (text,), (40,), 0, f"{line:06d}") for line, text in enumerate(texts, start=1)]


def test_the_jobs_of_a_process_that_dies_are_done_once_more_and_then_refused(dying: Make) -> None:
    told: list[str] = []
    asked = jobs("walk", "dies once", "sit", "dies", "bow", "jump", "run")
    chunks = [asked[:2], asked[2:5], asked[5:]]
    with LocalEngine([dying()], told.append) as engine:
        results = [result for part in engine.results(iter(chunks)) for result in part]
        assert engine.info.pipeline == "dying"
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []
    assert sorted(result.line for result in results) == list(range(1, 8))
    by_line = {result.line: result for result in results}
    assert {line for line, result in by_line.items() if result.status == "refused"} == {4}
    assert by_line[4].record["reason"] == "the process that made it ended twice (signal SIGKILL)"
    assert len(told) == 3 and all("signal SIGKILL" in line for line in told)
    assert os.getpid() not in {result.record.get("pid") for result in results}


def test_a_worker_without_space_stops_the_run(dying: Make) -> None:
    with LocalEngine([dying()]) as engine, pytest.raises(StorageError, match="the disk is full"):
        list(engine.results([jobs("walk"), jobs("disk")]))


@pytest.mark.parametrize(
    ("failing", "kind", "said"),
    [("refused", MotionError, "no pipeline 'dying'"), ("killed", BatchError, "ended while it loaded")],
)
def test_workers_that_cannot_start_are_one_line(dying: Make, failing: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=said), LocalEngine([dying(failing)]):
        pass
    assert multiprocessing.active_children() == []
