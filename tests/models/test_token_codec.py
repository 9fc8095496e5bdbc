from __future__ import annotations

from typing import Any

import pytest
import torch

from motiongen.features.humanml3d import FOOT_CONTACTS, decode
from motiongen.models.codecs import CODECS
from motiongen.models.token_codec import TokenCodec
from motiongen.motion import MotionError
from motiongen.training.codec import CodecConfig, CodecLoss, reconstruction, set_latent_statistics
from motiongen.training.data import Clip, Share

TINY: dict[str, Any] = {"latent_tokens": 2, "latent_dim": 16, "layers": 3, "heads": 2, "feedforward": 32, "longest": 40}


@pytest.fixture
def codec() -> TokenCodec:
    torch.manual_seed(0)
    return TokenCodec(**TINY).eval()


@pytest.mark.parametrize("tokens", [1, 2, 5, 7, 10])
def test_a_clip_of_any_length_becomes_as_many_tokens(tokens: int) -> None:
    codec = TokenCodec(**{**TINY, "latent_tokens": tokens}).eval()
    for frames in (1, 23, 40):
        z = codec.encode(torch.randn(2, frames, 263)).mean
        assert z.shape == (2, tokens, 16) and codec.latent_length(frames) == tokens
        assert codec.decode(z, frames=[frames, 1]).shape == (2, frames, 263)


def test_padding_changes_nothing(codec: TokenCodec) -> None:
    features = torch.randn(2, 24, 263)
    mask = torch.ones(2, 24, dtype=torch.bool)
    mask[1, 17:] = False
    padded = codec.encode(features, mask)
    alone = codec.encode(features[1:, :17])
    assert torch.allclose(padded.mean[1], alone.mean[0], atol=1e-5)
    assert torch.allclose(padded.log_variance[1], alone.log_variance[0], atol=1e-5)
    z = torch.randn(2, 2, 16)
    assert torch.allclose(codec.decode(z, frames=[24, 17])[1, :17], codec.decode(z[1:], frames=[17])[0], atol=1e-5)


def test_tokens_and_frames_know_their_places(codec: TokenCodec) -> None:
    features, z = torch.randn(1, 20, 263), torch.randn(1, 2, 16)
    assert not torch.allclose(codec.encode(features).mean, codec.encode(features.flip(1)).mean, atol=1e-3)
    assert not torch.allclose(codec.decode(z, frames=[20]), codec.decode(z.flip(1), frames=[20]), atol=1e-3)


def test_latents_are_standardised_by_their_statistics_token_by_token(codec: TokenCodec) -> None:
    features = torch.randn(4, 32, 263)
    before = codec.encode(features)
    mean, std = torch.randn(32), torch.rand(32) + 0.5
    codec.latents.set(mean, std)
    after = codec.encode(features)
    assert torch.allclose(after.mean, (before.mean - mean.view(2, 16)) / std.view(2, 16), atol=1e-5)
    assert torch.allclose(after.log_variance.exp(), before.log_variance.exp() / std.view(2, 16) ** 2, atol=1e-5)
    rebuilt = codec.reconstruct(before.mean, torch.ones(4, 32, dtype=torch.bool))
    assert torch.allclose(codec.decode(after.mean, frames=[32] * 4), rebuilt, atol=1e-4)


