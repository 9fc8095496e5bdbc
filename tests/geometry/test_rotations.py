from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.geometry import rotations as r

seeds = st.integers(0, 2**31)


def random_quaternions(seed: int, count: int = 16) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(count, 4, generator=generator, dtype=torch.float64), dim=-1)


def random_vectors(seed: int, count: int = 16) -> torch.Tensor:
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_multiplication_composes_rotations(seed: int) -> None:
    a, b, v = random_quaternions(seed), random_quaternions(seed + 1), random_vectors(seed)
    one_by_one = r.quaternion_rotate(a, r.quaternion_rotate(b, v))
    assert torch.allclose(r.quaternion_rotate(r.quaternion_multiply(a, b), v), one_by_one)
    assert torch.allclose(r.quaternion_rotate(r.quaternion_inverse(a), r.quaternion_rotate(a, v)), v)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_matrix_and_6d_agree_with_the_quaternion(seed: int) -> None:
    q, v = random_quaternions(seed), random_vectors(seed)
    matrix = r.quaternion_to_matrix(q)
    assert torch.allclose((matrix @ v[..., None])[..., 0], r.quaternion_rotate(q, v))
    assert torch.equal(r.quaternion_to_6d(q), torch.cat([matrix[..., 0], matrix[..., 1]], dim=-1))


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_between_takes_one_direction_to_the_other(seed: int) -> None:
    a, b = random_vectors(seed), random_vectors(seed + 1)
    turned = r.quaternion_rotate(r.quaternion_between(a, b), a)
    assert torch.allclose(torch.nn.functional.normalize(turned, dim=-1), torch.nn.functional.normalize(b, dim=-1))


def test_between_opposite_directions_is_a_half_turn() -> None:
    axes = torch.eye(3, dtype=torch.float64)
    q = r.quaternion_between(axes, -axes)
    assert torch.allclose(r.quaternion_rotate(q, axes), -axes)


def test_positive_angles_turn_forward_to_the_left() -> None:
    forward = torch.tensor([0.0, 0.0, 1.0])
    quarter = torch.tensor(torch.pi / 2)
    left = torch.tensor([1.0, 0.0, 0.0])
    assert torch.allclose(r.rotate_y(forward, quarter), left, atol=1e-6)
    assert torch.allclose(r.quaternion_rotate(r.heading_quaternion(quarter / 2), forward), left, atol=1e-6)
