"""Sentences and real clips of a prepared data set together with the content and style that they show."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.obedience import CHECKS
from motiongen.motion import Motion, MotionError
from motiongen.training.data import read_captions

T = TypeVar("T")


@dataclass(frozen=True)
class Labelled:
    """A sentence, or a real clip, and what it shows."""

    name: str
    content: str
    style: str
    text: str


def labelled_clips(folder: Path, split: str) -> list[Labelled]:
    """Clips of a split whose content has a check, with their first caption.

    Raises:
        MotionError: the folder has no table of labels.
    """
    rows = [row for row in _table(folder / "clips.csv") if row["split"] == split and row["content"] in CHECKS]
    # Other sources use the same words for other things: CMU's "walk" turns and stops as its subject pleased.
    rows = [row for row in rows if row["source"] == "bandai-namco"]
    return [
        Labelled(row["name"], row["content"], row["style"], read_captions(folder / "texts" / f"{row['name']}.txt")[0])
        for row in rows
    ]


def paraphrase_sets(folder: Path) -> dict[str, list[Labelled]]:
    """Sentences in words that training never uses: every `paraphrases*.csv` of the folder by its name."""
    paths = sorted(folder.glob("paraphrases*.csv"), key=lambda path: path.stem)
    return {
        path.stem: [
            Labelled(f"{path.stem}-{i}", row["content"], row["style"], row["text"])
            for i, row in enumerate(_table(path))
            if row["content"] in CHECKS
        ]
        for path in paths
    }


def real_motion(folder: Path, clip: Labelled) -> Motion:
    """Joints of a clip as they were recorded."""
    return Motion(torch.from_numpy(np.load(folder / "new_joints" / f"{clip.name}.npy")).float())


def real_features(folder: Path, clip: Labelled) -> Float[Tensor, "t 263"]:
    return torch.from_numpy(np.load(folder / "new_joint_vecs" / f"{clip.name}.npy")).float()


def evenly(asked: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of them, spread evenly over the list; lists of clips are sorted by name and so by content."""
    if len(asked) <= limit:
        return list(asked)
    return [asked[i * len(asked) // limit] for i in range(limit)]


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise MotionError(f"{path}: no such file; evaluate on a folder made by 'motiongen prepare bandai-namco'")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
