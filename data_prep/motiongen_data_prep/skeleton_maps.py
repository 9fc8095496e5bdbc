"""Which joint of a known family of skeletons plays which of the 22 SMPL joints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from motiongen.motion import MotionError

_SIDES = ("left", "right")
REQUIRED: tuple[str, ...] = (
    "pelvis", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "spine3", "neck", "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
)  # fmt: skip


@dataclass(frozen=True)
class SkeletonMap:
    """Source joints by SMPL joint, and how the source stands when it stands at ease.

    Attributes:
        family: name of the kind of skeleton.
        joints: source joint name of each SMPL joint. Collars and feet may be missing; of the spine only `spine3`, the
            joint that carries neck and arms, is named.
        pelvis_pitch, chest_pitch, neck_pitch: degrees by which the source's frames lean forward of the mean posture of
            HumanML3D when both stand at ease; they are turned back by as much.
        flat_foot: degrees below the horizontal of the line from ankle to toe joint of a foot flat on the floor.
        shoulder: direction of the left collar bone at ease in the source's chest frame, x left, y up, z forward.

    `flat_foot` and `shoulder` of None are taken from the rest pose.
    """

    family: str
    joints: dict[str, str]
    pelvis_pitch: float = 0.0
    chest_pitch: float = 0.0
    neck_pitch: float = 0.0
    flat_foot: float | None = None
    shoulder: tuple[float, float, float] | None = None


def _names(center: str, sided: str, left: str, right: str) -> dict[str, str]:
    """Map from two lists in the order of the keys below; `*` stands for the side.

    Spellings are separated by `/`, the preferred one first.
    """
    joints = dict(zip(("pelvis", "spine3", "neck", "head"), center.split()))
    keys = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
    for side, word in zip(_SIDES, (left, right)):
        for key, name in zip(keys, sided.split()):
            joints[f"{side}_{key}"] = name.replace("*", word)
    return joints


_LEG_ARM = "*UpLeg *Leg *Foot *ToeBase *Shoulder *Arm *ForeArm *Hand"
_SMPL = "*_Hip *_Knee *_Ankle *_Foot *_Collar *_Shoulder *_Elbow *_Wrist"
FAMILIES: tuple[SkeletonMap, ...] = (
    SkeletonMap(
        "bandai-namco",
        _names(
            "Hips Chest Neck Head",
            "UpperLeg_* LowerLeg_* Foot_* Toes_* Shoulder_* UpperArm_* LowerArm_* Hand_*",
            "L",
            "R",
        ),
        pelvis_pitch=-4.0,
        chest_pitch=2.0,
        flat_foot=39.6,
        shoulder=(0.975, -0.06, -0.1),
    ),
    SkeletonMap(
        "cmu-bvh",
        _names("Hips Spine1 Neck1 Head", _LEG_ARM, "Left", "Right"),
        pelvis_pitch=6.0,
        chest_pitch=3.0,
        flat_foot=17.5,
        shoulder=(0.938, 0.327, -0.09),
    ),
    SkeletonMap("mixamo", _names("Hips Spine2/UpperChest/Chest/Spine1 Neck Head", _LEG_ARM, "Left", "Right")),
    SkeletonMap(
        "biped",
        _names(
            "Hips Chest4/Chest3/Chest2/Chest Neck Head",
            "*Hip *Knee *Ankle *Toe *Collar *Shoulder *Elbow *Wrist",
            "Left",
            "Right",
        ),
    ),
    SkeletonMap(
        "cmu-asf",
        _names("root thorax upperneck head", "*femur *tibia *foot *toes *clavicle *humerus *radius *wrist", "l", "r"),
    ),
    SkeletonMap(
        "daz", _names("hip chest neck head", "*Thigh *Shin *Foot *Foot@end *Collar *Shldr *ForeArm *Hand", "l", "r")
    ),
    SkeletonMap(
        "rigify",
        _names(
            "DEF-hips DEF-spine.003 DEF-neck DEF-head",
            "DEF-thigh.* DEF-shin.* DEF-foot.* DEF-toe.* DEF-shoulder.* DEF-upper_arm.* DEF-forearm.* DEF-hand.*",
            "L",
            "R",
        ),
        flat_foot=30.7,
        shoulder=(0.77, -0.08, -0.61),
    ),
    SkeletonMap(
        "unreal",
        _names(
            "pelvis spine_03 neck_01 head",
            "thigh_* calf_* foot_* ball_* clavicle_* upperarm_* lowerarm_* hand_*",
            "l",
            "r",
        ),
        flat_foot=27.1,
        shoulder=(0.77, 0.08, -0.61),
    ),
    SkeletonMap("smpl", _names("Pelvis Spine3 Neck Head", _SMPL, "L", "R"), flat_foot=25.0, shoulder=(1.0, 0.0, 0.0)),
    SkeletonMap(
        "smpl",
        _names("pelvis spine3 neck head", _SMPL.lower(), "left", "right"),
        flat_foot=25.0,
        shoulder=(1.0, 0.0, 0.0),
    ),
)


def plain(name: str) -> str:
    """A joint's name without a namespace (`mixamorig:Hips` and `mixamorigHips` are `Hips`)."""
    name = name.rsplit(":", 1)[-1].rsplit("|", 1)[-1]
    return name.removeprefix("mixamorig")


def detect(names: Iterable[str]) -> SkeletonMap:
    """The family whose joints these are; its `joints` hold the names as the file spells them.

    Raises:
        MotionError: no family fits; the message says what the nearest one lacks.
    """
    known = {plain(name).replace(" end", "@end"): name for name in names}
    lacking: dict[int, list[str]] = {}
    for family in FAMILIES:
        found: dict[str, str] = {}
        for joint, spellings in family.joints.items():
            present = [name for name in spellings.split("/") if name in known]
            if present:
                found[joint] = known[present[0]]
        absent = [joint for joint in REQUIRED if joint not in found]
        if not absent:
            return replace(family, joints=found)
        lacking[id(family)] = absent
    nearest = min(FAMILIES, key=lambda family: len(lacking[id(family)]))
    absent = lacking[id(nearest)]
    if len(absent) == len(REQUIRED):
        raise MotionError(f"no hips, legs or arms of a known skeleton ({', '.join(f.family for f in FAMILIES)})")
    parts = ("pelvis", "hips"), ("hip", "legs"), ("shoulder", "arms"), ("neck", "neck")
    part = next((word for key, word in parts if any(j.endswith(key) for j in absent)), absent[0])
    wanted = ", ".join(nearest.joints[joint] for joint in absent[:4])
    raise MotionError(f"no {part}: of a {nearest.family} skeleton it lacks {wanted}")
