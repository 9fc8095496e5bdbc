"""The engine of a cluster gives what the engine of one machine gives, also when one of its workers is killed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from motiongen.batch.jobs import Job, Options
from motiongen.batch.local import LocalEngine
from motiongen.batch.manifest import BatchError
from motiongen.batch.ray_engine import RayEngine
from motiongen.batch.run import Plan, Tally, run_batch
from motiongen.batch.worker import Info, Result, WorkerSpec
from motiongen.motion import MotionError

INSTALLED = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not INSTALLED, reason='Ray is not installed; pip install "motiongen[ray]"')


@pytest.fixture(name="spec", scope="module")
def _spec(tmp_path_factory: pytest.TempPathFactory) -> WorkerSpec:
    from motiongen.models.denoiser import MotionMambaDenoiser
    from motiongen.models.text import WordLlamaText
    from motiongen.models.vae import TemporalCodec
    from motiongen.pipeline import TextToMotionPipeline

    torch.manual_seed(0)
    text = WordLlamaText(dim=16, layers=1, heads=2, feedforward=16)
    denoiser = MotionMambaDenoiser(latent_dim=8, width=32, text_dim=16, blocks=1, inner=16, group=16, feedforward=32)
    folder = tmp_path_factory.mktemp("pipelines") / "tiny"
    TextToMotionPipeline(TemporalCodec(latent_dim=8, width=24, blocks=1), text, denoiser).save_pretrained(folder)
    return WorkerSpec(str(folder))


@pytest.fixture(name="cluster", scope="module")
def _cluster() -> Iterator[Any]:
    """A real cluster of this machine, with room for two workers, that engines join."""
    ray = importlib.import_module("ray")
    # Its processes cannot import this module.
    importlib.import_module("ray.cloudpickle").register_pickle_by_value(sys.modules[__name__])
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


def plan(out: Path, prompts: Path) -> Plan:
    return Plan(prompts, out, seconds=1.0, options=Options(steps=2))


def made(out: Path) -> dict[str, Any]:
    """What a run has made: records by line, and files."""
    records = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    assert len({record["line"] for record in records}) == len(records)
    files = {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.npz"))}
    return {"records": sorted(records, key=lambda record: int(record["line"])), "files": files}


@needs_ray
def test_a_cluster_of_which_a_worker_is_killed_makes_the_same_bytes(
    spec: WorkerSpec, cluster: Any, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.txt"
    lines = [f"a person walks and waves {n}#{1 + n % 4}" for n in range(60)]
    prompts.write_text("\n".join(lines) + "\na person#0.01\n")
    said: list[str] = []
    killed: list[int] = []

    def kill_one(tally: Tally) -> None:
        if tally.done and not killed:
            below = psutil.Process().children(recursive=True)
            victim = next(process for process in below if process.name().startswith("ray::RayWorker"))
            killed.append(victim.pid)
            victim.send_signal(signal.SIGKILL)

    through_ray = run_batch(plan(tmp_path / "ray", prompts), RayEngine(spec, 2, tell=said.append), kill_one)
    alone = run_batch(plan(tmp_path / "local", prompts), LocalEngine([spec]))
    assert killed and said and "another takes its place" in said[0]
    assert (through_ray.done, through_ray.refused) == (alone.done, alone.refused) == (60, 1)
    assert made(tmp_path / "ray") == made(tmp_path / "local")
    assert len(made(tmp_path / "ray")["files"]) == 60


class Deadly:
    """A worker that a certain job kills."""

    info = Info("deadly", "0", False, 1)

    def build(self) -> Deadly:
        return self

    def batch(self, jobs: Sequence[Job]) -> list[Result]:
        if any(job.line == 3 for job in jobs):
            import os

            os.kill(os.getpid(), signal.SIGKILL)
        return [Result(job.line, job.name, "done", {}) for job in jobs]


class Refuses:
    def build(self) -> Any:
        raise MotionError("no pipeline 'nowhere'; give a folder")


@needs_ray
def test_a_job_that_kills_its_processes_is_left_out_and_the_others_are_made(cluster: Any) -> None:
    told: list[str] = []
    jobs = [Job(n, ("walk",), (20,), n, str(n)) for n in range(1, 7)]
    with RayEngine(Deadly(), 2, tell=told.append) as engine:
        found = [result for results in engine.results([jobs[:4], jobs[4:]]) for result in results]
    assert sorted((result.line, result.status) for result in found) == [
        (n, "lost" if n == 3 else "done") for n in range(1, 7)
    ]
    assert len(told) == 3 and "as all 3 that had line 3 to make" in told[-1]


@needs_ray
def test_what_a_worker_refuses_arrives_as_it_was_said(cluster: Any) -> None:
    with pytest.raises(MotionError, match="no pipeline 'nowhere'; give a folder"), RayEngine(Refuses(), 1):
        pass


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(BatchError, match=r'not installed \(ray\); pip install "motiongen\[ray\]"'), RayEngine(Deadly()):
        pass
