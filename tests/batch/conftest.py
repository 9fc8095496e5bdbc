"""A pipeline small enough to be made on the spot, and workers that make nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import torch

from motiongen.batch.jobs import Job
from motiongen.batch.worker import Info, Result, Worker, refused
from motiongen.models.alignment import AlignmentHeads
from motiongen.models.denoiser import MotionMambaDenoiser
from motiongen.models.text import WordLlamaText
from motiongen.models.vae import TemporalCodec
from motiongen.pipeline import TextToMotionPipeline


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny() -> TextToMotionPipeline:
    """An untrained pipeline with alignment heads."""
    torch.manual_seed(0)
    text = WordLlamaText(dim=32, layers=1, feedforward=64)
    codec = TemporalCodec(latent_dim=8, width=48, blocks=1)
    denoiser = MotionMambaDenoiser(latent_dim=8, width=64, text_dim=text.dim, blocks=2, inner=32, group=16)
    return TextToMotionPipeline(codec, text, denoiser, name="tiny", digest="0", heads=AlignmentHeads(8, 32, 16, 24))


@pytest.fixture(scope="session")
def tiny_folder(tiny: TextToMotionPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipelines") / "tiny"
    tiny.save_pretrained(folder)
    return folder


class StubWorker:
    """Makes of a job a few bytes that depend on it alone; sentences with "bad" are refused, with "poor" filtered."""

    info = Info("stub", "0", True, 4)

    def batch(self, jobs: Sequence[Job]) -> list[Result]:
        return [self.one(job) for job in jobs]

    def one(self, job: Job) -> Result:
        text = " ".join(job.prompt)
        if "bad" in text:
            return refused(job, "it is bad")
        record = {"text": text, "seconds": job.seconds, "segments": [], "seed": job.seed, "metrics": {"jitter": 0.5}}
        if "poor" in text:
            return Result(job.line, job.name, "filtered", record, {}, job.seconds)
        data = f"{job}".encode() * 20
        return Result(job.line, job.name, "done", record, {"bvh": data, "glb": data[::-1]}, job.seconds)


class Here:
    """An engine without processes: it does chunks in this one, the last two handed in first."""

    workers = 2

    def __init__(self, worker: StubWorker | Worker | None = None) -> None:
        self._worker = worker or StubWorker()
        self.info = self._worker.info

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *raised: object) -> None: ...

    def results(self, chunks: Iterable[Sequence[Job]]) -> Iterator[list[Result]]:
        held: list[Sequence[Job]] = []
        for chunk in chunks:
            held.append(chunk)
            if len(held) == 2:
                yield self._worker.batch(held.pop())
        for chunk in held:
            yield self._worker.batch(chunk)


@pytest.fixture(name="here", scope="session")
def _here() -> type[Here]:
    return Here
