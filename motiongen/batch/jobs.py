"""What is to be generated for a line: checked, complete, and depending on nothing but the line and the settings."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from motiongen.batch.prompt_files import Entry, Refused
from motiongen.diffusion.sampling import SCHEDULERS
from motiongen.motion import FPS, MotionError
from motiongen.prompts import timeline

MAX_SEED = 2**32 - 1
_RANGES: dict[str, tuple[float, float, type]] = {
    "steps": (1, 1000, int),
    "guidance": (0, 50, float),
    "best_of": (1, 64, int),
}
_SLUG = 48
# What one clip may be made of: memory and time grow with it, and a line must not end the process that makes it.
MAX_SENTENCES = 1000
MAX_FRAMES = 24_000
MAX_CHARACTERS = 2000


@dataclass(frozen=True)
class Options:
    """How a clip is generated: the defaults of a run, of which a line may tell others by these names."""

    steps: int = 20
    guidance: float = 2.5
    scheduler: str = "ddim"
    clean_feet: bool = True
    best_of: int = 1

    def check(self) -> None:
        """Raises: MotionError: a value is out of range."""
        for name in OPTIONS:
            _check(name, getattr(self, name))


OPTIONS = tuple(field.name for field in fields(Options))


@dataclass(frozen=True)
class Job:
    """A clip to generate.

    Attributes:
        line: number of its line, from 1.
        prompt: sentences that follow each other.
        frames: of each sentence, at 20 a second.
        seed: of its noise.
        name: what its files are called, without ending; no two lines have the same.
        options: how it is generated.
    """

    line: int
    prompt: tuple[str, ...]
    frames: tuple[int, ...]
    seed: int
    name: str
    options: Options = Options()

    @property
    def seconds(self) -> float:
        return sum(self.frames) / FPS

    @property
    def key(self) -> tuple[Any, ...]:
        """What jobs must share to be generated in one pass."""
        return (sum(self.frames), len(self.prompt) > 1, self.options)


def line_seed(base: int, line: int) -> int:
    """The seed of a line that tells none: the first four bytes of the SHA-256 of "base seed:line number".

    It depends on the number of the line, so that a sentence that stands in a file ten times gives ten clips, and on no
    other line.
    """
    return int.from_bytes(hashlib.sha256(f"{base}:{line}".encode()).digest()[:4], "big")


def job_of(entry: Entry, seed: int, seconds: float, options: Options) -> Job | Refused:
    """The job of a line, or why there is none.

    Args:
        seed: base seed of the run.
        seconds: length of a sentence where the line tells none.
        options: those of the run, of which the line may tell others.
    """
    told = dict(entry.options)
    name = told.pop("name", None)
    unknown = [key for key in told if key not in OPTIONS]
    try:
        if unknown:
            known = ", ".join(("text", "seconds", "frames", "seed", "name", *OPTIONS))
            raise MotionError(f"'{unknown[0][:40]}' is unknown; there are {known}")
        if name is not None and not isinstance(name, str):
            raise MotionError("'name' is not a text")
        for key, value in told.items():
            _check(key, value)
        own = replace(options, **told)
        if entry.seed is not None:
            _in_range("seed", entry.seed, 0, MAX_SEED, int)
        if len(entry.texts) > MAX_SENTENCES:
            raise MotionError(f"{len(entry.texts)} sentences; give at most {MAX_SENTENCES}, and more in other lines")
        longest = max(map(len, entry.texts))
        if longest > MAX_CHARACTERS:
            raise MotionError(f"a sentence has {longest} characters; give at most {MAX_CHARACTERS}")
        lengths = entry.seconds or (seconds,)
        asked = timeline(entry.texts, lengths * len(entry.texts) if len(lengths) == 1 else lengths)
        if sum(asked.frames) > MAX_FRAMES:
            most = f"{MAX_FRAMES / FPS:g} s, and more in other lines"
            raise MotionError(f"{sum(asked.frames) / FPS:g} s asked for in all; give at most {most}")
    except MotionError as error:
        return Refused(entry.line, str(error))
    chosen = line_seed(seed, entry.line) if entry.seed is None else entry.seed
    words = slug(asked.sentences if name is None else [name])
    return Job(entry.line, asked.sentences, asked.frames, chosen, f"{entry.line:06d}-{words}", own)


def slug(texts: Sequence[str]) -> str:
    """Words of sentences as a part of a file's name: plain letters and digits with hyphens, cut between words."""
    plain = unicodedata.normalize("NFKD", " ".join(texts)).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    result = ""
    for word in words:
        longer = f"{result}-{word}" if result else word[:_SLUG]
        if len(longer) > _SLUG:
            break
        result = longer
    return result or "clip"


def _check(name: str, value: Any) -> None:
    """Raises: MotionError: the value of an option is out of range, or of another kind."""
    if name in _RANGES:
        _in_range(name, value, *_RANGES[name])
    elif name == "scheduler" and (not isinstance(value, str) or value not in SCHEDULERS):
        raise MotionError(f"scheduler '{str(value)[:40]}' is unknown; there are {', '.join(SCHEDULERS)}")
    elif name == "clean_feet" and not isinstance(value, bool):
        raise MotionError("clean_feet is neither true nor false")


def _in_range(name: str, value: Any, low: float, high: float, kind: type) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (kind is float and isinstance(value, float))):
        raise MotionError(f"{name} is {str(value)[:40]!r}; give {low:g} to {high:g}")
    if not low <= value <= high:
        raise MotionError(f"{name} is {str(value)[:40]}; give {low:g} to {high:g}")
