"""SMPL's 24 joints on the MakeHuman rig: where they lie, what they move, and the T-pose they lie in at rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from motiongen.body.smpl import NUM_JOINTS, PARENTS
from motiongen.body.t_pose import DIRECTIONS, FLAT_FOOT
from motiongen.skeleton import JOINT_INDEX

Array = np.ndarray

# The trunk's bones point as in the T-pose of clips, so that one of somebody who stands at ease leaves the trunk of
# the body as it was modelled.
_HIP, _COLLAR, _SHOULDER, _HEAD = (np.array(DIRECTIONS[n]) for n in ("hip", "collar", "shoulder", "head"))
_SPINE = np.array([DIRECTIONS[n] for n in ("spine1", "spine2", "spine3", "neck")])
_SPINE_LENGTHS = (0.1316, 0.1432, 0.0574, 0.2194)  # shares of the way from pelvis to neck
_HEAD_LENGTH = 0.47  # of the way from chest to neck, as in HumanML3D's skeleton
_HIP_WIDTH = 0.85  # SMPL's hip joints lie further inside than MakeHuman's
# Half the height over which a vertebra hands over to the next, as a share of the way from pelvis to neck.
_HAND_OVER = 0.16

# MakeHuman's bones and the joint that moves what they move; of a bone that is not here, its nearest ancestor's.
_TRUNK = ("root", "spine05", "spine04", "spine03", "spine02", "spine01", "pelvis.L", "pelvis.R", "breast.L", "breast.R")
_LIMBS = {
    "upperleg01": "hip", "upperleg02": "hip", "lowerleg01": "knee", "lowerleg02": "knee", "foot": "ankle",
    "clavicle": "collar", "shoulder01": "collar", "upperarm01": "shoulder", "upperarm02": "shoulder",
    "lowerarm01": "elbow", "lowerarm02": "elbow", "wrist": "wrist",
}  # fmt: skip
_SIDES = {"L": "left", "R": "right"}
_HANDS = {"L": 22, "R": 23}


def bone_owners(labels: Sequence[str], parents: Sequence[int]) -> list[int]:
    """The joint that takes over each bone of MakeHuman's rig; 0 for all of the trunk."""
    owners: list[int] = []
    for label, parent in zip(labels, parents):
        name, _, side = label.rpartition(".")
        if label in _TRUNK:
            owners.append(0)
        elif label.startswith("neck"):
            owners.append(JOINT_INDEX["neck"])
        elif label == "head":
            owners.append(JOINT_INDEX["head"])
        elif name in _LIMBS:
            owners.append(JOINT_INDEX[f"{_SIDES[side]}_{_LIMBS[name]}"])
        elif name.startswith("toe"):
            owners.append(JOINT_INDEX[f"{_SIDES[side]}_foot"])
        elif name.startswith("finger"):
            owners.append(_HANDS[side])
        else:
            owners.append(owners[parent])
    return owners


def joint_positions(at: Mapping[str, Float[Array, " 3"]]) -> Float[Array, "24 3"]:
    """SMPL's joints in the pose that the bones' heads are in, metres."""
    joints = np.zeros((NUM_JOINTS, 3))

    def put(name: str, place: Array) -> None:
        joints[JOINT_INDEX[name]] = place

    mirror = np.array([-1.0, 1.0, 1.0])
    hip = (at["upperleg01.L"] + at["upperleg01.R"] * mirror) / 2 * [_HIP_WIDTH, 1.0, 1.0]
    shoulder = (at["upperarm01.L"] + at["upperarm01.R"] * mirror) / 2
    neck = at["neck01"] * [0.0, 1.0, 1.0]
    pelvis = (hip - _HIP * (hip[0] / _HIP[0])) * [0.0, 1.0, 1.0]
    steps = np.array([unit(d) * s for d, s in zip(_SPINE, _SPINE_LENGTHS)])
    scale = (neck[1] - pelvis[1]) / steps[:, 1].sum()
    spine = pelvis + np.cumsum(steps * scale, axis=0)
    for name, place in zip(("spine1", "spine2", "spine3", "neck"), spine):
        put(name, place)
    put("pelvis", pelvis)
    chest = spine[2]
    put("head", spine[3] + unit(_HEAD) * (_HEAD_LENGTH * scale * _SPINE_LENGTHS[3]))
    # The collar joint is where the line from the chest meets that to the shoulder, seen from the front.
    a = np.array([[_COLLAR[0], _SHOULDER[0]], [_COLLAR[1], _SHOULDER[1]]])
    reach, across = np.linalg.solve(a, shoulder[:2] - chest[:2])
    collar = chest + _COLLAR * reach
    for side, label, way in (("left", "L", np.ones(3)), ("right", "R", mirror)):
        put(f"{side}_hip", hip * way)
        put(f"{side}_collar", collar * way)
        put(f"{side}_shoulder", (collar + _SHOULDER * across) * way)
        for name, bone in (("knee", "lowerleg01"), ("ankle", "foot"), ("elbow", "lowerarm01"), ("wrist", "wrist")):
            put(f"{side}_{name}", at[f"{bone}.{label}"])
        ball = np.mean([at[f"toe{i}-1.{label}"] for i in range(1, 5)], axis=0)
        ankle = at[f"foot.{label}"]
        ball[1] = ankle[1] - np.tan(FLAT_FOOT) * np.hypot(*(ball - ankle)[[0, 2]])
        put(f"{side}_foot", ball)
        joints[_HANDS[label]] = np.mean([at[f"finger{i}-1.{label}"] for i in (2, 3, 4)], axis=0)
    return joints


