"""Classifier-free guidance (Ho and Salimans 2022), both predictions in one batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import Denoiser

Model = Callable[[Float[Tensor, "b l d"], Float[Tensor, "b l"]], Float[Tensor, "b l d"]]


def guided(
    denoiser: Denoiser, text: FrameText, empty: FrameText, scale: float, mask: Bool[Tensor, "b l"] | None = None
) -> Model:
    """A function of (latents, noise level) that predicts empty + scale (text - empty), equation 6.

    Args:
        text: the sentences.
        empty: the same frames with the empty sentence.
        scale: 1 leaves the prediction as it is and saves half of the work.
    """
    if scale == 1:
        return lambda z, noise_level: denoiser(z, noise_level, text, mask)
    both = stacked(text, empty)
    masks = None if mask is None else torch.cat([mask, mask])

    def model(z: Float[Tensor, "b l d"], noise_level: Float[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        told, untold = denoiser(torch.cat([z, z]), torch.cat([noise_level, noise_level]), both, masks).chunk(2)
        return untold + scale * (told - untold)

    return model


def stacked(first: FrameText, second: FrameText) -> FrameText:
    """Two batches as one; the one with fewer tokens or sentences is padded."""
    tokens = max(first.tokens.shape[1], second.tokens.shape[1])
    sentences = max(first.pooled.shape[1], second.pooled.shape[1])
    padded = [_padded(t, tokens, sentences) for t in (first, second)]
    return FrameText(
        torch.cat([t.tokens for t in padded]),
        torch.cat([t.token_segment for t in padded]),
        torch.cat([t.pooled for t in padded]),
        torch.cat([t.frame_segment for t in padded]),
    )


def _padded(text: FrameText, tokens: int, sentences: int) -> FrameText:
    pad = torch.nn.functional.pad
    missing = tokens - text.tokens.shape[1]
    return replace(
        text,
        tokens=pad(text.tokens, (0, 0, 0, missing)),
        token_segment=pad(text.token_segment, (0, missing), value=-1),
        pooled=pad(text.pooled, (0, 0, 0, sentences - text.pooled.shape[1])),
    )
