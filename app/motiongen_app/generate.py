"""`motiongen generate`: sentences to clips in a folder, with a manifest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from motiongen.pipeline import TextToMotionOutput, TextToMotionPipeline
from motiongen.prompts import MAX_SECONDS, MIN_SECONDS
from motiongen_app.clips import Made, write_clips
from motiongen_app.errors import InputError, in_range
from motiongen_app.files import progress_bars
from motiongen_app.settings import MAX_SEED, Settings, chosen_device

MAX_SAMPLES = 64
# Samples times candidates: all of them are denoised at once.
MAX_CANDIDATES = 256


@dataclass(frozen=True)
class Request:
    """What `motiongen generate` alone is told; `seconds` has one number for each of `texts`, or one for all."""

    texts: Sequence[str]
    seconds: Sequence[float]
    samples: int = 1
    best_of: int = 1
    loop: bool = False
    in_place: bool = False

    def check(self) -> None:
        """Raises: InputError: a value is out of range or does not fit another."""
        for text in self.texts:
            if not text.strip():
                raise InputError("a sentence is empty; say what the person does")
        if len(self.seconds) not in (1, len(self.texts)):
            count = len(self.seconds)
            raise InputError(f"{count} --seconds given for {len(self.texts)} sentences; give one, or one each")
        for value in self.seconds:
            in_range("--seconds", value, MIN_SECONDS, MAX_SECONDS)
        in_range("--samples", self.samples, 1, MAX_SAMPLES)
        in_range("--best-of", self.best_of, 1, MAX_SAMPLES)
        if self.samples * self.best_of > MAX_CANDIDATES:
            raise InputError(
                f"--samples {self.samples} times --best-of {self.best_of} are {self.samples * self.best_of} clips to "
                f"make at once; give at most {MAX_CANDIDATES}"
            )


def run(request: Request, settings: Settings) -> list[dict[str, Any]]:
    """Generate, write every clip and the manifest, and print what was written. Returns what the manifest was given."""
    request.check()
    settings.check()
    if settings.seed + request.samples - 1 > MAX_SEED:
        most = MAX_SEED - request.samples + 1
        raise InputError(f"--seed is {settings.seed}; with {request.samples} samples give at most {most}")
    began = time.perf_counter()
    pipeline = TextToMotionPipeline.from_pretrained(settings.pipeline, chosen_device(settings.device))
    loaded = time.perf_counter()
    output = _generate(pipeline, request, settings)
    timings = {"load": loaded - began, "generate": time.perf_counter() - loaded}
    agreement: list[float | None] = [*output.alignment] or [None] * len(output.motions)
    made = [Made(m, settings.seed + i, a) for i, (m, a) in enumerate(zip(output.motions, agreement))]
    further = {"best_of": request.best_of, "loop": request.loop, "in_place": request.in_place}
    return write_clips(made, settings, pipeline, timings, further)


def _generate(pipeline: TextToMotionPipeline, request: Request, settings: Settings) -> TextToMotionOutput:
    progress = progress_bars()
    bar = progress.add_task("denoising", total=settings.steps)
    seconds = list(request.seconds) * (len(request.texts) if len(request.seconds) == 1 else 1)
    with ExitStack() as shown:

        def advance(pipeline: TextToMotionPipeline, step: int, timestep: int, state: dict[str, torch.Tensor]) -> None:
            if step == 0:
                # Not before: until now a text may have been refused, and that is to be one line.
                shown.enter_context(progress)
            progress.update(bar, completed=step + 1)

        try:
            return pipeline(
                [list(request.texts)],
                [seconds],
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance,
                num_motions_per_prompt=request.samples,
                generator=[settings.generator(i) for i in range(request.samples)],
                scheduler=settings.scheduler,
                clean_feet=settings.clean_feet,
                best_of=request.best_of,
                loop=request.loop,
                in_place=request.in_place,
                callback_on_step_end=advance,
            )
        except torch.cuda.OutOfMemoryError:
            raise InputError(
                f"{request.samples} samples do not fit into the memory of {settings.device}; give fewer --samples"
            ) from None
