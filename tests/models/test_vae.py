from __future__ import annotations

import pytest
import torch

from motiongen.features.humanml3d import decode
from motiongen.models.vae import DiagonalNormal, TemporalCodec


@pytest.fixture
def codec() -> TemporalCodec:
    return TemporalCodec(latent_dim=12, width=48, blocks=2).eval()


def test_four_frames_become_one_latent_and_back(codec: TemporalCodec) -> None:
    features = torch.randn(2, 24, 263)
    latents = codec.encode(features).mean
    assert latents.shape == (2, 6, 12)
    assert codec.decode(latents).shape == features.shape


def test_root_is_exact_even_before_training(codec: TemporalCodec) -> None:
    features = 0.1 * torch.randn(1, 40, 263)
    rebuilt = codec.decode(codec.encode(features).mean)
    error = (decode(rebuilt) - decode(features))[0, :, 0, [0, 2]].norm(dim=-1)
    assert error[::4].max() < 1e-4
    # Between the boundaries an untrained codec is free to be wrong: the check above is not vacuous.
    assert error.max() > 1e-3


def test_padding_changes_nothing(codec: TemporalCodec) -> None:
    features = torch.randn(2, 24, 263)
    mask = torch.ones(2, 24, dtype=torch.bool)
    mask[1, 16:] = False
    padded = codec.encode(features, mask).mean
    assert torch.allclose(padded[1, :4], codec.encode(features[1:, :16]).mean[0], atol=1e-5)
    z = torch.randn(2, 6, 12)
    decoded = codec.decode(z, mask[:, ::4])
    assert torch.allclose(decoded[1, :16], codec.decode(z[1:, :4])[0], atol=1e-5)


def test_latents_are_standardised_by_their_statistics(codec: TemporalCodec) -> None:
    features = torch.randn(4, 32, 263)
    before = codec.encode(features).mean
    mean, std = torch.randn(12), torch.rand(12) + 0.5
    codec.latents.set(mean, std)
    after = codec.encode(features).mean
    assert torch.allclose(after, (before - mean) / std, atol=1e-5)
    assert torch.allclose(codec.decode(after), codec.reconstruct(before), atol=1e-4)


def test_length_must_be_a_multiple_of_four(codec: TemporalCodec) -> None:
    with pytest.raises(ValueError, match="10 frames"):
        codec.encode(torch.zeros(1, 10, 263))


def test_divergence_of_known_normals() -> None:
    standard = DiagonalNormal(torch.zeros(1, 1, 1), torch.zeros(1, 1, 1))
    shifted = DiagonalNormal(torch.full((1, 1, 1), 2.0), torch.zeros(1, 1, 1))
    assert standard.kl().item() == 0
    assert shifted.kl().item() == pytest.approx(2.0)
    # Against torch's own, for a variance that is not one.
    wide = DiagonalNormal(torch.full((1, 1, 1), -1.0), torch.full((1, 1, 1), 0.7))
    own = torch.distributions.kl_divergence(
        torch.distributions.Normal(-1.0, torch.tensor(0.7).mul(0.5).exp()), torch.distributions.Normal(0.0, 1.0)
    )
    assert wide.kl().item() == pytest.approx(own.item(), rel=1e-5)
