"""Both codecs on both layouts of features."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from motiongen.checkpoint import save_module
from motiongen.features import root_anchor
from motiongen.models.token_codec import TokenCodec
from motiongen.models.vae import MotionCodec, TemporalCodec
from motiongen.motion import MotionError
from motiongen.pipeline import load_codec


def temporal(**more: int) -> MotionCodec:
    return TemporalCodec(latent_dim=8, width=24, blocks=1, **more).eval()


def tokens(**more: int) -> MotionCodec:
    return TokenCodec(latent_tokens=2, latent_dim=16, layers=1, heads=2, feedforward=32, longest=40, **more).eval()


Build = Callable[..., MotionCodec]
both = pytest.mark.parametrize("build", [temporal, tokens])


@both
@pytest.mark.parametrize("features", [263, 251])
def test_features_go_in_and_come_out_in_their_layout(build: Build, features: int, tmp_path: Path) -> None:
    codec = build(features=features)
    codec.features.set(torch.randn(features), 200 * torch.rand(features) + 1)
    clip = 100 * torch.randn(2, 24, features)
    made = codec.decode(codec.encode(clip).mean, frames=[24, 24])
    assert made.shape == clip.shape and codec.layout.dim == features
    if isinstance(codec, TemporalCodec):
        kept, asked = (root_anchor.net_displacement(x, codec.downsampling) for x in (made, clip))
        assert torch.allclose(kept, asked, rtol=1e-3, atol=1e-2)
    save_module(codec, tmp_path)
    loaded = load_codec(tmp_path)
    assert loaded.layout == codec.layout
    assert torch.equal(loaded.decode(loaded.encode(clip).mean, frames=[24, 24]), made)


@both
def test_a_codec_that_was_saved_without_a_layout_is_humanml3d_s(build: Build, tmp_path: Path) -> None:
    codec = build()
    save_module(codec, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("features") == 263
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = load_codec(tmp_path)
    assert loaded.config == codec.config
    assert all(torch.equal(w, loaded.state_dict()[name]) for name, w in codec.state_dict().items())


@both
def test_other_numbers_of_features_are_refused(build: Build, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="features is 100"):
        build(features=100)
    save_module(build(), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for features in (100, 251):
        (tmp_path / "config.json").write_text(json.dumps({**config, "features": features}))
        with pytest.raises(MotionError, match="weights and configuration do not fit"):
            load_codec(tmp_path)
