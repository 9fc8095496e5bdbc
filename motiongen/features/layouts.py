"""The layouts of features that codecs are trained on: HumanML3D's 263 a frame, and KIT-ML's 251."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from motiongen.features import humanml3d, kit, skeletal
from motiongen.features.skeletal import FeatureSkeleton
from motiongen.motion import FPS
from motiongen.skeleton import JOINT_INDEX, NUM_JOINTS


@dataclass(frozen=True)
class FeatureLayout:
    """Whose joints a dataset's features tell, how many frames a second there are, and in which unit of length.

    Attributes:
        name: what messages call it.
        skeleton: its groups are the slices of the features. The first four are the same in every layout: half turn,
            velocity in x and z, and height of the root.
        fps: frames a second.
        metre: how many of its units are a metre.
        toes: left and right; the joints at which feet are seen to slide.
    """

    name: str
    skeleton: FeatureSkeleton
    fps: float
    metre: float
    toes: tuple[int, int]

    @property
    def dim(self) -> int:
        """Features of a frame."""
        return self.skeleton.dim

    @property
    def step(self) -> float:
        """Units a frame of what moves a metre in a twentieth of a second, which is HumanML3D's metre a frame."""
        return self.metre * FPS / self.fps

    @property
    def makes_motions(self) -> bool:
        """Whether its joints are those of a `Motion`."""
        return self.skeleton.joints == NUM_JOINTS

    def joints(self, features: Float[Tensor, "*b t f"]) -> Float[Tensor, "*b t j 3"]:
        """Joint positions in the world, metres, starting at x = z = 0 facing +Z. Differentiable."""
        return skeletal.decode(features, self.skeleton) / self.metre


HUMANML3D = FeatureLayout(
    "HumanML3D", humanml3d.SKELETON, FPS, 1.0, (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])
)
KIT = FeatureLayout("KIT-ML", kit.SKELETON, kit.FPS, kit.METRE, kit.TOES)
LAYOUTS = {layout.dim: layout for layout in (HUMANML3D, KIT)}


def layout_of(features: int) -> FeatureLayout:
    """The layout with so many features a frame. Raises: ValueError: there is none."""
    if features not in LAYOUTS:
        known = " and ".join(f"{layout.dim} ({layout.name})" for layout in LAYOUTS.values())
        raise ValueError(f"features is {features}; there are layouts of {known}")
    return LAYOUTS[features]
