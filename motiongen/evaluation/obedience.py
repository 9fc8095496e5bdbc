"""Does a clip do what its sentence says? Simple kinematic measures, and checks of contents that can be told by them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.motion import Motion
from motiongen.skeleton import JOINT_INDEX

J = JOINT_INDEX
# Metres of the wrist over the shoulder from which a hand counts as raised: a timid wave stays a little below.
RAISED = -0.15


@dataclass(frozen=True)
class Kinematics:
    """What a clip does as a whole. Left is positive.

    Attributes:
        turn: change of heading from the first to the last quarter second, degrees, several turns added up.
        path: length of the pelvis's way over the floor, metres; `speed` is its mean, m/s.
        reach: largest distance of the pelvis from where it began, metres.
        forward, sideways: displacement summed along the person's own facing and left at every frame, metres.
        left_raised, right_raised: largest height of a wrist over its shoulder, metres.
        left_waves, right_waves: path of a raised wrist against its own shoulder, metres.
        left_kick, right_kick: largest height of an ankle, metres.
        left_punch, right_punch: largest speed at which a wrist moves away from its shoulder, m/s.
        bend: largest angle between the trunk and the vertical while it leans forward, degrees.
        energy: mean speed of all joints against the pelvis, m/s.
    """

    turn: float
    path: float
    speed: float
    reach: float
    forward: float
    sideways: float
    left_raised: float
    right_raised: float
    left_waves: float
    right_waves: float
    left_kick: float
    right_kick: float
    left_punch: float
    right_punch: float
    bend: float
    energy: float


def measure(motion: Motion) -> Kinematics:
    """All measures of a clip."""
    joints, fps = motion.joints.double(), motion.fps
    pelvis = joints[:, J["pelvis"]]
    left = _left(joints)
    heading = torch.atan2(-left[:, 1], left[:, 0])
    turns = heading.diff()
    turns = torch.remainder(turns + math.pi, 2 * math.pi) - math.pi
    total = torch.cat([turns.new_zeros(1), turns.cumsum(0)])
    edge = max(1, round(fps / 4))
    step = pelvis.diff(dim=0)[:, [0, 2]]
    facing = torch.stack([-left[:, 1], left[:, 0]], dim=-1)
    ground = pelvis[:, [0, 2]]
    path = step.norm(dim=-1).sum().item()
    trunk = joints[:, J["neck"]] - pelvis
    lean = torch.rad2deg(torch.atan2(trunk[:, [0, 2]].norm(dim=-1), trunk[:, 1]))
    leans_forward = (trunk[:, [0, 2]] * facing).sum(-1) > 0
    relative = joints - joints[:, :1]
    numbers = {
        "turn": math.degrees((total[-edge:].mean() - total[:edge].mean()).item()),
        "path": path,
        "speed": path * fps / max(1, len(step)),
        "reach": (ground - ground[0]).norm(dim=-1).max().item(),
        "forward": (step * facing[:-1]).sum().item(),
        "sideways": (step * left[:-1]).sum().item(),
        "bend": (lean * leans_forward).max().item(),
        "energy": (relative.diff(dim=0).norm(dim=-1).mean() * fps).item(),
    }
    for side in ("left", "right"):
        wrist = joints[:, J[f"{side}_wrist"]] - joints[:, J[f"{side}_shoulder"]]
        up = wrist[:, 1] > RAISED
        numbers[f"{side}_raised"] = wrist[:, 1].max().item()
        numbers[f"{side}_waves"] = (wrist.diff(dim=0).norm(dim=-1) * (up[1:] & up[:-1])).sum().item()
        numbers[f"{side}_kick"] = joints[:, J[f"{side}_ankle"], 1].max().item()
        numbers[f"{side}_punch"] = (wrist.norm(dim=-1).diff().max() * fps).item()
    return Kinematics(**numbers)


def _left(joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, "t 2"]:
    """Horizontal direction (x, z) of the person's left, from hips and shoulders."""
    across = (joints[:, J["left_hip"]] - joints[:, J["right_hip"]]) + (
        joints[:, J["left_shoulder"]] - joints[:, J["right_shoulder"]]
    )
    return torch.nn.functional.normalize(across[:, [0, 2]], dim=-1)


Check = Callable[[Kinematics], bool]


def _hands(left: bool, right: bool) -> Check:
    return lambda k: (k.left_raised > RAISED) == left and (k.right_raised > RAISED) == right


def _waves(left: bool, right: bool) -> Check:
    raised = _hands(left, right)
    return lambda k: raised(k) and (k.left_waves > 0.3) == left and (k.right_waves > 0.3) == right


# What must hold of a clip of each content. Thresholds lie between the contents of real clips.
CHECKS: dict[str, Check] = {
    "walk": lambda k: 0.3 < k.speed < 1.9 and k.path > 1.0,
    "run": lambda k: k.speed > 1.4 and k.forward > 2.0,
    "dash": lambda k: k.speed > 1.4 and k.forward > 2.0,
    "walk-back": lambda k: k.forward < -0.8,
    "walk-left": lambda k: k.sideways > 0.8,
    "walk-right": lambda k: k.sideways < -0.8,
    "walk-turn-left": lambda k: k.turn > 30 and k.path > 0.8,
    "walk-turn-right": lambda k: k.turn < -30 and k.path > 0.8,
    "raise-up-left-hand": _hands(True, False),
    "raise-up-right-hand": _hands(False, True),
    "raise-up-both-hands": _hands(True, True),
    "wave-left-hand": _waves(True, False),
    "wave-right-hand": _waves(False, True),
    "wave-both-hands": _waves(True, True),
    "bow": lambda k: k.bend > 25 and k.reach < 0.6,
    "kick": lambda k: max(k.left_kick, k.right_kick) > 0.5,
    "punch": lambda k: max(k.left_punch, k.right_punch) > 2.0,
    "dance-short": lambda k: k.energy > 0.35,
    "dance-long": lambda k: k.energy > 0.35,
}
