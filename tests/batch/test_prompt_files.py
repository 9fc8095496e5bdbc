"""Readers of prompt files: what people have is understood, and an odd line is told and changes no other."""

from __future__ import annotations

import io
import json
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.batch.prompt_files import FORMATS, Entry, PromptError, Refused, read_prompts


def read(text: str, kind: str | None = None, unit: str = "seconds") -> list[Entry | Refused]:
    return list(read_prompts(io.StringIO(text), kind, unit))


def told(entry: Entry | Refused) -> tuple[object, ...]:
    assert isinstance(entry, Entry), entry
    return entry.line, entry.texts, entry.seconds


@pytest.mark.parametrize(
    ("length", "unit", "seconds"),
    [
        ("4", "seconds", 4.0),
        ("2.5", "seconds", 2.5),
        ("2.5s", "frames", 2.5),
        ("120", "frames", 6.0),
        ("90f", "seconds", 4.5),
        (" 90 f ", "frames", 4.5),
        ("NA", "frames", None),
    ],
)
def test_lengths_of_txt(length: str, unit: str, seconds: float | None) -> None:
    (entry,) = read(f"a person walks#{length}\n", "txt", unit)
    assert told(entry) == (1, ("a person walks",), None if seconds is None else (seconds,))


@pytest.mark.parametrize(
    "odd", ["walk#", "walk#x", "walk#1e3", "#4", "walk#-1", "walk#2.5f", "a#b#c#d", "walk#٣", "﻿ #"]
)
def test_an_odd_line_of_txt_is_told_by_number_and_changes_no_other(odd: str) -> None:
    first, second, third = read(f"\njump\n{odd}\n  sit   down \n", "txt")
    assert told(first) == (2, ("jump",), None)
    assert isinstance(second, Refused) and second.line == 3 and "\n" not in second.reason
    assert told(third) == (4, ("sit down",), None)


def test_csv() -> None:
    table = (
        'text,seconds,seed,steps\n"walk, then stop",2.5,9,\nbow,,,10\nkick,long,,\n"open,1,2,3\na,1,2,3,4\nwave,1,,\n'
    )
    walk, bow, kick, opened, wide, wave = read(table, "csv")
    assert walk == Entry(2, ("walk, then stop",), (2.5,), 9)
    assert bow == Entry(3, ("bow",), None, None, {"steps": 10})
    assert list(read("text,name\nwalk,12\n", "csv")) == [Entry(2, ("walk",), options={"name": "12"})]
    assert [entry.line for entry in (kick, opened, wide) if isinstance(entry, Refused)] == [4, 5, 6]
    assert told(wave) == (7, ("wave",), (1.0,))
    with pytest.raises(PromptError, match="no column 'text'"):
        read("prompt,seconds\nwalk,1\n", "csv")


def test_jsonl() -> None:
    lines: list[object] = [
        {"text": "walk", "seconds": 2, "seed": 3, "best_of": 4},
        {"text": ["walk", "sit"], "seconds": [2, 3.5]},
        {"text": ["walk", "sit"], "lengths": [40, 60]},
        {"text": "walk", "frames": 2.5},
        {"text": "walk", "frames": 2, "seconds": 1},
        {"text": ["walk", 3]},
        {"text": []},
        {"text": "walk", "seconds": [1, 2]},
        {"text": "walk", "seconds": True},
        {"text": "walk", "seconds": 10**400},
        {"text": "walk", "seed": 1.5},
        ["walk"],
        {"text": "\ud800"},
    ]
    entries = read("\n".join(map(json.dumps, lines)) + "\n" + "[" * 100_000 + '\n{"text": "end"}', "jsonl")
    assert entries[0] == Entry(1, ("walk",), (2.0,), 3, {"best_of": 4})
    assert [told(entry)[1:] for entry in entries[1:3]] == [(("walk", "sit"), (2.0, 3.5)), (("walk", "sit"), (2.0, 3.0))]
    assert all(isinstance(entry, Refused) for entry in entries[3:-1])
    assert [entry.line for entry in entries] == list(range(1, 16))
    assert told(entries[-1]) == (15, ("end",), None)


