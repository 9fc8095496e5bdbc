"""The worker: the same bits alone and beside others, the best of several, filters, and jobs that cannot be done."""

from __future__ import annotations

import errno
import io
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.batch.filters import conditions
from motiongen.batch.jobs import Job, Options
from motiongen.batch.worker import StorageError, Worker, refused
from motiongen.export import EXPORTERS
from motiongen.motion import Motion, MotionError
from motiongen.pipeline import TextToMotionPipeline

SENTENCES = (
    "a person walks forward", "jump",
    "someone kicks twice with the left leg and then steps back slowly and turns around to the right",
)  # fmt: skip


@pytest.fixture(scope="module")
def worker(tiny: TextToMotionPipeline) -> Worker:
    return Worker(tiny)


def jobs(count: int = 6, **options: int) -> list[Job]:
    chosen = Options(**{"steps": 2, **options})  # type: ignore[arg-type]
    return [
        Job(i, (SENTENCES[i % 3],), ((12, 44, 131)[i % 3 if i < 6 else 0],), 100 + i, f"{i:06d}-clip", chosen)
        for i in range(count)
    ]


def test_a_clip_is_the_same_alone_and_beside_any_others(worker: Worker) -> None:
    asked = [*jobs(12), Job(20, ("walk", "sit down"), (20, 33), 5, "20", Options(steps=2))]
    together = {result.line: result for result in worker.batch(asked)}
    shuffled = random.Random(1).sample(asked, len(asked))
    for result in [*worker.batch(shuffled[:5]), *worker.batch(shuffled[5:]), worker(asked[-1])]:
        assert result.status == "done"
        assert (result.files, result.record) == (together[result.line].files, together[result.line].record)
    assert len({result.files["npz"] for result in together.values()}) == len(asked)


def test_it_is_the_clip_that_the_pipeline_gives_for_that_seed(tiny: TextToMotionPipeline, worker: Worker) -> None:
    job = Job(1, ("a person walks", "then sits"), (24, 32), 9, "1", Options(steps=3, guidance=2.0, best_of=3))
    made = tiny(
        [list(job.prompt)], [[1.2, 1.6]], num_inference_steps=3, guidance_scale=2.0, best_of=3,
        generator=[torch.Generator().manual_seed(9)],
    )  # fmt: skip
    result = worker(job)
    with np.load(io.BytesIO(result.files["npz"])) as file:
        # Not to the last digit: the pipeline may multiply matrices of another size.
        np.testing.assert_allclose(file["joints"], made.motions[0].joints.numpy(), atol=1e-4)
        assert {"features", "poses", "trans", "betas"} <= set(file.files)
        assert file["texts"].tolist() == ["a person walks", "then sits"]
    assert result.record["metrics"]["alignment"] == pytest.approx(made.alignment[0], abs=2e-4)
    assert (result.record["seed"], result.record["best_of"], result.seconds) == (9, 3, 2.8)


def test_what_fails_a_filter_has_its_metrics_and_no_files(tiny: TextToMotionPipeline, worker: Worker) -> None:
    job = jobs(1)[0]
    kept = worker(job)
    strict = Worker(tiny, filters=conditions("alignment<2,jitter<0"))
    result = strict(job)
    assert (result.status, result.files) == ("filtered", {})
    assert result.record["metrics"] == kept.record["metrics"]
    assert result.record["reason"].startswith("jitter<0 does not hold: ")


def test_jobs_that_cannot_be_done_are_refused_and_change_no_other(worker: Worker) -> None:
    good = jobs(3)
    odd = [replace(good[0], line=7, prompt=("!?",)), replace(good[0], line=8, prompt=("walk " * 200,))]
    results = worker.batch([good[0], *odd, *good[1:]])
    assert [result.status for result in results] == ["done", "refused", "refused", "done", "done"]
    assert "no word" in results[1].record["reason"] and "limit" in results[2].record["reason"]
    assert results[0].files == worker(good[0]).files


def test_choosing_needs_heads(tiny: TextToMotionPipeline) -> None:
    headless = Worker(TextToMotionPipeline(tiny.codec, tiny.text_encoder, tiny.denoiser, tiny.objective.process))
    assert headless(jobs(1, best_of=2)[0]).status == "refused"
    assert headless(jobs(1)[0]).record["metrics"]["alignment"] is None


def test_a_format_that_cannot_hold_a_clip_is_no_fault_of_the_disk(
    tiny: TextToMotionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Worker(tiny, ("npz", "mdm"))
    job = Job(1, ("walk", "sit"), (20, 20), 1, "1", Options(steps=2))
    assert set(two(job).files) == {"npz", "mdm"}

    def cannot(motion: Motion, path: Path) -> None:
        raise MotionError("mdm holds one sentence, not 2")

    with monkeypatch.context() as patch:
        patch.setitem(EXPORTERS, "mdm", cannot)
        result = two(job)
    assert (result.status, result.files) == ("refused", {})
    assert result.record["reason"] == "mdm holds one sentence, not 2"

    def full(motion: Motion, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setitem(EXPORTERS, "npz", full)
    with pytest.raises(StorageError, match="is full; free space, or set TMPDIR"):
        two(jobs(1)[0])


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_a_job_too_large_for_the_memory_is_refused_and_the_others_are_made(
    tiny: TextToMotionPipeline, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    worker = Worker(tiny)
    real = Worker._pass

    def small(self: Worker, rows: list[tuple[Job, torch.Tensor]], size: int) -> Any:
        if any(job.line == 2 for job, _ in rows):
            raise error
        return real(self, rows, size)

    monkeypatch.setattr(Worker, "_pass", small)
    asked = [replace(jobs(1)[0], line=line) for line in (1, 2, 3)]
    results = worker.batch(asked)
    assert [result.status for result in results] == ["done", "refused", "done"]
    assert results[1].record["reason"] == "there is not enough memory for 0.6 s of motion; ask for less in one line"


def test_records_of_many_sentences_take_time_in_proportion() -> None:
    job = Job(1, ("walk",) * 100_000, (10,) * 100_000, 1, "1")
    began = time.process_time()
    assert refused(job, "x").record["segments"][-1] == {"text": "walk", "start": 999_990, "stop": 1_000_000}
    assert time.process_time() - began < 3


def test_where_the_place_in_a_pass_matters_clips_are_made_one_by_one(
    tiny: TextToMotionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Worker(tiny).info.rows > 1
    monkeypatch.setattr(Worker, "_places_agree", lambda self: False)
    assert Worker(tiny).info.rows == 1
