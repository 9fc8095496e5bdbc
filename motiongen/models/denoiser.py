"""The denoisers: Motion Mamba's U-Net and its Transformer twin, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.models.conditioning import FrameText, NoiseLevelEmbedding, TextMixer
from motiongen.models.mamba import Directions, MotionMambaBlock, Spatial, one_of
from motiongen.models.mixing import SELECTIVE

Schedule = Literal["2N-1..1", "1..2N-1", "N..1", "1..N"]


def scan_schedule(schedule: Schedule, blocks: int) -> tuple[int, ...]:
    """Number of parallel scans of each block on the way down; the way up mirrors it (Motion Mamba, section 3.3)."""
    one_of("schedule", schedule, Schedule)
    rising = range(1, 2 * blocks, 2) if "2N-1" in schedule else range(1, blocks + 1)
    return tuple(reversed(rising)) if schedule.endswith("..1") else tuple(rising)


class Denoiser(nn.Module):
    """A U-Net over latent frames: blocks down, a text mixer, blocks up with skips by concatenation and a linear map.

    Every block maps (x [b, l, c], modulation [b, l, 2 c], mask [b, l] or None) to [b, l, c].
    """

    config: dict[str, Any]

    def __init__(
        self, latent_dim: int, width: int, text_dim: int, heads: int, feedforward: int,
        down: Sequence[nn.Module], up: Sequence[nn.Module],
    ) -> None:  # fmt: skip
        super().__init__()
        self.to_width = nn.Linear(latent_dim, width)
        self.noise_level = NoiseLevelEmbedding(width)
        self.sentence = nn.Linear(text_dim, width)
        # One projection for all blocks and a row of offsets for each (PixArt-alpha's adaLN-single, section 2.3): a
        # projection a block would be a quarter of all parameters.
        self.modulation = nn.Linear(width, 2 * width)
        self.offsets = nn.Parameter(torch.zeros(len(down) + len(up), 2 * width))
        self.down = nn.ModuleList(down)
        self.mixer = TextMixer(width, text_dim, heads, feedforward)
        joins = [nn.Linear(2 * width, width) for _ in up]
        self.joins = nn.ModuleList(joins)
        self.up = nn.ModuleList(up)
        self.norm = nn.LayerNorm(width)
        self.to_latent = nn.Linear(width, latent_dim)
        for layer in (self.modulation, self.to_latent):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        # What comes from below passes through at first, and skips come in as they prove useful: five random maps in a
        # row would hide the early blocks from the loss.
        for join in joins:
            nn.init.eye_(join.weight)
            nn.init.zeros_(join.bias)

    def forward(
        self,
        z: Float[Tensor, "b l d"],
        noise_level: Float[Tensor, "b l"],
        text: FrameText,
        mask: Bool[Tensor, "b l"] | None = None,
    ) -> Float[Tensor, "b l d"]:
        """What the diffusion objective asks for, from noisy latents whose frames each have a noise level in [0, 1]."""
        condition = self.noise_level(noise_level) + self.sentence(text.per_frame())
        modulation = self.modulation(nn.functional.silu(condition))
        down, up = self.offsets.split([len(self.down), len(self.up)])
        x = self.to_width(z)
        skips = []
        for block, offset in zip(self.down, down):
            x = block(x, modulation + offset, mask)
            skips.append(x)
        x = self.mixer(x, text)
        for join, block, offset in zip(self.joins, self.up, up):
            x = block(join(torch.cat([x, skips.pop()], dim=-1)), modulation + offset, mask)
        return self.to_latent(self.norm(x))


class MotionMambaDenoiser(Denoiser):
    """Motion Mamba (arXiv 2403.07487, section 3.2).

    Args:
        latent_dim: channels of a latent frame.
        width: channels of the blocks.
        text_dim: channels of the text encoder.
        blocks: blocks on the way down (5 for the paper's N = 11).
        schedule: numbers of parallel scans on the way down.
        inner: channels that each temporal scan runs over.
        states: size of the state of a temporal scan.
        group: channels of a token of the spatial scan; `expansion` and `spatial_states` are its inner sizes.
        heads, feedforward: of the text mixer.
        directions, spatial: directions of the temporal and of the spatial scans.
        temporal_mixer, spatial_mixer: what mixes over time and along the channels: "selective", the paper's parallel
            selective scans, or a name in `motiongen_ops.mixers.MIXERS` (mamba, mamba2, vim, hydra, vssd).
    """

    def __init__(
        self,
        latent_dim: int = 32,
        width: int = 256,
        text_dim: int = 256,
        blocks: int = 5,
        schedule: Schedule = "2N-1..1",
        inner: int = 128,
        states: int = 16,
        group: int = 32,
        expansion: int = 1,
        spatial_states: int = 8,
        heads: int = 4,
        feedforward: int = 1024,
        directions: Directions = "both",
        spatial: Spatial = "bidirectional",
        temporal_mixer: str = SELECTIVE,
        spatial_mixer: str = SELECTIVE,
    ) -> None:
        scans = scan_schedule(schedule, blocks)

        def block(k: int) -> MotionMambaBlock:
            return MotionMambaBlock(
                width, k, inner, states, group, expansion, spatial_states, directions, spatial,
                temporal_mixer, spatial_mixer,
            )  # fmt: skip

        super().__init__(
            latent_dim, width, text_dim, heads, feedforward,
            down=[block(k) for k in scans], up=[block(k) for k in reversed(scans)],
        )  # fmt: skip
        self.config = {
            "latent_dim": latent_dim, "width": width, "text_dim": text_dim, "blocks": blocks, "schedule": schedule,
            "inner": inner, "states": states, "group": group, "expansion": expansion,
            "spatial_states": spatial_states, "heads": heads, "feedforward": feedforward, "directions": directions,
            "spatial": spatial, "temporal_mixer": temporal_mixer, "spatial_mixer": spatial_mixer,
        }  # fmt: skip


class TransformerDenoiser(Denoiser):
    """The twin: the same way in and out, conditioning and skips, with attention where Motion Mamba scans."""

    def __init__(
        self,
        latent_dim: int = 32,
        width: int = 256,
        text_dim: int = 256,
        blocks: int = 3,
        heads: int = 4,
        feedforward: int = 1024,
    ) -> None:
        super().__init__(
            latent_dim, width, text_dim, heads, feedforward,
            down=[AttentionBlock(width, heads, 2 * width) for _ in range(blocks)],
            up=[AttentionBlock(width, heads, 2 * width) for _ in range(blocks)],
        )  # fmt: skip
        self.config = {
            "latent_dim": latent_dim, "width": width, "text_dim": text_dim, "blocks": blocks, "heads": heads,
            "feedforward": feedforward,
        }  # fmt: skip


class AttentionBlock(nn.Module):
    """Self-attention with rotary positions (Su et al. 2021), then a feed-forward network, both added to the input."""

    def __init__(self, width: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, feedforward), nn.GELU(), nn.Linear(feedforward, width)
        )

    def forward(
        self, x: Float[Tensor, "b l c"], modulation: Float[Tensor, "b l m"], mask: Bool[Tensor, "b l"] | None
    ) -> Float[Tensor, "b l c"]:
        shift, scale = modulation.chunk(2, dim=-1)
        h = self.norm(x) * (1 + scale) + shift
        query, key, value = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.query_key_value(h).chunk(3, dim=-1)
        )
        mixed = nn.functional.scaled_dot_product_attention(
            rotary(query), rotary(key), value, attn_mask=None if mask is None else mask[:, None, None, :]
        )
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.feedforward(x)


def rotary(x: Float[Tensor, "b h l c"]) -> Float[Tensor, "b h l c"]:
    """Pairs of channels turned by angles that grow with the position (RoFormer, equation 34)."""
    length, half = x.shape[-2], x.shape[-1] // 2
    rates = 10_000.0 ** (-torch.arange(half, device=x.device) / half)
    angle = torch.arange(length, device=x.device)[:, None] * rates
    first, second = x.chunk(2, dim=-1)
    cos, sin = angle.cos().to(x), angle.sin().to(x)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


DENOISERS: dict[str, type[Denoiser]] = {
    "MotionMambaDenoiser": MotionMambaDenoiser,
    "TransformerDenoiser": TransformerDenoiser,
}
