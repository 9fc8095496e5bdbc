"""Files of prompts in the formats that people have, read line by line: what cannot be used is told by its number.

- txt: a sentence a line, or `sentence#length`. A length is seconds (`4`, `2.5`, `2.5s`), frames at 20 a second with an
  f (`90f`), or `NA` for the default. With `unit="frames"` a bare number is frames, as MDM and MoMask write it.
- csv: a header with `text` and, if wanted, `seconds` or `frames`, `seed` and the options of `jobs.OPTIONS`.
- jsonl: an object a line with the same keys; `text`, `seconds` and `frames` may be lists, sentence by sentence.
  `lengths` is another name for `frames`.
- flowmdm: one object `{"text": [...], "lengths": [...]}`, lengths in frames at 20 a second, or a list of such objects.
- stmc: lines `text # start # end # parts of the body`, seconds; a blank line ends a timeline.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motiongen.motion import FPS, MotionError

FORMATS = ("txt", "csv", "jsonl", "flowmdm", "stmc")
UNITS = ("seconds", "frames")
MAX_LINE = 1 << 20
MAX_JSON = 1 << 26
MAX_TIMELINE = 1000
_SUFFIXES = {".txt": "txt", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "flowmdm"}
_LENGTH = re.compile(r"(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*([sf]?)", re.ASCII)
_NUMBER = r"\s*\d+(?:\.\d*)?\s*"
_STMC = re.compile(rf"[^#]*#{_NUMBER}#{_NUMBER}#[^#]*", re.ASCII)
_TOUCH = 1e-6


@dataclass(frozen=True)
class Entry:
    """What a line asks for.

    Attributes:
        line: its number, from 1; of a timeline of several lines, that of the first.
        texts: sentences that follow each other in one clip.
        seconds: of each sentence, or one for all; None where the line does not say.
        seed: None where the line does not say.
        options: further keys, as they stand.
    """

    line: int
    texts: tuple[str, ...]
    seconds: tuple[float, ...] | None = None
    seed: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A line that cannot be used, and why."""

    line: int
    reason: str


class PromptError(MotionError):
    """A file of prompts cannot be read at all; the message is one line."""


class _LineError(ValueError):
    pass


_Lines = Iterator[tuple[int, str | Refused]]


def read_prompts(
    source: Path | io.TextIOBase, kind: str | None = None, unit: str = "seconds"
) -> Iterator[Entry | Refused]:
    """Read a file lazily: however long it is, one line of it is held at a time.

    Args:
        source: a file, or an open stream of text.
        kind: one of `FORMATS`; by default what the file's name and first line say, and txt for a stream.
        unit: what a bare number after # in txt is: "seconds" or "frames" at 20 a second.

    Raises:
        PromptError: no such file, of no known format, or without what its format needs first.
    """
    if unit not in UNITS:
        raise PromptError(f"unit '{unit}' is unknown; there are {', '.join(UNITS)}")
    if kind is not None and kind not in FORMATS:
        raise PromptError(f"format '{kind}' of prompts is unknown; there are {', '.join(FORMATS)}")
    if kind is None and isinstance(source, Path):
        kind = _kind_by_name(source)
    with _opened(source) as stream:
        if kind == "flowmdm":
            yield from _flowmdm(stream)
            return
        lines = _lines(stream)
        if kind in (None, "txt"):
            lines, looked = _peeked(lines)
            kind = _kind_by_line(looked)
        readers: dict[str, Callable[[_Lines], Iterator[Entry | Refused]]] = {
            "txt": lambda lines: _txt(lines, unit), "csv": _csv, "jsonl": _jsonl, "stmc": _stmc,
        }  # fmt: skip
        yield from readers[kind](lines)


def format_of(source: Path, kind: str | None = None) -> str:
    """The format that `read_prompts` reads a file in. Raises: PromptError: as it does."""
    kind = kind or _kind_by_name(source)
    if kind != "txt":
        return kind
    with _opened(source) as stream:
        return _kind_by_line(_peeked(_lines(stream))[1])


def _kind_by_name(source: Path) -> str:
    if source.suffix.lower() not in _SUFFIXES:
        known = ", ".join(_SUFFIXES)
        raise PromptError(f"{source}: no format of prompts ends in '{source.suffix}'; there are {known}")
    return _SUFFIXES[source.suffix.lower()]


