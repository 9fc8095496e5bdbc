"""What generates: jobs in, encoded files and a record of each out. It knows nothing of the engine that calls it."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from motiongen.batch.alone import AloneText
from motiongen.batch.filters import Condition, failed
from motiongen.batch.jobs import Job, Options
from motiongen.evaluation.metrics import foot_skate, jitter, penetration
from motiongen.export import EXPORTERS, suffix
from motiongen.export.posed import with_pose
from motiongen.motion import FPS, Motion, MotionError
from motiongen.pipeline import Batch, TextToMotionPipeline
from motiongen.prompts import Timeline

# Clips of one pass, and frames of them together: fewer go in where they are long. With four, a clip takes half the time
# of one alone on a CPU; sixteen would save a tenth more, and cost more where passes have to be filled up.
_ROWS = {"cpu": 4}
_ROWS_OF_OTHERS = 16
_MAX_FRAMES = {"cpu": 1600}
_MAX_FRAMES_OF_OTHERS = 32_000


@dataclass(frozen=True)
class Result:
    """What became of a job.

    Attributes:
        line, name: those of the job.
        status: "done", "filtered", "refused", or "lost": nothing is known but that its process ended.
        record: what the manifest says of it; the same whenever and wherever it is made.
        files: encoded files by format; none unless done.
        seconds: length of the motion.
    """

    line: int
    name: str
    status: str
    record: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Info:
    """What a worker says of itself before the first job."""

    pipeline: str
    digest: str
    scores: bool
    rows: int


class StorageError(MotionError):
    """The disk refuses what a worker has to write; a fault of the place and not of any job."""


@dataclass(frozen=True)
class WorkerSpec:
    """All that builds a worker, small enough to be sent to another process or machine.

    Attributes:
        pipeline: name or folder.
        device: as torch calls it.
        formats: of `motiongen.export.EXPORTERS`.
        filters: what a clip must fulfil for its files to be kept.
    """

    pipeline: str
    device: str = "cpu"
    formats: tuple[str, ...] = ("npz",)
    filters: tuple[Condition, ...] = ()

    def build(self) -> Worker:
        """Load the pipeline. Raises: MotionError: there is none of that name, or it is damaged."""
        # On one thread: sums are then the same on every machine of a kind, and processes share cores without strife.
        torch.set_num_threads(1)
        pipeline = TextToMotionPipeline.from_pretrained(self.pipeline, self.device)
        return Worker(pipeline, self.formats, self.filters)


class Worker:
    """A loaded pipeline that does jobs; the result of a job is the same alone and beside any others.

    What makes it so: every clip has a generator of its own; sentences are encoded one at a time; a pass holds clips of
    equal length, so that nothing is padded; and it always holds the same number of them, filled up with copies, since
    libraries choose by size how they multiply matrices. What is left to depend on is the place in a pass: that it
    changes nothing is tried when the worker starts, and where it does, clips are made one by one.

    Args:
        pipeline: is not changed.
        formats, filters: see `WorkerSpec`.
    """

    def __init__(
        self, pipeline: TextToMotionPipeline, formats: Sequence[str] = ("npz",), filters: Sequence[Condition] = ()
    ) -> None:
        self._text = AloneText(pipeline.text_encoder)
        self._pipeline = TextToMotionPipeline(
            pipeline.codec, self._text, pipeline.denoiser, pipeline.objective.process, pipeline.name, pipeline.digest,
            pipeline.heads,
        )  # fmt: skip
        self._formats, self._filters = tuple(formats), tuple(filters)
        device = pipeline.device.type
        self._rows = _ROWS.get(device, _ROWS_OF_OTHERS)
        self._frames = _MAX_FRAMES.get(device, _MAX_FRAMES_OF_OTHERS)
        if not self._places_agree():
            self._rows = 1

    @property
    def info(self) -> Info:
        pipeline = self._pipeline
        return Info(pipeline.name, pipeline.digest, pipeline.heads is not None, self._rows)

    def __call__(self, job: Job) -> Result:
        """Do one job. Raises: StorageError: a file cannot be encoded for want of space."""
        return self.batch([job])[0]

    def batch(self, jobs: Sequence[Job]) -> list[Result]:
        """Do jobs, those of equal `Job.key` in common passes; results are in the order of the jobs."""
        groups: dict[Any, list[int]] = {}
        made: dict[int, Result] = {}
        for index, job in enumerate(jobs):
            try:
                width = self._text.width(job.prompt)
            except MotionError as error:
                made[index] = refused(job, str(error))
                continue
            groups.setdefault((job.key, width, len(job.prompt)), []).append(index)
        for members in groups.values():
            for index, result in zip(members, self._same([jobs[i] for i in members])):
                made[index] = result
        return [made[index] for index in range(len(jobs))]

    def _same(self, jobs: Sequence[Job]) -> list[Result]:
        try:
            clips = self._generated(jobs)
        except MotionError as error:
            why = str(error)
        except (MemoryError, RuntimeError) as error:
            if not _is_want_of_memory(error):
                raise
            why = f"there is not enough memory for {jobs[0].seconds:g} s of motion; ask for less in one line"
        else:
            return [self._result(job, motion, alignment) for job, (motion, alignment) in zip(jobs, clips)]
        # One of them cannot be made; which one shows when each is tried alone.
        return [refused(jobs[0], why)] if len(jobs) == 1 else [self._same([job])[0] for job in jobs]

    def _generated(self, jobs: Sequence[Job]) -> list[tuple[Motion, float | None]]:
        """The clip of each job, the best of its candidates, and how well it agrees with its sentences."""
        rows: list[tuple[Job, Tensor]] = []
        for job in jobs:
            generator = torch.Generator().manual_seed(job.seed)
            rows += [(job, self._noise(job, generator)) for _ in range(job.options.best_of)]
        best: dict[int, tuple[Motion, float | None]] = {}
        size = self._size(sum(jobs[0].frames))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            for (job, _), (motion, alignment) in zip(part, self._pass(part, size)):
                known = best.get(job.line)
                # The first of equals, as the pipeline itself chooses.
                if known is None or (alignment is not None and known[1] is not None and alignment > known[1]):
                    best[job.line] = motion, alignment
        return [best[job.line] for job in jobs]

    def _size(self, frames: int) -> int:
        """Clips of a pass: a matter of their length alone."""
        return max(1, min(self._rows, self._frames // frames))

    def _noise(self, job: Job, generator: torch.Generator) -> Tensor:
        codec = self._pipeline.codec
        return torch.randn((codec.latent_length(sum(job.frames)), codec.latent_dim), generator=generator)

    def _pass(self, rows: Sequence[tuple[Job, Tensor]], size: int) -> list[tuple[Motion, float | None]]:
        job = rows[0][0]
        whole = [*rows, *[rows[0]] * (size - len(rows))]
        if job.options.best_of > 1 and self._pipeline.heads is None:
            raise MotionError(
                f"pipeline '{self._pipeline.name}' has no alignment heads to choose by; leave out best_of"
            )
        made = self._pipeline(
            [list(job.prompt) for job, _ in whole],
            [[n / FPS for n in job.frames] for job, _ in whole],
            num_inference_steps=job.options.steps,
            guidance_scale=job.options.guidance,
            latents=torch.stack([noise for _, noise in whole]),
            scheduler=job.options.scheduler,
            clean_feet=job.options.clean_feet,
        )
        return [
            (motion, self._alignment(job, z)) for (job, _), motion, z in zip(rows, made.motions, made.latents)
        ]  # fmt: skip

    def _alignment(self, job: Job, z: Tensor) -> float | None:
        """Alone, as everything whose last digits depend on how many rows there are."""
        if self._pipeline.heads is None:
            return None
        device = self._pipeline.device
        told = Timeline(job.prompt, job.frames)
        group = getattr(self._pipeline.codec, "downsampling", 1) if len(job.prompt) > 1 else 1
        frames = told.of_latents(len(z), group)[None].to(device)
        batch = Batch((job.prompt,), frames, torch.ones_like(frames, dtype=torch.bool), (told,))
        return self._pipeline.alignment(z[None].to(device), batch)[0]

    def _result(self, job: Job, motion: Motion, alignment: float | None) -> Result:
        metrics = clip_metrics(motion, alignment)
        record = _record(job) | {"metrics": metrics, "pipeline": self._pipeline.name}
        missed = failed(self._filters, metrics)
        if missed:
            return Result(job.line, job.name, "filtered", record | {"reason": missed}, {}, motion.seconds)
        try:
            files = encoded(with_pose(motion), self._formats)
        except StorageError:
            raise
        except MotionError as error:
            return refused(job, str(error))
        return Result(job.line, job.name, "done", record, files, motion.seconds)

    def _places_agree(self) -> bool:
        """Whether a clip has the same bits first and last in a pass, tried on a short length and two longer ones."""
        for frames in (12, 80, 200):
            jobs = [Job(n, (f"{n} steps",), (frames,), n, "", Options(steps=2)) for n in range(self._size(frames))]
            rows = [(job, self._noise(job, torch.Generator().manual_seed(job.seed))) for job in jobs]
            forwards = self._pass(rows, len(rows))
            backwards = self._pass(rows[::-1], len(rows))[::-1]
            for (one, _), (other, _) in zip(forwards, backwards):
                if not torch.equal(one.joints, other.joints):
                    return False
        return True


def clip_metrics(motion: Motion, alignment: float | None) -> dict[str, float | None]:
    """How clean a clip is: foot skate in cm/s, jitter in 100 m/s^3, depth below the floor in cm; and its alignment."""
    measured: dict[str, float | None] = {
        "foot_skate_cm_per_s": foot_skate(motion.joints, motion.fps).item(),
        "jitter": jitter(motion.joints, motion.fps).item(),
        "penetration_cm": penetration(motion.joints).item(),
        "alignment": alignment,
    }
    return {name: None if value is None else round(value, 4) for name, value in measured.items()}


def encoded(motion: Motion, formats: Sequence[str]) -> dict[str, bytes]:
    """The clip's files as bytes.

    Raises:
        StorageError: there is no space for them even for a moment.
        MotionError: a format cannot hold the clip.
    """
    files: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory(prefix="motiongen-") as folder:
        for name in formats:
            path = Path(folder) / f"clip{suffix(name)}"
            try:
                EXPORTERS[name](motion, path)
                files[name] = path.read_bytes()
            except (MotionError, OSError) as error:
                cause = error if isinstance(error, OSError) else error.__context__
                if not isinstance(cause, OSError):
                    raise
                why = "is full" if cause.errno == errno.ENOSPC else f"refuses ({cause.strerror or cause})"
                raise StorageError(f"{tempfile.gettempdir()}: {why}; free space, or set TMPDIR to another") from None
    return files


def _is_want_of_memory(error: Exception) -> bool:
    """Of a CPU too, for which torch has no kind of error of its own."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "allocate memory" in str(error)


def refused(job: Job, reason: str) -> Result:
    """The result of a job that cannot be done."""
    return Result(job.line, job.name, "refused", _record(job) | {"reason": " ".join(reason.split())})


def lost(job: Job) -> Result:
    """The result of a job whose processes ended, which need not be its fault: memory was short, a machine was taken."""
    return Result(job.line, job.name, "lost", {})


def _record(job: Job) -> dict[str, Any]:
    stops = accumulate(job.frames)
    segments = [
        {"text": text, "start": stop - n, "stop": stop} for text, n, stop in zip(job.prompt, job.frames, stops)
    ]  # fmt: skip
    return {
        "text": " ".join(job.prompt), "seconds": job.seconds, "segments": segments, "seed": job.seed,
        **{name: getattr(job.options, name) for name in job.options.__dataclass_fields__},
    }  # fmt: skip
