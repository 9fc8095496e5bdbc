"""Is what is generated as varied as real motion? Distances between clips that show the same thing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.features.humanml3d import DIM


def pooled(
    features: Float[Tensor, "t 263"], mean: Float[Tensor, "263"], std: Float[Tensor, "263"]
) -> Float[Tensor, " p"]:
    """A clip as one vector: mean and spread over time of its standardised features, each 263 numbers."""
    z = (features - mean) / std.clamp(min=1e-4)
    return torch.cat([z.mean(0), z.std(0, correction=0)]).reshape(2 * DIM)


def pair_distance(
    vectors: Float[Tensor, "n p"], groups: Sequence[str], pairs: int, generator: torch.Generator
) -> float:
    """Mean Euclidean distance over random pairs of different clips of the same group.

    Groups are drawn alike, however many clips they have, so that two sets of clips are compared group by group.

    Raises:
        ValueError: no group has two clips.
    """
    members: dict[str, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    several = [members[group] for group in sorted(members) if len(members[group]) > 1]
    if not several:
        raise ValueError(f"none of {len(members)} groups has two clips; distances need pairs")
    total = 0.0
    for i in range(pairs):
        group_members = several[i % len(several)]
        a, b = torch.randperm(len(group_members), generator=generator)[:2].tolist()
        total += (vectors[group_members[a]] - vectors[group_members[b]]).norm().item()
    return total / pairs
