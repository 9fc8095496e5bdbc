from __future__ import annotations

import numpy as np
import pytest
import torch

from motiongen.motion import Motion, Segment
from motiongen.skeleton import JOINT_INDEX, PARENTS, uniform_offsets


def walking(frames: int = 24, fps: float = 20.0) -> Motion:
    """A person of the uniform skeleton who walks towards +Z at 1.2 m/s, swinging legs and arms; soles on the ground."""
    offsets = uniform_offsets().double().numpy()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        offsets[JOINT_INDEX[f"{side}_shoulder"]] = [sign * 0.11, -0.02, -0.03]
    joints = np.zeros((frames, 22, 3))
    swing = 0.5 * np.sin(2 * np.pi * np.arange(frames) / fps)
    for j in range(1, 22):
        offset = np.broadcast_to(offsets[j], (frames, 3))
        chain = j
        while chain != -1 and chain not in _SWINGING:
            chain = PARENTS[chain]
        if chain != -1 and j != chain:
            angle = swing * _SWINGING[chain]
            c, s = np.cos(angle), np.sin(angle)
            x, y, z = offset.T
            offset = np.stack([x, c * y - s * z, s * y + c * z], axis=-1)
        joints[:, j] = joints[:, PARENTS[j]] + offset
    # The skeleton's rest pose has level feet and a head that looks down at its chest: give both their natural slope.
    for side in ("left", "right"):
        ankle, toe = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
        joints[:, toe] = joints[:, ankle] + [0.0, -0.06, 0.13]
    joints[:, JOINT_INDEX["head"]] = joints[:, JOINT_INDEX["neck"]] + [0.0, 0.09, 0.05]
    joints[..., 2] += 1.2 * np.arange(frames)[:, None] / fps
    joints[..., 1] -= joints[..., 1].min()
    text = (Segment("a person walks forward", 0, frames // 2), Segment("then goes on", frames // 2, frames))
    return Motion(torch.from_numpy(joints).float(), fps, text)


_SWINGING = {
    JOINT_INDEX["left_hip"]: 1.0,
    JOINT_INDEX["right_hip"]: -1.0,
    JOINT_INDEX["left_shoulder"]: -1.0,
    JOINT_INDEX["right_shoulder"]: 1.0,
}


@pytest.fixture
def walk() -> Motion:
    return walking()