def test_flowmdm() -> None:
    one = {"text": ["walk", "run"], "lengths": [80, 100]}
    assert [told(entry) for entry in read(json.dumps(one), "flowmdm")] == [(1, ("walk", "run"), (4.0, 5.0))]
    first, second, third = read(json.dumps([one, {"text": ["walk"], "lengths": [1, 2]}, one]), "flowmdm")
    assert isinstance(second, Refused) and told(first)[1:] == told(third)[1:]
    with pytest.raises(PromptError, match="not JSON"):
        read("walk", "flowmdm")


STMC = """walking in a circle # 0.0 # 4.0 # legs
waving # 4.0 # 6.5 # right arm # spine

sit # 0.0 # 3.0 # legs
wave # 2.0 # 4.0 # left arm

jump # 0.0 # 2.0 # legs
bow # 3.0 # 4.0 # spine

kick # 0.0 # 1.0 # legs
turn # 1.0 # 2.0 # legs
"""


def test_stmc() -> None:
    odd, overlap, gap, good = read(STMC, "stmc")
    assert [type(entry) for entry in (odd, overlap, gap)] == [Refused] * 3
    assert isinstance(overlap, Refused) and overlap.line == 4
    assert overlap.reason.startswith("line 5: starts at 2 s, before 3 s")
    assert isinstance(gap, Refused) and "from 2 to 3 s" in gap.reason
    assert told(good) == (10, ("kick", "turn"), (1.0, 1.0))


def test_the_format_is_found_by_name_and_content(tmp_path: Path) -> None:
    contents = {
        "a.txt": "walk#2\n", "b.txt": "\nwalk # 0.0 # 2.0 # legs\n", "c.csv": "text,seconds\nwalk,2\n",
        "d.jsonl": '{"text": "walk", "seconds": 2}\n', "e.json": '{"text": ["walk"], "lengths": [40]}',
        "f.txt": "\ufeffwalk#2\r\n",
    }  # fmt: skip
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        (entry,) = read_prompts(tmp_path / name)
        assert told(entry)[1:] == (("walk",), (2.0,)), name
    with pytest.raises(PromptError, match=r"ends in '\.md'"):
        list(read_prompts(tmp_path / "prompts.md"))
    with pytest.raises(PromptError, match="no such file"):
        list(read_prompts(tmp_path / "none.txt"))


def test_bytes_that_are_no_text_and_lines_without_end_are_refused_alone(tmp_path: Path) -> None:
    path = tmp_path / "prompts.txt"
    path.write_bytes(b"walk\n\xff\xfe\n" + b"x" * (3 << 20) + b"\njump\n")
    first, second, third, fourth = read_prompts(path)
    assert (told(first)[0], told(fourth)[0]) == (1, 4)
    assert isinstance(second, Refused) and "UTF-8" in second.reason
    assert isinstance(third, Refused) and "more than" in third.reason


def test_reading_is_lazy() -> None:
    class Endless(io.StringIO):
        def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
            return "walk\n"

    entries = read_prompts(Endless(), "txt")
    assert [told(next(entries))[0] for _ in range(3)] == [1, 2, 3]


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.sampled_from(string.printable + '#{}[]":,\u2028é\ud800'), max_size=120),
    st.sampled_from([*FORMATS, None]),
    st.sampled_from(["seconds", "frames"]),
)
def test_nothing_but_a_prompt_error_comes_of_any_text(text: str, kind: str | None, unit: str) -> None:
    try:
        entries = read(text, kind, unit)
    except PromptError as error:
        assert "\n" not in str(error)
        return
    for entry in entries:
        if isinstance(entry, Entry):
            assert all(entry.texts) and (entry.seconds is None or all(s >= 0 or s < 0 for s in entry.seconds))
        else:
            assert entry.line >= 1 and entry.reason
