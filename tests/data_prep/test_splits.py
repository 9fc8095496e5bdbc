"""Splits: fixed by the names of the whole set, no unit torn apart, rare labels stay in train."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from motiongen_data_prep.captions import swap_sides
from motiongen_data_prep.splits import HELD_OUT, assign

LABEL = ("walk", "normal")


def test_shares_of_a_label() -> None:
    split = assign((f"take_{i:03d}", LABEL) for i in range(40))
    assert Counter(split.values()) == {"train": 34, "test": 4, "val": 2}


@given(st.permutations([(f"take_{i}", ("run", f"style{i % 3}")) for i in range(30)]))
def test_the_order_of_files_does_not_matter(units: list[tuple[str, tuple[str, str]]]) -> None:
    assert assign(units) == assign(sorted(units))


def test_a_rare_label_stays_in_train() -> None:
    assert set(assign((f"take_{i}", LABEL) for i in range(4)).values()) == {"train"}


def test_held_out_pairs_are_held_out_whole() -> None:
    split = assign((f"take_{i}", ("run", "exhausted")) for i in range(40))
    assert set(split.values()) == {"heldout"}


def test_a_held_out_side_is_held_out_on_the_other_side_too() -> None:
    assert {(swap_sides(content), style) for content, style in HELD_OUT} == HELD_OUT
