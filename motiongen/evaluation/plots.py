"""Pictures of a run, drawn with matplotlib where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.breakdown import Part
from motiongen.motion import atomic_path

MISSING = "plots need matplotlib, which is missing; pip install 'motiongen[evaluate]' and run again"


def can_plot() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def distribution(path: Path, motions: Mapping[str, Float[Tensor, "_ e"]]) -> None:
    """Vectors of every row along the first two principal axes of the first one, the real clips."""
    real = next(iter(motions.values()))
    centre = real.mean(0)
    # Signs of axes are arbitrary; the same picture for the same numbers.
    axes = torch.linalg.svd((real - centre).double(), full_matrices=False)[2][:2]
    axes = axes * axes.sum(1, keepdim=True).sign()
    figure, (plot,) = _figure(5.5, 5)
    for (name, vectors), marker in zip(motions.items(), "ox^s"):
        x, y = ((vectors - centre).double() @ axes.T).T
        plot.scatter(x, y, s=9, alpha=0.5, marker=marker, label=name, linewidths=0.7)
    plot.set(xlabel="first principal axis of real clips", ylabel="second")
    plot.legend()
    _save(figure, path)


def confusions(path: Path, names: Sequence[str], shares: Mapping[str, Float[Tensor, "c c"]]) -> None:
    """One matrix a row: what was asked for against what the nearest real clip shows."""
    size = 2.5 + 0.28 * len(names)
    figure, plots = _figure(size * len(shares), size + 0.8, len(shares))
    for plot, (name, matrix) in zip(plots, shares.items()):
        plot.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
        plot.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        plot.set_yticks(range(len(names)), names, fontsize=7)
        plot.set(title=name, xlabel="nearest real clip", ylabel="asked for")
    _save(figure, path)


def parts(path: Path, title: str, listed: Mapping[str, Sequence[Part]]) -> None:
    """R-precision at 3 of every row, part by part, as bars."""
    names = [part.name for part in next(iter(listed.values()))]
    figure, (plot,) = _figure(2 + 0.55 * len(names), 3.6)
    width = 0.8 / len(listed)
    for i, (row, shown) in enumerate(listed.items()):
        plot.bar([j + i * width for j in range(len(names))], [p.r_precision_3 for p in shown], width, label=row)
    plot.set_xticks([j + 0.4 - width / 2 for j in range(len(names))], names, rotation=60, ha="right", fontsize=8)
    plot.set(ylabel="R-precision 3", title=title, ylim=(0, 1))
    plot.legend()
    _save(figure, path)


def _figure(width: float, height: float, count: int = 1) -> tuple[Any, Any]:
    # The figure by itself: pyplot would look for a display and keep state of its own.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(1, count, squeeze=False)[0]


def _save(figure: Any, path: Path) -> None:
    with atomic_path(path) as beside:
        figure.savefig(beside, dpi=120)
