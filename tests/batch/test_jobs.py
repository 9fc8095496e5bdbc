"""What becomes of a line: its job, its seed, its place in a chunk, and the conditions that its clip must fulfil."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiongen.batch.chunks import CHUNK, chunked
from motiongen.batch.filters import conditions, failed
from motiongen.batch.jobs import Job, Options, job_of, line_seed
from motiongen.batch.prompt_files import Entry, Refused
from motiongen.motion import MotionError


def job(line: int, frames: int = 40, **options: Any) -> Job:
    return Job(line, ("walk",), (frames,), line, f"{line:06d}-walk", Options(**options))


def test_a_job_takes_what_the_line_tells_and_the_rest_from_the_run() -> None:
    entry = Entry(12, ("a person walks", "bows"), (2.0, 1.5), None, {"steps": 5, "name": "Clip A"})
    made = job_of(entry, 7, 4.0, Options(guidance=3))
    assert made == Job(
        12, ("a person walks", "bows"), (40, 30), line_seed(7, 12), "000012-clip-a", Options(5, 3, "ddim", True, 1)
    )
    plain = job_of(Entry(3, ("walk", "bow")), 7, 4.0, Options())
    assert isinstance(plain, Job)
    assert (plain.frames, plain.seconds, plain.name) == ((80, 80), 8.0, "000003-walk-bow")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry(1, ("walk",), (0.1,)), "0.1 seconds"),
        (Entry(1, ("walk",), (float("inf"),)), "inf seconds"),
        (Entry(1, ("walk",), None, -1), "seed is -1"),
        (Entry(1, ("walk",), None, 2**32), "seed is 4294967296"),
        (Entry(1, ("walk",), None, None, {"steps": 0}), "steps is 0"),
        (Entry(1, ("walk",), None, None, {"steps": 2.5}), "steps is '2.5'"),
        (Entry(1, ("walk",), None, None, {"guidance": "x"}), "guidance is 'x'"),
        (Entry(1, ("walk",), None, None, {"guidance": float("nan")}), "guidance is nan"),
        (Entry(1, ("walk",), None, None, {"scheduler": []}), "scheduler '[]' is unknown"),
        (Entry(1, ("walk",), None, None, {"clean_feet": 1}), "clean_feet"),
        (Entry(1, ("walk",), None, None, {"best_of": True}), "best_of is 'True'"),
        (Entry(1, ("walk",), None, None, {"sed": 3}), "'sed' is unknown; there are text"),
        (Entry(1, ("walk",), None, None, {"name": 3}), "'name'"),
        (Entry(1, ("walk",) * 1001, (0.5,)), "1001 sentences; give at most 1000"),
        (Entry(1, ("walk", "bow", "sit"), (600.0, 600.0, 0.5)), "1200.5 s asked for in all; give at most 1200 s"),
        (Entry(1, ("walk", "w" * 2001)), "a sentence has 2001 characters; give at most 2000"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(entry: Entry, said: str) -> None:
    made = job_of(entry, 7, 4.0, Options())
    assert isinstance(made, Refused) and said in made.reason and "\n" not in made.reason


def test_seeds_of_lines_stay_what_they_are() -> None:
    assert [line_seed(7, 1), line_seed(7, 2), line_seed(8, 1)] == [3617640167, 2374935413, 3528192370]


@given(
    st.lists(st.tuples(st.sampled_from([20, 40, 41, 400]), st.sampled_from([1, 3])), max_size=200), st.integers(1, 4)
)
def test_every_job_is_in_one_chunk_of_its_like(asked: list[tuple[int, int]], spread: int) -> None:
    jobs = [job(i, frames, best_of=n) for i, (frames, n) in enumerate(asked)]
    random.Random(0).shuffle(jobs)
    chunks = list(chunked(iter(jobs), spread, window=20))
    assert sorted(one.line for chunk in chunks for one in chunk) == list(range(len(jobs)))
    for chunk in chunks:
        assert len({one.key for one in chunk}) == 1
        assert len(chunk) == 1 or len(chunk) * chunk[0].options.best_of <= CHUNK


def test_no_more_jobs_are_held_than_the_window() -> None:
    taken = 0

    def endless() -> Iterator[Job]:
        nonlocal taken
        while True:
            taken += 1
            yield job(taken, 20 + taken % 1000)

    chunks = chunked(endless(), window=50)
    given_back = sum(len(next(chunks)) for _ in range(100))
    assert taken - given_back <= 50


def test_conditions() -> None:
    metrics = {"alignment": 0.3, "foot_skate_cm_per_s": 15.0, "jitter": 0.5, "penetration_cm": None}
    assert failed(conditions("alignment>0.2, skate<=15,jitter<1"), metrics) == ""
    assert failed(conditions("alignment>0.2,skate<15"), metrics) == "skate<15 does not hold: 15.0"
    assert failed(conditions("penetration<1"), metrics) == "penetration<1 does not hold: None"
    assert conditions("") == ()
    near = [str(condition) for condition in conditions("jitter<0.12345678,jitter<0.12345679,skate<15")]
    assert near == ["jitter<0.12345678", "jitter<0.12345679", "skate<15"]
    for wrong in ("skate", "skate<", "skate<x", "speed<1", "skate<1e999", "skate=1"):
        with pytest.raises(MotionError, match="is none; give alignment, skate"):
            conditions(wrong)
