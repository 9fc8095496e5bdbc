"""Any skeleton becomes an upright person of HumanML3D's proportions, with left still left and feet on the floor."""

from __future__ import annotations

import os
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.motion import FPS, Motion, MotionError
from motiongen.skeleton import JOINT_INDEX, PARENTS, bone_lengths, uniform_offsets
from motiongen_data_prep import readers
from motiongen_data_prep.animation import Animation, axis_rotation
from motiongen_data_prep.retarget import resample, retarget, without_rest_frames

SHARED = Path(os.environ.get("MOTIONGEN_SHARED", Path(__file__).resolve().parents[2] / "../shared"))
BANDAI = SHARED / "data/bandai-namco.tar.xz"
# Mixamo names, parent and offset in centimetres of a T-pose facing +Z.
BODY = {
    "Hips": ("", (0, 100, 0)),
    "Spine": ("Hips", (0, 10, 0)),
    "Spine1": ("Spine", (0, 12, 0)),
    "Spine2": ("Spine1", (0, 12, 0)),
    "Neck": ("Spine2", (0, 18, 0)),
    "Head": ("Neck", (0, 9, 2)),
} | {
    f"{side}{name}": (parent.replace("*", side), (x * sign, y, z))
    for side, sign in (("Left", 1), ("Right", -1))
    for name, parent, (x, y, z) in (
        ("UpLeg", "Hips", (9, -6, 0)),
        ("Leg", "*UpLeg", (0, -42, 0)),
        ("Foot", "*Leg", (0, -44, 0)),
        ("ToeBase", "*Foot", (0, -7, 14)),
        ("Shoulder", "Spine2", (5, 12, 0)),
        ("Arm", "*Shoulder", (12, 0, 0)),
        ("ForeArm", "*Arm", (27, 0, 0)),
        ("Hand", "*ForeArm", (25, 0, 0)),
    )
}  # fmt: skip


def body(frames: int = 7, fps: float = 20.0, scale: float = 1.0, prefix: str = "") -> Animation:
    names = tuple(BODY)
    parents = tuple(names.index(parent) if parent else -1 for parent, _ in BODY.values())
    offsets = np.array([offset for _, offset in BODY.values()], dtype=float) * scale
    rotations = np.broadcast_to(np.eye(3), (frames, len(names), 3, 3)).copy()
    translations = np.repeat(offsets[None], frames, axis=0)
    return Animation(tuple(prefix + name for name in names), parents, offsets, rotations, translations, fps)


def turned(animation: Animation, joint: str, axis: int, degrees: float) -> Animation:
    rotations = animation.rotations.copy()
    index = animation.names.index(joint)
    rotations[:, index] = rotations[:, index] @ axis_rotation(axis, np.radians(degrees))
    return replace(animation, rotations=rotations)


def joint(motion: Motion, name: str) -> np.ndarray:
    return motion.joints[:, JOINT_INDEX[name]].numpy()


def test_a_stance_is_upright_on_the_floor_and_faces_forward() -> None:
    motion = retarget(body())
    assert motion.fps == FPS and len(motion) == 7
    torch.testing.assert_close(
        bone_lengths(motion.joints), uniform_offsets().norm(dim=-1).expand(7, -1), atol=1e-5, rtol=0
    )
    assert abs(motion.joints[..., 1].min()) < 1e-5
    np.testing.assert_allclose(joint(motion, "pelvis")[0, [0, 2]], 0, atol=1e-6)
    assert 0.9 < joint(motion, "pelvis")[0, 1] < 1.02
    assert joint(motion, "head")[0, 1] > 1.45
    for part in ("hip", "knee", "shoulder", "wrist"):
        assert joint(motion, f"left_{part}")[0, 0] > 0 > joint(motion, f"right_{part}")[0, 0]
    assert (joint(motion, "left_foot") - joint(motion, "left_ankle"))[0, 2] > 0.1


@settings(max_examples=15, deadline=None)
@given(
    yaw=st.floats(-180, 180),
    scale=st.sampled_from([0.01, 0.1, 1.0, 39.37]),
    east=st.floats(-500, 500),
    north=st.floats(-500, 500),
)
def test_place_heading_and_units_of_the_source_do_not_matter(
    yaw: float, scale: float, east: float, north: float
) -> None:
    plain = turned(body(), "LeftArm", 2, 60)
    moved = turned(turned(body(scale=scale), "Hips", 1, yaw), "LeftArm", 2, 60)
    translations = moved.translations + 0
    translations[:, 0] += [east, 0, north]
    found = retarget(replace(moved, translations=translations))
    torch.testing.assert_close(found.joints, retarget(plain).joints, atol=2e-4, rtol=0)


