"""Contrastive alignment of sentences and motion (KMM, arXiv 2411.06481, section 3.3): trained heads and their loss."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from motiongen.models.vae import TemporalConvolution


class AlignmentHeads(nn.Module):
    """Sentences and the motion of their segments as unit vectors of one space; their cosine says how well they agree.

    Args:
        latent_dim: channels of a latent frame.
        text_dim: channels of a pooled sentence.
        dim: channels of the common space.
        width: channels of the motion head.
        pools: ways in which the motion head weighs the frames of a segment.
    """

    def __init__(self, latent_dim: int, text_dim: int, dim: int = 128, width: int = 192, pools: int = 4) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "latent_dim": latent_dim, "text_dim": text_dim, "dim": dim, "width": width, "pools": pools,
        }  # fmt: skip
        self.text_head = nn.Sequential(nn.Linear(text_dim, width), nn.GELU(), nn.Linear(width, dim))
        self.to_width = nn.Linear(latent_dim, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), TemporalConvolution(width, width, dilation), nn.GELU())
            for dilation in (1, 2)
        )
        self.weigh = nn.Linear(width, pools)
        self.out = nn.Sequential(nn.LayerNorm(pools * width), nn.Linear(pools * width, dim))
        # log 1/tau, as CLIP learns it, from tau = 0.07.
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def sentences(self, pooled: Float[Tensor, "*n c"]) -> Float[Tensor, "*n e"]:
        """Unit vectors of pooled sentences."""
        return nn.functional.normalize(self.text_head(pooled), dim=-1)

    def forward(self, z: Float[Tensor, "b l d"], members: Bool[Tensor, "b s l"]) -> Float[Tensor, "b s e"]:
        return self.segments(z, members)

    def segments(self, z: Float[Tensor, "b l d"], members: Bool[Tensor, "b s l"]) -> Float[Tensor, "b s e"]:
        """Unit vectors of segments.

        Args:
            z: latents; padded frames may hold anything.
            members: which frames belong to which segment. A segment without frames gets a vector without meaning.
        """
        real = members.any(1)[..., None]
        x = self.to_width(z * real)
        for block in self.blocks:
            x = x + block(x * real)
        # [b, s, pools, l]: every pool has its own weights over the frames of each segment.
        logits = self.weigh(x).transpose(1, 2)[:, None].expand(-1, members.shape[1], -1, -1)
        empty = ~members.any(-1)[..., None, None]
        weights = logits.masked_fill(~(members[:, :, None] | empty), -torch.inf).softmax(-1)
        pooled = torch.einsum("bspl,blw->bspw", weights, x).flatten(2)
        return nn.functional.normalize(self.out(pooled), dim=-1)

    @property
    def scale(self) -> Tensor:
        """1 / tau, at most 100."""
        return self.log_scale.exp().clamp(max=100.0)


def membership(frame_segment: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"], segments: int) -> Bool[Tensor, "b s l"]:
    """Which real frames belong to which of a sample's sentences."""
    number = torch.arange(segments, device=frame_segment.device)[None, :, None]
    return (frame_segment[:, None] == number) & mask[:, None]


def contrast(
    text: Float[Tensor, "n e"], motion: Float[Tensor, "n e"], alike: Bool[Tensor, "n n"], scale: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """(CE(sim) + CE(sim^T)) / 2 with sim = T M^T / tau: row i of each belongs to row i of the other (KMM, equation 9).

    `alike` marks pairs that say or show the same thing; they are neither positives nor negatives. The diagonal counts
    as positive whatever `alike` says.
    """
    similarity = scale * text @ motion.T
    others = alike & ~torch.eye(len(alike), dtype=torch.bool, device=alike.device)
    similarity = similarity.masked_fill(others, -torch.inf)
    target = torch.arange(len(text), device=text.device)
    cross_entropy = nn.functional.cross_entropy
    return (cross_entropy(similarity, target) + cross_entropy(similarity.T, target)) / 2
