"""Clips brought onto a skeleton of given bones: what rotations alone can reach."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motiongen.skeleton import JOINT_INDEX

PELVIS, CHEST = JOINT_INDEX["pelvis"], JOINT_INDEX["spine3"]
PELVIS_CHILDREN = [JOINT_INDEX[n] for n in ("left_hip", "right_hip", "spine1")]
CHEST_CHILDREN = [JOINT_INDEX[n] for n in ("neck", "left_collar", "right_collar")]
# By how much the end of a straight limb may miss its place, and the share of its full reach below which it is bent.
_SLACK_M, _BENT = 0.02, 0.97


def least_squares(seen: Float[Tensor, "*t n 3"], at_rest: Float[Tensor, "*g n 3"]) -> Float[Tensor, "*t 3 3"]:
    """The rotation that best takes several offsets at rest to where they are seen (Kabsch 1976)."""
    u, _, vh = torch.linalg.svd(seen.mT @ at_rest)
    # A reflection is no turn: where one fits best, the weakest direction is given up.
    u = torch.cat([u[..., :2], u[..., 2:] * torch.linalg.det(u @ vh)[..., None, None]], dim=-1)
    return u @ vh


def onto_skeleton(joints: Float[Tensor, "t 22 3"], rest: Float[Tensor, "22 3"]) -> Float[Tensor, "t 22 3"]:
    """The clip with the bone lengths, and the shapes of pelvis and chest, of a skeleton at rest.

    The root stays; pelvis and chest turn to fit best; ankles and wrists stay where they are if they can be reached,
    with knees and elbows in the plane they were in; heads and feet keep their directions.
    """
    placed: dict[str, Tensor] = {"pelvis": joints[:, PELVIS]}
    seen = dict(zip(JOINT_INDEX, joints.unbind(1)))
    lies = dict(zip(JOINT_INDEX, rest.unbind(0)))

    def towards(name: str, parent: str, direction: Tensor) -> None:
        placed[name] = placed[parent] + normalize(direction, dim=-1) * (lies[name] - lies[parent]).norm()

    def group(parent: str, children: list[int]) -> None:
        offsets = rest[children] - lies[parent]
        turned = least_squares(joints[:, children] - placed[parent][:, None], offsets) @ offsets.mT
        for name, offset in zip([list(JOINT_INDEX)[c] for c in children], turned.unbind(-1)):
            placed[name] = placed[parent] + offset

    group("pelvis", PELVIS_CHILDREN)
    for parent, name in (("spine1", "spine2"), ("spine2", "spine3")):
        towards(name, parent, seen[name] - placed[parent])
    group("spine3", CHEST_CHILDREN)
    towards("head", "neck", seen["head"] - seen["neck"])
    for side in ("left_", "right_"):
        towards(f"{side}shoulder", f"{side}collar", seen[f"{side}shoulder"] - placed[f"{side}collar"])
    limbs = [(f"{s}hip", f"{s}knee", f"{s}ankle") for s in ("left_", "right_")]
    limbs += [(f"{s}shoulder", f"{s}elbow", f"{s}wrist") for s in ("left_", "right_")]
    start = torch.stack([placed[a] for a, _, _ in limbs], dim=1)
    lengths = torch.stack([torch.stack([(lies[b] - lies[a]).norm(), (lies[c] - lies[b]).norm()]) for a, b, c in limbs])
    wanted = joints[:, [[JOINT_INDEX[n] for n in limb] for limb in limbs]]
    middle, end = _two_bones(start, wanted, lengths)
    for i, (_, b, c) in enumerate(limbs):
        placed[b], placed[c] = middle[:, i], end[:, i]
    for side in ("left_", "right_"):
        towards(f"{side}foot", f"{side}ankle", seen[f"{side}foot"] - seen[f"{side}ankle"])
    return torch.stack([placed[name] for name in JOINT_INDEX], dim=1)


def _two_bones(
    start: Float[Tensor, "t n 3"], wanted: Float[Tensor, "t n k 3"], lengths: Float[Tensor, "n 2"]
) -> tuple[Float[Tensor, "t n 3"], Float[Tensor, "t n 3"]]:
    """Hinge and end of limbs that begin at `start`: the end where it is wanted, or as near as the limb reaches.

    The hinge lies in the plane of start, wanted hinge and end, on the side where it is wanted (law of cosines). A limb
    that is seen nearly straight stays so: there a millimetre less of reach would bend it by degrees.
    """
    upper, lower = lengths.unbind(-1)
    line = wanted[..., 2, :] - start
    axis = normalize(line, dim=-1)
    bones = normalize(wanted[..., 1:, :] - wanted[..., :-1, :], dim=-1) * lengths[..., None]
    as_bent = bones.sum(-2).norm(dim=-1)
    straight = ((as_bent / (upper + lower) - _BENT) / (1 - _BENT)).clamp(0, 1)
    reach = line.norm(dim=-1)
    reach = reach + (as_bent - reach).clamp_min(0).minimum(_SLACK_M * straight)
    reach = reach.clamp((upper - lower).abs(), upper + lower)
    along = (reach.square() + upper.square() - lower.square()) / (2 * reach)
    out = wanted[..., 1, :] - start
    out = normalize(out - (out * axis).sum(-1, keepdim=True) * axis, dim=-1)
    height = (upper.square() - along.square()).clamp_min(0).sqrt()
    middle = start + along[..., None] * axis + height[..., None] * out
    return middle, start + reach[..., None] * axis
