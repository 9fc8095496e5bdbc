"""What a denoiser is told about each latent frame: its noise level, and the sentence of its segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motiongen.models.text_encoder import TextEmbedding


@dataclass(frozen=True)
class FrameText:
    """Sentences of a batch and the frames that each conditions.

    Attributes:
        tokens: token vectors of all sentences of a sample, one sentence after the other.
        token_segment: which sentence a token belongs to; -1 for padding.
        pooled: one vector a sentence.
        frame_segment: which sentence conditions a latent frame.
    """

    tokens: Float[Tensor, "b n c"]
    token_segment: Int[Tensor, "b n"]
    pooled: Float[Tensor, "b s c"]
    frame_segment: Int[Tensor, "b l"]

    @classmethod
    def build(cls, embedding: TextEmbedding, rows: Sequence[Sequence[int]], frames: Int[Tensor, "b l"]) -> FrameText:
        """Lay out embedded sentences by sample.

        Args:
            embedding: of the distinct sentences of the batch.
            rows: for each sample, which rows of `embedding` are its sentences, in order.
            frames: for each latent frame, which of the sample's sentences conditions it.
        """
        segments = max(len(r) for r in rows)
        index = torch.zeros(len(rows), segments, dtype=torch.long)
        used = torch.zeros(len(rows), segments, dtype=torch.bool)
        for i, r in enumerate(rows):
            index[i, : len(r)] = torch.tensor(r)
            used[i, : len(r)] = True
        index, used = index.to(frames.device), used.to(frames.device)
        number = torch.arange(segments, device=frames.device)[None, :, None]
        real = embedding.mask[index] & used[..., None]
        segment = torch.where(real, number, torch.full_like(number, -1))
        return cls(embedding.tokens[index].flatten(1, 2), segment.flatten(1), embedding.pooled[index], frames)

    def per_frame(self) -> Float[Tensor, "b l c"]:
        """The pooled sentence of every frame."""
        index = self.frame_segment[..., None].expand(-1, -1, self.pooled.shape[-1])
        return self.pooled.gather(1, index)

    def visible(self) -> Bool[Tensor, "b l n"]:
        """Which tokens each frame may attend to: those of its own sentence."""
        return self.frame_segment[..., None] == self.token_segment[:, None, :]


class NoiseLevelEmbedding(nn.Module):
    """Sinusoids of the noise level, then two linear maps (Ho et al. 2020, appendix B). One level a frame."""

    def __init__(self, width: int) -> None:
        super().__init__()
        frequencies = torch.exp(-torch.arange(width // 2) / (width // 2) * torch.log(torch.tensor(10_000.0)))
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, noise_level: Float[Tensor, "b l"]) -> Float[Tensor, "b l c"]:
        angle = 1000 * noise_level[..., None] * self.frequencies
        return self.layers(torch.cat([angle.sin(), angle.cos()], dim=-1))


class TextMixer(nn.Module):
    """The middle of the U-Net: every frame attends to the words of its own sentence, then a feed-forward network."""

    def __init__(self, width: int, text_dim: int, heads: int, feedforward: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(text_dim, 2 * width)
        self.out = nn.Linear(width, width)
        self.feedforward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, feedforward), nn.GELU(), nn.Linear(feedforward, width)
        )

    def forward(self, x: Float[Tensor, "b l c"], text: FrameText) -> Float[Tensor, "b l c"]:
        query = self.query(self.norm(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.key_value(text.tokens).chunk(2, dim=-1)
        )
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=text.visible().unsqueeze(1))
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.feedforward(x)
