from __future__ import annotations

import pytest
import torch

from motiongen.models.alignment import AlignmentHeads, contrast, membership


def unit(rows: int, seed: int) -> torch.Tensor:
    x = torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x, dim=-1)


def plain_contrast(text: torch.Tensor, motion: torch.Tensor, alike: torch.Tensor, scale: float) -> float:
    total = 0.0
    n = len(text)
    for rows, columns in ((text, motion), (motion, text)):
        for i in range(n):
            logits = {j: scale * float(rows[i] @ columns[j]) for j in range(n) if j == i or not alike[i, j]}
            largest = max(logits.values())
            denominator = sum(torch.tensor(v - largest).exp().item() for v in logits.values())
            total += -(logits[i] - largest - torch.tensor(denominator).log().item()) / n
    return total / 2


def test_contrast_is_the_mean_cross_entropy_both_ways() -> None:
    text, motion = unit(5, 0), unit(5, 1)
    alike = torch.eye(5, dtype=torch.bool)
    alike[0, 3] = alike[3, 0] = True
    value = contrast(text, motion, alike, torch.tensor(4.0, dtype=torch.float64)).item()
    assert value == pytest.approx(plain_contrast(text, motion, alike, 4.0), rel=1e-6)


def test_pairs_that_are_alike_neither_attract_nor_repel() -> None:
    text, motion = unit(3, 0), unit(3, 1).requires_grad_()
    alike = torch.tensor([[True, True, False], [True, True, False], [False, False, True]])
    contrast(text[:2], motion[:2], alike[:2, :2], torch.tensor(4.0, dtype=torch.float64)).backward()
    assert motion.grad is not None and motion.grad.abs().max() == 0
    value = contrast(text, motion, alike, torch.tensor(4.0, dtype=torch.float64))
    assert value.item() > 0


def test_what_belongs_together_costs_least() -> None:
    text = unit(6, 0)
    alike = torch.eye(6, dtype=torch.bool)
    scale = torch.tensor(10.0, dtype=torch.float64)
    assert contrast(text, text, alike, scale) < contrast(text, text.roll(1, 0), alike, scale)


def test_segments_see_their_own_frames_and_no_padding() -> None:
    torch.manual_seed(0)
    heads = AlignmentHeads(4, 8, dim=6, width=12, pools=2)
    z = torch.randn(1, 20, 4)
    frame_segment = torch.tensor([[0] * 8 + [1] * 8 + [1] * 4])
    mask = (torch.arange(20) < 16)[None]
    first = heads.segments(z, membership(frame_segment, mask, 2))
    other = z.clone()
    other[:, 16:] = 50.0
    assert torch.allclose(first, heads.segments(other, membership(frame_segment, mask, 2)), atol=1e-6)
    other[:, 12:] = -3.0  # beyond the reach of the convolutions from the first segment
    changed = heads.segments(other, membership(frame_segment, mask, 2))
    assert torch.allclose(first[:, 0], changed[:, 0], atol=1e-6) and not torch.allclose(first[:, 1], changed[:, 1])
    assert torch.allclose(first.norm(dim=-1), torch.ones(1, 2), atol=1e-6)


def test_a_segment_without_frames_is_finite() -> None:
    heads = AlignmentHeads(4, 8, dim=6, width=12, pools=2)
    members = membership(torch.zeros(1, 5, dtype=torch.long), torch.ones(1, 5, dtype=torch.bool), 3)
    assert torch.isfinite(heads.segments(torch.randn(1, 5, 4), members)).all()


def test_heads_learn_which_sentence_belongs_to_which_motion() -> None:
    torch.manual_seed(0)
    heads = AlignmentHeads(4, 8, dim=6, width=16, pools=2)
    pooled, z = torch.randn(6, 8), torch.randn(6, 9, 4)
    members = torch.ones(6, 1, 9, dtype=torch.bool)
    optimizer = torch.optim.Adam(heads.parameters(), lr=1e-2)
    alike = torch.eye(6, dtype=torch.bool)
    for _ in range(60):
        loss = contrast(heads.sentences(pooled), heads.segments(z, members)[:, 0], alike, heads.scale)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    similarity = heads.sentences(pooled) @ heads.segments(z, members)[:, 0].T
    assert (similarity.argmax(1) == torch.arange(6)).all()
