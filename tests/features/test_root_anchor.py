"""Courses of the root, as poses on a plane that follow each other."""

from __future__ import annotations

import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from motiongen.features.root_anchor import composed, inverse, total, with_total


def anchors(seed: int, groups: int = 7) -> torch.Tensor:
    return torch.randn(2, groups, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 0.3


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(1, 6))
def test_the_whole_is_its_parts_one_after_the_other(seed: int, cut: int) -> None:
    course = anchors(seed)
    parts = composed(total(course[:, :cut]), total(course[:, cut:]))
    assert torch.allclose(parts, total(course), atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999))
def test_a_course_and_its_inverse_lead_nowhere(seed: int) -> None:
    whole = total(anchors(seed))
    nothing = torch.zeros(2, 3, dtype=torch.float64)
    assert torch.allclose(composed(whole, inverse(whole)), nothing, atol=1e-12)
    assert torch.allclose(composed(inverse(whole), whole), nothing, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999))
def test_anchors_can_be_led_to_a_goal(seed: int) -> None:
    course, goal = anchors(seed), anchors(seed + 1)[:, 0]
    led = with_total(course, goal)
    assert torch.allclose(total(led), goal, atol=1e-9)
    assert torch.allclose(with_total(led, goal), led, atol=1e-9)


def test_a_root_that_stands_is_moved_less_than_one_that_walks() -> None:
    course = torch.zeros(1, 6, 3, dtype=torch.float64)
    course[0, 3:, 2] = 0.3
    moved = (with_total(course, total(course) + torch.tensor([0.0, 0.0, 0.2])) - course)[0, :, 2]
    assert moved[:3].max() < 0.1 * moved[3:].min()
