"""Shape coefficients and what they do."""

from __future__ import annotations

import pytest
import torch

from motiongen.body import shapes
from motiongen.body.smpl import free_body
from motiongen.motion import MotionError


def _height(name: str) -> float:
    vertices = free_body().shaped(shapes.betas(name))
    return float(vertices[:, 1].max() - vertices[:, 1].min())


def _volume(name: str) -> float:
    """Litres, by the divergence theorem."""
    body = free_body()
    a, b, c = body.shaped(shapes.betas(name))[body.faces].unbind(1)
    return float((a * torch.linalg.cross(b, c)).sum() / 6 * 1000)


def test_named_shapes_are_what_they_say() -> None:
    assert _height("tall") > _height("neutral") + 0.05
    assert _height("short") < _height("neutral") - 0.05
    assert _volume("heavy") > 1.15 * _volume("neutral")
    assert _volume("slim") < 0.93 * _volume("neutral")
    assert _volume("muscular") > 1.05 * _volume("neutral")


def test_joints_stay_inside_every_shape() -> None:
    """The regressor follows the shapes: the chest lies between the armpits, the knee in the knee."""
    for name in shapes.names():
        betas = shapes.betas(name)
        vertices, joints = free_body().shaped(betas), free_body().rest_joints(betas)
        for joint in (1, 4, 7, 9, 12, 16, 18, 20):
            near = vertices[(vertices - joints[joint]).norm(dim=-1) < 0.22]
            low, high = near.amin(0), near.amax(0)
            assert ((joints[joint] > low - 0.01) & (joints[joint] < high + 0.01)).all(), (name, joint)


def test_neutral_is_the_template() -> None:
    assert shapes.names()[0] == "neutral"
    assert shapes.betas("neutral").abs().max() == 0


def test_numbers_are_taken_as_they_are() -> None:
    assert torch.equal(shapes.betas("0.5,-1"), torch.tensor([0.5, -1.0, 0, 0, 0, 0, 0, 0, 0, 0]))


@pytest.mark.parametrize("shape", ["huge", "", "1,2,3,4,5,6,7,8,9,10,11", "9", "nan", "1;2"])
def test_other_shapes_are_refused_in_one_line(shape: str) -> None:
    with pytest.raises(MotionError) as caught:
        shapes.betas(shape)
    assert "\n" not in str(caught.value)
