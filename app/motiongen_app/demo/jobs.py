"""The demo's work: what a page asks for, one thing at a time, and stopped when its page says so."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import motiongen_assets
from motiongen.motion import MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen_app.demo.recipe import Change, Recipe
from motiongen_app.demo.results import QUICK, DemoClip, Result, ResultStore, exporting, fixed_blocks
from motiongen_app.demo.wish import MAX_CHARACTERS, MAX_SAMPLES, MAX_WORK, Wish
from motiongen_app.errors import InputError, in_range
from motiongen_app.settings import MAX_SEED

log = logging.getLogger("motiongen.demo")

Progress = Callable[[float, str], None]
# Seconds between looks whether what waits is still wanted.
_LOOK_S = 0.2


class Cancelled(Exception):
    """The page that asked for the work does not want it any more."""


class Stops:
    """Whether what is being done for a page, `page`, or for one of its tabs, `page/tab`, is still wanted."""

    def __init__(self) -> None:
        self._wanted: list[tuple[str, threading.Event]] = []
        self._lock = threading.Lock()

    def stop(self, page: str) -> bool:
        """Stop all work of a page, or of one of its tabs; whether there was any."""
        with self._lock:
            events = [event for name, event in self._wanted if name == page or name.startswith(f"{page}/")]
        for event in events:
            event.set()
        return bool(events)

    def stop_all(self) -> None:
        """Stop the work of every page."""
        with self._lock:
            for _, event in self._wanted:
                event.set()

    @contextmanager
    def watching(self, page: str) -> Iterator[threading.Event]:
        """Gives an event that is set when the page wants its work stopped."""
        own = (page, threading.Event())
        with self._lock:
            self._wanted.append(own)
        try:
            yield own[1]
        finally:
            with self._lock:
                # An event is equal to itself alone.
                self._wanted.remove(own)


class Queue:
    """Who came first is served first; the others are told how many are before them."""

    def __init__(self) -> None:
        self._waiting: list[object] = []
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, stopped: threading.Event, progress: Progress) -> Iterator[None]:
        """Waits for its turn and holds it. Raises: Cancelled: what waits is not wanted any more."""
        ticket, told = object(), 0
        with self._moved:
            self._waiting.append(ticket)
        try:
            while True:
                with self._moved:
                    place = self._waiting.index(ticket)
                    if place and place == told:
                        self._moved.wait(_LOOK_S)
                _go_on(stopped)
                if place == 0:
                    break
                if place != told:
                    progress(0.0, f"number {place} in the queue")
                    told = place
            yield
        finally:
            with self._moved:
                self._waiting.remove(ticket)
                self._moved.notify_all()


class Studio:
    """The pipelines, the results, and what makes the ones from the others."""

    def __init__(self, pipeline: str | Path = "base", device: str | torch.device = "cpu") -> None:
        self.default = str(pipeline)
        self.device = device
        self.results = ResultStore()
        self.stops = Stops()
        self._queue = Queue()
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
            try:
                self._pipelines[name] = TextToMotionPipeline.from_pretrained(name, self.device)
            except MotionError as error:
                if first is None:
                    raise
                # The page is not told where files lie.
                log.error("%s", error)
                raise InputError(f"pipeline '{name}' cannot be loaded; choose another") from None
        return self._pipelines[name]

    def _released(self, pipeline: TextToMotionPipeline) -> bool:
        """Whether the pipeline's name is that of a released one, and means it."""
        known = motiongen_assets.pipelines().get(pipeline.name)
        if known is None or pipeline is not self._pipelines[self.default]:
            return known is not None
        return self.default == pipeline.name or Path(self.default).resolve() == known.resolve()

    def generate(self, wish: Wish, page: str, progress: Progress) -> Result:
        """Make all samples of a wish.

        Raises:
            InputError: the wish asks for too much.
            MotionError: the pipeline refuses it.
            Cancelled: the page stopped it.
        """
        with self._turn(page, progress) as (stopped, began):
            clips = self._clips(wish, stopped, progress)
            return self._added(clips, began, page)

    def compare(self, wishes: Sequence[Wish], page: str, progress: Progress) -> Result:
        """The first sample of each wish, side by side as A, B and so on."""
        clips = []
        with self._turn(page, progress) as (stopped, began):
            for number, wish in enumerate(wishes):
                part = _part(progress, number, len(wishes))
                clip = self._clips(replace(wish, samples=1), stopped, part)[0]
                clips.append(replace(clip, label=chr(ord("A") + number)))
            return self._added(clips, began, page)

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
        clips = []
        with self._turn(page, progress) as (stopped, began):
            for number, wish in enumerate(wishes):
                clip = self._clips(replace(wish, samples=1), stopped, _part(progress, number, len(wishes) + 1))[0]
                clips.append(clip)
            result = self._added(clips, began, page, formats)
            for number in range(len(clips)):
                for kind in formats:
                    _go_on(stopped)
                    if kind == "mp4":
                        _draw(result, number, stopped, lambda share, text: None)
                    else:
                        result.file(number, kind)
                progress((len(clips) + number / len(clips)) / (len(clips) + 1), "writing files")
            result.zip()
        return result

    def regenerate(
        self, result: Result, number: int, block: int, seed: int, page: str, text: str = "",
        progress: Progress = lambda share, text: None,
    ) -> Result:  # fmt: skip
        """A result with one sentence of one clip made anew, all other frames as they were.

        Args:
            text: another sentence for the block; what it has if empty.
        """
        if not 0 <= number < len(result.clips) or not 0 <= block < len(result.clips[number].motion.text):
            raise InputError("there is no such sentence; choose one of the clip")
        if len(text) > MAX_CHARACTERS:
            raise InputError(f"a sentence has {len(text)} characters; give up to {MAX_CHARACTERS}")
        in_range("seed", seed, 0, MAX_SEED)
        clip = result.clips[number]
        if block in fixed_blocks(clip):
            raise InputError("the ends of a loop, or of a clip in place, cannot be made anew alone; generate it again")
        segment, recipe = clip.motion.text[block], clip.recipe
        change = Change(segment.start, min(segment.stop, len(clip.motion)), text.strip() or segment.text, seed)
        generator = torch.Generator().manual_seed(change.seed)
        pipeline = self.pipeline(recipe.pipeline)
        with self._turn(page, progress) as (stopped, began), _stoppable(pipeline, stopped, recipe.steps, progress):
            motion = pipeline.edit(
                clip.motion, change.text, change.start, change.stop, recipe.steps, recipe.guidance, generator,
                recipe.scheduler, recipe.clean_feet,
            )  # fmt: skip
            label = clip.label if clip.label.endswith("*") else f"{clip.label}*"
            clips = list(result.clips)
            clips[number] = DemoClip(motion, recipe.changed(change), label)
            return self._added(clips, began, page)

    def video(self, result: Result, number: int, page: str, progress: Progress) -> Path:
        """The clip's MP4, rendered on first use."""
        if not 0 <= number < len(result.clips):
            raise InputError("there is no such clip; choose one of the page")
        with self._turn(page, progress) as (stopped, _):
            return _draw(result, number, stopped, progress)

    def examine(self, page: str, progress: Progress) -> dict[str, Any]:
        """What `motiongen doctor` finds; it computes as much as a clip does, and waits its turn as one."""
        from motiongen_app import doctor

        with self._turn(page, progress):
            return doctor.examine()

    def welcome(self, texts: Sequence[str], seconds: Sequence[float]) -> None:
        """Make the clip that a page shows before anything was asked for."""
        wish = Wish(tuple(texts), tuple(seconds), pipeline=self.default)
        self.results.welcome = self.generate(wish, "welcome", lambda share, text: None)

    @contextmanager
    def _turn(self, page: str, progress: Progress) -> Iterator[tuple[threading.Event, float]]:
        """The time in which a page's work is done. Two at once on the same processors would keep both waiting.

        Gives the event that is set when the page wants its work stopped, and when it began.
        """
        with self.stops.watching(page) as stopped, self._queue.turn(stopped, progress):
            yield stopped, time.perf_counter()

    def _added(self, clips: Sequence[DemoClip], began: float, page: str, formats: tuple[str, ...] = QUICK) -> Result:
        made = Result(tuple(clips), time.perf_counter() - began, formats)
        return self.results.add(made, owner=page.partition("/")[0])

    def _clips(self, wish: Wish, stopped: threading.Event, progress: Progress) -> list[DemoClip]:
        wish.check()
        pipeline = self.pipeline(wish.pipeline)
        with _stoppable(pipeline, stopped, wish.steps, progress):
            output = pipeline(
                [list(wish.texts)], [list(wish.seconds)], num_inference_steps=wish.steps,
                guidance_scale=wish.guidance, num_motions_per_prompt=wish.samples,
                generator=[torch.Generator().manual_seed(wish.seed + i) for i in range(wish.samples)],
                scheduler=wish.scheduler, clean_feet=wish.clean_feet, best_of=wish.best_of, loop=wish.loop,
                in_place=wish.in_place,
            )  # fmt: skip
        recipe = Recipe(
            wish.texts, wish.seconds, wish.seed, wish.samples, wish.steps, wish.guidance, wish.scheduler,
            wish.clean_feet, wish.best_of, wish.loop, wish.in_place, wish.shape, pipeline.name, pipeline.digest,
            self._released(pipeline),
        )  # fmt: skip
        agreement: Sequence[float | None] = output.alignment or [None] * len(output.motions)
        clips = []
        for number, (motion, agrees) in enumerate(zip(output.motions, agreement)):
            own = replace(recipe, number=number)
            clips.append(DemoClip(motion, own, f"seed {own.own_seed}", agrees))
        return clips


