"""Rotations as rotation vectors (axis times angle, SMPL's poses) and as matrices, and forward kinematics with them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def to_matrix(vectors: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrices of rotation vectors, radians (Rodrigues' formula); differentiable at zero too."""
    square = vectors.square().sum(-1)[..., None, None]
    small = square < 1e-8
    angle = torch.where(small, torch.ones_like(square), square).sqrt()
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    once = torch.where(small, 1 - square / 6, angle.sin() / angle)
    twice = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / angle.square())
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    return eye + once * cross + twice * (cross @ cross)


def to_quaternion(matrices: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 4"]:
    """Unit quaternions (w, x, y, z) with w >= 0 of rotation matrices."""
    flat = matrices.flatten(-2)
    xx, xy, xz, yx, yy, yz, zx, zy, zz = flat.unbind(-1)
    # Four times the outer product of the quaternion with itself; its longest row has no cancellation.
    rows = torch.stack(
        [
            torch.stack([1 + xx + yy + zz, zy - yz, xz - zx, yx - xy], dim=-1),
            torch.stack([zy - yz, 1 + xx - yy - zz, yx + xy, xz + zx], dim=-1),
            torch.stack([xz - zx, yx + xy, 1 - xx + yy - zz, zy + yz], dim=-1),
            torch.stack([yx - xy, xz + zx, zy + yz, 1 - xx - yy + zz], dim=-1),
        ],
        dim=-2,
    )
    best = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    q = rows.gather(-2, best[..., None, None].expand(*best.shape, 1, 4))[..., 0, :]
    q = torch.nn.functional.normalize(q, dim=-1)
    return torch.where(q[..., :1] < 0, -q, q)


def from_matrix(matrices: Float[Tensor, "*b 3 3"]) -> Float[Tensor, "*b 3"]:
    """Rotation vectors of at most half a turn of rotation matrices, radians."""
    q = to_quaternion(matrices)
    w, xyz = q[..., :1], q[..., 1:]
    sine = xyz.norm(dim=-1, keepdim=True)
    half = torch.atan2(sine, w)
    return xyz * torch.where(sine < 1e-6, 2 / w.clamp_min(0.5), 2 * half / sine.clamp_min(1e-6))


def forward_kinematics(
    local: Float[Tensor, "t j 3 3"], rest: Float[Tensor, "j 3"], parents: Sequence[int]
) -> tuple[Float[Tensor, "t j 3 3"], Float[Tensor, "t j 3"]]:
    """Rotations in the world and joint positions; the root stays where it is in `rest`.

    Args:
        local: rotation of every joint relative to its parent.
        rest: joint positions in the rest pose, metres.
        parents: -1 for the root; a parent comes before its children.
    """
    turned, placed = [local[:, 0]], [rest[0].expand(local.shape[0], 3)]
    for joint in range(1, len(parents)):
        above = parents[joint]
        turned.append(turned[above] @ local[:, joint])
        placed.append(placed[above] + turned[above] @ (rest[joint] - rest[above]))
    return torch.stack(turned, dim=1), torch.stack(placed, dim=1)
