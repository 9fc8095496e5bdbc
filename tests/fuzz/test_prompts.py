"""Whatever is in a file of prompts, every line is a job or refused by its number, and changes no other line."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from motiongen.batch.jobs import Job, Options, job_of
from motiongen.batch.manifest import line_of
from motiongen.batch.prompt_files import FORMATS, Entry, Refused, read_prompts
from tests.fuzz.damage import FUZZ, VALUES, damaged_bytes, damaged_json, read_or_refused

FILES = {
    "txt": "a person walks#4\n\na person waves#90f\na person jumps\nsomeone sits#NA\n",
    "csv": 'text,seconds,seed,steps\na person walks,4,1,5\n"waves, then sits",2.5,,\na person jumps,,3,\n',
    "jsonl": '{"text": "a person walks", "seconds": 4, "seed": 3}\n{"text": ["a", "b"], "frames": [40, 60]}\n',
    "flowmdm": '{"text": ["a person walks", "a person sits"], "lengths": [100, 80]}',
    "stmc": "walks # 0.0 # 4.0 # legs\nwaves # 4.0 # 6.0 # left arm\n\nsits # 0.0 # 3.0 # spine\n",
}
LINE = {"text": ["walks", "sits"], "seconds": [4, 2.5], "seed": 3, "steps": 5, "guidance": 2.5, "name": "x"}


@pytest.fixture(name="path", scope="module")
def _path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts") / "prompts"


def jobs(path: Path, data: bytes, kind: str) -> list[Job | Refused]:
    path.write_bytes(data)
    return [entry if isinstance(entry, Refused) else job(entry) for entry in read_prompts(path, kind)]


def job(entry: Entry) -> Job | Refused:
    try:
        return job_of(entry, 7, 4.0, Options())
    except TypeCheckError:
        # The shape checks that run under pytest alone forestall `Options.check`, which says it in one line.
        return Refused(entry.line, "an option of another kind")


def usable(found: Any) -> None:
    for one in found if isinstance(found, list) else []:
        if isinstance(one, Refused):
            assert one.reason and len(one.reason.splitlines()) == 1 and len(one.reason) < 400, one.reason
            assert json.loads(line_of({"line": one.line, "reason": one.reason}))["line"] == one.line
        else:
            assert one.frames and len(one.frames) == len(one.prompt) and all(10 <= n <= 12_000 for n in one.frames)
            assert len(one.prompt) <= 1000 and sum(one.frames) <= 24_000 and max(map(len, one.prompt)) <= 2000
            assert 0 <= one.seed < 2**32 and one.name.isprintable() and "/" not in one.name
            json.dumps({"prompt": one.prompt, "options": vars(one.options)}).encode()


@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_bytes(kind: str, path: Path) -> None:
    data = FILES[kind].encode()

    @FUZZ
    @given(damaged_bytes(data))
    def check(damaged: bytes) -> None:
        usable(read_or_refused(jobs, path, damaged, kind))

    assert all(isinstance(job, Job) for job in jobs(path, data, kind))
    check()


@pytest.mark.parametrize("kind", ["jsonl", "flowmdm"])
def test_other_values(kind: str, path: Path) -> None:
    @FUZZ
    @given(damaged_json(LINE))
    def check(damaged: Any) -> None:
        usable(read_or_refused(jobs, path, json.dumps(damaged).encode(), kind))

    check()


@FUZZ
@given(value=st.sampled_from(VALUES), odd=st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")))
def test_one_odd_line_does_not_change_the_others(value: Any, odd: bytes, path: Path) -> None:
    good = b'{"text": "a person walks"}\n'
    for middle in (odd, json.dumps({"text": "a", "seconds": value}).encode()):
        found = jobs(path, good + middle + b"\n" + good, "jsonl")
        alone = jobs(path, good + b"\n" + good, "jsonl")
        assert [one for one in found if one.line != 2] == alone
        usable(found)


def test_a_long_file_is_read_a_line_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_bytes(b"a person walks#4\n" * 5000 + b"x" * 5_000_000 + b"\nlast#2\n")
    tracemalloc.start()
    entries = read_prompts(path)
    count, last = 0, None
    for last in entries:
        count += isinstance(last, Entry)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 5001 and isinstance(last, Entry) and last.line == 5002
    assert peak < 8 << 20
