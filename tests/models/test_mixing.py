"""Motion Mamba's mixers by configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import MotionMambaDenoiser
from motiongen.models.mamba import BidirectionalSpatialMixer, HierarchicalTemporalMixer
from motiongen.models.text_encoder import TextEmbedding
from motiongen.motion import MotionError
from motiongen.training.config import load_config
from motiongen_ops.mixers import MIXERS

TINY: dict[str, Any] = {
    "latent_dim": 6, "width": 32, "text_dim": 16, "blocks": 2, "heads": 2, "feedforward": 64, "inner": 16, "states": 4,
    "group": 8, "spatial_states": 4,
}  # fmt: skip
CAUSAL = [name for name, kind in MIXERS.items() if kind.causal]
every = pytest.mark.parametrize("mixer", MIXERS)


def build(**options: Any) -> MotionMambaDenoiser:
    model = MotionMambaDenoiser(**TINY, **options)
    # The last layers start at zero; a test of what goes through them needs them to be something.
    for layer in (model.modulation, model.to_latent):
        torch.nn.init.normal_(layer.weight, std=0.2)
    return model


def text(batch: int, length: int) -> FrameText:
    embedding = TextEmbedding(torch.randn(batch, 5, 16), torch.ones(batch, 5, dtype=torch.bool), torch.randn(batch, 16))
    return FrameText.build(embedding, [[i] for i in range(batch)], torch.zeros(batch, length, dtype=torch.long))


@every
@pytest.mark.parametrize("place", ["temporal_mixer", "spatial_mixer"])
def test_every_mixer_trains(mixer: str, place: str) -> None:
    model = build(**{place: mixer})
    z, level, described = torch.randn(2, 7, 6), torch.rand(2, 7), text(2, 7)
    mask = torch.arange(7) < torch.tensor([[7], [5]])
    target = torch.randn(2, 7, 6)

    def loss() -> torch.Tensor:
        return (model(z, level, described, mask) - target)[mask].square().mean()

    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    before = loss()
    before.backward()
    without = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []
    optimizer.step()
    assert loss() < before


@every
def test_padding_changes_nothing(mixer: str) -> None:
    model = build(temporal_mixer=mixer, spatial_mixer=mixer).eval()
    z, level, described = torch.randn(1, 9, 6), torch.full((1, 9), 0.4), text(1, 9)
    mask = torch.arange(9)[None] < 6
    alone = FrameText(described.tokens, described.token_segment, described.pooled, described.frame_segment[:, :6])
    padded = model(z, level, described, mask)[:, :6]
    assert torch.allclose(padded, model(z[:, :6], level[:, :6], alone), atol=1e-5)


@every
def test_mixers_stand_where_the_scans_stood(mixer: str) -> None:
    model = MotionMambaDenoiser(**{**TINY, "blocks": 3}, temporal_mixer=mixer, spatial_mixer=mixer)
    counts = [len(block.temporal.scans.mixers) for block in (*model.down, *model.up)]  # type: ignore[union-attr]
    assert counts == [5, 3, 1, 1, 3, 5]
    spatial = model.down[0].spatial.scans.mixers  # type: ignore[union-attr]
    assert len(spatial) == (2 if MIXERS[mixer].causal else 1)  # type: ignore[arg-type]
    assert MotionMambaDenoiser(**model.config).config == model.config


@every
def test_both_directions_reach_every_frame(mixer: str) -> None:
    temporal = HierarchicalTemporalMixer(8, 8, scans=3, states=4, mixer=mixer)
    h = torch.randn(1, 9, 8)
    other = h.clone()
    other[0, 4] += 1
    assert (temporal(other, None) - temporal(h, None)).abs().amax(-1).min() > 0
    spatial = BidirectionalSpatialMixer(32, 8, expansion=1, states=4, mixer=mixer)
    tokens = spatial.to_inner(torch.randn(1, 4, 8))[..., :8].detach().requires_grad_()
    for token in range(4):
        (gradient,) = torch.autograd.grad(spatial.scans(tokens)[0, token].sum(), tokens)
        assert gradient.abs().amax(-1).min() > 0


@pytest.mark.parametrize("mixer", CAUSAL)
def test_forward_mixers_see_only_the_past(mixer: str) -> None:
    temporal = HierarchicalTemporalMixer(8, 8, scans=3, states=4, directions="forward", mixer=mixer)
    h = torch.randn(1, 6, 8)
    other = h.clone()
    other[0, 4] += 1
    difference = (temporal(other, None) - temporal(h, None)).abs().amax(-1)[0]
    assert difference[:4].max() == 0 and difference[4:].min() > 0


def test_a_config_from_before_there_was_a_choice_means_the_selective_scans() -> None:
    model = build()
    assert model.config["temporal_mixer"] == model.config["spatial_mixer"] == "selective"
    older = {key: value for key, value in model.config.items() if not key.endswith("_mixer")}
    same = MotionMambaDenoiser(**older)
    same.load_state_dict(model.state_dict())
    of_scans = {"weight", "bias", "to_parameters.weight", "to_delta.weight", "delta_bias", "log_decay", "skip"}
    for place in ("temporal", "spatial"):
        prefix = f"down.0.{place}.scans."
        assert {name.removeprefix(prefix) for name in same.state_dict() if name.startswith(prefix)} == of_scans


@pytest.mark.parametrize("place", ["temporal_mixer", "spatial_mixer"])
def test_misspelt_mixers_are_refused(place: str, tmp_path: Path) -> None:
    message = f"{place} is 'hidra'; it must be one of selective, mamba, mamba2, vim, hydra, vssd"
    with pytest.raises(ValueError, match=f"^{message}$"):
        MotionMambaDenoiser(**{**TINY, place: "hidra"})
    with pytest.raises(ValueError, match=f"^{message}$"):
        MotionMambaDenoiser(**{**TINY, "spatial": "none", place: "hidra"})
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"denoiser": "MotionMambaDenoiser", "model": {place: "hidra"}}), encoding="utf-8")
    with pytest.raises(MotionError, match=f"^[^\n]*model[^\n]*{message}[^\n]*$"):
        load_config("denoiser", path)
    path.write_text(json.dumps({"denoiser": "MotionMambaDenoiser", "model": {place: "hydra"}}), encoding="utf-8")
    assert load_config("denoiser", path).model == {place: "hydra"}


@pytest.mark.parametrize("mixer", sorted(set(MIXERS) - set(CAUSAL)))
def test_one_direction_asks_for_a_causal_mixer(mixer: str) -> None:
    message = f"is '{mixer}', which sees both directions; for one direction take one of selective, mamba, mamba2$"
    with pytest.raises(ValueError, match=f"^temporal_mixer {message}"):
        MotionMambaDenoiser(**TINY, directions="forward", temporal_mixer=mixer)
    with pytest.raises(ValueError, match=f"^spatial_mixer {message}"):
        MotionMambaDenoiser(**TINY, spatial="forward", spatial_mixer=mixer)