def test_long_clips_are_covered_by_windows(codec: TokenCodec) -> None:
    assert codec.windows(9) == [slice(0, 9)] and codec.windows(40) == [slice(0, 40)]
    for frames in (41, 100, 121):
        windows = codec.windows(frames)
        assert {w.stop - w.start for w in windows} == {40} and len(windows) == -(-frames // 40)
        assert {i for w in windows for i in range(w.start, w.stop)} == set(range(frames))


@pytest.mark.parametrize("name", ["TemporalCodec", "TokenCodec"])
def test_every_codec_gives_as_many_latents_as_it_says(name: str) -> None:
    sizes = TINY if name == "TokenCodec" else {"latent_dim": 16, "width": 24, "blocks": 1}
    codec = CODECS[name](**sizes).eval()
    mask = torch.arange(24) < torch.tensor([24, 8])[:, None]
    latents = codec.latent_mask(mask)
    assert latents.shape == (2, codec.latent_length(24))
    assert latents.sum(1).tolist() == [codec.latent_length(24), codec.latent_length(8)]
    noise = torch.randn(2, codec.latent_length(24), codec.learned_dim)
    rebuilt, learned = codec.rebuilt(torch.randn(2, 24, 263), mask, noise)
    assert rebuilt.shape == (2, 24, 263) and learned.mean.shape == noise.shape
    for window in codec.windows(31):
        features = torch.randn(1, window.stop - window.start, 263)
        z = codec.encode(features).mean
        assert z.shape[1] == codec.latent_length(features.shape[1])
        assert codec.decode(z, frames=[features.shape[1]]).shape == features.shape


def test_statistics_are_those_of_the_training_clips(codec: TokenCodec) -> None:
    clips = [Clip(str(i), torch.randn(8 + i % 9, 263) * (0.5 + i / 40), ("",)) for i in range(80)]
    set_latent_statistics(codec, clips)
    generator = torch.Generator().manual_seed(1)
    z = torch.cat([codec.encode(clip.features[None]).sample(generator) for clip in clips])
    assert z.mean(0).abs().max() < 0.5 and (z.std(0) - 1).abs().max() < 0.4


def test_it_learns_one_clip() -> None:
    torch.manual_seed(0)
    features = torch.cat([0.3 * torch.randn(32, 3).cumsum(0) / 10, torch.randn(32, 260).cumsum(0) / 10], dim=-1)
    features[:, FOOT_CONTACTS] = 1.0
    codec = TokenCodec(**{**TINY, "latent_dim": 32, "feedforward": 64, "dropout": 0.0})
    codec.features.set(features.mean(0), features.std(0).clamp(min=0.1))
    loss = CodecLoss(codec, CodecConfig())
    optimizer = torch.optim.Adam(codec.parameters(), lr=3e-3)
    mask = torch.ones(1, 32, dtype=torch.bool)
    errors = []
    for _ in range(60):
        value, numbers = loss(features[None], mask, torch.zeros(1, 2, 32))
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 1.0)
        optimizer.step()
        errors.append(numbers["positions_mm"].item())
    assert errors[-1] < 0.3 * errors[0]
    rebuilt = codec.eval().decode(codec.encode(features[None]).mean, frames=[32])
    assert 1000 * (decode(rebuilt) - decode(features[None])).abs().mean() < 1.5 * errors[-1]
    assert reconstruction(codec, [Clip("clip", features, ("",))])["root_aligned_mm"] > 0


def test_padding_is_no_part_of_the_loss_and_shares_make_the_loss_of_one(codec: TokenCodec) -> None:
    loss = CodecLoss(codec, CodecConfig()).eval()
    features = 0.1 * torch.randn(5, 16, 263)
    mask = torch.arange(16) < torch.tensor([16, 4, 8, 5, 16])[:, None]
    other = torch.where(mask[..., None], features, torch.full_like(features, 9.0))
    noise = torch.randn(5, 2, 16)
    features = torch.where(mask[..., None], features, torch.zeros(()))
    whole = loss(features, mask, noise)[0].item()
    assert loss(other, mask, noise)[0].item() == pytest.approx(whole, rel=1e-4)
    shares = [loss(features, mask, noise, Share(i, 2))[0].item() for i in range(2)]
    assert sum(shares) / 2 == pytest.approx(whole, rel=1e-4)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"latent_tokens": 0}, "latent_tokens is 0; it must be at least 1"),
        ({"layers": 4}, "layers is 4; it must be odd"),
        ({"latent_dim": 15}, "latent_dim is 15; it must be even and a multiple of heads, which is 2"),
        ({"heads": 3}, "latent_dim is 16; it must be even and a multiple of heads, which is 3"),
        ({"longest": 0}, "longest is 0"),
    ],
)
def test_sizes_that_no_codec_has_are_refused(sizes: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TokenCodec(**{**TINY, **sizes})


def test_lengths_that_it_cannot_hold_are_refused(codec: TokenCodec) -> None:
    with pytest.raises(ValueError, match="41 frames cannot be encoded; give 1 to 40"):
        codec.encode(torch.zeros(1, 41, 263))
    z = torch.zeros(1, 2, 16)
    with pytest.raises(MotionError, match=r"3 seconds asked for; .* at most 2; use a pipeline with the temporal codec"):
        codec.decode(z, frames=[60])
    with pytest.raises(ValueError, match="1 clips of tokens and none of their lengths given"):
        codec.decode(z)
