"""The starter set's protocol: how well the codec rebuilds held-out clips, whether sentences and timelines are obeyed,
whether transitions jump or slide, and whether what is generated is as varied as real motion."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.diversity import pair_distance, pooled
from motiongen.evaluation.gait import Styles
from motiongen.evaluation.labelled import Labelled, evenly, labelled_clips, real_motion
from motiongen.evaluation.metrics import foot_skate, jitter, penetration
from motiongen.evaluation.obedience import GAITS, SIDES, STANDING, TURNS, check_of, measure, stays
from motiongen.evaluation.sampler import Sampler
from motiongen.evaluation.timelines import Timeline, checks_by_span, draw_timelines, joined, order_obeyed
from motiongen.evaluation.transitions import clean_up, compare, random_windows, transition_windows
from motiongen.features.humanml3d import DIM, encode
from motiongen.features.normalizer import Normalizer
from motiongen.motion import FPS, Motion, MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.training.codec import SHORTEST, reconstruction
from motiongen.training.data import load_clips

# Windows of real motion to hold transitions to, and pairs of clips for a distance.
REAL_WINDOWS, PAIRS = 512, 300
_UNKNOWN = round(4 * FPS)  # frames of what no real clip shows


def real_clips(folder: Path, split: str) -> dict[str, Any]:
    """The same numbers for the real clips of a split: what the checks are worth, and what to hold generated ones to."""
    clips = labelled_clips(folder, split)
    return summary(clips, (real_motion(folder, clip) for clip in clips))


def obedience(sampler: Sampler, asked: Sequence[Labelled], seconds: float | Sequence[float]) -> dict[str, Any]:
    """Share of generated clips that pass the check of the content that their sentence names, and how they move.

    Args:
        seconds: length of each clip, or of all of them.
    """
    return summary(asked, sampler([a.text for a in asked], _each(seconds, len(asked))))


def real_seconds(sampler: Sampler, folder: Path, clips: Sequence[Labelled]) -> list[float]:
    """Lengths of real clips, as far as the pipeline's codec holds them.

    A sentence without a clip of its own is given the median of those of its content and style, or of its content.
    """
    longest = sampler.pipeline.codec.longest
    frames = [_frames(folder, clip) for clip in clips]
    alike: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    if None in frames:
        for clip in (clip for split in ("train", "test", "heldout") for clip in labelled_clips(folder, split)):
            n = _frames(folder, clip) or _UNKNOWN
            alike[clip.content, clip.style].append(n)
            alike[clip.content,].append(n)
    told = [
        n or median(alike[clip.content, clip.style] or alike[clip.content,] or [_UNKNOWN])
        for n, clip in zip(frames, clips)
    ]
    return [n / FPS if longest is None else min(n, longest) / FPS for n in told]


def _frames(folder: Path, clip: Labelled) -> int | None:
    """Frames of the real clip; None for a sentence that has none."""
    path = folder / "new_joints" / f"{clip.name}.npy"
    return len(np.load(path, mmap_mode="r")) if path.is_file() else None


def _each(seconds: float | Sequence[float], count: int) -> list[float]:
    return [seconds] * count if isinstance(seconds, (int, float)) else list(seconds)


def summary(asked: Sequence[Labelled], motions: Iterable[Motion]) -> dict[str, Any]:
    """How many of the clips do what was asked: altogether, in sides, turns and gaits, and by content.

    Raises:
        MotionError: nothing was asked.
    """
    if not asked:
        raise MotionError("no clip or sentence with a content that can be checked")
    passed: dict[str, list[bool]] = {}
    stood: list[bool] = []
    quality: list[tuple[float, float, float]] = []
    for a, motion in zip(asked, motions):
        joints, kinematics = motion.joints, measure(motion)
        passed.setdefault(a.content, []).append(check_of(a.content, a.text)(kinematics))
        if a.content in STANDING:
            stood.append(stays(kinematics))
        quality.append((foot_skate(joints, FPS).item(), jitter(joints, FPS).item(), penetration(joints).item()))
    skate, jerk, sunk = np.mean(quality, axis=0)
    return {
        "obeyed": _share([p for rows in passed.values() for p in rows]),
        "sides_turns_gaits": _share([p for c in (*SIDES, *TURNS, *GAITS) for p in passed.get(c, [])]),
        "standing_within_0.3m": _share(stood),
        "clips": len(asked),
        "foot_skate_cm_per_s": round(float(skate), 2),
        "jitter": round(float(jerk), 3),
        "penetration_cm": round(float(sunk), 2),
        "by_content": {c: {"passed": int(sum(rows)), "clips": len(rows)} for c, rows in sorted(passed.items())},
    }


def timelines(
    sampler: Sampler, folder: Path, split: str, sentences: int, count: int, seconds: float
) -> dict[str, Any] | None:
    """Order of clauses, transitions and foot clean-up in timelines of captions of a split, beside real clips joined.

    None if the split has too few contents that can be told apart, or the pipeline takes one sentence alone.
    """
    if not sampler.pipeline.takes_timelines:
        return None
    generator = torch.Generator().manual_seed(sampler.seed)
    drawn = draw_timelines(labelled_clips(folder, split), sentences, count, generator)
    if not drawn:
        return None
    texts, durations = [t.texts for t in drawn], [[seconds] * sentences] * count
    made = sampler(texts, durations)
    unclean = sampler(texts, durations, clean_feet=False)
    clauses = [real_motion(folder, clause) for timeline in drawn for clause in timeline.clauses]
    real = random_windows(clauses, REAL_WINDOWS, generator)
    return {
        "sentences": sentences,
        "clips": count,
        "order": _order(drawn, made),
        "real_order": _order(drawn, [joined(folder, timeline) for timeline in drawn]),
        "transitions": compare(transition_windows(made), real),
        "transitions_without_clean_up": compare(transition_windows(unclean), real),
        "clean_up": clean_up(unclean, made),
    }


def _order(drawn: Sequence[Timeline], motions: Sequence[Motion]) -> dict[str, Any]:
    checks = [checks_by_span(motion, timeline.clauses) for timeline, motion in zip(drawn, motions)]
    failed = Counter(
        clause.content
        for timeline, held in zip(drawn, checks)
        for clause, ok in zip(timeline.clauses, held.diagonal().tolist())
        if not ok
    )
    return {
        "obeyed": _share([order_obeyed(held) for held in checks]),
        "clauses": _share([ok for held in checks for ok in held.diagonal().tolist()]),
        "failed_clauses": dict(failed.most_common()),
    }


def diversity(sampler: Sampler, folder: Path, split: str, limit: int) -> dict[str, Any]:
    """Mean distance between clips of one content, and between clips of one sentence, generated against real.

    Each generated clip is as long as the real clip that it stands for, both as long as the pipeline's codec holds. For
    the first figure every clip has its own sentence; for the second all clips of a content and style have that of the
    first. A figure for which there are not two clips of anything is left out.
    """
    scale = Normalizer(DIM)
    scale.set_from(folder)

    def vectors(motions: Sequence[Motion]) -> Float[Tensor, "n p"]:
        return torch.stack([pooled(encode(motion.joints), scale.mean, scale.std) for motion in motions])

    everything = labelled_clips(folder, split)
    several = _several_of_a_kind(everything, limit)
    sentence = {(c.content, c.style): c.text for c in reversed(several)}
    report: dict[str, Any] = {}
    for name, asked, texts, groups in (
        ("same_content", clips := evenly(everything, limit), [c.text for c in clips], [c.content for c in clips]),
        (
            "same_sentence", several, [sentence[c.content, c.style] for c in several],
            [f"{c.content} {c.style}" for c in several],
        ),
    ):  # fmt: skip
        if len(set(groups)) == len(groups):
            continue
        real = [real_motion(folder, clip) for clip in asked]
        if (longest := sampler.pipeline.codec.longest) is not None:
            real = [motion.crop(0, min(len(motion), longest)) for motion in real]
        made = sampler(texts, [motion.seconds for motion in real])
        numbers = [
            pair_distance(vectors(motions), groups, PAIRS, torch.Generator().manual_seed(sampler.seed))
            for motions in (made, real)
        ]
        report[name] = {
            "clips": len(asked),
            "obeyed": summary(asked, made)["obeyed"],
            "generated": round(numbers[0], 3),
            "real": round(numbers[1], 3),
            "ratio": round(numbers[0] / max(numbers[1], 1e-9), 3),
        }
    return report


def _several_of_a_kind(clips: Sequence[Labelled], limit: int, each: int = 6) -> list[Labelled]:
    """About `limit` clips, up to `each` of a content and style, of pairs spread evenly over those with two or more."""
    cells: dict[tuple[str, str], list[Labelled]] = {}
    for clip in clips:
        cells.setdefault((clip.content, clip.style), []).append(clip)
    pairs = evenly([cells[cell] for cell in sorted(cells) if len(cells[cell]) > 1], max(1, limit // each))
    return [clip for cell in pairs for clip in evenly(cell, each)]


def walking_styles(sampler: Sampler, folder: Path, seconds: float) -> dict[str, Any] | None:
    """Are walks closest in gait to real ones of the style that was asked for? None without enough styles to tell.

    Styles are those of the second Bandai-Namco set, which has some twenty walks of each; what is asked are the captions
    of its held-out walks, and the same classifier is tried on those walks themselves.
    """
    walks = {split: [c for c in labelled_clips(folder, split) if _is_walk(c)] for split in ("train", "test")}
    by_style: dict[str, list[Motion]] = {}
    for clip in walks["train"]:
        by_style.setdefault(clip.style, []).append(real_motion(folder, clip))
    if len(by_style) < 2 or min(map(len, by_style.values())) < 2 or not walks["test"]:
        return None
    styles = Styles.of(by_style)
    asked = walks["test"]
    made = sampler([clip.text for clip in asked], [seconds] * len(asked))
    confused: Counter[str] = Counter()
    for clip, motion in zip(asked, made):
        told = styles.closest(motion)
        if told != clip.style:
            confused[f"{clip.style} as {told}"] += 1
    return {
        "styles": len(styles.names),
        "clips": len(asked),
        "real": _share([styles.closest(real_motion(folder, clip)) == clip.style for clip in asked]),
        "generated": round(1 - sum(confused.values()) / len(asked), 4),
        "confused": dict(confused.most_common()),
    }


def _is_walk(clip: Labelled) -> bool:
    return clip.content == "walk" and clip.name.removeprefix("M").startswith("bn2_")


def _share(passed: Sequence[bool]) -> float | None:
    return round(float(np.mean(passed)), 4) if passed else None


def codec_report(pipeline: TextToMotionPipeline, folder: Path, split: str) -> dict[str, float]:
    """Reconstruction errors of the pipeline's codec on whole clips of a split."""
    clips = load_clips(folder, split, shortest=SHORTEST, features=pipeline.codec.layout.dim)
    return {k: round(v, 3) for k, v in reconstruction(pipeline.codec, clips).items()} | {"clips": len(clips)}
