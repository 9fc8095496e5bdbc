"""What a page may ask for: sentences with their seconds, and settings, all within limits that are told plainly."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from motiongen.body import shapes
from motiongen.diffusion.sampling import SCHEDULERS
from motiongen.prompts import MIN_SECONDS
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
        if self.seed + self.samples - 1 > MAX_SEED:
            most = MAX_SEED - self.samples + 1
            raise InputError(f"seed is {self.seed}; with {self.samples} samples give at most {most}")
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
        if any(not isinstance(block["text"], str) or isinstance(block["seconds"], bool) for block in blocks):
            raise TypeError
        texts = tuple(" ".join(block["text"].split()) for block in blocks)
        seconds = tuple(float(block["seconds"]) for block in blocks)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InputError("the timeline cannot be read; give sentences with their seconds") from None
    if not all(math.isfinite(value) for value in seconds):
        raise InputError("a sentence has no number of seconds; give one")
    return texts, seconds


def of_kind(name: str, value: Any, kind: type) -> Any:
    """A value that came over the network. Raises: InputError: it is of another kind, which is not made to fit."""
    number = isinstance(value, int) and not isinstance(value, bool)
    if kind is float and (number or isinstance(value, float)) and abs(value) < 1e9:
        return float(value)
    if number if kind is int else kind is not float and isinstance(value, kind):
        return value
    wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "a name"}[kind]
    raise InputError(f"{name} is {str(value)[:40]!r}; give {wanted}")


def read_wish(texts: tuple[str, ...], seconds: tuple[float, ...], default: str, /, **given: Any) -> Wish:
    """A wish from what came over the network, where a number may be anything.

    Args:
        default: the pipeline, unless `given` names another.

    Raises:
        InputError: a value is not of its kind; what is out of range `Wish.check` says.
    """
    kinds: dict[str, type] = {
        "seed": int, "samples": int, "steps": int, "best_of": int, "guidance": float, "shape": str, "scheduler": str,
        "loop": bool, "in_place": bool, "clean_feet": bool, "pipeline": str,
    }  # fmt: skip
    told = {name: of_kind(name.replace("_", " "), value, kinds[name]) for name, value in given.items()}
    wish = Wish(texts, seconds, **{"pipeline": default, **told})
    wish.check()
    return wish
