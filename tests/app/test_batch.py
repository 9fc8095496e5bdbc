"""`motiongen batch`: files in, clips out, killed and gone on with, and refusals."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen.batch.jobs import Job
from motiongen.batch.ray_engine import RayEngine
from motiongen.batch.worker import Result, Worker, WorkerSpec, lost
from motiongen_app import batch
from motiongen_app.settings import Settings

Run = Callable[..., Any]
QUICK = ("--steps", 2, "--seconds", 0.6)


class Here:
    """An engine that works in this process, so that most of these tests need not start others."""

    workers = 1

    def __init__(self, specs: Sequence[WorkerSpec], tell: Callable[[str], None]) -> None:
        self.specs, self.worker = list(specs), specs[0].build()
        self.info = self.worker.info
        tell("a line that is told")

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *raised: object) -> None: ...

    def results(self, chunks: Iterable[Sequence[Job]]) -> Iterator[list[Result]]:
        for chunk in chunks:
            yield self.worker.batch(chunk)


@pytest.fixture(name="run_batch")
def _run_batch(run: Run, tiny_pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(batch, "LocalEngine", Here)
    return lambda *args: run("batch", *args, "--pipeline", tiny_pipeline)


def manifest(out: Path, name: str = "manifest.jsonl") -> list[dict[str, Any]]:
    return sorted(map(json.loads, (out / name).read_text(encoding="utf-8").splitlines()), key=lambda r: r["line"])


def test_a_file_of_prompts(run_batch: Run, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a person walks\na person bows#12f\nodd#x\n", encoding="utf-8")
    result = run_batch(prompts, "--out", tmp_path / "out", *QUICK, "--formats", "npz,bvh", "--filter", "jitter>0")
    assert result.code == 0, result.err
    assert result.out == f"2 clips; 1 refused; in {tmp_path / 'out'}, with manifest.jsonl\n"
    assert "a line that is told" in result.err
    walk, bow, odd = manifest(tmp_path / "out")
    assert walk["files"] == [f"00000/000001-a-person-walks.{ending}" for ending in ("npz", "bvh")]
    assert (walk["seconds"], bow["seconds"], walk["steps"]) == (0.6, 0.6, 2)
    assert odd == {"line": 3, "status": "refused", "reason": odd["reason"]} and odd["reason"].startswith("'x' after #")
    with np.load(tmp_path / "out" / bow["files"][0]) as file:
        assert file["joints"].shape == (12, 22, 3) and file["poses"].shape == (12, 24, 3)
    again = run_batch(prompts, "--out", tmp_path / "out", *QUICK, "--formats", "npz,bvh", "--filter", "jitter>0")
    assert (again.code, again.out) == (2, "") and "give --resume" in again.err
    assert again.err.count("\n") == 1
    more = run_batch(
        prompts, "--out", tmp_path / "out", *QUICK, "--formats", "npz,bvh", "--filter", "jitter>0", "--resume"
    )
    assert more.out.startswith("0 clips (3 lines were done before); in ")


def test_standard_input(run_batch: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = b'{"text": ["a person walks", "bows"], "frames": [10, 12], "seed": 5}\n'
    for resume in ((), ("--resume",)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
        result = run_batch("-", "--input-format", "jsonl", "--out", tmp_path, "--steps", 2, *resume)
        assert result.code == 0, result.err
    (record,) = manifest(tmp_path)
    assert (record["seed"], [s["stop"] for s in record["segments"]]) == (5, [10, 22])
    assert (tmp_path / "stdin.jsonl").read_bytes() == lines


def test_lost_lines_end_the_command_with_an_error(
    run_batch: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Loses(Here):
        def results(self, chunks: Iterable[Sequence[Job]]) -> Iterator[list[Result]]:
            for chunk in chunks:
                yield [lost(job) if job.line == 2 else self.worker(job) for job in chunk]

    prompts = tmp_path / "prompts.txt"
    prompts.write_text("walk\nbow\n", encoding="utf-8")
    monkeypatch.setattr(batch, "LocalEngine", Loses)
    result = run_batch(prompts, "--out", tmp_path / "out", *QUICK)
    assert result.code == 2 and result.out.startswith("1 clips; in ")
    assert "error: 1 lines were lost with their processes; --resume tries them again" in result.err
    monkeypatch.setattr(batch, "LocalEngine", Here)
    assert run_batch(prompts, "--out", tmp_path / "out", *QUICK, "--resume").out.startswith("1 clips (1 lines")


def test_workers_of_a_cluster_use_the_gpu_that_they_are_given(tmp_path: Path) -> None:
    request = batch.Request("prompts.txt", engine="ray", workers=1)
    settings = Settings(7, tmp_path, 20, 2.5, "ddim", True, "npz", "base", "cuda:1")
    plan = batch.Plan(tmp_path / "prompts.txt", tmp_path, device="cuda:1")
    engine = batch._engine(request, settings, plan, print)
    assert isinstance(engine, RayEngine) and engine._builder.device == "cuda"  # type: ignore[attr-defined]


def test_other_prompts_through_standard_input_do_not_replace_those_of_the_run(
    run_batch: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lines, code in ((b"a person walks\n", 0), (b"a person bows\n", 2), (b"a person walks\n", 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
        result = run_batch("-", "--out", tmp_path / "out", *QUICK, "--resume")
        assert result.code == code, result.err
        if code:
            assert "stdin.txt: holds other prompts than came now" in result.err and result.err.count("\n") == 1
        assert (tmp_path / "out" / "stdin.txt").read_bytes() == b"a person walks\n"


def test_shards_share_a_folder(run_batch: Run, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("text,seed\nwalk,1\nbow,2\njump,3\n", encoding="utf-8")
    for shard in ("0/2", "1/2"):
        assert run_batch(prompts, "--out", tmp_path / "out", *QUICK, "--shard", shard).code == 0
    first, second = (manifest(tmp_path / "out", f"manifest-00{i}-of-002.jsonl") for i in (0, 1))
    assert [r["line"] for r in first] == [2, 4] and [r["line"] for r in second] == [3]
    assert {r["seed"] for r in first + second} == {1, 2, 3}


def test_killed_it_goes_on_and_leaves_what_an_undisturbed_run_leaves(
    start: Callable[..., subprocess.Popen[str]], tiny_pipeline: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("".join(f"a person takes {i} steps#{12 + i % 3}f\n" for i in range(60)), encoding="utf-8")
    out = tmp_path / "out"
    arguments = ("batch", prompts, "--out", out, "--pipeline", tiny_pipeline, "--steps", 40, "--workers", 1)
    process = start(*arguments)
    while not ((out / "manifest.jsonl").exists() and (out / "manifest.jsonl").stat().st_size):
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"it ended: {process.wait(0.05)} {process.communicate()}")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    done = len(manifest(out))
    assert 0 < done < 60
    _, errors = (process := start(*arguments, "--resume")).communicate()
    assert process.returncode == 0, errors
    records = manifest(out)
    assert [record["line"] for record in records] == list(range(1, 61))
    worker: Worker = WorkerSpec(str(tiny_pipeline)).build()
    for record in (records[0], records[31], records[-1]):
        (segment,) = record["segments"]
        options = batch.Options(steps=40)
        job = Job(record["line"], (segment["text"],), (segment["stop"],), record["seed"], record["name"], options)
        assert (out / record["files"][0]).read_bytes() == worker(job).files["npz"]
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert found == {*(r["files"][0] for r in records), "manifest.jsonl", "batch.json"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.txt",), "none.txt: no such file"),
        (("prompts.md",), "no format of prompts ends in '.md'"),
        (("prompts.txt", "--unit", "hours"), "unit 'hours' is unknown"),
        (("prompts.txt", "--input-format", "xml"), "input format 'xml' is unknown"),
        (("prompts.txt", "--seconds", 0.1), "--seconds is 0.1"),
        (("prompts.txt", "--seed", -1), "--seed is -1"),
        (("prompts.txt", "--workers", 0), "--workers is 0; give 1 to 1024"),
        (("prompts.txt", "--shard", "8/8"), "shard 8/8 is none"),
        (("prompts.txt", "--shard", "1"), "--shard is 1; give which of how many"),
        (("prompts.txt", "--shard-size", 0), "--shard-size is 0"),
        (("prompts.txt", "--layout", "zip"), "layout 'zip' is unknown; there are files"),
        (("prompts.txt", "--engine", "slurm"), "engine 'slurm' is unknown"),
        (("prompts.txt", "--filter", "speed>1"), "filter 'speed>1' is none"),
        (("prompts.txt", "--filter", "alignment>0.2"), "has no alignment heads; leave alignment out of --filter"),
        (("prompts.txt", "--best-of", 0), "best_of is 0; give 1 to 64"),
        (("prompts.txt", "--best-of", 2), "no alignment heads to choose by; leave out --best-of"),
        (("prompts.txt", "--formats", "fbx"), "format 'fbx' is unknown"),
        (("empty.txt",), "holds no prompt"),
        (("prompts.txt", "--out", "prompts.txt"), "is a file, not a folder"),
    ],
)
def test_bad_input_is_one_line_and_makes_no_clips(
    arguments: tuple[object, ...], said: str, run_batch: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("prompts.txt", "prompts.md", "empty.txt"):
        Path(name).write_text("" if name == "empty.txt" else "walk\n", encoding="utf-8")
    result = run_batch(*arguments)
    assert (result.code, result.out) == (2, ""), result
    assert said in result.err
    assert result.err.splitlines()[-1].startswith("error: ")
    assert not list(tmp_path.rglob("*.npz")) and not list(tmp_path.rglob("manifest*"))
