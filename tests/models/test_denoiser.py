from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import Denoiser, MotionMambaDenoiser, TransformerDenoiser, rotary, scan_schedule
from motiongen.models.mamba import HierarchicalTemporalMixer, SelectiveScans
from motiongen.models.text_encoder import TextEmbedding

SMALL: dict[str, Any] = {"latent_dim": 6, "width": 32, "text_dim": 16, "blocks": 2, "heads": 2, "feedforward": 64}
MAMBA: dict[str, Any] = {**SMALL, "inner": 16, "states": 4, "group": 8, "spatial_states": 4}


def build(name: str) -> Denoiser:
    model: Denoiser = MotionMambaDenoiser(**MAMBA) if name == "mamba" else TransformerDenoiser(**SMALL)
    # The last layers start at zero; a test of what goes through them needs them to be something.
    for layer in (model.modulation, model.to_latent):
        torch.nn.init.normal_(layer.weight, std=0.2)
    return model.eval()


def text(batch: int, length: int, sentences: int = 1, seed: int = 0) -> FrameText:
    generator = torch.Generator().manual_seed(seed)
    count = batch * sentences
    embedding = TextEmbedding(
        torch.randn(count, 5, 16, generator=generator),
        torch.ones(count, 5, dtype=torch.bool),
        torch.randn(count, 16, generator=generator),
    )
    rows = [list(range(i * sentences, (i + 1) * sentences)) for i in range(batch)]
    frames = torch.arange(length) * sentences // length
    return FrameText.build(embedding, rows, frames.expand(batch, -1))


both = pytest.mark.parametrize("name", ["mamba", "transformer"])


@both
def test_padding_changes_nothing(name: str) -> None:
    model = build(name)
    z = torch.randn(2, 9, 6)
    level = torch.full((2, 9), 0.4)
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 6:] = False
    described = text(2, 9)
    alone = FrameText(
        described.tokens[1:], described.token_segment[1:], described.pooled[1:], described.frame_segment[1:, :6]
    )
    padded = model(z, level, described, mask)
    assert torch.allclose(padded[1, :6], model(z[1:, :6], level[1:, :6], alone)[0], atol=1e-5)
    z[1, 6:] = 100.0
    assert torch.allclose(model(z, level, described, mask)[1, :6], padded[1, :6], atol=1e-5)


@both
def test_every_frame_sees_the_whole_clip(name: str) -> None:
    model = build(name)
    z = torch.randn(1, 9, 6)
    level = torch.full((1, 9), 0.4)
    before = model(z, level, text(1, 9))
    for changed, seen in itertools.product((0, 8), (0, 4, 8)):
        other = z.clone()
        other[0, changed] += 1
        assert (model(other, level, text(1, 9)) - before)[0, seen].abs().max() > 1e-6


@both
def test_sentences_reach_their_own_frames_first(name: str) -> None:
    """Words of the second sentence are attended to by its own frames alone."""
    described = text(1, 10, sentences=2)
    visible = described.visible()[0]
    assert visible[:5, :5].all() and visible[5:, 5:].all()
    assert not visible[:5, 5:].any() and not visible[5:, :5].any()
    assert torch.equal(described.per_frame()[0, 4], described.pooled[0, 0])
    assert torch.equal(described.per_frame()[0, 5], described.pooled[0, 1])
    model = build(name)
    z, level = torch.randn(1, 10, 6), torch.full((1, 10), 0.4)
    other = FrameText(
        described.tokens, described.token_segment, described.pooled.roll(1, dims=1), described.frame_segment
    )
    assert (model(z, level, described) - model(z, level, other)).abs().max() > 1e-5


@both
def test_noise_levels_are_per_frame(name: str) -> None:
    model = build(name)
    z = torch.randn(1, 8, 6)
    level = torch.full((1, 8), 0.5)
    mixed = level.clone()
    mixed[0, 3] = 1.0
    difference = (model(z, mixed, text(1, 8)) - model(z, level, text(1, 8))).abs().amax(-1)[0]
    assert difference[3] > 1e-5


