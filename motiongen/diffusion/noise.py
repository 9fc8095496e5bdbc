"""What denoising begins from: standard normal numbers, drawn on the device of the generator that draws them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen.motion import MotionError


def standard_normal(
    shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device | str
) -> Float[Tensor, "..."]:
    """Standard normal numbers on `device`; those of a generator are the same wherever they are wanted.

    Args:
        generator: of any device; torch's own of the CPU if None.
    """
    drawn = torch.randn(shape, generator=generator, device="cpu" if generator is None else generator.device)
    return drawn.to(device)


def initial_latents(
    given: Float[Tensor, "n m d"] | None,
    mask: Bool[Tensor, "b l"],
    dim: int,
    generator: torch.Generator | Sequence[torch.Generator] | None,
    candidates: int = 1,
) -> Float[Tensor, "b l d"]:
    """Latents to start from, on the device of `mask`: those that are given, or else drawn ones.

    Args:
        mask: which frames of each candidate are real.
        dim: numbers in a latent frame.
        generator: one for all, or one for every `candidates` rows.

    Raises:
        MotionError: latents of another shape, or another number of generators.
    """
    shape = (*mask.shape, dim)
    if given is not None:
        if tuple(given.shape) != shape:
            raise MotionError(f"latents have shape {tuple(given.shape)}; these durations need {shape}")
        return given.to(mask.device)
    if generator is None or isinstance(generator, torch.Generator):
        return standard_normal(shape, generator, mask.device)
    if len(generator) * candidates != shape[0]:
        count = shape[0] // candidates
        raise MotionError(f"{len(generator)} generators given for {count} clips; give one, or one a clip")
    z = torch.zeros(shape, device=mask.device)
    for row in range(shape[0]):
        # Only as much as the clip needs, so that its noise does not depend on the length of the others.
        length = int(mask[row].sum())
        z[row, :length] = standard_normal((length, dim), generator[row // candidates], mask.device)
    return z
