"""Loops, whose last frame flows into their first, and motion in place."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.diffusion.noise import standard_normal
from motiongen.diffusion.sampling import Given
from motiongen.diffusion.timeline import Sampling, TimelineSampler
from motiongen.editing.placing import bent
from motiongen.features import root_anchor
from motiongen.features.recovery import recovered
from motiongen.models.vae import TemporalCodec

SEAM = 3  # latent frames on either side of the seam that are generated anew
TRAVELS = 0.6  # metres: a clip that gets farther cannot come back within the seam
_SWAY = 8.0  # frames: what the root does more slowly than this is its way, what it does faster its sway


def closed(
    sampler: TimelineSampler,
    codec: TemporalCodec,
    z: Float[Tensor, "1 l d"],
    sentences: tuple[str, ...],
    frame_sentence: Int[Tensor, " l"],
    sampling: Sampling,
    generator: torch.Generator,
    in_place: bool,
) -> Float[Tensor, "1 l d"]:
    """The latents with the frames about their seam generated anew, between the end of the clip and its beginning.

    The sequence is turned so that the seam lies in its middle, where it is regenerated like any other span. The root is
    held to a course that closes: in place the heading alone, else the place too.
    """
    length = z.shape[1]
    seam = min(SEAM, length // 3)
    shift = length // 2
    turned = z.roll(shift, dims=1)
    span = slice(shift - seam, shift + seam)
    known = torch.ones(1, length, dtype=torch.bool, device=z.device)
    known[:, span] = False

    def project(x: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        root = codec.root_of(x).clone()
        before, after = root_anchor.total(root[:, : span.start]), root_anchor.total(root[:, span.stop :])
        goal = root_anchor.composed(root_anchor.inverse(before), root_anchor.inverse(after))
        own = root_anchor.total(root[:, span])
        # Half turns: a whole turn more or less leads to the same heading.
        goal[:, 0] += math.pi * ((own[:, 0] - goal[:, 0]) / math.pi).round()
        if in_place:
            goal = torch.cat([goal[:, :1], own[:, 1:]], dim=-1)
        root[:, span] = root_anchor.with_total(root[:, span], goal)
        return codec.with_root(x, root)

    noise = standard_normal(tuple(z.shape), generator, z.device)
    frames = frame_sentence.roll(shift)[None].to(z.device)
    made = sampler([sentences], frames, noise, sampling, given=Given(turned, known), project=project)
    return made.roll(-shift, dims=1)


@torch.no_grad()
def looped(
    codec: TemporalCodec, z: Float[Tensor, "1 l d"], clean_feet: bool, in_place: bool
) -> tuple[Float[Tensor, "t 22 3"], Float[Tensor, "t 263"]]:
    """Joints and features of closed latents: frame t would be frame 0 again."""
    frames = z.shape[1] * codec.downsampling
    # Between two copies of itself, so that the ends are decoded with what flows in and out.
    features = codec.decode(z.repeat(1, 3, 1))[0, frames : 2 * frames + 1].cpu()
    joints = recovered(features, clean_feet and not in_place)
    if in_place:
        joints = joints - _way(joints[:, 0], periodic=True)[:, None]
    # What is left is a matter of millimetres; the pose at the end is that of the beginning.
    body = bent(joints[:frames], joints[frames], joints[0])
    missing = joints[0] - joints[frames]
    missing = missing - missing[:1] * missing.new_tensor([1.0, 0.0, 1.0])
    share = torch.arange(frames).to(body)[:, None, None] / frames
    return body + share * missing, features[:frames]


def stays(joints: Float[Tensor, "t 22 3"]) -> bool:
    """Whether a clip ends about where it began."""
    way = (joints[-1, 0] - joints[0, 0])[[0, 2]]
    return bool(way.norm() < TRAVELS)


def in_place_of(joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, "t 22 3"]:
    """The clip without its way over the floor; the sway of the hips and all heights stay."""
    return joints - _way(joints[:, 0], periodic=False)[:, None]


def _way(root: Float[Tensor, "t 3"], periodic: bool) -> Float[Tensor, "t 3"]:
    """Where the root would be if it moved at its smoothed velocity over the floor."""
    velocity = root.diff(dim=0) * root.new_tensor([1.0, 0.0, 1.0])
    reach = min(round(3 * _SWAY), len(velocity))
    offsets = torch.arange(-reach, reach + 1)
    kernel = torch.exp(-0.5 * (offsets / _SWAY) ** 2).to(root)
    kernel = kernel / kernel.sum()
    if periodic:
        padded = torch.cat([velocity[-reach:], velocity, velocity[:reach]])
    else:
        padded = torch.cat([velocity[:1].expand(reach, -1), velocity, velocity[-1:].expand(reach, -1)])
    smooth = (padded.unfold(0, 2 * reach + 1, 1) * kernel).sum(-1)
    return torch.cat([root.new_zeros(1, 3), smooth.cumsum(0)]) + root[:1] * root.new_tensor([1.0, 0.0, 1.0])
