"""Files of sentences that the demo's batch tab takes: what each of their lines wishes for."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from motiongen.batch.prompt_files import Entry, Refused, read_prompts
from motiongen_app.demo.wish import Wish, read_wish
from motiongen_app.errors import InputError

MAX_LINES = 100
# Seconds of motion in all, candidates included; nobody else is served meanwhile.
MAX_BATCH_WORK = 1200.0
MAX_BYTES = 256 * 1024
ENDINGS = (".txt", ".csv", ".jsonl")


def read_batch(path: Path, wish: Wish) -> list[Wish]:
    """A wish for every line of a file; what a line leaves out is taken from `wish`, and its seed counts on.

    See `motiongen.batch.prompt_files` for what lines may hold.

    Raises:
        InputError: the file is too large or none of these, or a line of it cannot be used.
        MotionError: the file lacks what its format needs first.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError("the file is not txt, csv or jsonl; give one of these")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"the file has {size // 1024} kB; the demo takes up to {MAX_BYTES // 1024}")
    wishes: list[Wish] = []
    for entry in read_prompts(path):
        if isinstance(entry, Refused):
            raise InputError(f"line {entry.line}: {entry.reason}")
        if len(wishes) == MAX_LINES:
            raise InputError(f"the file has more than {MAX_LINES} sentences; split it, or use the command line")
        try:
            wishes.append(_wish(entry, wish, wish.seed + len(wishes)))
        except InputError as error:
            raise InputError(f"line {entry.line}: {error}") from None
    if not wishes:
        raise InputError("the file holds no sentence; give one a line")
    work = sum(sum(one.seconds) * one.best_of for one in wishes)
    if work > MAX_BATCH_WORK:
        raise InputError(
            f"the file asks for {work:g} seconds of motion, candidates included; the demo makes up to "
            f"{MAX_BATCH_WORK:g} in one go: split it, or use the command line"
        )
    return wishes


def _wish(entry: Entry, wish: Wish, seed: int) -> Wish:
    given = {name: getattr(wish, name) for name in _SETTINGS}
    unknown = sorted(set(entry.options) - set(_SETTINGS))
    if unknown:
        known = ", ".join(("text", "seconds", "frames", "seed", *_SETTINGS))
        raise InputError(f"'{unknown[0][:40]}' is unknown; there are {known}")
    seconds = entry.seconds or wish.seconds[:1]
    each = seconds * len(entry.texts) if len(seconds) == 1 else seconds
    given |= entry.options | {"seed": seed if entry.seed is None else entry.seed}
    return read_wish(entry.texts, each, wish.pipeline, **given)


# What a line may set of its own.
_SETTINGS = tuple(
    field.name for field in fields(Wish) if field.name not in ("texts", "seconds", "seed", "samples", "pipeline")
)
