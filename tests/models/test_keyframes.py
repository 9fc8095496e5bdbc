"""Key frames against the definition in plain loops."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from motiongen.models.keyframes import key_frame_scores, key_frames, random_frames


def plain_scores(x: list[list[float]]) -> list[float]:
    """Density times separation, one pair of frames at a time; of equal densities the earlier is the denser."""
    n = len(x)
    squared = [[sum((a - b) ** 2 for a, b in zip(x[i], x[j])) for j in range(n)] for i in range(n)]
    mean = sum(map(sum, squared)) / n**2
    squared = [[v / mean if mean else 0.0 for v in row] for row in squared]
    density = [sum(math.exp(-v) for v in row) for row in squared]
    scores = []
    for i in range(n):
        denser = [j for j in range(n) if (density[j], -j) > (density[i], -i)]
        nearest = min((squared[i][j] for j in denser), default=None)
        scores.append(density[i] * math.sqrt(max(squared[i]) if nearest is None else nearest))
    return scores


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10_000), st.booleans())
def test_scores_are_those_of_the_double_loop(length: int, seed: int, repeated: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(length, 3, generator=generator, dtype=torch.float64)
    if repeated:
        # Exact ties: frames that are the same to the last bit.
        x = x[torch.randint(length, (length,), generator=generator)].round()
    padded = torch.cat([x, 100 + torch.zeros(4, 3, dtype=torch.float64)])[None]
    mask = (torch.arange(length + 4) < length)[None]
    scores = key_frame_scores(padded, mask)[0]
    assert torch.allclose(scores[:length], torch.tensor(plain_scores(x.tolist()), dtype=torch.float64), atol=1e-9)
    assert (scores[length:] == -1).all()


def test_of_equal_frames_the_first_is_the_densest() -> None:
    x = torch.tensor([[0.0], [0.0], [0.0], [5.0]])[None]
    scores = key_frame_scores(x, torch.ones(1, 4, dtype=torch.bool))[0]
    # The first has the largest distance of all as its separation; its copies lie at no distance from something denser.
    assert scores[0] > 0 and scores[1] == 0 and scores[2] == 0 and scores[3] > 0


def test_two_poses_held_long_give_one_key_frame_each() -> None:
    x = torch.cat([torch.zeros(6, 2), torch.full((4, 2), 3.0)]) + 1e-3 * torch.randn(
        10, 2, generator=torch.Generator().manual_seed(0)
    )
    chosen = key_frames(x[None], torch.ones(1, 10, dtype=torch.bool), torch.tensor([2]))[0]
    assert chosen[:6].sum() == 1 and chosen[6:].sum() == 1


@pytest.mark.parametrize("kind", ["key", "random"])
def test_as_many_real_frames_as_asked_for(kind: str) -> None:
    mask = torch.arange(9) < torch.tensor([9, 4, 1])[:, None]
    count = torch.tensor([3, 4, 5])
    x = torch.randn(3, 9, 2, generator=torch.Generator().manual_seed(0))
    chosen = (
        key_frames(x, mask, count) if kind == "key" else random_frames(mask, count, torch.Generator().manual_seed(0))
    )
    assert chosen.sum(1).tolist() == [3, 4, 1] and not (chosen & ~mask).any()


def test_clips_of_a_batch_do_not_see_each_other() -> None:
    x = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 7, dtype=torch.bool)
    together = key_frame_scores(x, mask)
    alone = torch.cat([key_frame_scores(x[i : i + 1], mask[:1]) for i in range(2)])
    assert torch.allclose(together, alone)
