"""HumanML3D's folder layout: new_joints, new_joint_vecs, texts, Mean, Std and split lists; clips.csv; manifest.json."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.features import humanml3d
from motiongen.motion import FPS, Motion, MotionError, atomic_path
from motiongen_data_prep.captions import swap_sides, text_line
from motiongen_data_prep.splits import SPLITS

COLUMNS = ("name", "source", "content", "style", "file", "seconds", "mirrored", "split")
# A feature that never varies in the training set (a contact in a handful of clips) must not be divided by zero.
_LEAST_STD = 1e-4
# Says which of the field's datasets a folder holds.
OWNER = "dataset.txt"


def write_clip(out: Path, name: str, joints: Float[Tensor, "t 22 3"]) -> None:
    """new_joints/NAME.npy [t, 22, 3] and new_joint_vecs/NAME.npy [t - 1, 263], float32.

    Whatever floor the joints came with, the lowest joint of the clip is put at y = 0, as HumanML3D does.
    """
    joints = humanml3d.to_origin(humanml3d.to_uniform_skeleton(joints))
    save(out / "new_joints" / f"{name}.npy", joints)
    save(out / "new_joint_vecs" / f"{name}.npy", humanml3d.encode(joints))


def write_clip_and_twin(out: Path, name: str, joints: Float[Tensor, "t 22 3"], mirror: bool) -> None:
    """The clip and, as M + NAME, its mirror image."""
    write_clip(out, name, joints)
    if mirror:
        write_clip(out, f"M{name}", Motion(joints).mirrored().joints)
    else:
        for folder in ("new_joints", "new_joint_vecs"):
            (out / folder / f"M{name}.npy").unlink(missing_ok=True)
        (out / "texts" / f"M{name}.txt").unlink(missing_ok=True)


def has_clip(out: Path, name: str, mirror: bool) -> bool:
    names = [name, f"M{name}"] if mirror else [name]
    return all((out / folder / f"{n}.npy").is_file() for folder in ("new_joints", "new_joint_vecs") for n in names)


def write_texts(
    out: Path, name: str, captions: Sequence[str], mirror: bool, line: Callable[[str], str] = text_line
) -> None:
    """texts/NAME.txt, and the twin's with the sides swapped; files that already say so are left alone.

    Args:
        line: the line of a text file for a caption.
    """
    write_text(out / "texts" / f"{name}.txt", "".join(line(c) + "\n" for c in captions))
    if mirror:
        write_text(out / "texts" / f"M{name}.txt", "".join(line(swap_sides(c)) + "\n" for c in captions))


def check_owner(out: Path, dataset: str | None) -> None:
    """Refuse a folder that holds other clips than those to be added.

    Args:
        dataset: one of the field's datasets, which shares its folder with none; None for sources that share one.

    Raises:
        MotionError: the folder belongs to another dataset.
    """
    try:
        owner = (out / OWNER).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        owner = None
    if owner is None and dataset is not None and recorded(out):
        raise MotionError(f"{out}: holds clips of other sources; give {dataset} a folder of its own")
    if owner is not None and owner != dataset:
        raise MotionError(f"{out}: holds {owner}, which shares its folder with no other clips; name another OUT")


def write_record(out: Path, record: dict[str, Any]) -> None:
    with atomic_path(out / "records" / f"{record['name']}.json") as beside:
        beside.write_text(json.dumps(record, sort_keys=True), encoding="utf-8")


def read_record(out: Path, name: str) -> dict[str, Any] | None:
    """What an earlier run wrote about a clip; None when there is nothing or nothing readable."""
    try:
        record = json.loads((out / "records" / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def forget(out: Path, name: str) -> None:
    """Take a clip of an earlier call, whose source is gone or no longer usable, off the lists."""
    (out / "records" / f"{name}.json").unlink(missing_ok=True)


def recorded(out: Path) -> list[str]:
    """Names of the clips that earlier calls made, whoever asked for them, in the order of the lists."""
    return [path.stem for path in sorted((out / "records").glob("*.json"))]


def twin_clash(name: str, names: Set[str]) -> str | None:
    """The clip among `names` whose mirrored twin has this name, or which has the name of this one's twin."""
    others = (name.removeprefix("M"), f"M{name}")
    return next((other for other in others if other != name and other in names), None)


