"""The demo's work: what a page asks for, checked, done by the pipeline, and stopped when its page says so."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import motiongen_assets
from motiongen.body import shapes
from motiongen.diffusion.sampling import SCHEDULERS
from motiongen.export.posed import with_pose
from motiongen.motion import Motion
from motiongen.pipeline import TextToMotionPipeline
from motiongen.prompts import MIN_SECONDS
from motiongen_app.demo_recipe import Change, Recipe
from motiongen_app.demo_results import DemoClip, Result, ResultStore
from motiongen_app.errors import InputError, in_range
from motiongen_app.settings import MAX_SEED

MAX_BLOCKS = 8
MAX_CHARACTERS = 200
MAX_SECONDS = 60.0
MAX_SAMPLES = 4
MAX_STEPS = 100
MAX_GUIDANCE = 20.0
MAX_BEST_OF = 8
# Seconds of motion in one go, candidates included: what a page may keep the others waiting for.
MAX_WORK = 480.0

Progress = Callable[[float, str], None]


class Cancelled(Exception):
    """The page that asked for the work does not want it any more."""


@dataclass(frozen=True)
class Wish:
    """What a page asks for: sentences with their seconds, and settings."""

    texts: tuple[str, ...]
    seconds: tuple[float, ...]
    seed: int = 7
    samples: int = 1
    steps: int = 20
    guidance: float = 2.5
    shape: str = "neutral"
    loop: bool = False
    in_place: bool = False
    clean_feet: bool = True
    best_of: int = 1
    scheduler: str = "ddim"
    pipeline: str = "base"

    def check(self) -> None:
        """Raises: InputError: more than the demo does, or a value out of range."""
        if not self.texts:
            raise InputError("there is no sentence; say what the person does")
        if len(self.texts) > MAX_BLOCKS:
            raise InputError(
                f"{len(self.texts)} sentences; the demo takes up to {MAX_BLOCKS}, the command line any number"
            )
        for text in self.texts:
            if not text.strip():
                raise InputError("a sentence is empty; say what the person does, or remove it")
            if len(text) > MAX_CHARACTERS:
                raise InputError(f"a sentence has {len(text)} characters; give up to {MAX_CHARACTERS}")
        if len(self.seconds) != len(self.texts):
            raise InputError(f"{len(self.seconds)} durations for {len(self.texts)} sentences; give one each")
        for value in self.seconds:
            in_range("seconds of a sentence", value, MIN_SECONDS, MAX_SECONDS)
        in_range("seconds of the whole clip", sum(self.seconds), MIN_SECONDS, MAX_SECONDS)
        in_range("seed", self.seed, 0, MAX_SEED)
        in_range("samples", self.samples, 1, MAX_SAMPLES)
        in_range("steps", self.steps, 1, MAX_STEPS)
        in_range("guidance", self.guidance, 0, MAX_GUIDANCE)
        in_range("best of", self.best_of, 1, MAX_BEST_OF)
        work = sum(self.seconds) * self.samples * self.best_of
        if work > MAX_WORK:
            raise InputError(
                f"{work:g} seconds of motion in one go ({self.samples} samples, best of {self.best_of}); "
                f"the limit is {MAX_WORK:g}: give fewer samples or candidates, or shorter sentences"
            )
        if self.scheduler not in SCHEDULERS:
            raise InputError(f"scheduler is unknown; there are {', '.join(SCHEDULERS)}")
        if self.shape not in shapes.names():
            raise InputError(f"body shape is unknown; there are {', '.join(shapes.names())}")


def read_blocks(given: object) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Sentences and seconds from what the page's timeline holds: a list of `{"text", "seconds"}`, or JSON of it.

    Raises:
        InputError: it is something else.
    """
    try:
        blocks = json.loads(given) if isinstance(given, str) else given
        if not isinstance(blocks, list):
            raise TypeError
        texts = tuple(" ".join(str(block["text"]).split()) for block in blocks)
        seconds = tuple(float(block["seconds"]) for block in blocks)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError("the timeline cannot be read; give sentences with their seconds") from None
    if not all(math.isfinite(value) for value in seconds):
        raise InputError("a sentence has no number of seconds; give one")
    return texts, seconds


