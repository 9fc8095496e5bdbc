"""What preparing the field's datasets has in common: clips made and kept, their lists, Mean and Std, and the report."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from motiongen.motion import MotionError, atomic_path
from motiongen_data_prep import layout
from motiongen_data_prep.attribution import LICENCES, attribution_text
from motiongen_data_prep.workers import Result, Summary, progress_bar, remove_leftovers, run

# Raise it when what is made of the same files changes.
RECIPE_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9_.-]*[A-Za-z0-9_-]")


@dataclass(frozen=True)
class Clip:
    """One clip to make.

    Attributes:
        name: of the clip in the dataset.
        file: what it is made from.
        how: what else its motion depends on, as JSON can hold it.
    """

    name: str
    file: Path
    how: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """The clips of one file, to be read once, and what all clips of the dataset depend on."""

    out: Path
    file: Path
    clips: tuple[Clip, ...]
    context: Mapping[str, Any]
    mirror: bool


@dataclass(frozen=True)
class Format:
    """Features of a dataset: frames a second, joints, and the groups that share a standard deviation."""

    fps: float
    joints: int
    groups: Mapping[str, slice]

    @property
    def features(self) -> int:
        return max(group.stop for group in self.groups.values())


@dataclass(frozen=True)
class Plan:
    """A dataset as its own files lay it down.

    Attributes:
        source: humanml3d, kit or babel.
        clips: to make.
        lists: names in each split list, mirrored ones included, in the order in which they are written.
        make: makes the clips of a file; runs in a worker process.
        describe: writes the texts of a made clip from its record; None, or the reason why it has none.
        inputs: files that all clips depend on.
        context: what else they depend on, as JSON can hold it.
        checks: what to compare with published numbers at the end.
    """

    source: str
    format: Format
    clips: Sequence[Clip]
    lists: Mapping[str, Sequence[str]]
    make: Callable[[Batch], list[Result]]
    describe: Callable[[Path, dict[str, Any]], str | None]
    inputs: Sequence[Path]
    context: Mapping[str, Any] = field(default_factory=dict)
    checks: Callable[[Path], dict[str, float]] = lambda out: {}


def build(plan: Plan, out: Path, summary: Summary, *, workers: int, mirror: bool, console: Console) -> Summary:
    """Make what a plan says, or what of it is not there yet, and bring lists, Mean, Std and manifest.json up to date.

    Args:
        summary: of what the plan left out already.

    Raises:
        MotionError: `out` holds another dataset, nothing could be used, or a worker process died.
    """
    begun = time.monotonic()
    layout.check_owner(out, plan.source)
    # Before the first clip, so that no other dataset is begun in a folder whose making was interrupted.
    layout.write_text(out / layout.OWNER, plan.source + "\n")
    remove_leftovers(out)
    digests = {str(path): digest(path) for path in plan.inputs}
    fresh = [clip for clip in plan.clips if not _is_done(out, clip, plan, mirror)]
    summary.kept = len(plan.clips) - len(fresh)
    with progress_bar(console) as progress:
        bar = progress.add_task(f"preparing {plan.source}", total=len(plan.clips), completed=summary.kept)
        for name, why in run(plan.make, _batches(out, fresh, plan, mirror), workers):
            progress.advance(bar)
            if why is None:
                summary.written += 1
            else:
                summary.skip(name, why, console)
                layout.forget(out, name)
    # Clips of an earlier call whose files are not there now leave the lists, and come back without work with the files.
    records = [r for r in (layout.read_record(out, clip.name) for clip in plan.clips) if r is not None]
    if not records:
        raise MotionError(f"none of the {len(plan.clips)} clips of {plan.source} could be made; {summary.first()}")
    silent = set()
    for record in records:
        why = plan.describe(out, record)
        if why is not None:
            summary.skip(record["name"], why)
            silent |= set(_names([record]))
    _write_index(plan, out, records, silent, digests, summary)
    summary.seconds = time.monotonic() - begun
    return summary


def record_of(batch: Batch, clip: Clip, frames: int, inputs: Mapping[str, str], **further: Any) -> dict[str, Any]:
    """What is remembered of a made clip: enough to know later that it need not be made again.

    Args:
        frames: of its features.
        inputs: SHA-256 of each file that it was made from.
    """
    return {
        "name": clip.name,
        "frames": frames,
        "mirror": batch.mirror,
        "inputs": dict(inputs),
        "recipe": _recipe(clip, batch.context),
        **further,
    }


def named(name: str, where: str) -> str:
    """A clip's name out of a dataset's file, if it can name a file.

    Raises:
        MotionError: it has other characters than letters, digits, and `_-.`.
    """
    if not _NAME.fullmatch(name):
        raise MotionError(f"{where}: '{name[:60]}' is no clip's name; letters, digits, - and _ are")
    return name


def not_finite(features: Float[Tensor, "t f"]) -> str | None:
    """Why features cannot be used, or None."""
    return None if torch.isfinite(features).all() else "its features hold NaN or infinity"


def from_published(folder: Path, names: Sequence[str], out: Path) -> dict[str, float]:
    """How far made arrays are from those of the same name that come with the dataset, where both are there."""
    found: dict[str, float] = {}
    for name in names:
        if (folder / name).is_file() and (out / name).is_file():
            published, made = (np.load(where / name, allow_pickle=False) for where in (folder, out))
            if published.shape == made.shape:
                found[f"{name}, largest difference from the published one"] = float(np.abs(published - made).max())
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file, which need not fit into memory."""
    made = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            made.update(part)
    return made.hexdigest()


