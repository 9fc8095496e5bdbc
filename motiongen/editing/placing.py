"""Joining generated motion to motion that stays: rigid placing on the floor, and offsets that fade."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.geometry.rotations import rotate_y


def floor_transform(
    source: Float[Tensor, "j 3"], target: Float[Tensor, "j 3"]
) -> tuple[Float[Tensor, ""], Float[Tensor, " 3"]]:
    """Turn about +Y (radians) and horizontal shift (metres) that bring a pose closest to another.

    The least squares solution of rotate_y(source, turn) + shift ~ target over turns and shifts along the floor.
    """
    centre, goal = source.mean(0), target.mean(0)
    a, b = source - centre, target - goal
    # Maximises sum_j b_j . rotate_y(a_j, turn): cosine and sine parts of the horizontal product.
    cosine = (a[:, 0] * b[:, 0] + a[:, 2] * b[:, 2]).sum()
    sine = (a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]).sum()
    turn = torch.atan2(sine, cosine)
    shift = (goal - rotate_y(centre, turn)) * centre.new_tensor([1.0, 0.0, 1.0])
    return turn, shift


def placed(
    joints: Float[Tensor, "t 22 3"], at: Float[Tensor, "22 3"], to: Float[Tensor, "22 3"]
) -> Float[Tensor, "t 22 3"]:
    """The clip moved along the floor as a whole so that its pose `at` comes closest to the pose `to`."""
    turn, shift = floor_transform(at, to)
    return rotate_y(joints, turn) + shift


def bent(
    joints: Float[Tensor, "t 22 3"], at: Float[Tensor, "22 3"], to: Float[Tensor, "22 3"]
) -> Float[Tensor, "t 22 3"]:
    """The clip bent smoothly so that it begins as it is and its end, where its pose is `at`, arrives at `to`.

    Each frame is turned about its own root by its share of the missing turn and moved by its share of the missing way;
    shares grow from 0 before the first frame to 1 after the last.
    """
    turn, _ = floor_transform(at, to)
    missing = (to[0] - at[0]) * at.new_tensor([1.0, 0.0, 1.0])
    share = ramp(len(joints)).to(joints)
    root = joints[:, :1]
    turned = rotate_y(joints - root, (share * turn)[:, None]) + root
    return turned + share[:, None, None] * missing


def turned_to(pose: Float[Tensor, "22 3"], to: Float[Tensor, "22 3"]) -> Float[Tensor, "22 3"]:
    """Where `bent` leaves the pose that arrives: turned about its root, the root over that of `to`."""
    turn, _ = floor_transform(pose, to)
    root = pose[:1]
    missing = (to[:1] - root) * pose.new_tensor([1.0, 0.0, 1.0])
    return rotate_y(pose - root, turn) + root + missing


def ramp(frames: int) -> Float[Tensor, " t"]:
    """From near 0 to near 1 with level ends: 3 x^2 - 2 x^3 inside the open interval."""
    x = torch.arange(1, frames + 1) / (frames + 1)
    return x.square() * (3 - 2 * x)


def faded(offset: Float[Tensor, "22 3"], frames: int, fade: int) -> Float[Tensor, "t 22 3"]:
    """An offset of a pose that fades away over the first `fade` of `frames` frames."""
    reach = min(fade, frames)
    weight = torch.cat([1 - ramp(reach), torch.zeros(frames - reach)]).to(offset)
    return weight[:, None, None] * offset
