"""The `tokens` motion codec: a whole clip in a few tokens, by the variational Transformer of MLD.

It is the codec of the Motion Mamba paper: Chen et al., "Executing your Commands via Motion Diffusion in Latent Space"
(arXiv 2212.04048), section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.features.layouts import layout_of
from motiongen.features.normalizer import Normalizer
from motiongen.models.vae import DiagonalNormal, MotionCodec
from motiongen.motion import FPS, MotionError


class TokenCodec(MotionCodec):
    """Features [b, t, f] to latents [b, latent_tokens, latent_dim], whatever t is, and back to any asked length.

    The encoder reads the frames behind two learned tokens for every latent, which become its mean and its variance. The
    decoder has one query a frame, nothing but its position, that attends to the latents. `encode` and `decode` speak
    latents that are standardised over the training set, token by token.

    No latent belongs to any time: there is nothing in them to edit, continue or loop, and no place for a second
    sentence.

    Args:
        latent_tokens: latents of a clip (2 in Motion Mamba; its ablation has 1, 2, 5, 7 and 10).
        latent_dim: channels of a latent and of the Transformers.
        layers: of the encoder, and of the decoder; an odd number, as skips join pairs of them about the middle one.
        heads, feedforward, dropout: of every layer.
        longest: frames of the longest clip that can be encoded or asked for.
        features: of a frame: 263 for HumanML3D's, 251 for KIT-ML's.

    Raises:
        ValueError: no codec has such sizes, or no layout so many features.
    """

    longest: int

    def __init__(
        self, latent_tokens: int = 2, latent_dim: int = 256, layers: int = 9, heads: int = 4, feedforward: int = 1024,
        dropout: float = 0.1, longest: int = 200, features: int = 263,
    ) -> None:  # fmt: skip
        super().__init__()
        self.config = {
            "latent_tokens": latent_tokens, "latent_dim": latent_dim, "layers": layers, "heads": heads,
            "feedforward": feedforward, "dropout": dropout, "longest": longest, "features": features,
        }  # fmt: skip
        for name in ("latent_tokens", "latent_dim", "layers", "heads", "feedforward", "longest"):
            if self.config[name] < 1:
                raise ValueError(f"{name} is {self.config[name]}; it must be at least 1")
        if latent_dim % heads or latent_dim % 2:
            raise ValueError(f"latent_dim is {latent_dim}; it must be even and a multiple of heads, which is {heads}")
        self.latent_tokens, self.latent_dim, self.learned_dim = latent_tokens, latent_dim, latent_dim
        self.longest, self.layout = longest, layout_of(features)
        self.features = Normalizer(features)
        self.latents = Normalizer(latent_tokens * latent_dim)
        sizes: dict[str, Any] = {
            "dim_feedforward": feedforward, "dropout": dropout, "activation": "gelu", "batch_first": True,
            "norm_first": True,
        }  # fmt: skip
        self.to_width = nn.Linear(features, latent_dim)
        self.distribution = nn.Parameter(torch.randn(2 * latent_tokens, latent_dim))
        self.encoder = SkipStack(
            latent_dim, [nn.TransformerEncoderLayer(latent_dim, heads, **sizes) for _ in range(layers)]
        )
        self.token_position = nn.Parameter(torch.randn(latent_tokens, latent_dim))
        self.decoder = SkipStack(
            latent_dim, [nn.TransformerDecoderLayer(latent_dim, heads, **sizes) for _ in range(layers)]
        )
        self.to_features = nn.Linear(latent_dim, features)
        self.positions: Tensor
        self.register_buffer("positions", sinusoids(longest, latent_dim), persistent=False)

    def latent_length(self, frames: int) -> int:
        """Raises: MotionError: the clip is longer than `longest`."""
        if frames > self.longest:
            raise MotionError(
                f"{frames / FPS:g} seconds asked for; this codec holds a whole clip, at most {self.longest / FPS:g}; "
                "use a pipeline with the temporal codec"
            )
        return self.latent_tokens

    def latent_mask(self, mask: Bool[Tensor, "b t"]) -> Bool[Tensor, "b l"]:
        return mask.new_ones(len(mask), self.latent_tokens)

    def windows(self, frames: int) -> list[slice]:
        """The whole clip, or of a longer one as few windows of `longest` frames as cover it, evenly spread."""
        beyond = frames - self.longest
        if beyond <= 0:
            return [slice(0, frames)]
        count = -(-frames // self.longest)
        starts = [round(i * beyond / (count - 1)) for i in range(count)]
        return [slice(start, start + self.longest) for start in starts]

    def posterior(self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"] | None = None) -> DiagonalNormal:
        """Distribution of the latents before they are standardised.

        Raises:
            ValueError: there are no frames, or more than `longest`.
        """
        count, length = features.shape[:2]
        if not 1 <= length <= self.longest:
            raise ValueError(f"{length} frames cannot be encoded; give 1 to {self.longest}")
        if mask is None:
            mask = features.new_ones(count, length, dtype=torch.bool)
        frames = self.to_width(self.features.normalize(features * mask[..., None])) + self.positions[:length]
        x = torch.cat([self.distribution.expand(count, -1, -1), frames], dim=1)
        unread = torch.cat([mask.new_zeros(count, len(self.distribution)), ~mask], dim=1)
        x = self.encoder(x, src_key_padding_mask=unread)
        mean, log_variance = x[:, : len(self.distribution)].chunk(2, dim=1)
        return DiagonalNormal(mean, log_variance.clamp(-12, 4))

    def encode(self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"] | None = None) -> DiagonalNormal:
        learned = self.posterior(features, mask)
        mean = self.latents.normalize(learned.mean.flatten(1)).view_as(learned.mean)
        return DiagonalNormal(mean, learned.log_variance - 2 * self.latents.std.log().view(mean.shape[1:]))

    def reconstruct(self, z: Float[Tensor, "b l d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t f"]:
        """`decode` for latents as `posterior` gives them; `mask` marks the frames that are asked for."""
        queries = self.positions[: mask.shape[1]].expand(len(z), -1, -1)
        x = self.decoder(queries, memory=z + self.token_position, tgt_key_padding_mask=~mask)
        return self.features.denormalize(self.to_features(x))

    def decode(
        self, z: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"] | None = None, frames: Sequence[int] | None = None
    ) -> Float[Tensor, "b t f"]:
        """As many frames of each clip as `frames` says, which the latents do not tell. All latents are real.

        Raises:
            ValueError: `frames` is missing, or says nothing of some clips.
            MotionError: more frames than `longest` are asked for.
        """
        if frames is None or len(frames) != len(z):
            told = "none" if frames is None else str(len(frames))
            raise ValueError(f"{len(z)} clips of tokens and {told} of their lengths given; say how long each clip is")
        self.latent_length(max(frames))
        asked = torch.arange(max(frames))[None] < torch.tensor(list(frames))[:, None]
        plain = self.latents.denormalize(z.flatten(1)).view_as(z)
        return self.reconstruct(plain, asked.to(z.device))

    def rebuilt(
        self, features: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"], noise: Float[Tensor, "b l e"]
    ) -> tuple[Float[Tensor, "b t f"], DiagonalNormal]:
        learned = self.posterior(features, mask)
        return self.reconstruct(learned.mean + noise * (0.5 * learned.log_variance).exp(), mask), learned

    def sampled_rows(
        self, features: Float[Tensor, "1 t f"], generator: torch.Generator
    ) -> Float[Tensor, "rows values"]:
        return self.posterior(features).sample(generator).flatten(1)


class SkipStack(nn.Module):
    """Layers with long skips: what the first ones put out joins what goes into the last ones, outermost with outermost.

    Joined by concatenation and a linear map, then a norm at the end. Layers are pre-norm, unlike MLD's, which need
    their warm-up tuned.
    """

    def __init__(self, width: int, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        if len(layers) % 2 == 0:
            raise ValueError(f"layers is {len(layers)}; it must be odd, as skips join pairs about the middle one")
        half = len(layers) // 2
        self.down, self.middle, self.up = nn.ModuleList(layers[:half]), layers[half], nn.ModuleList(layers[half + 1 :])
        joins = [nn.Linear(2 * width, width) for _ in self.up]
        self.joins = nn.ModuleList(joins)
        self.norm = nn.LayerNorm(width)
        # What comes from below passes through at first, and skips come in as they prove useful.
        for join in joins:
            nn.init.eye_(join.weight)
            nn.init.zeros_(join.bias)

    def forward(self, x: Float[Tensor, "b t c"], **told: Tensor) -> Float[Tensor, "b t c"]:
        """`told` is what every layer takes beside its input."""
        skips = []
        for layer in self.down:
            x = layer(x, **told)
            skips.append(x)
        x = self.middle(x, **told)
        for join, layer in zip(self.joins, self.up):
            x = layer(join(torch.cat([x, skips.pop()], dim=-1)), **told)
        return self.norm(x)


def sinusoids(length: int, width: int) -> Float[Tensor, "t c"]:
    """Positions as sines and cosines (Vaswani et al. 2017, 3.5): frames that follow each other begin alike."""
    rates = 10_000.0 ** (-torch.arange(width // 2) / (width // 2))
    angle = torch.arange(length)[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], dim=-1)
