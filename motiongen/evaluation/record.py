"""Repeats on disk: each is written when it is done, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from motiongen.checkpoint import read_json, write_json
from motiongen.evaluation.metrics import mean_and_interval
from motiongen.motion import MotionError, atomic_path

SETTINGS, REPEATS = "settings.json", "repeats"

# Metrics by row: {"real": {"fid": 0.002}}, and vectors of the first repeat by name.
Measured = tuple[dict[str, dict[str, float]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Record:
    """The folder of a run: `settings.json` and `repeats/GROUP-00.json`, with `GROUP-00.npz` for the plots.

    Args:
        settings: what all repeats depend on; it is written with the first of them.

    Raises:
        MotionError: the folder holds repeats that were made with other settings.
    """

    folder: Path
    settings: dict[str, Any]

    def __post_init__(self) -> None:
        path = self.folder / SETTINGS
        if not path.is_file():
            return
        before, now = read_json(path), json.loads(json.dumps(self.settings))
        if before != now:
            changed = ", ".join(_changed(before, now))
            raise MotionError(
                f"{self.folder}: holds repeats with other settings ({changed}); name another --out or delete it"
            )

    def repeats(self, group: str, count: int, measure: Callable[[int], Measured]) -> list[dict[str, dict[str, float]]]:
        """The numbers of `count` repeats of a group, those that are there already from their files."""
        rows = []
        for repeat in range(count):
            path = self.folder / REPEATS / f"{group}-{repeat:02d}.json"
            if path.is_file():
                rows.append(read_json(path))
                continue
            numbers, vectors = measure(repeat)
            write_json(self.folder / SETTINGS, self.settings)
            if repeat == 0 and vectors:
                arrays: dict[str, Any] = {name: t.detach().cpu().numpy() for name, t in vectors.items()}
                with atomic_path(path.with_suffix(".npz")) as beside, open(beside, "wb") as file:
                    np.savez_compressed(file, **arrays)
            # The numbers last: they say that the repeat is done.
            write_json(path, numbers)
            rows.append(numbers)
        return rows

    def first(self, group: str) -> dict[str, Tensor]:
        """The vectors of the first repeat of a group."""
        with np.load(self.folder / REPEATS / f"{group}-00.npz", allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def summarised(repeats: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, dict[str, float]]]:
    """Mean and 95 % confidence interval of every metric of every row, over repeats."""
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for row in repeats[0]:
        summary[row] = {}
        for metric in repeats[0][row]:
            mean, interval = mean_and_interval([repeat[row][metric] for repeat in repeats])
            summary[row][metric] = {"mean": round(mean, 6), "interval": round(interval, 6)}
    return summary


def _changed(before: dict[str, Any], now: dict[str, Any], place: str = "") -> list[str]:
    names = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            names += _changed(old, new, f"{place}{key}.")
        elif old != new:
            names.append(f"{place}{key}")
    return names
