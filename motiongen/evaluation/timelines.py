"""Timelines of several sentences, and whether a clip does one after the other in the order that was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from motiongen.evaluation.labelled import Labelled, real_features
from motiongen.evaluation.obedience import SIDES, TURNS, check_of, measure
from motiongen.features.humanml3d import decode
from motiongen.motion import Motion, Segment

# Contents of whose real clips hardly any passes the check of another one, so that a swap does not go unseen.
TOLD_APART = (*SIDES, *TURNS, "raise-up-both-hands", "wave-both-hands", "walk", "run")
# Seconds on either side of a transition that belong to neither sentence.
MARGIN = 0.5


@dataclass(frozen=True)
class Timeline:
    """Clauses that follow each other in one clip."""

    clauses: tuple[Labelled, ...]

    @property
    def texts(self) -> list[str]:
        return [clause.text for clause in self.clauses]


def draw_timelines(clips: Sequence[Labelled], sentences: int, count: int, generator: torch.Generator) -> list[Timeline]:
    """Timelines of clips' sentences; neighbours have contents that can be told apart.

    None if the clips have only one such content.
    """
    by_content: dict[str, list[Labelled]] = {}
    for clip in clips:
        if clip.content in TOLD_APART:
            by_content.setdefault(clip.content, []).append(clip)
    if len(by_content) < 2:
        return []

    def one_of(items: Sequence[str]) -> str:
        return items[int(torch.randint(len(items), (), generator=generator))]

    timelines = []
    for _ in range(count):
        contents: list[str] = []
        for _ in range(sentences):
            contents.append(one_of([c for c in sorted(by_content) if c not in contents[-1:]]))
        named = [{clip.name: clip for clip in by_content[c]} for c in contents]
        timelines.append(Timeline(tuple(clips_of[one_of(sorted(clips_of))] for clips_of in named)))
    return timelines


def inner_spans(motion: Motion, margin: float = MARGIN) -> list[tuple[int, int]]:
    """Frames of every sentence of a clip, without `margin` seconds on either side of the transitions between them.

    Of a sentence too short for that its middle third is left.
    """
    last = len(motion.text) - 1
    cut = round(margin * motion.fps)
    spans = []
    for i, segment in enumerate(motion.text):
        at_most = (segment.stop - segment.start) // 3
        start = segment.start + (min(cut, at_most) if i > 0 else 0)
        stop = segment.stop - (min(cut, at_most) if i < last else 0)
        spans.append((start, stop))
    return spans


def checks_by_span(motion: Motion, clauses: Sequence[Labelled]) -> Bool[Tensor, "s s"]:
    """Row: the span of a sentence. Column: whether the check of a clause holds in it."""
    rows = []
    for start, stop in inner_spans(motion):
        kinematics = measure(motion.crop(start, stop))
        rows.append([check_of(clause.content, clause.text)(kinematics) for clause in clauses])
    return torch.tensor(rows)


def order_obeyed(checks: Bool[Tensor, "s s"]) -> bool:
    """Every clause's check holds in its own span, and no two neighbours' would hold had they been swapped."""
    swapped = checks[:-1, 1:].diagonal() & checks[1:, :-1].diagonal()
    return bool(checks.diagonal().all()) and not bool(swapped.any())


def joined(folder: Path, timeline: Timeline) -> Motion:
    """The real clips of a timeline one after the other, each going on from where and how the last one faced."""
    features = [real_features(folder, clause) for clause in timeline.clauses]
    segments, start = [], 0
    for clause, part in zip(timeline.clauses, features):
        segments.append(Segment(clause.text, start, start + len(part)))
        start += len(part)
    return Motion(decode(torch.cat(features)), text=tuple(segments))