@contextmanager
def _stoppable(
    pipeline: TextToMotionPipeline, stopped: threading.Event, steps: int, progress: Progress
) -> Iterator[None]:
    """Look before each evaluation of the denoiser whether to go on, whatever it is evaluated for, and tell how far."""
    done = 0

    def before(*_: Any) -> None:
        nonlocal done
        _go_on(stopped)
        # Some schedulers evaluate twice a step, and a loop is closed in steps of its own.
        progress(min(1.0, done / steps), f"step {done + 1} of {steps}" if done < steps else "the last touches")
        done += 1

    hook = pipeline.denoiser.register_forward_pre_hook(before)
    try:
        yield
    finally:
        hook.remove()


def _draw(result: Result, number: int, stopped: threading.Event, progress: Progress) -> Path:
    """The clip's MP4; between its frames it is looked whether it is still wanted."""
    from motiongen.render.video import render_video

    def advance(done: int, frames: int) -> None:
        _go_on(stopped)
        progress(done / frames, "drawing the video")

    path = result.path(number, "mp4")
    if not path.exists():
        with exporting():
            render_video(result.posed(number), path, progress=advance)
    return path


def _go_on(stopped: threading.Event) -> None:
    """Raises: Cancelled: the work is not wanted any more."""
    if stopped.is_set():
        raise Cancelled


def _part(progress: Progress, number: int, count: int) -> Progress:
    return lambda share, text: progress((number + share) / count, text)