def _kind_by_line(first: str | None) -> str:
    return "stmc" if first is not None and _STMC.fullmatch(first) else "txt"


@contextmanager
def _opened(source: Path | io.TextIOBase) -> Iterator[Any]:
    if not isinstance(source, Path):
        yield source
        return
    try:
        with open(source, "rb") as stream:
            yield stream
    except FileNotFoundError:
        raise PromptError(f"{source}: no such file") from None
    except OSError as error:
        raise PromptError(f"{source}: cannot be read ({error.strerror or error})") from None


def _lines(stream: Any) -> _Lines:
    """Lines with their numbers. One that is too long, or not UTF-8, is refused and does not stop the rest."""
    for number in itertools.count(1):
        raw = stream.readline(MAX_LINE)
        if not raw:
            return
        newline = b"\n" if isinstance(raw, bytes) else "\n"
        if len(raw) == MAX_LINE and not raw.endswith(newline):
            while raw and not raw.endswith(newline):
                raw = stream.readline(MAX_LINE)
            yield number, Refused(number, f"the line has more than {MAX_LINE} bytes; shorten it")
            continue
        try:
            text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        except UnicodeDecodeError:
            yield number, Refused(number, "not text in UTF-8; save the file as such")
            continue
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def _peeked(lines: _Lines) -> tuple[_Lines, str | None]:
    """The same lines, and the first of them that holds something; what came before it is blank and few enough."""
    for number, line in lines:
        if isinstance(line, Refused) or line.strip():
            return itertools.chain([(number, line)], lines), None if isinstance(line, Refused) else line
    return iter(()), None


def _each(lines: _Lines, parse: Callable[[int, str], Entry]) -> Iterator[Entry | Refused]:
    for number, line in lines:
        if isinstance(line, Refused):
            yield line
        elif line.strip():
            try:
                yield parse(number, line.strip())
            except _LineError as error:
                yield Refused(number, str(error))


def _txt(lines: _Lines, unit: str) -> Iterator[Entry | Refused]:
    def parse(number: int, line: str) -> Entry:
        text, *rest = (part.strip() for part in line.split("#"))
        if len(rest) > 1:
            raise _LineError(f"{len(rest)} marks # in it; give a sentence, or sentence#length")
        seconds = _length(rest[0], unit) if rest else None
        return Entry(number, (_sentence(text),), None if seconds is None else (seconds,))

    return _each(lines, parse)


def _length(told: str, unit: str) -> float | None:
    if told.upper() == "NA":
        return None
    found = _LENGTH.fullmatch(told)
    if not found:
        raise _LineError(f"'{told[:40]}' after # is no length; give seconds (2.5), frames (50f) or NA")
    number, mark = float(found[1]), found[2]
    if mark == "f" or (mark == "" and unit == "frames"):
        if number != int(number):
            raise _LineError(f"{found[1]} frames asked for; frames are whole")
        return number / FPS
    return number


def _csv(lines: _Lines) -> Iterator[Entry | Refused]:
    lines, header = _peeked(lines)
    try:
        columns = [name.strip().lower() for name in _cells(header or "")]
    except _LineError:
        columns = []
    if "text" not in columns:
        raise PromptError("the csv has no column 'text'; name one so in its first line")
    next(lines)

    def parse(number: int, line: str) -> Entry:
        cells = _cells(line)
        if len(cells) > len(columns):
            raise _LineError(f"{len(cells)} columns where the header has {len(columns)}; quote texts that have commas")
        told = {name: cell.strip() for name, cell in zip(columns, cells) if cell.strip()}
        return _entry(number, {name: cell if name in ("text", "name") else _plain(cell) for name, cell in told.items()})

    yield from _each(lines, parse)


def _cells(line: str) -> list[str]:
    # Line by line: a quote that is never closed would otherwise swallow the rest of the file.
    try:
        return next(csv.reader(io.StringIO(line), strict=True))
    except (csv.Error, StopIteration):
        raise _LineError("not csv; quote texts that have commas, and close quotes on their line") from None


def _plain(cell: str) -> Any:
    try:
        return json.loads(cell) if len(cell) < 64 else cell
    except (ValueError, RecursionError):
        return cell


def _jsonl(lines: _Lines) -> Iterator[Entry | Refused]:
    def parse(number: int, line: str) -> Entry:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise _LineError('not a JSON object; give {"text": "..."}')
        return _entry(number, told)

    return _each(lines, parse)


