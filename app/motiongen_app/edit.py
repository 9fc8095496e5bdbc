"""`motiongen edit` and `motiongen continue`: a clip that is there, changed or made longer."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from motiongen.export import load
from motiongen.motion import FPS, Motion
from motiongen.pipeline import TextToMotionPipeline
from motiongen.prompts import MAX_SECONDS, MIN_SECONDS
from motiongen_app.clips import Made, write_clips
from motiongen_app.errors import InputError, in_range
from motiongen_app.settings import Settings, chosen_device

_SPAN = re.compile(r"(\d+(?:\.\d+)?):(\d+(?:\.\d+)?)")


def edit(clip: Path, span: str, text: str, settings: Settings) -> list[dict[str, Any]]:
    """Generate the seconds `FROM:TO` of a clip anew; all other frames stay what they are.

    Raises:
        InputError: the span is none, or lies outside the clip.
        MotionError: the clip cannot be read.
    """
    matched = _SPAN.fullmatch(span)
    if matched is None:
        raise InputError(f"--regenerate is '{span}'; give seconds as FROM:TO, such as 2.0:4.0")
    first, last = (float(value) for value in matched.groups())
    if round(last * FPS) - round(first * FPS) < MIN_SECONDS * FPS:
        raise InputError(f"--regenerate is {last - first:g} seconds long; give at least {MIN_SECONDS:g}")

    def change(pipeline: TextToMotionPipeline, motion: Motion) -> Motion:
        if last > motion.seconds + 0.5 / FPS:
            raise InputError(f"--regenerate ends at {last:g} s; the clip has {motion.seconds:g}")
        start, stop = round(first * FPS), min(round(last * FPS), len(motion))
        return pipeline.edit(
            motion, text, start, stop, settings.steps, settings.guidance, settings.generator(), settings.scheduler,
            settings.clean_feet,
        )  # fmt: skip

    return _changed(clip, change, settings, {"edited": str(clip), "regenerated": [first, last]})


def extend(clip: Path, texts: Sequence[str], seconds: Sequence[float], settings: Settings) -> list[dict[str, Any]]:
    """Go on from the end of a clip with one or several sentences.

    Raises:
        InputError: numbers of sentences and seconds do not fit, or one is out of range.
        MotionError: the clip cannot be read.
    """
    if len(seconds) not in (1, len(texts)):
        raise InputError(f"{len(seconds)} --seconds given for {len(texts)} sentences; give one, or one each")
    for value in seconds:
        in_range("--seconds", value, MIN_SECONDS, MAX_SECONDS)
    each = list(seconds) * (len(texts) if len(seconds) == 1 else 1)

    def change(pipeline: TextToMotionPipeline, motion: Motion) -> Motion:
        return pipeline.extend(
            motion, list(texts), each, settings.steps, settings.guidance, settings.generator(), settings.scheduler,
            settings.clean_feet,
        )  # fmt: skip

    return _changed(clip, change, settings, {"continued": str(clip)})


def _changed(
    clip: Path, change: Callable[[TextToMotionPipeline, Motion], Motion], settings: Settings, further: dict[str, Any]
) -> list[dict[str, Any]]:
    settings.check()
    motion = load(clip).resampled(FPS)
    began = time.perf_counter()
    pipeline = TextToMotionPipeline.from_pretrained(settings.pipeline, chosen_device(settings.device))
    loaded = time.perf_counter()
    changed = change(pipeline, motion)
    timings = {"load": loaded - began, "generate": time.perf_counter() - loaded}
    return write_clips([Made(changed, settings.seed)], settings, pipeline, timings, further)
