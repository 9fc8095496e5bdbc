"""KIT-ML's 251-d features and their inverse: HumanML3D's encoding on KIT's skeleton of 21 joints at 12.5 fps.

Joint names are those of the Master Motor Map (Terlemez et al. 2014). Positions are in the units of the source, in which
a person is hundreds of units tall; nothing here changes them.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from motiongen.features import skeletal
from motiongen.features.skeletal import FeatureSkeleton

FPS = 12.5
JOINT_NAMES: tuple[str, ...] = (
    "root", "BP", "BT", "BLN", "BUN", "LS", "LE", "LW", "RS", "RE", "RW", "LH", "LK", "LA", "LMrot", "LF", "RH", "RK",
    "RA", "RMrot", "RF",
)  # fmt: skip
NUM_JOINTS = len(JOINT_NAMES)
TOES = (JOINT_NAMES.index("LF"), JOINT_NAMES.index("RF"))
# The field takes 480 units as 0.75 m (Petrovich et al. 2022, TEMOS); the root of the published mean is then at 0.87 m.
METRE = 480 / 0.75

_UP, _DOWN, _AHEAD = (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)
_LEFT, _RIGHT = (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0)
# The original calls joints 11 and 5 the right hip and shoulder, and 14 and 15 the right foot, though their names say
# left; kept, because every published vector, mean and evaluator of the field is built on it.
SKELETON = FeatureSkeleton(
    directions=(
        (0.0, 0.0, 0.0), _UP, _UP, _UP, _UP, _LEFT, _DOWN, _DOWN, _RIGHT, _DOWN, _DOWN, _LEFT, _DOWN, _DOWN, _AHEAD,
        _AHEAD, _RIGHT, _DOWN, _DOWN, _AHEAD, _AHEAD,
    ),
    chains=((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10)),
    facing=(11, 16, 5, 8),
    lower_leg=(17, 18),
    feet=(19, 20, 14, 15),
    contact_threshold=0.05,
)  # fmt: skip
DIM = SKELETON.dim
GROUPS = SKELETON.groups


def encode(joints: Float[Tensor, "t 21 3"], lengths: Float[Tensor, " 21"] | None = None) -> Float[Tensor, "t-1 251"]:
    """Features of a clip at 12.5 fps.

    Args:
        joints: positions, Y up, in KIT's units.
        lengths: bring the bones to these lengths first; published joints have them already.

    Raises:
        ValueError: fewer than two frames, or another number of joints.
    """
    if lengths is not None:
        joints = skeletal.to_lengths(joints, lengths, SKELETON)
    return skeletal.encode(joints, SKELETON)


def decode(features: Float[Tensor, "t 251"]) -> Float[Tensor, "t 21 3"]:
    """Joint positions in the world, in KIT's units, starting at x = z = 0."""
    return skeletal.decode(features, SKELETON)
