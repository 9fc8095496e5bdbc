"""The starter set's protocol: how well the codec rebuilds held-out clips, and whether sentences are obeyed."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from motiongen.evaluation.gait import Styles
from motiongen.evaluation.metrics import foot_skate, jitter, penetration
from motiongen.evaluation.obedience import CHECKS, measure
from motiongen.motion import FPS, Motion, MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.training.codec import reconstruction
from motiongen.training.data import load_clips, read_captions

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Labelled:
    """A sentence, or a real clip, and what it shows."""

    name: str
    content: str
    style: str
    text: str


def labelled_clips(folder: Path, split: str) -> list[Labelled]:
    """Clips of a split whose content has a check, with their first caption."""
    rows = [row for row in _table(folder / "clips.csv") if row["split"] == split and row["content"] in CHECKS]
    # Other sources use the same words for other things: CMU's "walk" turns and stops as its subject pleased.
    rows = [row for row in rows if row["source"] == "bandai-namco"]
    return [
        Labelled(row["name"], row["content"], row["style"], read_captions(folder / "texts" / f"{row['name']}.txt")[0])
        for row in rows
    ]


def paraphrases(folder: Path) -> list[Labelled]:
    """Sentences in words that training never uses."""
    rows = [row for row in _table(folder / "paraphrases.csv") if row["content"] in CHECKS]
    return [Labelled(f"paraphrase-{i}", row["content"], row["style"], row["text"]) for i, row in enumerate(rows)]


def _table(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise MotionError(f"{path}: no such file; evaluate on a folder made by 'motiongen prepare bandai-namco'")
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def real_clips(folder: Path, split: str) -> dict[str, Any]:
    """The same numbers for the real clips of a split: what the checks are worth, and what to hold generated ones to."""
    clips = labelled_clips(folder, split)
    return _summary(clips, (_real(folder, clip) for clip in clips))


def _real(folder: Path, clip: Labelled) -> Motion:
    return Motion(torch.from_numpy(np.load(folder / "new_joints" / f"{clip.name}.npy")).float())


def walking_styles(
    pipeline: TextToMotionPipeline, folder: Path, seconds: float, seed: int, steps: int, guidance: float
) -> dict[str, Any] | None:
    """Are walks closest in gait to real ones of the style that was asked for? None without enough styles to tell.

    Styles are those of the second Bandai-Namco set, which has some twenty walks of each; what is asked are the captions
    of its held-out walks, and the same classifier is tried on those walks themselves.
    """
    walks = {split: [c for c in labelled_clips(folder, split) if _is_walk(c)] for split in ("train", "test")}
    by_style: dict[str, list[Motion]] = {}
    for clip in walks["train"]:
        by_style.setdefault(clip.style, []).append(_real(folder, clip))
    if len(by_style) < 2 or min(map(len, by_style.values())) < 2 or not walks["test"]:
        return None
    styles = Styles.of(by_style)
    asked = walks["test"]
    made = _generate(pipeline, asked, seconds, seed, steps, guidance)
    confused: Counter[str] = Counter()
    for clip, motion in zip(asked, made):
        told = styles.closest(motion)
        if told != clip.style:
            confused[f"{clip.style} as {told}"] += 1
    return {
        "styles": len(styles.names),
        "clips": len(asked),
        "real": round(float(np.mean([styles.closest(_real(folder, clip)) == clip.style for clip in asked])), 4),
        "generated": round(1 - sum(confused.values()) / len(asked), 4),
        "confused": dict(confused.most_common()),
    }


def _is_walk(clip: Labelled) -> bool:
    return clip.content == "walk" and clip.name.removeprefix("M").startswith("bn2_")


def obedience(
    pipeline: TextToMotionPipeline, asked: Sequence[Labelled], seconds: float, seed: int, steps: int, guidance: float,
    batch: int = 32, progress: Progress | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Share of generated clips that pass the check of the content that their sentence names, and how they move."""
    return _summary(asked, _generate(pipeline, asked, seconds, seed, steps, guidance, batch, progress))


def _generate(
    pipeline: TextToMotionPipeline, asked: Sequence[Labelled], seconds: float, seed: int, steps: int, guidance: float,
    batch: int = 32, progress: Progress | None = None,
) -> list[Motion]:  # fmt: skip
    motions: list[Motion] = []
    for start in range(0, len(asked), batch):
        part = asked[start : start + batch]
        generators = [torch.Generator().manual_seed(seed + start + i) for i in range(len(part))]
        motions += pipeline([a.text for a in part], seconds, steps, guidance, generator=generators).motions
        if progress is not None:
            progress(f"{len(motions)} of {len(asked)} clips")
    return motions


def _summary(asked: Sequence[Labelled], motions: Iterable[Motion]) -> dict[str, Any]:
    if not asked:
        raise MotionError("no clip or sentence with a content that can be checked")
    passed: dict[str, list[bool]] = {}
    quality: list[tuple[float, float, float]] = []
    for a, motion in zip(asked, motions):
        joints = motion.joints
        passed.setdefault(a.content, []).append(CHECKS[a.content](measure(motion)))
        quality.append((foot_skate(joints, FPS).item(), jitter(joints, FPS).item(), penetration(joints).item()))
    skate, jerk, sunk = np.mean(quality, axis=0)
    return {
        "obeyed": round(float(np.mean([p for rows in passed.values() for p in rows])), 4),
        "clips": len(asked),
        "foot_skate_cm_per_s": round(float(skate), 2),
        "jitter": round(float(jerk), 3),
        "penetration_cm": round(float(sunk), 2),
        "by_content": {c: {"passed": int(sum(rows)), "clips": len(rows)} for c, rows in sorted(passed.items())},
    }


def evenly(asked: Sequence[Labelled], limit: int) -> list[Labelled]:
    """At most `limit` of them, spread evenly over the list, which is sorted by name and so by content."""
    if len(asked) <= limit:
        return list(asked)
    return [asked[i * len(asked) // limit] for i in range(limit)]


def codec_report(pipeline: TextToMotionPipeline, folder: Path, split: str) -> dict[str, float]:
    """Reconstruction errors of the pipeline's codec on whole clips of a split."""
    clips = load_clips(folder, split, shortest=2 * pipeline.codec.downsampling)
    return {k: round(v, 3) for k, v in reconstruction(pipeline.codec, clips).items()} | {"clips": len(clips)}
