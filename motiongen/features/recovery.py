"""From decoded features to the joints that a user gets, where they are the joints of a motion."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from motiongen.features.feet import FEET, planted
from motiongen.features.humanml3d import FOOT_CONTACTS, decode, with_uniform_bones
from motiongen.features.layouts import FeatureLayout
from motiongen.motion import MotionError
from motiongen.skeleton import NUM_JOINTS


def check_recoverable(layout: FeatureLayout, pipeline: str) -> None:
    """Raises: MotionError: the features that the pipeline makes are of other joints."""
    if not layout.makes_motions:
        raise MotionError(
            f"pipeline '{pipeline}' makes {layout.name}'s {layout.skeleton.joints} joints, and a motion has "
            f'{NUM_JOINTS}: use another pipeline, or ask for output_type="features" in Python'
        )


def recovered(features: Float[Tensor, "t 263"], clean_feet: bool = True) -> Float[Tensor, "t 22 3"]:
    """Joints with bones of constant length, and with feet that stand where they are in contact with the floor."""
    decoded = decode(features)
    joints = with_uniform_bones(decoded)
    if not clean_feet:
        return joints
    return planted(joints, features[:, FOOT_CONTACTS], decoded[:, FEET, 1])