def _batches(out: Path, clips: Sequence[Clip], plan: Plan, mirror: bool) -> list[Batch]:
    by_file: dict[Path, list[Clip]] = {}
    for clip in clips:
        by_file.setdefault(clip.file, []).append(clip)
    return [Batch(out, file, tuple(group), plan.context, mirror) for file, group in by_file.items()]


def _is_done(out: Path, clip: Clip, plan: Plan, mirror: bool) -> bool:
    record = layout.read_record(out, clip.name)
    return (
        record is not None
        and record.get("mirror") == mirror
        and record.get("recipe") == _recipe(clip, plan.context)
        and layout.has_clip(out, clip.name, mirror)
    )


def _recipe(clip: Clip, context: Mapping[str, Any]) -> dict[str, Any]:
    state = clip.file.stat()
    recipe = {**context, **clip.how, "file": [clip.file.name, state.st_size, state.st_mtime_ns]}
    # Through JSON, so that it equals what is read back from a record.
    return dict(json.loads(json.dumps({**recipe, "version": RECIPE_VERSION})))


def _write_index(
    plan: Plan,
    out: Path,
    records: Sequence[dict[str, Any]],
    silent: set[str],
    digests: dict[str, str],
    summary: Summary,
) -> None:
    made = list(_names(records))
    names = set(made)
    told = names - silent
    lists = {split: [name for name in listed if name in told] for split, listed in plan.lists.items()}
    for split, listed in lists.items():
        layout.write_text(out / f"{split}.txt", "".join(f"{name}\n" for name in listed))
    mean, std = layout.statistics(out, made, plan.format.groups)
    layout.save(out / "Mean.npy", torch.from_numpy(mean))
    layout.save(out / "Std.npy", torch.from_numpy(std))
    summary.splits = {split: len(listed) for split, listed in lists.items()}
    lost = {split: len(listed) - len(lists[split]) for split, listed in plan.lists.items()}
    summary.notes += [
        f"{split}.txt: {count} of {len(plan.lists[split])} names left out" for split, count in lost.items() if count
    ]
    checks = plan.checks(out)
    summary.notes += [f"{what}: {value:.2g}" for what, value in checks.items()]
    layout.write_text(out / "LICENSES.txt", attribution_text([plan.source]))
    with atomic_path(out / "skipped.csv") as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("name", "reason"), *sorted(summary.skipped.items())])
    form = plan.format
    manifest = {
        "dataset": plan.source,
        "format": f"HumanML3D layout, {form.fps:g} fps, {form.joints} joints, {form.features} features",
        "fps": form.fps,
        "joints": form.joints,
        "features": form.features,
        "sources": {plan.source: {**LICENCES[plan.source], "skipped": summary.reasons()}},
        "splits": summary.splits,
        "left_out_of_splits": lost,
        "clips": len(made),
        "mirrored": sum(name[0] == "M" and name[1:] in names for name in made),
        "hours": round(sum(r["frames"] * (2 if r["mirror"] else 1) for r in records) / form.fps / 3600, 3),
        "statistics": "over all clips; Std averaged within each group of features",
        "checks": checks,
        "recipe_version": RECIPE_VERSION,
        "settings": dict(plan.context),
        "inputs": digests | {path: made for record in records for path, made in record["inputs"].items()},
    }
    layout.write_text(out / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _names(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    for record in records:
        yield record["name"]
        if record["mirror"]:
            yield f"M{record['name']}"
