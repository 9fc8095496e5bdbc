"""Key frames by density and separation (KMM, arXiv 2411.06481, section 3.2), the frames that masking takes away."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def key_frame_scores(x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"]) -> Float[Tensor, "b l"]:
    """gamma = d * s of every frame; padded frames have -1, real ones at least 0.

        d_i = sum_j exp(-|x_i - x_j|^2)                       density, over the frames j of the clip, i among them
        s_i = min over j with d_j > d_i of |x_i - x_j|        separation; for the densest frame the largest distance

    Distances are divided by their root mean square within the clip, since exp underflows on raw ones. Of two frames
    of equal density the earlier counts as the denser, so that exactly one frame is the densest.

    Args:
        x: latents, or any vectors of frames.
        mask: which frames are real.
    """
    pairs = mask[:, :, None] & mask[:, None, :]
    squared = (x[:, :, None] - x[:, None]).square().sum(-1) * pairs
    mean = squared.sum((1, 2), keepdim=True) / pairs.sum((1, 2), keepdim=True).clamp(min=1)
    squared = squared / mean.clamp(min=torch.finfo(x.dtype).tiny)
    density = (torch.exp(-squared) * pairs).sum(-1)
    earlier = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril(-1)
    own, other = density[:, :, None], density[:, None, :]
    denser = ((other > own) | ((other == own) & earlier)) & pairs
    distance = squared.sqrt()
    nearest = distance.masked_fill(~denser, torch.inf).amin(-1)
    separation = torch.where(denser.any(-1), nearest, distance.amax(-1))
    return (density * separation).masked_fill(~mask, -1.0)


def key_frames(x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"], count: Int[Tensor, " b"]) -> Bool[Tensor, "b l"]:
    """The `count` frames of each clip whose score is largest; of equal ones the earlier."""
    order = key_frame_scores(x, mask).argsort(dim=1, descending=True, stable=True)
    return ranked(order, count) & mask


def random_frames(
    mask: Bool[Tensor, "b l"], count: Int[Tensor, " b"], generator: torch.Generator
) -> Bool[Tensor, "b l"]:
    """`count` real frames of each clip, any as likely: what key frames are compared with."""
    scores = torch.rand(mask.shape, generator=generator).to(mask.device).masked_fill(~mask, -1.0)
    return ranked(scores.argsort(dim=1, descending=True, stable=True), count) & mask


def ranked(order: Int[Tensor, "b l"], count: Int[Tensor, " b"]) -> Bool[Tensor, "b l"]:
    """True at the first `count` frames of an order of frames."""
    rank = torch.empty_like(order)
    rank.scatter_(1, order, torch.arange(order.shape[1], device=order.device).expand_as(order))
    return rank < count.to(order.device)[:, None]
