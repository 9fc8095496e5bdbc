"""Any sequence mixer of `motiongen_ops.mixers` in the place of Motion Mamba's selective scans."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen_ops.mixers import MIXERS

# Motion Mamba's own mixer: parallel scans with shared projections.
SELECTIVE = "selective"
# Latent sequences are short, so frames must be forgotten faster than the papers' sequences of thousands need.
DELTA_RANGE = (0.01, 0.5)


def check_mixer(name: str, mixer: str, both_directions: bool) -> None:
    """Raises: ValueError: there is no such mixer, or it sees both directions where one alone is asked for."""
    if mixer != SELECTIVE and mixer not in MIXERS:
        raise ValueError(f"{name} is '{mixer}'; it must be one of {', '.join([SELECTIVE, *MIXERS])}")
    if mixer != SELECTIVE and not MIXERS[mixer].causal and not both_directions:
        causal = ", ".join([SELECTIVE, *(other for other, kind in MIXERS.items() if kind.causal)])
        raise ValueError(f"{name} is '{mixer}', which sees both directions; for one direction take one of {causal}")


class ParallelMixers(nn.Module):
    """Mixers of one kind over one input, summed, each with parameters of its own.

    Args:
        mixer: a name in `MIXERS`.
        channels: of input and output.
        states: size of each channel's state.
        reverse: the direction of each mixer; where the kind sees both directions, only how many there are.
    """

    def __init__(self, mixer: str, channels: int, states: int, reverse: tuple[bool, ...]) -> None:
        super().__init__()
        kind = MIXERS[mixer]
        directions = [{"reverse": flag} if kind.causal else {} for flag in reverse]
        # The width was expanded, or narrowed, before.
        self.mixers = nn.ModuleList(
            kind(channels, states=states, expand=1, delta_range=DELTA_RANGE, **direction) for direction in directions
        )

    def forward(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None = None) -> Float[Tensor, "b l c"]:
        first, *others = self.mixers
        y: Tensor = first(x, mask)
        for mixer in others:
            y = y + mixer(x, mask)
        return y


def spatial_mixers(mixer: str, channels: int, states: int, reverse: tuple[bool, ...]) -> ParallelMixers:
    """BSM's: one for each direction, or a single one of a kind that sees both."""
    return ParallelMixers(mixer, channels, states, reverse if MIXERS[mixer].causal else (False,))