def test_z_up_files_are_stood_up() -> None:
    upright = turned(body(), "RightArm", 1, 40)
    lie = axis_rotation(0, np.pi / 2)
    rotations = upright.rotations.copy()
    # The same body written in Z-up axes: every offset and rotation in the new basis.
    tilted = replace(
        upright,
        offsets=upright.offsets @ lie.T,
        translations=upright.translations @ lie.T,
        rotations=lie @ rotations @ lie.T,
    )
    torch.testing.assert_close(retarget(tilted).joints, retarget(upright).joints, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side,sign", [("Left", 1), ("Right", -1)])
def test_a_raised_arm_is_raised_on_its_side(side: str, sign: int) -> None:
    motion = retarget(turned(body(), f"{side}Arm", 2, sign * 90))
    up, down = side.lower(), "right" if side == "Left" else "left"
    assert joint(motion, f"{up}_wrist")[0, 1] > joint(motion, "head")[0, 1] > joint(motion, f"{down}_wrist")[0, 1]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-80, 80), min_size=6, max_size=6))
def test_limbs_keep_the_directions_of_the_source(angles: list[float]) -> None:
    animation = body(1)
    limbs = ("LeftUpLeg", "RightLeg", "LeftArm", "LeftForeArm", "RightForeArm", "RightUpLeg")
    for limb, angle in zip(limbs, angles):
        animation = turned(animation, limb, 0 if "Leg" in limb else 1, angle)
    positions, _ = animation.global_transforms()
    motion = retarget(animation)
    pairs = {
        "left_knee": "LeftLeg",
        "right_ankle": "RightFoot",
        "left_elbow": "LeftForeArm",
        "right_wrist": "RightHand",
    }
    for name, source in pairs.items():
        index = animation.names.index(source)
        wanted = positions[0, index] - positions[0, animation.parents[index]]
        found = motion.joints[0, JOINT_INDEX[name]] - motion.joints[0, PARENTS[JOINT_INDEX[name]]]
        np.testing.assert_allclose(found / found.norm(), wanted / np.linalg.norm(wanted), atol=3e-3)


def test_bending_forward_brings_the_chest_forward_and_leaves_the_legs() -> None:
    stance, bow = retarget(body()), retarget(turned(body(), "Spine", 0, 60))
    assert joint(bow, "neck")[0, 2] > joint(stance, "neck")[0, 2] + 0.2
    np.testing.assert_allclose(joint(bow, "left_ankle"), joint(stance, "left_ankle"), atol=2e-3)


def test_a_planted_foot_stays_planted() -> None:
    """Hips that sink over bent knees, feet fixed in the source: the feet of the result move by less than 3 mm."""
    frames = 21
    bend = np.linspace(0, 60, frames)
    animation = body(frames)
    rotations, translations = animation.rotations.copy(), animation.translations.copy()
    for side in ("Left", "Right"):
        for part, turn in (("UpLeg", -bend / 2), ("Leg", bend), ("Foot", -bend / 2)):
            rotations[:, animation.names.index(side + part)] = axis_rotation(0, np.radians(turn))
    animation = replace(animation, rotations=rotations)
    foot = animation.names.index("LeftFoot")
    translations[:, 0] -= animation.global_transforms()[0][:, foot] - animation.global_transforms()[0][0, foot]
    ankle = joint(retarget(replace(animation, translations=translations)), "left_ankle")
    assert np.ptp(ankle, axis=0).max() < 3e-3


@pytest.mark.parametrize("fps", [20.0, 24.0, 30.0, 60.0, 120.0])
def test_frame_rates_end_at_twenty(fps: float) -> None:
    frames = int(2 * fps) + 1
    animation = body(frames, fps)
    seconds = np.arange(frames) / fps
    swing = axis_rotation(2, np.radians(30 * np.sin(2 * np.pi * seconds)))
    rotations = animation.rotations.copy()
    rotations[:, animation.names.index("LeftArm")] = swing
    motion = retarget(replace(animation, rotations=rotations))
    assert len(motion) == 41
    arm = joint(motion, "left_elbow") - joint(motion, "left_shoulder")
    angle = np.degrees(np.arctan2(arm[:, 1], arm[:, 0]))
    np.testing.assert_allclose(angle[2:-2], 30 * np.sin(2 * np.pi * np.arange(41) / 20)[2:-2], atol=1.2)


