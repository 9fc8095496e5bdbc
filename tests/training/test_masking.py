from __future__ import annotations

import pytest
import torch

from motiongen.models.keyframes import key_frame_scores
from motiongen.training.masking import Masking, given_frames, noise_plan

STEPS = 1000


def batch(rows: int = 200) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(rows, 12, 3, generator=generator)
    return z, torch.arange(12) < torch.randint(2, 13, (rows, 1), generator=generator)


def test_without_masking_every_frame_of_a_sample_has_one_noise_level() -> None:
    z, mask = batch()
    plan = noise_plan(z, mask, Masking(masked="none", given=0.0), STEPS, torch.Generator().manual_seed(1))
    assert (plan.timesteps == plan.timesteps[:, :1]).all() and not plan.given.any()
    assert plan.timesteps.min() >= 0 and plan.timesteps.max() < STEPS
    assert plan.timesteps.float().mean() == pytest.approx(STEPS / 2, rel=0.15)


def test_masked_frames_are_the_key_frames_at_full_noise() -> None:
    z, mask = batch()
    plan = noise_plan(z, mask, Masking(share=1.0, most=0.4, given=0.0), STEPS, torch.Generator().manual_seed(1))
    scores = key_frame_scores(z, mask)
    checked = 0
    for row in range(len(z)):
        own = plan.timesteps[row][mask[row]]
        ordinary = own[own != STEPS - 1]
        masked = (own == STEPS - 1).nonzero().flatten()
        if not len(ordinary):
            continue  # one sample in a thousand is at full noise as a whole
        assert 1 <= len(masked) <= max(1, -(-4 * int(mask[row].sum()) // 10))
        assert len(set(ordinary.tolist())) <= 1
        best = scores[row].argsort(descending=True, stable=True)[: len(masked)]
        assert set(best.tolist()) == set(masked.tolist())
        checked += len(masked)
    assert checked > 300


def test_random_masking_masks_as_many_frames_but_others() -> None:
    z, mask = batch()
    plans = {
        kind: noise_plan(z, mask, Masking(masked=kind, share=1.0, given=0.0), STEPS, torch.Generator().manual_seed(1))
        for kind in ("key-frame", "random")
    }
    masked = {kind: (plan.timesteps == STEPS - 1) for kind, plan in plans.items()}
    assert torch.equal(masked["key-frame"].sum(1), masked["random"].sum(1))
    assert (masked["key-frame"] != masked["random"]).any()


def test_shares_of_masked_and_given_samples() -> None:
    z, mask = batch(600)
    plan = noise_plan(z, mask, Masking(share=0.3, given=0.2), STEPS, torch.Generator().manual_seed(1))
    ordinary = (plan.timesteps > 0) & (plan.timesteps < STEPS - 1) & mask
    masked = ((plan.timesteps == STEPS - 1) & mask).any(1) & ordinary.any(1)
    assert masked.float().mean() == pytest.approx(0.3, abs=0.08)
    # A given pattern may be empty by chance (an end without frames), never in a masked sample.
    given = plan.given.any(1)
    assert 0.1 < given.float().mean() <= 0.25 and not (masked & given).any()
    assert (plan.timesteps[plan.given] == 0).all() and not (plan.given & ~mask).any()


def test_given_frames_leave_something_to_do_and_are_of_every_kind() -> None:
    _, mask = batch(600)
    given = given_frames(mask, torch.Generator().manual_seed(2))
    assert not (given & ~mask).any() and (mask & ~given).any(1).all()
    first, last = given[:, 0], given[torch.arange(600), mask.sum(1) - 1]
    for pattern in (first & ~last, last & ~first, first & last):
        assert pattern.float().mean() > 0.05
