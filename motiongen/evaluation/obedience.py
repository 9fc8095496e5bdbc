"""Does a clip do what its sentence says? Simple kinematic measures, and checks of contents that can be told by them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen.motion import Motion
from motiongen.skeleton import JOINT_INDEX

J = JOINT_INDEX
# Metres of the wrist over the shoulder from which a hand counts as raised: a timid wave stays a little below.
RAISED = -0.15
# Metres that a raised wrist covers beyond going up and coming down. Real raises stay under 0.6 and real waves, which
# take seven seconds, over it; a hand that is held up for longer, or waves timidly, may be a little off either way.
WAVING_FROM, RAISING_TO = 0.5, 1.0
# Who waves for less than five seconds waves less: so many metres a second do from three seconds on. Of real waves cut
# to four seconds, 8 % stay under half a metre, and 1 % under this.
WAVING_A_SECOND, WAVING_SECONDS = 0.1, 3.0
# m/s^2: speed under way times steps a second. Neither alone tells a tired run from a brisk walk; between the two limits
# lie the slowest real runs and the briskest real walks, and either word fits.
RUNNING_FROM, WALKING_TO = 3.4, 3.8
# Metres from where it began within which somebody who stands should stay.
STANDING_REACH = 0.3


@dataclass(frozen=True)
class Kinematics:
    """What a clip does as a whole. Left is positive.

    Attributes:
        turn: change of heading from the first to the last quarter second, degrees, several turns added up.
        path: length of the pelvis's way over the floor, metres; `speed` is its mean, m/s.
        pace: speed while under way times steps a second, m/s^2.
        reach: largest distance of the pelvis from where it began, metres.
        forward, sideways: displacement summed along the person's own facing and left at every frame, metres.
        left_raised, right_raised: largest height of a wrist over its shoulder, metres.
        left_waves, right_waves: path of a raised wrist against its own shoulder beyond going up and down, metres.
        left_up, right_up: for how long a wrist is raised, seconds.
        left_kick, right_kick: largest height of an ankle, metres.
        left_punch, right_punch: largest speed at which a wrist moves away from its shoulder, m/s.
        bend: largest angle between the trunk and the vertical while it leans forward, degrees.
        energy: mean speed of all joints against the pelvis, m/s.
    """

    turn: float
    path: float
    speed: float
    pace: float
    reach: float
    forward: float
    sideways: float
    left_raised: float
    right_raised: float
    left_waves: float
    right_waves: float
    left_up: float
    right_up: float
    left_kick: float
    right_kick: float
    left_punch: float
    right_punch: float
    bend: float
    energy: float


def measure(motion: Motion) -> Kinematics:
    """All measures of a clip of at least two frames."""
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
    between_feet = (joints[:, J["left_ankle"]] - joints[:, J["right_ankle"]])[:, [0, 2]]
    numbers = {
        "turn": math.degrees((total[-edge:].mean() - total[:edge].mean()).item()),
        "path": path,
        "speed": path * fps / max(1, len(step)),
        "pace": _pace(step.norm(dim=-1) * fps, (between_feet * facing).sum(-1), fps),
        "reach": (ground - ground[0]).norm(dim=-1).max().item(),
        "forward": (step * facing[:-1]).sum().item(),
        "sideways": (step * left[:-1]).sum().item(),
        "bend": (lean * leans_forward).max().item(),
        "energy": (relative.diff(dim=0).norm(dim=-1).mean() * fps).item(),
    }
    for side in ("left", "right"):
        wrist = joints[:, J[f"{side}_wrist"]] - joints[:, J[f"{side}_shoulder"]]
        numbers[f"{side}_raised"] = wrist[:, 1].max().item()
        numbers[f"{side}_waves"] = _waving(wrist)
        numbers[f"{side}_up"] = (wrist[:, 1] > RAISED).sum().item() / fps
        numbers[f"{side}_kick"] = joints[:, J[f"{side}_ankle"], 1].max().item()
        numbers[f"{side}_punch"] = (wrist.norm(dim=-1).diff().max() * fps).item()
    return Kinematics(**numbers)


def _left(joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, "t 2"]:
    """Horizontal direction (x, z) of the person's left, from hips and shoulders."""
    across = (joints[:, J["left_hip"]] - joints[:, J["right_hip"]]) + (
        joints[:, J["left_shoulder"]] - joints[:, J["right_shoulder"]]
    )
    return torch.nn.functional.normalize(across[:, [0, 2]], dim=-1)


def _pace(speed: Float[Tensor, " s"], stride: Float[Tensor, " t"], fps: float) -> float:
    """Speed under way times steps a second, from how far one ankle is before the other."""
    moving = speed > 0.3 * speed.quantile(0.9)
    stride = stride[:-1][moving]
    passing = (stride - stride.mean()).sign().diff().nonzero().flatten()
    if len(passing) < 2:
        return 0.0
    # From the first time that the feet pass each other to the last: a part of a step at either end is none.
    steps = (len(passing) - 1) * fps / float(passing[-1] - passing[0])
    return speed[moving].mean().item() * steps