def test_resampling_drops_what_the_new_rate_cannot_hold() -> None:
    time = np.arange(601) / 120
    kept, dropped = np.sin(2 * np.pi * 1 * time), np.sin(2 * np.pi * 35 * time)
    found = resample(kept + dropped, 120, 20)
    np.testing.assert_allclose(found[4:-4], np.sin(2 * np.pi * np.arange(101) / 20)[4:-4], atol=0.03)


def test_a_calibration_pose_at_the_start_is_left_out() -> None:
    animation = turned(turned(body(60, 120.0), "LeftArm", 2, -70), "RightArm", 2, 70)
    animation = turned(turned(animation, "LeftUpLeg", 0, -20), "Hips", 1, 10)
    wobble = axis_rotation(0, np.radians(np.linspace(5, 20, 60)))
    rotations = animation.rotations.copy()
    rotations[:, animation.names.index("Spine")] = wobble
    clean = replace(animation, rotations=rotations)
    assert without_rest_frames(clean) is clean
    rotations = rotations.copy()
    rotations[:2] = np.eye(3)
    assert len(without_rest_frames(replace(animation, rotations=rotations))) == 60 - 2 - 12


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig", "Armature|"])
def test_namespaces_are_ignored(prefix: str) -> None:
    torch.testing.assert_close(retarget(body(prefix=prefix)).joints, retarget(body()).joints)


def test_refuses_what_is_no_person() -> None:
    animation = body()
    with pytest.raises(MotionError, match="no hips"):
        retarget(replace(animation, names=tuple(n.replace("Hips", "Base") for n in animation.names)))
    with pytest.raises(MotionError, match=r"no legs.*LeftUpLeg"):
        retarget(replace(animation, names=tuple(n.replace("UpLeg", "Wheel") for n in animation.names)))
    with pytest.raises(MotionError, match="no hips, legs or arms"):
        retarget(replace(animation, names=tuple(f"bone {i}" for i in range(len(animation.names)))))
    with pytest.raises(MotionError, match="no length"):
        retarget(replace(animation, translations=animation.translations * 0))


@pytest.fixture(scope="module")
def bandai(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Motion]:
    """Two clips out of the archive; it is read as a stream, up to the second one."""
    if not BANDAI.is_file():
        pytest.skip(f"{BANDAI} is absent: no real motion capture to test on")
    wanted = {f"dataset-2_{name}_001.bvh" for name in ("raise-up-left-hand_normal", "walk-turn-left_normal")}
    motions: dict[str, Motion] = {}
    folder = tmp_path_factory.mktemp("bandai")
    with tarfile.open(BANDAI, "r|xz") as archive:
        for member in archive:
            name = Path(member.name).name
            if name in wanted:
                stream = archive.extractfile(member)
                assert stream is not None
                (folder / name).write_bytes(stream.read())
                motions[name.split("_")[1]] = retarget(readers.read(folder / name))
            if len(motions) == len(wanted):
                break
    return motions


def test_real_left_hand_goes_up(bandai: dict[str, Motion]) -> None:
    motion = bandai["raise-up-left-hand"]
    lift = {side: np.ptp(joint(motion, f"{side}_wrist")[:, 1]) for side in ("left", "right")}
    assert lift["left"] > 0.5 > 0.15 > lift["right"]


def test_real_left_turn_is_counter_clockwise(bandai: dict[str, Motion]) -> None:
    motion = bandai["walk-turn-left"]
    across = joint(motion, "left_hip") - joint(motion, "right_hip")
    heading = np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))
    # Seen from above, a left turn takes +Z (ahead) towards +X (left).
    assert np.radians(45) < heading[-1] - heading[0] < np.radians(270)
    assert joint(motion, "pelvis")[-1, 0] > 0.3


def test_real_feet_stand_on_the_floor(bandai: dict[str, Motion]) -> None:
    for motion in bandai.values():
        lowest = motion.joints[..., 1].amin(dim=1)
        assert lowest.min() > -0.02 and lowest.median() < 0.02
