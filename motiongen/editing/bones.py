"""Bones of the clip that is edited: the model knows one skeleton, and what it makes is given the clip's own again."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motiongen.features.humanml3d import to_uniform_skeleton
from motiongen.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS, bone_lengths, uniform_offsets

# Whose length HumanML3D takes for the size of a body.
_LEG = [JOINT_INDEX["right_knee"], JOINT_INDEX["right_ankle"]]


def own_lengths(joints: Float[Tensor, "n 22 3"]) -> Float[Tensor, " 22"]:
    """Length of the bone that ends in each joint, metres: the median over a clip."""
    return bone_lengths(joints).median(0).values


def with_bones(joints: Float[Tensor, "t 22 3"], lengths: Float[Tensor, " 22"]) -> Float[Tensor, "t 22 3"]:
    """Bone directions and the root kept, bone lengths as given."""
    placed = [joints[:, 0]]
    for joint in range(1, NUM_JOINTS):
        direction = normalize(joints[:, joint] - joints[:, PARENTS[joint]], dim=-1)
        placed.append(placed[PARENTS[joint]] + direction * lengths[joint])
    return torch.stack(placed, dim=1)


def as_body_of(made: Float[Tensor, "t 22 3"], old: Float[Tensor, "n 22 3"]) -> Float[Tensor, "t 22 3"]:
    """Joints of the uniform skeleton, decoded, on the bones, in the size and on the floor of the clip encoded before.

    Encoding scales a clip by the length of its leg and puts its lowest joint, on uniform bones, at zero; this undoes
    both.

    Args:
        old: the clip as it was encoded.
    """
    uniform = to_uniform_skeleton(old)
    scale = uniform_offsets(old.dtype).norm(dim=-1)[_LEG].sum() / bone_lengths(old[0])[_LEG].sum()
    floor = torch.stack([made.new_zeros(()), uniform[..., 1].min().to(made), made.new_zeros(())])
    root = (made[:, :1] + floor) / scale.to(made)
    return with_bones(made - made[:, :1] + root, own_lengths(old).to(made))
