"""Do transitions between sentences jump or slide? Windows around them against windows of real clips."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.metrics import area_under_jerk, foot_skate, jitter, peak_jerk
from motiongen.motion import FPS, Motion
from motiongen.skeleton import JOINT_INDEX, JOINT_NAMES

# A second, centred on the boundary: 30 frames at BABEL's 30 fps.
WINDOW = 20
LEGS = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("knee", "ankle", "foot")]
REST = [i for i in range(len(JOINT_NAMES)) if i not in LEGS]


def transition_windows(motions: Sequence[Motion], length: int = WINDOW) -> Float[Tensor, "n length 22 3"]:
    """The frames around every boundary between two sentences that is half a window or more from both ends."""
    windows = [
        motion.joints[segment.start - length // 2 : segment.start - length // 2 + length]
        for motion in motions
        for segment in motion.text[1:]
        if segment.start >= length // 2 and segment.start - length // 2 + length <= len(motion)
    ]
    return _stacked(windows, length)


def random_windows(
    motions: Sequence[Motion], count: int, generator: torch.Generator, length: int = WINDOW
) -> Float[Tensor, "n length 22 3"]:
    """`count` windows of clips, any clip that is long enough as likely as another, anywhere in it."""
    long = [motion.joints for motion in motions if len(motion) >= length]
    windows = []
    for _ in range(count if long else 0):
        joints = long[int(torch.randint(len(long), (), generator=generator))]
        start = int(torch.randint(len(joints) - length + 1, (), generator=generator))
        windows.append(joints[start : start + length])
    return _stacked(windows, length)


def compare(made: Float[Tensor, "n length 22 3"], real: Float[Tensor, "m length 22 3"]) -> dict[str, float | int]:
    """Peak jerk and area under jerk (metres a frame cubed), foot skate (cm/s), each beside real motion's.

    The peak of a mean over few windows is higher than that over many, so real windows are taken as many at a time as
    were made, and their peaks averaged.
    """
    alike = [part for part in real.split(max(1, len(made))) if len(part) == len(made)] or [real]
    peaks = peak_jerk(made).item(), torch.stack([peak_jerk(part) for part in alike]).mean().item()
    skates = foot_skate(made, FPS).mean().item(), foot_skate(real, FPS).mean().item()
    return {
        "windows": len(made),
        "peak_jerk": round(peaks[0], 4),
        "real_peak_jerk": round(peaks[1], 4),
        "peak_jerk_ratio": round(peaks[0] / max(peaks[1], 1e-9), 3),
        "area_under_jerk": round(area_under_jerk(made, real).item(), 4),
        "foot_skate_cm_per_s": round(skates[0], 2),
        "real_foot_skate_cm_per_s": round(skates[1], 2),
        "foot_skate_ratio": round(skates[0] / max(skates[1], 1e-9), 3),
    }


def clean_up(before: Sequence[Motion], after: Sequence[Motion]) -> dict[str, float]:
    """What foot clean-up does to the same clips: foot skate (cm/s) and jitter (100 m/s^3) of all but the lower legs."""

    skates = [torch.stack([foot_skate(m.joints, m.fps) for m in motions]).mean().item() for motions in (before, after)]
    jitters = [torch.stack([jitter(m.joints[:, REST], m.fps) for m in motions]) for motions in (before, after)]
    means = [clips.mean().item() for clips in jitters]
    return {
        "foot_skate_before": round(skates[0], 2),
        "foot_skate_after": round(skates[1], 2),
        "foot_skate_ratio": round(skates[1] / max(skates[0], 1e-9), 3),
        "body_jitter_before": round(means[0], 3),
        "body_jitter_after": round(means[1], 3),
        "body_jitter_ratio": round(means[1] / max(means[0], 1e-9), 3),
        "body_jitter_worst_ratio": round((jitters[1] / jitters[0].clamp(min=1e-9)).max().item(), 3),
    }


def _stacked(windows: list[Tensor], length: int) -> Float[Tensor, "n length 22 3"]:
    return torch.stack(windows) if windows else torch.zeros(0, length, 22, 3)
