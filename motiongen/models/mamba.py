"""Motion Mamba's two mixers and its block (arXiv 2403.07487, sections 3.2 to 3.4)."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.models.mixing import SELECTIVE, ParallelMixers, check_mixer, spatial_mixers
from motiongen_ops import parallel_scans

Directions = Literal["both", "forward"]
Spatial = Literal["bidirectional", "forward", "none"]
RANK_SHARE = 8  # the step size delta comes from a projection this many times narrower than the scanned channels


class HierarchicalTemporalMixer(nn.Module):
    """HTM: a linear map, `k` parallel pairs of convolution and selective scan over time, their sum, a linear map.

    The paper leaves the direction open. With `directions="both"` the second half of the scans runs backwards in time,
    as a frame depends on what follows it too; with "forward" all run forwards.

    Args:
        width: channels of the input and output.
        inner: channels that are scanned.
        scans: k.
        states: N, size of the state of each channel.
        kernel: frames that each convolution sees.
        mixer: "selective", or a name in `motiongen_ops.mixers.MIXERS` for k of those instead, whose directions are the
            same where they are causal.
    """

    def __init__(
        self, width: int, inner: int, scans: int, states: int, kernel: int = 4, directions: Directions = "both",
        mixer: str = SELECTIVE,
    ) -> None:  # fmt: skip
        super().__init__()
        one_of("directions", directions, Directions)
        reverse = tuple(directions == "both" and i >= (scans + 1) // 2 for i in range(scans))
        self.to_inner = nn.Linear(width, inner)
        self.scans = (
            SelectiveScans(inner, states, kernel, reverse)
            if mixer == SELECTIVE
            else ParallelMixers(mixer, inner, states, reverse)
        )
        self.to_width = nn.Linear(inner, width)

    def forward(self, h: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None) -> Float[Tensor, "b l c"]:
        return self.to_width(self.scans(self.to_inner(h), mask))


class BidirectionalSpatialMixer(nn.Module):
    """BSM: inside each frame, selective scans along groups of channels in both directions, gated and summed.

    A frame of `width` channels becomes a sequence of `width / group` tokens. Tokens have learned positions, since
    channels, unlike frames, are not exchangeable. Another `mixer` than "selective", one of
    `motiongen_ops.mixers.MIXERS`, takes the place of the scans.
    """

    def __init__(
        self, width: int, group: int, expansion: int, states: int, kernel: int = 3, spatial: Spatial = "bidirectional",
        mixer: str = SELECTIVE,
    ) -> None:  # fmt: skip
        super().__init__()
        one_of("spatial", spatial, Spatial)
        if width % group:
            raise ValueError(f"width {width} is no multiple of the spatial group {group}")
        self.group = group
        inner = expansion * group
        self.norm = nn.LayerNorm(width)
        self.position = nn.Parameter(0.02 * torch.randn(width // group, group))
        self.to_inner = nn.Linear(group, 2 * inner)
        reverse = (False, True) if spatial == "bidirectional" else (False,)
        self.scans = (
            SelectiveScans(inner, states, kernel, reverse)
            if mixer == SELECTIVE
            else spatial_mixers(mixer, inner, states, reverse)
        )
        self.to_group = nn.Linear(inner, group)

    def forward(self, h: Float[Tensor, "b l c"]) -> Float[Tensor, "b l c"]:
        tokens = self.norm(h).view(-1, h.shape[-1] // self.group, self.group) + self.position
        x, gate = self.to_inner(tokens).chunk(2, dim=-1)
        return self.to_group(self.scans(x) * nn.functional.silu(gate)).view_as(h)


class MotionMambaBlock(nn.Module):
    """HTM, then BSM, the output gated by a linear map of the block's input; added to what came in.

    `modulation` is the conditioning: shift and scale of the normalised input, a row a frame.
    """

    def __init__(
        self, width: int, scans: int, inner: int, states: int, group: int, expansion: int, spatial_states: int,
        directions: Directions = "both", spatial: Spatial = "bidirectional",
        temporal_mixer: str = SELECTIVE, spatial_mixer: str = SELECTIVE,
    ) -> None:  # fmt: skip
        super().__init__()
        check_mixer("temporal_mixer", temporal_mixer, directions == "both")
        check_mixer("spatial_mixer", spatial_mixer, spatial != "forward")
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.temporal = HierarchicalTemporalMixer(
            width, inner, scans, states, directions=directions, mixer=temporal_mixer
        )
        self.spatial = (
            None
            if spatial == "none"
            else BidirectionalSpatialMixer(
                width, group, expansion, spatial_states, spatial=spatial, mixer=spatial_mixer
            )
        )
        self.gate = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "b l c"], modulation: Float[Tensor, "b l m"], mask: Bool[Tensor, "b l"] | None
    ) -> Float[Tensor, "b l c"]:
        shift, scale = modulation.chunk(2, dim=-1)
        h = self.norm(x) * (1 + scale) + shift
        y = self.temporal(h, mask)
        if self.spatial is not None:
            y = y + self.spatial(y)
        return x + y * nn.functional.silu(self.gate(h))


def one_of(name: str, value: str, choices: Any) -> None:
    """Raises: ValueError: `value` is not in the Literal `choices`; a misspelt ablation must not train another model."""
    if value not in get_args(choices):
        raise ValueError(f"{name} is '{value}'; it must be one of {', '.join(get_args(choices))}")


class SelectiveScans(nn.Module):
    """k parallel pairs of depthwise convolution and selective scan over one input, summed.

    Every scan has its own convolution and its own A (Motion Mamba, equation 4). B, C and delta of all k come from one
    projection of the shared input: a projection a scan would cost more than the scans.
    """

    def __init__(self, channels: int, states: int, kernel: int, reverse: tuple[bool, ...]) -> None:
        super().__init__()
        scans = len(reverse)
        self.scans, self.channels, self.states, self.reverse = scans, channels, states, reverse
        self.rank = max(1, channels // RANK_SHARE)
        self.weight = nn.Parameter(torch.empty(kernel, scans, channels).uniform_(-(kernel**-0.5), kernel**-0.5))
        self.bias = nn.Parameter(torch.zeros(scans, channels))
        self.to_parameters = nn.Linear(channels, self.rank + 2 * scans * states, bias=False)
        self.to_delta = nn.Linear(self.rank, scans * channels, bias=False)
        self.delta_bias = nn.Parameter(initial_delta_bias(scans, channels))
        self.log_decay = nn.Parameter(initial_log_decay(scans, channels, states))
        self.skip = nn.Parameter(torch.ones(scans, channels))
        nn.init.uniform_(self.to_delta.weight, -(self.rank**-0.5), self.rank**-0.5)

    def forward(self, x: Float[Tensor, "b l c"], mask: Bool[Tensor, "b l"] | None = None) -> Float[Tensor, "b l c"]:
        # The recurrence is computed in float32 whatever the precision of the products around it.
        return parallel_scans(
            x.float(),
            self.to_parameters(x).float(),
            self.weight,
            self.bias,
            self.to_delta.weight,
            self.delta_bias,
            -self.log_decay.exp(),
            self.skip,
            self.reverse,
            mask,
        )


def initial_log_decay(scans: int, channels: int, states: int) -> Float[Tensor, "k c n"]:
    """log(-A) with A = -1 .. -N in every channel (S4D-real, the initialisation of Mamba)."""
    return torch.arange(1, states + 1, dtype=torch.float32).log().expand(scans, channels, states).clone()


def initial_delta_bias(scans: int, channels: int) -> Float[Tensor, "k c"]:
    """Inverse softplus of step sizes spread evenly in log scale over 0.01 .. 0.5: latent sequences are short."""
    low, high = torch.tensor(0.01).log(), torch.tensor(0.5).log()
    delta = (low + (high - low) * torch.rand(scans, channels)).exp()
    return delta + (-torch.expm1(-delta)).log()
