"""How somebody walks, in ten numbers, and which style of walking that is closest to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.motion import Motion
from motiongen.skeleton import JOINT_INDEX

J = JOINT_INDEX
MEASURES = (
    "speed", "trunk_lean", "head_lean", "pelvis_height", "hand_speed", "hand_distance", "elbow_opening", "stride",
    "knee_height", "bounce",
)  # fmt: skip


def gait(motion: Motion) -> Float[Tensor, " 10"]:
    """The `MEASURES` over the frames in which the person is under way: metres, m/s and degrees."""
    joints, fps = motion.joints, motion.fps
    pelvis = joints[:, J["pelvis"]]
    speed = pelvis.diff(dim=0)[:, [0, 2]].norm(dim=-1) * fps
    # Clips begin and end with standing; how somebody stands is not how they walk.
    moving = speed > 0.3 * speed.median()
    there = torch.cat([moving, moving[-1:]])
    hands = [(joints[:, J[f"{side}_wrist"]] - pelvis).diff(dim=0).norm(dim=-1) * fps for side in ("left", "right")]
    elbows = [
        _angle(
            joints[:, J[f"{side}_shoulder"]] - joints[:, J[f"{side}_elbow"]],
            joints[:, J[f"{side}_wrist"]] - joints[:, J[f"{side}_elbow"]],
        )
        for side in ("left", "right")
    ]
    knees = [joints[:, J[f"{side}_knee"], 1].amax() for side in ("left", "right")]
    return torch.stack(
        [
            speed[moving].mean(),
            _lean(joints[:, J["neck"]] - pelvis)[there].mean(),
            _lean(joints[:, J["head"]] - joints[:, J["neck"]])[there].mean(),
            pelvis[there, 1].mean(),
            (hands[0] + hands[1])[moving].mean() / 2,
            _flat(joints[:, J["left_wrist"]] - joints[:, J["right_wrist"]])[there].mean(),
            (elbows[0] + elbows[1])[there].mean() / 2,
            _flat(joints[:, J["left_ankle"]] - joints[:, J["right_ankle"]])[there].amax(),
            (knees[0] + knees[1]) / 2,
            pelvis[there, 1].std(),
        ]
    )


@dataclass(frozen=True)
class Styles:
    """Styles of walking by the mean gait of their clips, each measure in units of its spread over all of them."""

    names: tuple[str, ...]
    mean: Float[Tensor, " 10"]
    spread: Float[Tensor, " 10"]
    centres: Float[Tensor, "s 10"]

    @classmethod
    def of(cls, clips: dict[str, list[Motion]]) -> Styles:
        """From real clips by style."""
        names = tuple(sorted(clips))
        gaits = [torch.stack([gait(motion) for motion in clips[name]]) for name in names]
        together = torch.cat(gaits)
        mean, spread = together.mean(0), together.std(0).clamp(min=1e-3)
        return cls(names, mean, spread, torch.stack([((g - mean) / spread).mean(0) for g in gaits]))

    def closest(self, motion: Motion) -> str:
        """The style whose mean gait is nearest."""
        place = (gait(motion) - self.mean) / self.spread
        return self.names[int((self.centres - place).norm(dim=-1).argmin())]


def _flat(v: Float[Tensor, "t 3"]) -> Float[Tensor, " t"]:
    return v[:, [0, 2]].norm(dim=-1)


def _lean(v: Float[Tensor, "t 3"]) -> Float[Tensor, " t"]:
    """Angle to the vertical, degrees."""
    return torch.rad2deg(torch.atan2(_flat(v), v[:, 1]))


def _angle(a: Float[Tensor, "t 3"], b: Float[Tensor, "t 3"]) -> Float[Tensor, " t"]:
    return torch.rad2deg(torch.acos(torch.nn.functional.cosine_similarity(a, b, dim=-1).clamp(-1, 1)))
