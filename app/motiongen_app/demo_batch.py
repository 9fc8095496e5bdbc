"""Files of sentences that the demo's batch tab takes: txt, csv and jsonl."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from motiongen_app.demo_jobs import Wish
from motiongen_app.errors import InputError

MAX_LINES = 100
MAX_BYTES = 256 * 1024


def read_batch(path: Path, wish: Wish) -> list[Wish]:
    """A wish for every line of a file; what a line leaves out is taken from `wish`, and its seed counts on.

    txt has a sentence a line. csv has the columns `text` and, if wanted, `seconds` and `seed`. jsonl has an object a
    line with `text` (one sentence or a list), and `seconds` and `seed` if wanted.

    Raises:
        InputError: the file is too large, none of these, or a line of it cannot be used.
    """
    readers = {".txt": _txt, ".csv": _csv, ".jsonl": _jsonl}
    kind = path.suffix.lower()
    if kind not in readers:
        raise InputError("the file is not txt, csv or jsonl; give one of these")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(f"the file has {size // 1024} kB; the demo takes up to {MAX_BYTES // 1024}")
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("the file is not text in UTF-8; save it as such") from None
    wishes: list[Wish] = []
    for line, entry in readers[kind](content):
        if len(wishes) == MAX_LINES:
            raise InputError(f"the file has more than {MAX_LINES} sentences; split it, or use the command line")
        try:
            one = _wish(entry, replace(wish, seed=wish.seed + len(wishes)))
            one.check()
        except InputError as error:
            raise InputError(f"line {line}: {error}") from None
        wishes.append(one)
    if not wishes:
        raise InputError("the file holds no sentence; give one a line")
    return wishes


def _txt(content: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            yield number, {"text": line.strip()}


def _csv(content: str) -> Iterator[tuple[int, dict[str, Any]]]:
    table = csv.DictReader(io.StringIO(content))
    if "text" not in (table.fieldnames or ()):
        raise InputError("the csv has no column 'text'; name one so in its first line")
    try:
        for row in table:
            yield table.line_num, {key: row.get(key) for key in ("text", "seconds", "seed") if row.get(key)}
    except csv.Error:
        raise InputError(f"line {table.line_num}: not csv; quote texts that have commas") from None


def _jsonl(content: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            raise InputError(f'line {number}: not a JSON object; give {{"text": "..."}}')
        yield number, entry


def _wish(entry: dict[str, Any], wish: Wish) -> Wish:
    text = entry.get("text", "")
    texts: Sequence[Any] = text if isinstance(text, list) else [text]
    if not all(isinstance(t, str) for t in texts):
        raise InputError("'text' is neither a sentence nor a list of sentences")
    told = entry.get("seconds", wish.seconds[0])
    seconds = told if isinstance(told, list) else [told] * len(texts)
    try:
        each = tuple(float(value) for value in seconds)
        seed = int(entry.get("seed", wish.seed))
    except (TypeError, ValueError, OverflowError):
        raise InputError("'seconds' or 'seed' is not a number") from None
    return replace(wish, texts=tuple(" ".join(t.split()) for t in texts), seconds=each, seed=seed)
