"""Noise levels of a training batch, one a frame: key frames taken away, frames that are given, and ordinary ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongen.models.keyframes import key_frames, random_frames


@dataclass(frozen=True)
class Masking:
    """Which frames of a training sample have another noise level than the rest.

    Attributes:
        masked: how frames to mask are chosen: KMM's key frames, random ones, or none.
        share: share of samples with masked frames, which are at full noise.
        most: largest part of a sample's frames that is masked; the part is uniform from 0 to it, at least one frame.
        given: share of samples of which some frames are known, at no noise: what continuing, editing and streaming ask
            for. No sample has both.
    """

    masked: Literal["key-frame", "random", "none"] = "key-frame"
    share: float = 0.25
    most: float = 0.4
    given: float = 0.25


@dataclass(frozen=True)
class NoisePlan:
    """Timesteps of every frame, and which frames are known and so ask nothing of the model."""

    timesteps: Int[Tensor, "b l"]
    given: Bool[Tensor, "b l"]


def noise_plan(
    z: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"], config: Masking, steps: int, generator: torch.Generator
) -> NoisePlan:
    """One random timestep for each sample; `steps` - 1 at its masked frames, 0 at its given ones."""
    count = len(z)
    timesteps = torch.randint(steps, (count, 1), generator=generator).expand(mask.shape).clone()
    lot = torch.rand(count, generator=generator)
    part = torch.rand(count, generator=generator) * config.most
    if config.masked != "none":
        chosen = (part * mask.sum(1)).ceil().long().clamp(min=1)
        frames = key_frames(z, mask, chosen) if config.masked == "key-frame" else random_frames(mask, chosen, generator)
        timesteps[frames & (lot < config.share)[:, None]] = steps - 1
    given = given_frames(mask, generator) & ((lot >= config.share) & (lot < config.share + config.given))[:, None]
    timesteps[given] = 0
    return NoisePlan(timesteps, given)


def given_frames(mask: Bool[Tensor, "b l"], generator: torch.Generator) -> Bool[Tensor, "b l"]:
    """For each sample a random pattern of known frames: a beginning, an end, both, or scattered ones.

    At least one real frame of a sample stays unknown.
    """
    count, length = mask.shape
    lengths = mask.sum(1, keepdim=True)
    frame = torch.arange(length)[None]
    first, last = (torch.rand(count, 2, generator=generator) * lengths).floor().sort(dim=1).values.chunk(2, dim=1)
    beginning, end = frame < first.clamp(min=1), frame > last
    scattered = torch.rand(mask.shape, generator=generator) < torch.rand(count, 1, generator=generator) / 2
    kind = torch.rand(count, 1, generator=generator)
    given = torch.where(kind < 0.4, beginning, torch.where(kind < 0.5, end, beginning | end))
    given = torch.where(kind < 0.85, given, scattered) & mask
    # The frame at `last` is in neither the beginning nor the end, unless it is the first one.
    unknown = last.clamp(min=1).minimum(lengths - 1).long()
    given.scatter_(1, unknown, False)
    return given
