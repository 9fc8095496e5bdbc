from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.motion import Motion
from motiongen.render.bones import BONE_INDEX, SOLE, pose
from motiongen.render.figure import LIMB, SHOES, mannequin, template
from motiongen.render.mesh import face_parts, vertex_normals
from motiongen.skeleton import JOINT_INDEX, JOINT_NAMES


def test_every_joint_lies_in_or_by_the_mesh(walk: Motion) -> None:
    joints = walk.joints.numpy()
    mesh = mannequin(joints)
    assert np.isfinite(mesh.vertices).all()
    for name, index in JOINT_INDEX.items():
        gap = np.linalg.norm(mesh.vertices - joints[:, index, None], axis=-1).min(1)
        assert gap.max() < 0.14, f"{name} is {gap.max():.3f} m from the surface"


def test_the_figure_is_as_tall_as_a_person_and_stands_on_its_soles(walk: Motion) -> None:
    vertices = mannequin(walk.joints.numpy()).vertices
    head = walk.joints[:, JOINT_INDEX["head"], 1].numpy()
    assert (vertices[..., 1].max(1) - head > 0.12).all()
    assert -SOLE - 0.012 < vertices[..., 1].min() < 0.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_limbs_have_their_sides_colour(walk: Motion, side: str) -> None:
    joints = walk.joints.numpy()
    mesh = mannequin(joints)
    for joint in ("elbow", "knee"):
        at = joints[0, JOINT_INDEX[f"{side}_{joint}"]]
        nearest = np.linalg.norm(mesh.vertices[0] - at, axis=-1).argmin()
        assert np.allclose(mesh.colours[nearest], LIMB[side])


def test_faces_turn_outwards_on_every_part(walk: Motion) -> None:
    mesh = mannequin(walk.joints.numpy())
    parts = face_parts(mesh.faces)
    for part in np.unique(parts):
        corner = mesh.vertices[5][mesh.faces[parts == part]]
        a, b, c = np.moveaxis(corner - corner.mean((0, 1)), 1, 0)
        assert np.einsum("ij,ij->", a, np.cross(b, c)) / 6 > 1e-5


def test_no_part_is_inside_out_or_torn(walk: Motion) -> None:
    """Every edge belongs to exactly two faces that pass it in opposite directions."""
    faces = mannequin(walk.joints.numpy()).faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(np.unique(edges, axis=0)) == len(edges)
    assert {tuple(e) for e in edges.tolist()} == {(b, a) for a, b in edges.tolist()}


def test_mirroring_the_motion_mirrors_the_mesh(walk: Motion) -> None:
    left = mannequin(walk.joints.numpy()).vertices[7]
    right = mannequin(walk.mirrored().joints.numpy()).vertices[7] * np.float32([-1, 1, 1])
    for axis in range(3):
        assert np.allclose(np.sort(left[:, axis]), np.sort(right[:, axis]), atol=2e-4)


def test_the_gaze_is_forward_and_the_shoes_point_ahead(walk: Motion) -> None:
    bones = pose(walk.joints.numpy())
    assert (bones.axes[:, BONE_INDEX["head"], 2, 2] > 0.95).all()
    assert np.median(bones.axes[:, BONE_INDEX["left_foot"], 2, 1]) > 0.9
    shoes = np.flatnonzero((mannequin(walk.joints.numpy()).colours == SHOES).all(1))
    assert len(shoes) > 100


def test_planted_shoes_do_not_swim() -> None:
    """A joint that stays where it is keeps its part of the mesh where it is, whatever the other leg does."""
    from tests.render.conftest import walking

    joints = walking().joints.numpy()
    leg = [JOINT_INDEX[f"left_{n}"] for n in ("hip", "knee", "ankle", "foot")]
    joints[:, leg] = joints[:1, leg]
    joints[:, JOINT_INDEX["pelvis"]] = joints[:1, JOINT_INDEX["pelvis"]]
    joints[:, JOINT_INDEX["spine1"]] = joints[:1, JOINT_INDEX["spine1"]]
    joints[:, JOINT_INDEX["right_hip"]] = joints[:1, JOINT_INDEX["right_hip"]]
    shoe = np.isin(template().bone, [BONE_INDEX["left_foot"], BONE_INDEX["left_toe"]])
    moved = mannequin(joints).vertices[:, shoe]
    assert np.abs(moved - moved[:1]).max() < 1e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31 - 1), st.floats(0.0, 1.0))
def test_any_joints_give_finite_orthonormal_bones(seed: int, spread: float) -> None:
    """Even noise, and all joints in one point, must not break a picture."""
    joints = np.random.default_rng(seed).normal(0.0, spread, (3, len(JOINT_NAMES), 3)).astype(np.float32)
    axes = pose(joints).axes
    mesh = mannequin(joints)
    assert np.isfinite(mesh.vertices).all() and np.isfinite(mesh.normals).all()
    if spread > 0.1:
        assert np.allclose(np.linalg.det(axes.astype(np.float64)), 1.0, atol=2e-2)


def test_normals_of_a_cube_point_to_its_corners() -> None:
    corner = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))], np.int32)
    normals = vertex_normals(corner[None], faces)[0]
    assert np.allclose(np.linalg.norm(normals, axis=-1), 1.0, atol=1e-6)
    assert ((normals * corner).sum(-1) > 1.5).all()
    assert len(np.unique(face_parts(np.concatenate([faces, faces + 8])))) == 2
