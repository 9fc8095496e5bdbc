"""Where a row is good and where not: by length, by what is shown, and what is taken for what."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.metrics import ranks
from motiongen.evaluation.protocols import Drawn

OTHER = "other"
# Rows of a table by content, and bins of lengths.
MOST_CONTENTS, LENGTH_BINS = 12, 4
TOP = 3


@dataclass(frozen=True)
class Part:
    """Some of the clips: R-precision at 3 within the pools that they were measured in, and distance to captions."""

    name: str
    clips: int
    r_precision_3: float
    mm_dist: float

    def plain(self) -> dict[str, Any]:
        return {
            "clips": self.clips, "r_precision_3": round(self.r_precision_3, 4), "mm_dist": round(self.mm_dist, 4),
        }  # fmt: skip


def contents(drawn: Sequence[Drawn], folder: Path) -> list[str]:
    """What each clip shows: its label where the dataset has a table of them, else its caption's first verb.

    All but the most frequent are `other`, and so is what one clip alone shows.
    """
    table = _table(folder / "clips.csv")
    named = [table.get(d.item.name.partition("#")[0]) or _verb(d) for d in drawn]
    counts = Counter(n for n in named if n != OTHER).most_common(MOST_CONTENTS)
    kept = {name for name, count in counts if count > 1}
    return [name if name in kept else OTHER for name in named]


def by_length(text: Float[Tensor, "n e"], motion: Float[Tensor, "n e"], lengths: list[int], pool: int) -> list[Part]:
    """About quarters of the clips, from the shortest to the longest; clips of one length stay together."""
    ordered = sorted(lengths)
    cuts = sorted({ordered[i * len(ordered) // LENGTH_BINS] for i in range(LENGTH_BINS)})
    groups: dict[str, Tensor] = {}
    for low, high in zip(cuts, [*cuts[1:], ordered[-1] + 1]):
        rows = [i for i, length in enumerate(lengths) if low <= length < high]
        groups[f"{low}-{max(lengths[i] for i in rows)}"] = torch.tensor(rows)
    return _parts(text, motion, groups, pool)


def by_content(text: Float[Tensor, "n e"], motion: Float[Tensor, "n e"], shown: list[str], pool: int) -> list[Part]:
    """What is shown most comes first."""
    names = [name for name, _ in Counter(shown).most_common()]
    groups = {name: torch.tensor([i for i, s in enumerate(shown) if s == name]) for name in names}
    return _parts(text, motion, groups, pool)


def confusion(
    motion: Float[Tensor, "n e"], real: Float[Tensor, "n e"], shown: list[str], same: bool
) -> tuple[list[str], Float[Tensor, "c c"]]:
    """Row: what was asked for. Column: what the nearest real clip shows. Shares of each row.

    Args:
        same: the motions are the real ones; none is its own nearest.
    """
    names = sorted(set(shown), key=lambda name: (name == OTHER, name))
    distances = torch.cdist(motion.double(), real.double())
    if same:
        distances.fill_diagonal_(torch.inf)
    nearest = distances.argmin(dim=1).tolist()
    counts = torch.zeros(len(names), len(names))
    for asked, found in zip(shown, nearest):
        counts[names.index(asked), names.index(shown[found])] += 1
    return names, counts / counts.sum(1, keepdim=True)


def _parts(text: Tensor, motion: Tensor, groups: dict[str, Tensor], pool: int) -> list[Part]:
    count = len(text) // pool * pool or len(text)
    places = torch.cat([ranks(t, m) for t, m in zip(text[:count].split(pool), motion[:count].split(pool))])
    distance = (text.double() - motion.double()).norm(dim=-1)
    parts = []
    for name, group in groups.items():
        ranked = places[group[group < count]]
        if len(ranked):
            found = (ranked < TOP).double().mean().item()
            parts.append(Part(name, len(group), found, distance[group].mean().item()))
    return parts


def _table(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with open(path, newline="", encoding="utf-8") as file:
        return {row["name"]: row.get("content", "") for row in csv.DictReader(file)}


def _verb(drawn: Drawn) -> str:
    verbs = (token.rpartition("/") for token in drawn.caption.tokens)
    return next((word for word, _, part in verbs if part == "VERB"), OTHER)