def write_index(out: Path, about: dict[str, Any]) -> dict[str, int]:
    """Split lists, clips.csv, Mean.npy, Std.npy and manifest.json over every clip in the folder, whoever prepared it.

    Args:
        about: entries for manifest.json.

    Returns:
        clips in each split, mirrored ones included.
    """
    rows = [row for record in _records(out) for row in _rows(record)]
    names = {split: [row["name"] for row in rows if row["split"] == split] for split in SPLITS}
    if not names["train"]:
        raise MotionError(f"{out}: no clip is in the train split, so there is no Mean and Std; give one split=train")
    mean, std = statistics(out, names["train"])
    save(out / "Mean.npy", torch.from_numpy(mean))
    save(out / "Std.npy", torch.from_numpy(std))
    for split, members in names.items():
        write_text(out / f"{split}.txt", "".join(f"{name}\n" for name in members))
    with atomic_path(out / "clips.csv") as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    counts = {split: len(members) for split, members in names.items()}
    hours = dict.fromkeys(sorted({row["source"] for row in rows}), 0.0)
    for row in rows:
        hours[row["source"]] += float(row["seconds"]) / 3600
    manifest = {
        **about,
        "format": "HumanML3D layout, 20 fps, 22 joints, 263 features",
        "splits": counts,
        "clips": dict(sorted(Counter(row["source"] for row in rows).items())),
        "hours": {source: round(value, 3) for source, value in hours.items()},
        "mirrored": sum(row["mirrored"] for row in rows),
    }
    write_text(out / "manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return counts


def write_paraphrases(out: Path, name: str, sentences: Sequence[tuple[str, str, str]]) -> None:
    """`name`.csv: content, style and a sentence that no training caption equals."""
    with atomic_path(out / f"{name}.csv") as beside, open(beside, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("content", "style", "text"))
        writer.writerows(sentences)


def statistics(
    out: Path, names: Sequence[str], groups: Mapping[str, slice] = humanml3d.GROUPS
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and Std [f] float32 of the named clips; Std averaged within each group of features, as theirs."""
    dim = max(group.stop for group in groups.values())
    count, total, square = 0, np.zeros(dim), np.zeros(dim)
    # About a rough centre, so that the squares do not cancel.
    centre = np.load(out / "new_joint_vecs" / f"{names[0]}.npy").astype(np.float64).mean(0)
    for name in names:
        features = np.load(out / "new_joint_vecs" / f"{name}.npy").astype(np.float64) - centre
        count += len(features)
        total += features.sum(0)
        square += (features**2).sum(0)
    mean = total / count
    std = np.sqrt(np.maximum(square / count - mean**2, 0))
    for group in groups.values():
        std[group] = std[group].mean()
    return (mean + centre).astype(np.float32), np.maximum(std, _LEAST_STD).astype(np.float32)


def _records(out: Path) -> list[dict[str, Any]]:
    found = (read_record(out, name) for name in recorded(out))
    return [record for record in found if record and has_clip(out, record["name"], record["mirror"])]


def _rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    row = {column: record.get(column, "") for column in COLUMNS}
    row["seconds"] = f"{record['frames'] / FPS:.2f}"
    row["mirrored"] = 0
    twin = {**row, "name": f"M{row['name']}", "mirrored": 1, "content": swap_sides(row["content"])}
    return [row, twin] if record["mirror"] else [row]


def save(path: Path, array: Tensor) -> None:
    """An npy file of float32."""
    with atomic_path(path) as beside:
        np.save(beside, array.numpy().astype(np.float32))


def write_text(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with atomic_path(path) as beside:
        beside.write_text(text, encoding="utf-8")
