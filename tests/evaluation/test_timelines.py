from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from motiongen.evaluation.labelled import Labelled
from motiongen.evaluation.timelines import (
    Timeline,
    checks_by_span,
    draw_timelines,
    inner_spans,
    joined,
    order_obeyed,
)
from motiongen.features.humanml3d import encode
from motiongen.motion import Motion, Segment

Body = Callable[..., Tensor]
WALK, LEFT, RIGHT = (
    Labelled(content, content, "normal", content) for content in ("walk", "raise-up-left-hand", "raise-up-right-hand")
)


def one_after_the_other(*parts: Tensor) -> Motion:
    segments, joints = [], []
    start, at = 0, torch.zeros(3)
    for part in parts:
        segments.append(Segment("", start, start + len(part)))
        moved = part + at
        at = at + (part[-1, 0] - part[0, 0]) * torch.tensor([1.0, 0.0, 1.0])
        joints.append(moved)
        start += len(part)
    return Motion(torch.cat(joints), text=tuple(segments))


def test_clauses_in_their_order_pass_and_swapped_ones_fail(walk: Body, raise_hand: Body) -> None:
    motion = one_after_the_other(walk(80), raise_hand(60, "left"), raise_hand(60, "right"))
    assert order_obeyed(checks_by_span(motion, (WALK, LEFT, RIGHT)))
    for swapped in ((LEFT, WALK, RIGHT), (WALK, RIGHT, LEFT), (RIGHT, LEFT, WALK)):
        assert not order_obeyed(checks_by_span(motion, swapped))


def test_a_dropped_clause_fails(walk: Body, raise_hand: Body) -> None:
    motion = one_after_the_other(walk(80), walk(60))
    checks = checks_by_span(motion, (WALK, LEFT))
    assert checks.diagonal().tolist() == [True, False] and not order_obeyed(checks)


def test_clips_of_which_either_order_is_true_obey_none() -> None:
    assert not order_obeyed(torch.ones(2, 2, dtype=torch.bool))
    assert order_obeyed(torch.eye(3, dtype=torch.bool))


def test_margins_are_taken_at_transitions_alone() -> None:
    text = (Segment("a", 0, 60), Segment("b", 60, 120), Segment("c", 120, 126))
    motion = Motion(torch.zeros(126, 22, 3), text=text)
    assert inner_spans(motion, 0.5) == [(0, 50), (70, 110), (122, 126)]


def test_draws_are_deterministic_and_neighbours_differ() -> None:
    clips = [Labelled(f"{c}{i}", c, "normal", c) for c in ("walk", "run", "wave-left-hand", "bow") for i in range(3)]
    drawn = [draw_timelines(clips, 3, 20, torch.Generator().manual_seed(5)) for _ in range(2)]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 20
    for timeline in drawn[0]:
        contents = [c.content for c in timeline.clauses]
        assert all(a != b for a, b in itertools.pairwise(contents)) and "bow" not in contents
    assert len({t.clauses for t in drawn[0]}) > 10
    assert draw_timelines([c for c in clips if c.content == "walk"], 2, 3, torch.Generator()) == []


@pytest.mark.parametrize("turn", [0.0, 90.0])
def test_real_clips_are_joined_where_the_last_one_ended(
    walk: Body, raise_hand: Body, tmp_path: Path, turn: float
) -> None:
    (tmp_path / "new_joint_vecs").mkdir()
    first = "walk-turn-left" if turn else "walk"
    clips = {first: walk(80, turn=turn), "raise-up-left-hand": raise_hand(60, "left")}
    for name, joints in clips.items():
        np.save(tmp_path / "new_joint_vecs" / f"{name}.npy", encode(joints, uniform=False).numpy())
    clauses = tuple(Labelled(name, name, "normal", name) for name in clips)
    motion = joined(tmp_path, Timeline(clauses))
    assert [(s.start, s.stop) for s in motion.text] == [(0, 79), (79, 138)]
    pelvis = motion.joints[:, 0]
    assert pelvis.diff(dim=0).norm(dim=-1).max() < 0.07
    assert order_obeyed(checks_by_span(motion, clauses))
