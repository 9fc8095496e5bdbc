"""Which frames of a clip its label describes: idle ends cut off, a turn's aftermath cut off, cycles repeated."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.motion import FPS
from motiongen.skeleton import FACING_JOINTS

MARGIN = round(0.25 * FPS)
SHORTEST = round(1.5 * FPS)
CYCLE_FRAMES = round(4 * FPS)
# A person standing still sways and lowers the arms slower than this, metres per second.
_STILL_SPEED = 0.15
_STILL_SHARE = 0.1
# The largest distance, metres, of any joint between the first and the last pose of a cycle.
_CYCLE_ERROR = 0.25


def active_range(joints: Float[Tensor, "t 22 3"]) -> tuple[int, int]:
    """Frames `[start, stop)` without the standing still at both ends.

    A frame is active when its fastest joint, averaged over a quarter of a second, exceeds 0.15 m/s and a tenth of the
    clip's 90th percentile. A quarter of a second stays on both sides, and at least 1.5 s of a clip that has them.
    """
    frames = joints.shape[0]
    if frames <= SHORTEST:
        return 0, frames
    speed = (joints[1:] - joints[:-1]).norm(dim=-1).amax(dim=-1) * FPS
    width = 2 * (MARGIN // 2) + 1
    speed = torch.nn.functional.avg_pool1d(speed[None], width, 1, width // 2, count_include_pad=False)[0]
    limit = max(_STILL_SPEED, _STILL_SHARE * float(speed.quantile(0.9)))
    active = (speed > limit).nonzero()[:, 0]
    if len(active) == 0:
        return 0, frames
    start, stop = max(0, int(active[0]) - MARGIN), min(frames, int(active[-1]) + 2 + MARGIN)
    missing = max(0, SHORTEST - (stop - start))
    start = max(0, start - missing // 2)
    stop = min(frames, max(stop, start + SHORTEST))
    return min(start, max(0, stop - SHORTEST)), stop


def heading(joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, " t"]:
    """Facing direction about +Y, radians, unwrapped: 0 is +Z, growing to the person's left."""
    right_hip, left_hip, right_shoulder, left_shoulder = FACING_JOINTS
    across = joints[:, left_hip] - joints[:, right_hip] + joints[:, left_shoulder] - joints[:, right_shoulder]
    angle = torch.atan2(-across[:, 2], across[:, 0])
    step = torch.remainder(angle[1:] - angle[:-1] + math.pi, 2 * math.pi) - math.pi
    return torch.cat([angle[:1], angle[0] + step.cumsum(0)])


def end_of_turn(joints: Float[Tensor, "t 22 3"], side: str) -> int:
    """Frames to keep of a walk with one turn: all, or up to where the person turns again after it."""
    turned = torch.rad2deg(heading(joints)) * (1 if side == "left" else -1)
    width = 2 * MARGIN + 1
    turned = torch.nn.functional.avg_pool1d(turned[None], width, 1, MARGIN, count_include_pad=False)[0]
    turned = turned - turned[0]
    reached = (turned > 45).nonzero()[:, 0]
    if len(reached) == 0:
        return joints.shape[0]
    after = turned[reached[0] :]
    left = ((after > 125) | (after < 35)).nonzero()[:, 0]
    if len(left) == 0:
        return joints.shape[0]
    # Back to before the second turn began to show.
    return int(max(reached[0] + 1, reached[0] + left[0] - round(0.75 * FPS)))


def repeat_cycle(joints: Float[Tensor, "t 22 3"], frames: int = CYCLE_FRAMES) -> Float[Tensor, "t2 22 3"]:
    """A closed cycle without a turn (its last pose is its first, elsewhere), repeated up to `frames`; others unchanged.

    The small gap between last and first pose is spread over the cycle, so that the seam shows no jump.
    """
    if joints.shape[0] >= frames or joints.shape[0] < 3:
        return joints
    # A file may stop one frame before its first pose returns.
    further = torch.cat([joints, 2 * joints[-1:] - joints[-2:-1]])
    unchanged = joints
    joints, gap = min(((c, _gap(c)) for c in (joints, further)), key=lambda found: float(found[1].norm(dim=-1).max()))
    if float(gap.norm(dim=-1).max()) > _CYCLE_ERROR:
        return unchanged
    cycle = joints - torch.linspace(0, 1, joints.shape[0])[:, None, None] * gap
    stride = (cycle[-1, 0] - cycle[0, 0]) * cycle.new_tensor([1.0, 0.0, 1.0])
    times = math.ceil((frames - 1) / (cycle.shape[0] - 1))
    return torch.cat([cycle[:1], *(cycle[1:] + n * stride for n in range(times))])


def _gap(joints: Float[Tensor, "t 22 3"]) -> Float[Tensor, "22 3"]:
    """From the first pose, brought to the place of the last one, to the last pose."""
    ground = joints.new_tensor([1.0, 0.0, 1.0])
    first, last = joints[0], joints[-1]
    return (last - last[0] * ground) - (first - first[0] * ground)