def joint_weights(
    bone_weights: Float[Array, "v b"],
    owners: Sequence[int],
    vertices: Float[Array, "v 3"],
    joints: Float[Array, "24 3"],
) -> Float[Array, "v 24"]:
    """Skinning weights of the 24 joints: MakeHuman's, but the trunk's shared anew by height among pelvis and spine.

    MakeHuman bends the trunk at other places. At most four joints move a vertex, as files and GPUs want it.
    """
    weights = np.zeros((len(vertices), NUM_JOINTS))
    for bone, owner in enumerate(owners):
        weights[:, owner] += bone_weights[:, bone]
    trunk = weights[:, 0].copy()
    names = ("pelvis", "spine1", "spine2", "spine3")
    spine = joints[[JOINT_INDEX[n] for n in names]]
    width = _HAND_OVER * (joints[JOINT_INDEX["neck"], 1] - spine[0, 1])
    passed = [np.ones(len(vertices))]
    for place in spine[1:]:
        share = np.clip((vertices[:, 1] - place[1]) / (2 * width) + 0.5, 0.0, 1.0)
        passed.append(share * share * (3 - 2 * share))
    passed.append(np.zeros(len(vertices)))
    for name, above, beyond in zip(names, passed, passed[1:]):
        weights[:, JOINT_INDEX[name]] = trunk * (above - beyond)
    np.put_along_axis(weights, np.argsort(weights, axis=1, kind="stable")[:, :-4], 0.0, axis=1)
    weights[weights < 1e-3] = 0.0
    return weights / weights.sum(axis=1, keepdims=True)


def to_t_pose(
    vertices: Float[Array, "v 3"], joints: Float[Array, "24 3"], weights: Float[Array, "v 24"]
) -> tuple[Float[Array, "v 3"], Float[Array, "24 3"]]:
    """Vertices and joints with the arms along x, from a stance with the arms half lowered.

    Skinning the result back gives the stance exactly, as it was modelled: vertices go through the inverse of the
    blended matrices. People hold their arms low more often than level.
    """
    turn = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        index = {k: JOINT_INDEX[f"{side}_{k}"] for k in ("shoulder", "elbow", "wrist")}
        upper = unit(joints[index["elbow"]] - joints[index["shoulder"]])
        fore = unit(joints[index["wrist"]] - joints[index["elbow"]])
        palm = 22 if side == "left" else 23
        hand = unit(joints[palm] - joints[index["wrist"]])
        hinge = unit(np.cross(upper, fore))
        level = np.stack([[sign, 0.0, 0.0], [0.0, -sign, 0.0]])
        for name, bone in (("shoulder", upper), ("elbow", fore)):
            turn[index[name]] = frame(*level).T @ frame(bone, hinge)
        turn[index["wrist"]] = between(turn[index["elbow"]] @ hand, level[0]) @ turn[index["elbow"]]
        turn[palm] = turn[index["wrist"]]
    placed = joints.copy()
    for joint in range(1, NUM_JOINTS):
        above = PARENTS[joint]
        placed[joint] = placed[above] + turn[above] @ (joints[joint] - joints[above])
    # What takes the T-pose to the stance, blended for each vertex and undone.
    back = turn.transpose(0, 2, 1)
    shift = joints - np.einsum("jab,jb->ja", back, placed)
    blended = np.einsum("vj,jab->vab", weights, back)
    moved = np.linalg.solve(blended, (vertices - weights @ shift)[..., None])[..., 0]
    return moved, placed


def relaxed_hands(
    vertices: Float[Array, "v 3"], heads: dict[str, Array], bone_weights: Float[Array, "v b"], labels: Sequence[str]
) -> tuple[Float[Array, "v 3"], dict[str, Array]]:
    """Hands whose fingers lie side by side: MakeHuman's are spread, and hands hardly move in 24 joints."""
    heads, moved = dict(heads), vertices.copy()
    for side in _SIDES:
        knuckles = {i: heads[f"finger{i}-1.{side}"] for i in (2, 3, 4, 5)}
        middle = unit(heads[f"finger3-2.{side}"] - knuckles[3])
        across = unit(knuckles[2] - knuckles[5])
        palm = unit(np.cross(middle, across))
        across = np.cross(palm, middle)
        for finger, knuckle in knuckles.items():
            bone = unit(heads[f"finger{finger}-2.{side}"] - knuckle)
            # Of what the finger differs from the middle one, a third to the side and half up or down is left.
            wanted = unit((bone @ middle) * middle + (bone @ across) / 3 * across + (bone @ palm) / 2 * palm)
            turn = between(bone, wanted)
            names = [f"finger{finger}-{part}.{side}" for part in (1, 2, 3)]
            share = bone_weights[:, [labels.index(n) for n in names]].sum(1, keepdims=True)
            moved += share * ((vertices - knuckle) @ turn.T + knuckle - vertices)
            for name in names[1:]:
                heads[name] = knuckle + turn @ (heads[name] - knuckle)
    return moved, heads


def unit(v: Float[Array, "*n 3"]) -> Float[Array, "*n 3"]:
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def frame(along: Float[Array, " 3"], side: Float[Array, " 3"]) -> Float[Array, "3 3"]:
    """Rows: `along`, what of `side` is perpendicular to it, and their cross product."""
    across = unit(side - (side @ along) * along)
    return np.stack([along, across, np.cross(along, across)])


def between(a: Float[Array, " 3"], b: Float[Array, " 3"]) -> Float[Array, "3 3"]:
    """The smallest rotation that takes the unit vector `a` to `b`, which may not be its opposite."""
    v = np.cross(a, b)
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + k + k @ k / (1 + a @ b)
