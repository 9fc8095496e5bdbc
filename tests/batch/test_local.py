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
    return lambda failing="", rows=4: kind(str(tmp_path / "once"), failing, rows)


def jobs(*texts: str) -> list[Job]:
    return [Job(line, (text,), (40,), 0, f"{line:06d}") for line, text in enumerate(texts, start=1)]


def test_the_jobs_of_a_process_that_dies_are_done_again_and_then_left_out(
    dying: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
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
    assert {line for line, result in by_line.items() if result.status != "done"} == {4}
    assert by_line[4].status == "lost"
    assert len(told) == 4 and all("signal SIGKILL" in line for line in told)
    assert "as all 3 that had line 4 to make" in told[-1]
    # Those that were started in place of others too.
    assert {result.record["threads"] for result in results if result.status == "done"} == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert os.getpid() not in {result.record.get("pid") for result in results}


def test_workers_that_differ_are_refused(dying: Make) -> None:
    with pytest.raises(BatchError, match=r"workers differ .*rows=.*; give one --device, one pipeline"):  # noqa: SIM117
        with LocalEngine([dying(), dying(rows=1)]) as engine:
            list(engine.results([jobs("walk")] * 1000))


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