class Stops:
    """For every page, whether it wants its work stopped."""

    def __init__(self) -> None:
        self._wanted: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def stop(self, page: str) -> bool:
        """Stop the page's work; whether there was any."""
        with self._lock:
            event = self._wanted.get(page)
        if event is not None:
            event.set()
        return event is not None

    @contextmanager
    def watching(self, page: str) -> Iterator[threading.Event]:
        """Gives an event that is set when the page wants its work stopped."""
        event = threading.Event()
        with self._lock:
            self._wanted[page] = event
        try:
            yield event
        finally:
            with self._lock:
                if self._wanted.get(page) is event:
                    del self._wanted[page]


class Studio:
    """The pipelines, the results, and what makes the ones from the others."""

    def __init__(self, pipeline: str | Path = "base", device: str | torch.device = "cpu") -> None:
        self.default = str(pipeline)
        self.device = device
        self.results = ResultStore()
        self.stops = Stops()
        self._pipelines: dict[str, TextToMotionPipeline] = {}
        self.pipeline(self.default)

    def names(self) -> list[str]:
        """Pipelines to choose from: what the demo was started with, and the released ones."""
        return list(dict.fromkeys([self._pipelines[self.default].name, *motiongen_assets.pipelines()]))

    def pipeline(self, name: str) -> TextToMotionPipeline:
        """A pipeline by name. Only those of `names` are loaded: what a page sends is not a path."""
        first = self._pipelines.get(self.default)
        if first is not None and name in (self.default, first.name):
            return first
        if first is not None and name not in motiongen_assets.pipelines():
            raise InputError(f"pipeline is unknown; there are {', '.join(self.names())}")
        if name not in self._pipelines:
            self._pipelines[name] = TextToMotionPipeline.from_pretrained(name, self.device)
        return self._pipelines[name]

    def generate(self, wish: Wish, page: str, progress: Progress) -> Result:
        """Make all samples of a wish.

        Raises:
            InputError: the wish asks for too much.
            MotionError: the pipeline refuses it.
            Cancelled: the page stopped it.
        """
        began = time.perf_counter()
        with self.stops.watching(page) as stopped:
            clips = self._clips(wish, stopped, progress)
        return self.results.add(Result(tuple(clips), time.perf_counter() - began))

    def compare(self, wishes: Sequence[Wish], page: str, progress: Progress) -> Result:
        """The first sample of each wish, side by side as A, B and so on."""
        began = time.perf_counter()
        clips = []
        with self.stops.watching(page) as stopped:
            for number, wish in enumerate(wishes):
                part = _part(progress, number, len(wishes))
                clip = self._clips(replace(wish, samples=1), stopped, part)[0]
                clips.append(replace(clip, label=chr(ord("A") + number)))
        return self.results.add(Result(tuple(clips), time.perf_counter() - began))

    def more(self, result: Result, number: int, page: str, progress: Progress) -> Result:
        """Clips by the recipe of one, with seeds that were not used for it; raises as `generate` does."""
        if not 0 <= number < len(result.clips):
            raise InputError("there is no such clip; choose one of the page")
        told = result.clips[number].recipe
        samples = max(1, min(MAX_SAMPLES, int(MAX_WORK / (sum(told.seconds) * told.best_of))))
        # Nothing of the sentences' changes is lost: each is as it reads now.
        texts = tuple(s.text for s in result.clips[number].motion.text) or told.texts
        name = self.default if told.pipeline == self.pipeline(self.default).name else told.pipeline
        wish = Wish(
            texts, told.seconds, (told.seed + told.samples) % (MAX_SEED - MAX_SAMPLES), samples, told.steps,
            told.guidance, told.shape, told.loop, told.in_place, told.clean_feet, told.best_of, told.scheduler, name,
        )  # fmt: skip
        return self.generate(wish, page, progress)

    def batch(self, wishes: Sequence[Wish], formats: tuple[str, ...], page: str, progress: Progress) -> Result:
        """The first sample of each wish, with their files; raises as `generate` does."""
        began = time.perf_counter()
        clips = []
        with self.stops.watching(page) as stopped:
            for number, wish in enumerate(wishes):
                clip = self._clips(replace(wish, samples=1), stopped, _part(progress, number, len(wishes) + 1))[0]
                clips.append(clip)
            result = self.results.add(Result(tuple(clips), time.perf_counter() - began, formats))
            for number in range(len(clips)):
                for kind in formats:
                    if stopped.is_set():
                        raise Cancelled
                    result.file(number, kind)
                progress((len(clips) + number / len(clips)) / (len(clips) + 1), "writing files")
            result.zip()
        return result

    def regenerate(self, result: Result, number: int, block: int, seed: int, page: str, text: str = "") -> Result:
        """A result with one sentence of one clip made anew, all other frames as they were.

        Args:
            text: another sentence for the block; what it has if empty.
        """
        if not 0 <= number < len(result.clips) or not 0 <= block < len(result.clips[number].motion.text):
            raise InputError("there is no such sentence; choose one of the clip")
        if len(text) > MAX_CHARACTERS:
            raise InputError(f"a sentence has {len(text)} characters; give up to {MAX_CHARACTERS}")
        began = time.perf_counter()
        clip = result.clips[number]
        segment = clip.motion.text[block]
        recipe = clip.recipe
        change = Change(segment.start, min(segment.stop, len(clip.motion)), text.strip() or segment.text, seed)
        generator = torch.Generator().manual_seed(change.seed)
        bare = Motion(clip.motion.joints, clip.motion.fps, clip.motion.text)
        made = self.pipeline(recipe.pipeline).edit(
            bare, change.text, change.start, change.stop, recipe.steps, recipe.guidance, generator, recipe.scheduler,
            recipe.clean_feet,
        )  # fmt: skip
        motion = with_pose(made, betas=shapes.betas(recipe.shape))
        label = clip.label if clip.label.endswith("*") else f"{clip.label}*"
        clips = list(result.clips)
        clips[number] = DemoClip(motion, recipe.changed(change), label)
        return self.results.add(Result(tuple(clips), time.perf_counter() - began))

    def video(self, result: Result, number: int, page: str, progress: Progress) -> Path:
        """The clip's MP4, rendered on first use."""
        from motiongen.render.video import render_video

        if not 0 <= number < len(result.clips):
            raise InputError("there is no such clip; choose one of the page")
        clip = result.clips[number]
        path = result.folder / f"{number}-{clip.file_name('mp4')}"
        with self.stops.watching(page) as stopped:

            def advance(done: int, frames: int) -> None:
                if stopped.is_set():
                    raise Cancelled
                progress(done / frames, "drawing the video")

            if not path.exists():
                render_video(clip.motion, path, progress=advance)
        return path

    def welcome(self, texts: Sequence[str], seconds: Sequence[float]) -> None:
        """Make the clip that a page shows before anything was asked for."""
        wish = Wish(tuple(texts), tuple(seconds), pipeline=self.default)
        self.results.welcome = self.generate(wish, "welcome", lambda share, text: None)

    def _clips(self, wish: Wish, stopped: threading.Event, progress: Progress) -> list[DemoClip]:
        wish.check()
        pipeline = self.pipeline(wish.pipeline)

        def advance(_: TextToMotionPipeline, step: int, timestep: int, state: dict[str, Any]) -> None:
            if stopped.is_set():
                raise Cancelled
            progress((step + 1) / wish.steps, f"step {step + 1} of {wish.steps}")

        output = pipeline(
            [list(wish.texts)], [list(wish.seconds)], num_inference_steps=wish.steps, guidance_scale=wish.guidance,
            num_motions_per_prompt=wish.samples,
            generator=[torch.Generator().manual_seed(wish.seed + i) for i in range(wish.samples)],
            scheduler=wish.scheduler, clean_feet=wish.clean_feet, best_of=wish.best_of, loop=wish.loop,
            in_place=wish.in_place, callback_on_step_end=advance,
        )  # fmt: skip
        recipe = Recipe(
            wish.texts, wish.seconds, wish.seed, wish.samples, wish.steps, wish.guidance, wish.scheduler,
            wish.clean_feet, wish.best_of, wish.loop, wish.in_place, wish.shape, self._shown(wish.pipeline),
            pipeline.digest,
        )  # fmt: skip
        agreement: Sequence[float | None] = output.alignment or [None] * len(output.motions)
        betas = shapes.betas(wish.shape)
        clips = []
        for number, (motion, agrees) in enumerate(zip(output.motions, agreement)):
            if stopped.is_set():
                raise Cancelled
            own = replace(recipe, number=number)
            clips.append(DemoClip(with_pose(motion, betas=betas), own, f"seed {own.own_seed}", agrees))
        return clips

    def _shown(self, name: str) -> str:
        """A pipeline's name as a page may see it: a folder's own name, not where it lies."""
        return self.pipeline(name).name


def _part(progress: Progress, number: int, count: int) -> Progress:
    return lambda share, text: progress((number + share) / count, text)
