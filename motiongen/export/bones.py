"""Names of the bones in BVH and GLB: those of the Mixamo family, which animation tools know and map by themselves."""

from __future__ import annotations

from motiongen.skeleton import NUM_JOINTS

# In the order of SMPL's 24 joints: those of a clip, then the two hands.
BONES: tuple[str, ...] = (
    "Hips", "LeftUpLeg", "RightUpLeg", "Spine", "LeftLeg", "RightLeg", "Spine1", "LeftFoot", "RightFoot",
    "Spine2", "LeftToeBase", "RightToeBase", "Neck", "LeftShoulder", "RightShoulder", "Head", "LeftArm",
    "RightArm", "LeftForeArm", "RightForeArm", "LeftHand", "RightHand", "LeftHandMiddle1", "RightHandMiddle1",
)  # fmt: skip
CLIP_BONES = BONES[:NUM_JOINTS]


def bone_names(mixamo: bool) -> tuple[str, ...]:
    """The bones' names, with Mixamo's prefix if wanted."""
    return tuple(f"mixamorig:{name}" for name in BONES) if mixamo else BONES


def plain(name: str) -> str:
    """A bone's name without the namespace before its colon."""
    return name.rpartition(":")[2]
