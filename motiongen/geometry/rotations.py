"""Rotations as unit quaternions (w, x, y, z), 6-d vectors and headings. All functions broadcast over leading axes."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def quaternion_multiply(a: Float[Tensor, "*#b 4"], b: Float[Tensor, "*#b 4"]) -> Float[Tensor, "... 4"]:
    """Hamilton product: the rotation `b` followed by the rotation `a`."""
    aw, ax, ay, az = a.unbind(-1)
    bw, bx, by, bz = b.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def quaternion_inverse(q: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 4"]:
    """Inverse of a unit quaternion: its conjugate."""
    return q * q.new_tensor([1.0, -1.0, -1.0, -1.0])


def quaternion_rotate(q: Float[Tensor, "*#b 4"], v: Float[Tensor, "*#b 3"]) -> Float[Tensor, "... 3"]:
    """The vectors `v` rotated by the unit quaternions `q`."""
    w, xyz = q[..., :1], q[..., 1:]
    xyz, v = torch.broadcast_tensors(xyz, v)
    once = torch.linalg.cross(xyz, v)
    return v + 2 * (w * once + torch.linalg.cross(xyz, once))


def quaternion_between(a: Float[Tensor, "*#b 3"], b: Float[Tensor, "*#b 3"]) -> Float[Tensor, "... 4"]:
    """The shortest rotation that takes the direction of `a` to that of `b`.

    Opposite vectors have no single shortest rotation; a half turn about an axis perpendicular to `a` is returned.
    """
    a, b = torch.broadcast_tensors(a, b)
    axis = torch.linalg.cross(a, b)
    w = (a.square().sum(-1) * b.square().sum(-1)).sqrt() + (a * b).sum(-1)
    q = torch.cat([w[..., None], axis], dim=-1)
    size = q.norm(dim=-1, keepdim=True)
    # Any vector that is not parallel to `a` gives a perpendicular: take the axis along which `a` is shortest.
    shortest = torch.nn.functional.one_hot(a.abs().argmin(-1), 3).to(a)
    side = torch.nn.functional.normalize(torch.linalg.cross(a, shortest), dim=-1)
    half_turn = torch.cat([torch.zeros_like(side[..., :1]), side], dim=-1)
    opposite = size < 1e-8
    return torch.where(opposite, half_turn, q / size.clamp_min(1e-8))


def quaternion_to_matrix(q: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 3 3"]:
    """Rotation matrices of unit quaternions."""
    basis = torch.eye(3, dtype=q.dtype, device=q.device).expand(*q.shape[:-1], 3, 3)
    # Row k of `turned` is the image of the k-th basis vector, that is column k of the matrix.
    turned = quaternion_rotate(q[..., None, :], basis)
    return turned.transpose(-1, -2)


def quaternion_to_6d(q: Float[Tensor, "*b 4"]) -> Float[Tensor, "*b 6"]:
    """The first two columns of the rotation matrix (Zhou et al. 2019, as HumanML3D lays them out)."""
    matrix = quaternion_to_matrix(q)
    return torch.cat([matrix[..., 0], matrix[..., 1]], dim=-1)


def heading_quaternion(half_angle: Float[Tensor, "*b"]) -> Float[Tensor, "*b 4"]:
    """Rotation about +Y by twice `half_angle` (radians); HumanML3D keeps headings as half angles."""
    zero = torch.zeros_like(half_angle)
    return torch.stack([half_angle.cos(), zero, half_angle.sin(), zero], dim=-1)


def rotate_y(v: Float[Tensor, "*#b 3"], angle: Float[Tensor, "*#b"]) -> Float[Tensor, "... 3"]:
    """The vectors `v` turned about +Y by `angle` radians; +Z goes towards +X for positive angles."""
    cos, sin = angle.cos(), angle.sin()
    x, y, z = v.unbind(-1)
    return torch.stack([cos * x + sin * z, y.expand_as(cos * x), cos * z - sin * x], dim=-1)
