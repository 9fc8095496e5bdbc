"""What diffusion needs of a motion codec, and the `temporal` one, four times shorter in time.

The latter is a 1-D convolutional variational autoencoder. Three of its latent channels are not learned: the root's
net turn and displacement over the four frames, see `motiongen.features.root_anchor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.features import root_anchor
from motiongen.features.layouts import FeatureLayout, layout_of
from motiongen.features.normalizer import Normalizer

DOWNSAMPLING = 4
SHIFTS = (0, 2)


@dataclass(frozen=True)
class DiagonalNormal:
    """A normal distribution over latents with independent dimensions."""

    mean: Float[Tensor, "b l d"]
    log_variance: Float[Tensor, "b l d"]

    def sample(self, generator: torch.Generator | None = None) -> Float[Tensor, "b l d"]:
        noise = torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype, device=self.mean.device)
        return self.mean + noise * (0.5 * self.log_variance).exp()

    def kl(self) -> Float[Tensor, "b l d"]:
        """Kullback-Leibler divergence from the standard normal, nats (Kingma and Welling 2014, appendix B)."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance)


class MotionCodec(nn.Module):
    """What diffusion and training need of a codec. `mask` marks real frames, or real latents, in a padded batch.

    Attributes:
        latent_dim: channels of a latent.
        learned_dim: how many of them are learned, and so have a distribution.
        longest: frames of the longest clip that it holds; None where there is no limit.
        layout: what features it takes and gives.
        features, latents: statistics of the training set, by which features and latents are standardised.
        config: the arguments that build this codec again.
    """

    latent_dim: int
    learned_dim: int
    longest: int | None = None
    layout: FeatureLayout
    features: Normalizer
    latents: Normalizer
    config: dict[str, Any]

    def latent_length(self, frames: int) -> int:
        """Latents of a clip of so many frames. Raises: MotionError: the codec cannot hold so many."""
        raise NotImplementedError

    def latent_mask(self, mask: Bool[Tensor, "b t"]) -> Bool[Tensor, "b l"]:
        """Which latents of a padded batch are real."""
        raise NotImplementedError

    def windows(self, frames: int) -> list[slice]:
        """The parts of a clip of so many frames that training encodes, each of a length that `encode` takes."""
        raise NotImplementedError

    def encode(self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"] | None = None) -> DiagonalNormal:
        """Distribution of the standardised latents."""
        raise NotImplementedError

    def decode(
        self, z: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"] | None = None, frames: Sequence[int] | None = None
    ) -> Float[Tensor, "b t f"]:
        """Features of standardised latents, at least `frames` of each clip; what is beyond them has no meaning."""
        raise NotImplementedError

    def rebuilt(
        self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"], noise: Float[Tensor, "b l e"]
    ) -> tuple[Float[Tensor, "b t f"], DiagonalNormal]:
        """Features decoded from latents that are sampled with `noise`, and the distribution of what is learned."""
        raise NotImplementedError

    def sampled_rows(
        self, features: Float[Tensor, "1 t f"], generator: torch.Generator
    ) -> Float[Tensor, "rows values"]:
        """Latents of a clip, sampled, as rows of the values that `latents` is to standardise."""
        raise NotImplementedError


class TemporalCodec(MotionCodec):
    """Features [b, t, f] to latents [b, t/4, latent_dim] and back.

    `encode` and `decode` speak latents that are standardised over the training set (`latents` holds the statistics), so
    that diffusion starts from unit variance; the root's channels come first.

    Args:
        latent_dim: channels of a latent frame, the three of the root among them.
        width: channels of the blocks at a quarter of the frame rate; those at half rate have two thirds of it.
        blocks: residual blocks at a quarter of the frame rate, in the encoder and in the decoder.
        features: of a frame: 263 for HumanML3D's, 251 for KIT-ML's.

    Raises:
        ValueError: no layout has so many features.
    """

    downsampling = DOWNSAMPLING

    def __init__(
        self, latent_dim: int = 32, width: int = 384, blocks: int = 4, dropout: float = 0.0, features: int = 263
    ) -> None:
        super().__init__()
        self.config = {
            "latent_dim": latent_dim, "width": width, "blocks": blocks, "dropout": dropout, "features": features,
        }  # fmt: skip
        self.layout = layout_of(features)
        self.latent_dim = latent_dim
        self.learned_dim = latent_dim - root_anchor.DIM
        half = width * 2 // 3
        dilations = [1, 3, 1, 3, 1, 3, 1, 3][:blocks]
        self.features = Normalizer(features)
        self.latents = Normalizer(latent_dim)
        self.root = Normalizer(root_anchor.DIM)
        # Two frames a step from the start: at full rate a convolution costs twice as much and learns no more.
        self.encoder = nn.ModuleList(
            [
                TemporalConvolution(2 * features, half),
                ResidualBlock(half, 1, dropout),
                Halve(half, width),
                *[ResidualBlock(width, d, dropout) for d in dilations],
                nn.Linear(width, 2 * self.learned_dim),
            ]
        )
        self.decoder = nn.ModuleList(
            [
                TemporalConvolution(latent_dim, width),
                *[ResidualBlock(width, d, dropout) for d in dilations],
                Double(width, half),
                ResidualBlock(half, 1, dropout),
                ResidualBlock(half, 3, dropout),
                TemporalConvolution(half, 2 * features),
            ]
        )

    def posterior(
        self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"] | None = None
    ) -> tuple[DiagonalNormal, Float[Tensor, "b t//4 3"]]:
        """Distribution of the learned channels and the root's own, before the latents are standardised.

        Raises:
            ValueError: the number of frames is not a multiple of four.
        """
        if features.shape[1] % DOWNSAMPLING:
            raise ValueError(f"{features.shape[1]} frames cannot be encoded; give a multiple of {DOWNSAMPLING}")
        if mask is not None:
            features = features * mask[..., None]
        root = self.root.normalize(root_anchor.net_displacement(features, DOWNSAMPLING))
        x = self.features.normalize(features)
        x = _run(self.encoder, x.reshape(x.shape[0], x.shape[1] // 2, 2 * x.shape[2]), mask)
        mean, log_variance = x.chunk(2, dim=-1)
        return DiagonalNormal(mean, log_variance.clamp(-12, 4)), root

    def encode(self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"] | None = None) -> DiagonalNormal:
        """Distribution of the standardised latents. The root's channels have (almost) no variance."""
        learned, root = self.posterior(features, mask)
        mean = self.latents.normalize(torch.cat([root, learned.mean], dim=-1))
        spread = torch.cat([torch.full_like(root, -20.0), learned.log_variance], dim=-1)
        return DiagonalNormal(mean, spread - 2 * self.latents.std.log())

    def latent_length(self, frames: int) -> int:
        return -(-frames // DOWNSAMPLING)

    def latent_mask(self, mask: Bool[Tensor, "b t"]) -> Bool[Tensor, "b l"]:
        return mask[:, ::DOWNSAMPLING]

    def windows(self, frames: int) -> list[slice]:
        """All of the clip but what is no whole group of frames, once for every shift against the groups."""
        groups = ((shift, (frames - shift) // DOWNSAMPLING) for shift in SHIFTS)
        return [slice(shift, shift + n * DOWNSAMPLING) for shift, n in groups if n >= 2]

    def rebuilt(
        self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"], noise: Float[Tensor, "b l e"]
    ) -> tuple[Float[Tensor, "b t f"], DiagonalNormal]:
        learned, root = self.posterior(features, mask)
        z = torch.cat([root, learned.mean + noise * (0.5 * learned.log_variance).exp()], dim=-1)
        return self.reconstruct(z, self.latent_mask(mask)), learned

    def sampled_rows(
        self, features: Float[Tensor, "1 t f"], generator: torch.Generator
    ) -> Float[Tensor, "rows values"]:
        learned, root = self.posterior(features)
        return torch.cat([root, learned.sample(generator)], dim=-1)[0]

    def decode(
        self, z: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"] | None = None, frames: Sequence[int] | None = None
    ) -> Float[Tensor, "b 4*l f"]:
        """Features of standardised latents; velocities in them sum up to the root's channels exactly."""
        return self.reconstruct(self.latents.denormalize(z), mask)

    def root_of(self, z: Float[Tensor, "b l d"]) -> Float[Tensor, "b l 3"]:
        """Net turn and displacement of the root in each of some standardised latents, see `features.root_anchor`."""
        return self.root.denormalize(self.latents.denormalize(z)[..., : root_anchor.DIM])

    def with_root(self, z: Float[Tensor, "b l d"], root: Float[Tensor, "b l 3"]) -> Float[Tensor, "b l d"]:
        """The latents with another course of the root: the inverse of `root_of`."""
        plain = self.latents.denormalize(z)
        return self.latents.normalize(torch.cat([self.root.normalize(root), plain[..., root_anchor.DIM :]], dim=-1))

    def reconstruct(
        self, z: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"] | None = None
    ) -> Float[Tensor, "b 4*l f"]:
        """`decode` for latents as `posterior` gives them."""
        frames = None if mask is None else mask.repeat_interleave(DOWNSAMPLING, dim=1)
        x = _run(self.decoder, z, frames)
        features = self.features.denormalize(x.reshape(x.shape[0], -1, self.layout.dim))
        root = self.root.denormalize(z[..., : root_anchor.DIM])
        return root_anchor.with_net_displacement(features, root, DOWNSAMPLING)


class TemporalConvolution(nn.Module):
    """Convolution over three frames, channels last: one matrix product, twice as fast on CPU as the framework's."""

    def __init__(self, channels: int, out: int, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.linear = nn.Linear(3 * channels, out)

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t o"]:
        reach, length = self.dilation, x.shape[1]
        padded = nn.functional.pad(x, (0, 0, reach, reach))
        taps = [padded[:, i * reach : i * reach + length] for i in range(3)]
        return self.linear(torch.cat(taps, dim=-1))


class Halve(nn.Module):
    """Two frames become one."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * channels, out)

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b t//2 o"]:
        return self.linear(x.reshape(x.shape[0], x.shape[1] // 2, -1))


class Double(nn.Module):
    """One frame becomes two."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, 2 * out)

    def forward(self, x: Float[Tensor, "b t c"]) -> Float[Tensor, "b 2*t o"]:
        return self.linear(x).reshape(x.shape[0], 2 * x.shape[1], -1)


class ResidualBlock(nn.Module):
    """Norm, SiLU, dilated convolution; norm, SiLU, linear map; added to the input."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.convolution = TemporalConvolution(width, width, dilation)
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b t c"], mask: Float[Tensor, "b t 1"] | None) -> Float[Tensor, "b t c"]:
        h = nn.functional.silu(self.norm1(x))
        if mask is not None:
            h = h * mask
        h = nn.functional.silu(self.norm2(self.convolution(h)))
        return x + self.linear(self.dropout(h))


def _run(
    layers: nn.ModuleList, x: Float[Tensor, "b t c"], mask: Bool[Tensor, "b f"] | None
) -> Float[Tensor, "b t_out c_out"]:
    """Apply layers over time; before each convolution padded frames are zeroed, as beyond the ends of a clip.

    `mask` is at the frame rate, of which the rate of `x` is a whole fraction.
    """
    for layer in layers:
        scaled = None
        if mask is not None:
            scaled = mask[:, :: mask.shape[1] // x.shape[1], None].to(x)
        if isinstance(layer, ResidualBlock):
            x = layer(x, scaled)
        else:
            x = layer(x if scaled is None else x * scaled)
    return x
