"""Which clip is for training, validation, test: fixed by the names of the whole set, whatever order files are found in.

A clip's split is its rank among those of its label, so a clip more or less may move others of that label.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

SPLITS = ("train", "val", "test", "heldout")
TEST_SHARE = 0.10
VAL_SHARE = 0.05

# Pairs of content and style that training never sees, though it sees the content in other styles and the style with
# other contents. A sided content is held out on both sides: the mirrored twin of the other side would show it.
HELD_OUT: frozenset[tuple[str, str]] = frozenset(
    {
        ("wave-left-hand", "elderly"),
        ("wave-right-hand", "elderly"),
        ("walk-turn-left", "youthful"),
        ("walk-turn-right", "youthful"),
        ("run", "exhausted"),
        ("raise-up-both-hands", "masculine"),
        ("wave-both-hands", "exhausted"),
        ("walk-left", "tired"),
        ("walk-right", "tired"),
        ("walk-back", "childish"),
        ("bow", "happy"),
        ("dash", "angry"),
        ("run", "giant"),
        ("guide", "proud"),
    }
)


def rank(name: str) -> str:
    """What units are ordered by before they are split."""
    return hashlib.sha256(name.encode()).hexdigest()


def assign(units: Iterable[tuple[str, tuple[str, str]]]) -> dict[str, str]:
    """Split of each unit.

    A unit is what must not be torn apart: a take with its mirrored twin, or the two partners of a dance. Of the units
    that share a label, ordered by a hash of their names, the first 10 % go to test and the next 5 % to val, rounded to
    whole units: a label with fewer than five units stays in train as a whole.

    Args:
        units: (name of the unit, (content, style)).
    """
    by_label: dict[tuple[str, str], list[str]] = defaultdict(list)
    for unit, label in dict(units).items():
        by_label[label].append(unit)
    split: dict[str, str] = {}
    for label, names in by_label.items():
        names.sort(key=rank)
        test = int(TEST_SHARE * len(names) + 0.5)
        val = int(VAL_SHARE * len(names) + 0.5)
        for place, name in enumerate(names):
            split[name] = "test" if place < test else "val" if place < test + val else "train"
            if label in HELD_OUT:
                split[name] = "heldout"
    return split