def _waving(wrist: Float[Tensor, "t 3"]) -> float:
    """Path of a wrist beyond the way up and down, summed over the times for which it is raised."""
    up: Bool[Tensor, " t"] = wrist[:, 1] > RAISED
    starts = [i for i in range(len(up)) if up[i] and (i == 0 or not up[i - 1])]
    stops = [i + 1 for i in range(len(up)) if up[i] and (i + 1 == len(up) or not up[i + 1])]
    excess = 0.0
    for start, stop in zip(starts, stops):
        part = wrist[start:stop]
        once = 2 * part[:, 1].max() - part[0, 1] - part[-1, 1]
        excess += max(0.0, (part.diff(dim=0).norm(dim=-1).sum() - once).item())
    return excess


Check = Callable[[Kinematics], bool]


def _hands(left: bool, right: bool, waving: bool) -> Check:
    """Exactly these hands go up, and wave or do not, while the person stands."""

    def check(k: Kinematics) -> bool:
        for height, waves, seconds, up in (
            (k.left_raised, k.left_waves, k.left_up, left),
            (k.right_raised, k.right_waves, k.right_up, right),
        ):
            enough = WAVING_FROM if seconds < WAVING_SECONDS else min(WAVING_FROM, WAVING_A_SECOND * seconds)
            if (height > RAISED) != up or (up and waving and waves < enough) or (not waving and waves > RAISING_TO):
                return False
        return k.path < 1.0

    return check


def _walks(check: Check) -> Check:
    return lambda k: 0.3 < k.speed < 2.0 and k.path > 0.8 and k.pace < WALKING_TO and check(k)


def _runs(k: Kinematics) -> bool:
    return k.speed > 1.1 and k.pace > RUNNING_FROM and k.forward > max(2.0, 0.7 * k.path) and abs(k.turn) < 40


def _dances(k: Kinematics) -> bool:
    """Much movement, and steps that lead nowhere."""
    return k.energy > 0.35 and 0.15 < k.speed < 1.2 and abs(k.forward) < 0.5 * k.path


# What must hold of a clip of each content. Thresholds lie between the contents of real clips.
CHECKS: dict[str, Check] = {
    "walk": _walks(lambda k: k.forward > 0.8 * k.path and abs(k.turn) < 30),
    "run": _runs,
    "dash": _runs,
    "walk-back": _walks(lambda k: k.forward < -0.7 * k.path),
    "walk-left": lambda k: k.sideways > max(0.8, 0.2 * k.path),
    "walk-right": lambda k: k.sideways < -max(0.8, 0.2 * k.path),
    "walk-turn-left": _walks(lambda k: k.turn > 30),
    "walk-turn-right": _walks(lambda k: k.turn < -30),
    "raise-up-left-hand": _hands(True, False, waving=False),
    "raise-up-right-hand": _hands(False, True, waving=False),
    "raise-up-both-hands": _hands(True, True, waving=False),
    "wave-left-hand": _hands(True, False, waving=True),
    "wave-right-hand": _hands(False, True, waving=True),
    "wave-both-hands": _hands(True, True, waving=True),
    "bow": lambda k: k.bend > 25 and k.reach < 0.6,
    "kick": lambda k: max(k.left_kick, k.right_kick) > 0.5 and k.speed < 1.2,
    "punch": lambda k: max(k.left_punch, k.right_punch) > 2.0 and k.speed < 1.2,
    "dance-short": _dances,
    "dance-long": _dances,
}

# Contents that share a figure of their own: the confusions that a model of text and motion makes first.
SIDES = ("raise-up-left-hand", "raise-up-right-hand", "wave-left-hand", "wave-right-hand")
TURNS = ("walk-turn-left", "walk-turn-right")
GAITS = ("walk", "run", "dash", "walk-back", "walk-left", "walk-right")
# Contents whose real clips stay where they began. Kicks, punches and sword strokes step about.
STANDING = (*SIDES, "raise-up-both-hands", "wave-both-hands", "bow")


def check_of(content: str, text: str) -> Check:
    """The content's check; for a kick or a punch also that the limb does it whose side the sentence names.

    The names of these contents leave the side open; a sentence that names both sides, or none, does too.
    """
    check = CHECKS[content]
    side = named_side(text)
    if content not in ("kick", "punch") or side is None:
        return check
    other = "right" if side == "left" else "left"
    return lambda k: check(k) and getattr(k, f"{side}_{content}") > 1.5 * getattr(k, f"{other}_{content}")


def named_side(text: str) -> str | None:
    """Either "left" or "right" where a sentence names one of them alone."""
    named = set(re.findall(r"\b(left|right)\b", text.lower()))
    return named.pop() if len(named) == 1 else None


def stays(k: Kinematics) -> bool:
    """Whether the person stays within 0.3 m of where they began."""
    return k.reach < STANDING_REACH
