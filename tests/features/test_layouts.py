"""The two layouts of features: whose joints they tell, in metres, and how fast a metre a frame is in each."""

from __future__ import annotations

import pytest
import torch

from motiongen.features import humanml3d, kit
from motiongen.features.layouts import HUMANML3D, KIT, LAYOUTS, layout_of


def test_layouts_are_found_by_their_number_of_features() -> None:
    assert list(LAYOUTS) == [263, 251]
    assert layout_of(263) is HUMANML3D and layout_of(251) is KIT
    assert HUMANML3D.makes_motions and not KIT.makes_motions
    with pytest.raises(ValueError, match=r"features is 262; there are layouts of 263 \(HumanML3D\) and 251 \(KIT-ML\)"):
        layout_of(262)


def test_joints_are_in_metres() -> None:
    features = 0.1 * torch.randn(2, 9, 263)
    # To the bit: weights that were trained before there were layouts give what they gave.
    assert torch.equal(HUMANML3D.joints(features), humanml3d.decode(features))
    features = 50 * torch.randn(9, 251)
    assert torch.allclose(KIT.joints(features) * 640, kit.decode(features), rtol=1e-5)


def test_a_step_is_what_a_metre_a_twentieth_of_a_second_is_in_a_frame() -> None:
    assert HUMANML3D.step == 1.0
    assert pytest.approx(640 * 20 / 12.5) == KIT.step


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_the_first_four_features_are_the_root_s_and_the_feet_hold_the_toes(layout: object) -> None:
    assert isinstance(layout, type(KIT))
    groups = list(layout.skeleton.groups.items())[:3]
    assert groups == [("root_yaw_velocity", slice(0, 1)), ("root_velocity", slice(1, 3)), ("root_height", slice(3, 4))]
    assert set(layout.toes) <= set(layout.skeleton.feet)