@both
def test_all_parameters_are_trained(name: str) -> None:
    model = build(name).train()
    loss = model(torch.randn(2, 7, 6), torch.rand(2, 7), text(2, 7)).square().mean()
    loss.backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_schedules_of_the_paper() -> None:
    assert scan_schedule("2N-1..1", 5) == (9, 7, 5, 3, 1)
    assert scan_schedule("1..2N-1", 5) == (1, 3, 5, 7, 9)
    assert scan_schedule("N..1", 5) == (5, 4, 3, 2, 1)
    assert scan_schedule("1..N", 5) == (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    "wrong", [{"schedule": "1..2N"}, {"spatial": "bidirectionel"}, {"directions": "backward"}, {"group": 7}]
)
def test_misspelt_ablations_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=str(next(iter(wrong.values())))):
        MotionMambaDenoiser(**{**MAMBA, **wrong})


def test_unet_mirrors_its_scans() -> None:
    model = MotionMambaDenoiser(**{**MAMBA, "blocks": 3})
    assert [block.temporal.scans.scans for block in model.down] == [5, 3, 1]
    assert [block.temporal.scans.scans for block in model.up] == [1, 3, 5]


@pytest.mark.parametrize("schedule", ["2N-1..1", "1..2N-1", "N..1", "1..N"])
@pytest.mark.parametrize("spatial", ["bidirectional", "forward", "none"])
def test_ablations_run_by_configuration(schedule: str, spatial: str) -> None:
    model = MotionMambaDenoiser(**MAMBA, schedule=schedule, spatial=spatial, directions="forward")  # type: ignore[arg-type]
    assert model(torch.randn(1, 5, 6), torch.rand(1, 5), text(1, 5)).shape == (1, 5, 6)
    assert MotionMambaDenoiser(**model.config).config == model.config


def test_forward_scans_see_only_the_past() -> None:
    mixer = HierarchicalTemporalMixer(8, 8, scans=3, states=4, directions="forward")
    h = torch.randn(1, 6, 8)
    other = h.clone()
    other[0, 4] += 1
    difference = (mixer(other, None) - mixer(h, None)).abs().amax(-1)[0]
    assert difference[:4].max() == 0 and difference[4:].min() > 0


def test_parallel_scans_equal_the_scans_one_by_one() -> None:
    """The k scans of a block share one call and one projection; each computes what it would alone."""
    together = SelectiveScans(6, 4, 3, (False, False, True))
    x = torch.randn(2, 7, 6)
    total = torch.zeros(2, 7, 6)
    for i, reverse in enumerate(together.reverse):
        alone = SelectiveScans(6, 4, 3, (reverse,))
        rank, write, read = together.to_parameters.weight.split([together.rank, 12, 12])
        with torch.no_grad():
            alone.to_parameters.weight.copy_(torch.cat([rank, write[4 * i : 4 * i + 4], read[4 * i : 4 * i + 4]]))
            alone.to_delta.weight.copy_(together.to_delta.weight[6 * i : 6 * i + 6])
            alone.weight.copy_(together.weight[:, i : i + 1])
            for name in ("bias", "delta_bias", "log_decay", "skip"):
                getattr(alone, name).copy_(getattr(together, name)[i : i + 1])
        total += alone(x)
    assert torch.allclose(together(x), total, atol=1e-5)


def test_rotary_depends_on_distance_alone() -> None:
    q, k = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)
    turned_q, turned_k = rotary(q.expand(1, 1, 9, 8)), rotary(k.expand(1, 1, 9, 8))
    scores = (turned_q @ turned_k.transpose(-1, -2))[0, 0]
    assert torch.allclose(scores.diagonal(2), scores[0, 2].expand(7), atol=1e-5)