def _flowmdm(stream: Any) -> Iterator[Entry | Refused]:
    content = stream.read(MAX_JSON)
    if len(content) == MAX_JSON:
        raise PromptError(f"the JSON has more than {MAX_JSON >> 20} MB; give jsonl, which is read line by line")
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise PromptError('the file is not JSON; give {"text": [...], "lengths": [...]}') from None
    for number, one in enumerate(told if isinstance(told, list) else [told], start=1):
        try:
            if not isinstance(one, dict):
                raise _LineError('not a JSON object; give {"text": [...], "lengths": [...]}')
            yield _entry(number, one)
        except _LineError as error:
            yield Refused(number, str(error))


def _entry(line: int, told: dict[str, Any]) -> Entry:
    """An entry of a row or an object. What its options are worth is for `jobs` to say."""
    given = {name: value for name, value in told.items() if value is not None}
    texts = given.pop("text", None)
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise _LineError("'text' is neither a sentence nor a list of sentences")
    lengths = [name for name in ("seconds", "frames", "lengths") if name in given]
    if len(lengths) > 1:
        raise _LineError(f"'{lengths[0]}' and '{lengths[1]}' both given; give one of them")
    seconds = None
    for name in lengths:
        value = given.pop(name)
        each = value if isinstance(value, list) else [value]
        if not all(_is_number(n) for n in each):
            raise _LineError(f"'{name}' is neither a number nor a list of numbers")
        if name != "seconds" and any(n != int(n) for n in each):
            raise _LineError(f"'{name}' are frames, which are whole numbers")
        seconds = tuple(float(n) / (1 if name == "seconds" else FPS) for n in each)
        if len(seconds) not in (1, len(texts)):
            raise _LineError(f"{len(seconds)} {name} for {len(texts)} sentences; give one, or one each")
    seed = given.pop("seed", None)
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise _LineError("'seed' is not a whole number")
    return Entry(line, tuple(_sentence(text) for text in texts), seconds, seed, given)


def _is_number(value: Any) -> bool:
    # Whole numbers of any size come out of JSON, and not all of them are numbers to the machine.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e9 and math.isfinite(value)


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        raise _LineError("a sentence is empty; say what the person does")
    try:
        words.encode("utf-8")
    except UnicodeEncodeError:
        raise _LineError("a sentence has half of a character in it; write it in UTF-8") from None
    return words


def _stmc(lines: _Lines) -> Iterator[Entry | Refused]:
    held: list[tuple[int, str | Refused]] = []
    for number, line in lines:
        if isinstance(line, Refused) or line.strip():
            held.append((number, line))
        elif held:
            yield _timeline(held)
            held = []
        if len(held) > MAX_TIMELINE:
            # What follows up to the blank line is read as a timeline of its own, and refused by its times.
            yield Refused(held[0][0], f"a timeline has more than {MAX_TIMELINE} lines; part it with a blank line")
            held = []
    if held:
        yield _timeline(held)


def _timeline(lines: list[tuple[int, str | Refused]]) -> Entry | Refused:
    first = lines[0][0]
    intervals: list[tuple[float, float, str, int]] = []
    for number, line in lines:
        if isinstance(line, Refused):
            return Refused(first, f"line {number}: {line.reason}")
        if not _STMC.fullmatch(line.strip()):
            return Refused(first, f"line {number}: not 'text # start # end # parts of the body'")
        text, begins, ends, _ = line.split("#")
        try:
            intervals.append((float(begins), float(ends), _sentence(text), number))
        except _LineError as error:
            return Refused(first, f"line {number}: {error}")
    intervals.sort()
    now = 0.0
    for start, end, _, number in intervals:
        if end <= start:
            return Refused(first, f"line {number}: ends at {end:g} s, not after its start at {start:g} s")
        if start < now - _TOUCH:
            return Refused(
                first, f"line {number}: starts at {start:g} s, before {now:g} s, where another sentence ends; "
                "sentences that overlap, for parts of the body, cannot be made here"
            )  # fmt: skip
        if start > now + _TOUCH:
            return Refused(first, f"line {number}: nothing is told from {now:g} to {start:g} s; tell what happens then")
        now = end
    return Entry(
        first, tuple(text for _, _, text, _ in intervals), tuple(end - start for start, end, _, _ in intervals)
    )
