from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.features import humanml3d, root_anchor
from motiongen.features.humanml3d import decode, encode, to_uniform_skeleton
from motiongen.geometry.rotations import rotate_y
from motiongen.skeleton import MIRROR, NUM_JOINTS, bone_lengths, uniform_offsets


def walk(frames: int = 48, turn: float = 0.02, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A made-up person who walks along a curve and swings arms and legs."""
    rest = torch.zeros(NUM_JOINTS, 3, dtype=dtype)
    from motiongen.skeleton import PARENTS

    offsets = uniform_offsets(dtype)
    for joint in range(1, NUM_JOINTS):
        rest[joint] = rest[PARENTS[joint]] + offsets[joint]
    time = torch.arange(frames, dtype=dtype)
    joints = rest.expand(frames, -1, -1).clone()
    swing = 0.2 * torch.sin(time / 4)
    for joint, sign in ((7, 1), (10, 1), (20, -1), (8, -1), (11, -1), (21, 1)):
        joints[:, joint, 2] += sign * swing
    joints = rotate_y(joints, (turn * time)[:, None].expand(-1, NUM_JOINTS))
    joints[..., 2] += 0.05 * time[:, None]
    return joints + torch.tensor([1.0, 1.0, -2.0], dtype=dtype)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_encode_equals_the_original_encoder(shared: Path, case: int) -> None:
    cases = np.load(shared / "reference/humanml3d/encoder_cases.npz")
    features = encode(torch.from_numpy(cases[f"in_{case}"])).numpy()
    expected = cases[f"features_{case}"]
    assert np.abs(features - expected).max() < 1e-4
    contacts = humanml3d.FOOT_CONTACTS
    np.testing.assert_array_equal(features[:, contacts], expected[:, contacts])
    assert np.abs(decode(torch.from_numpy(expected)).numpy() - cases[f"joints_{case}"]).max() < 1e-5


def test_published_clip_decodes_and_encodes(shared: Path) -> None:
    vectors = np.load(shared / "reference/humanml3d/new_joint_vecs/012314.npy")
    joints = np.load(shared / "reference/humanml3d/new_joints/012314.npy")
    assert np.abs(decode(torch.from_numpy(vectors)).numpy() - joints).max() < 1e-5
    features = encode(torch.from_numpy(joints)).numpy()
    # The published vectors were made from positions of higher precision than the published positions.
    assert np.abs(features - vectors[:-1]).max() < 0.015


def test_uniform_skeleton_is_that_of_the_reference(shared: Path) -> None:
    expected = np.load(shared / "reference/humanml3d/encoder_cases.npz")["target_offsets"]
    assert np.abs(uniform_offsets().numpy() - expected).max() < 1e-6


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-3.1, 3.1), x=st.floats(-5, 5), z=st.floats(-5, 5), y=st.floats(-1, 1))
def test_features_do_not_depend_on_where_the_clip_stands(angle: float, x: float, y: float, z: float) -> None:
    joints = walk()
    moved = rotate_y(joints, torch.full(joints.shape[:2], angle, dtype=joints.dtype))
    moved = moved + torch.tensor([x, y, z], dtype=joints.dtype)
    assert (encode(moved) - encode(joints)).abs().max() < 1e-9


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(0.3, 3.0), turn=st.floats(-0.1, 0.1))
def test_decode_inverts_encode_on_the_uniform_skeleton(scale: float, turn: float) -> None:
    joints = walk(turn=turn) * scale
    decoded = decode(encode(joints))
    expected = humanml3d.to_origin(to_uniform_skeleton(joints))[:-1]
    # The heading of frame 0 is smoothed over time in the features but not at the origin.
    relative = decoded - decoded[:, :1]
    assert (relative.norm(dim=-1) - (expected - expected[:, :1]).norm(dim=-1)).abs().max() < 1e-9
    assert (bone_lengths(decoded) - bone_lengths(expected)).abs().max() < 1e-9


def test_mirrored_clip_has_opposite_turns() -> None:
    joints = walk(turn=0.05)
    mirrored = joints[:, list(MIRROR)] * torch.tensor([-1.0, 1.0, 1.0], dtype=joints.dtype)
    yaw = humanml3d.ROOT_YAW_VELOCITY
    # Left and right legs of the uniform skeleton differ by a few millimetres, so only the turn is compared.
    assert (encode(joints)[:, yaw] + encode(mirrored)[:, yaw]).abs().max() < 0.01


def test_batches_equal_single_clips() -> None:
    first, second = walk(turn=0.01), walk(turn=-0.03)
    batched = encode(torch.stack([first, second]))
    assert torch.allclose(batched[0], encode(first)) and torch.allclose(batched[1], encode(second))
    assert torch.allclose(decode(batched)[1], decode(batched[1]))


def test_decode_is_differentiable() -> None:
    features = encode(walk(8)).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: decode(f)[:, ::7], features)


@pytest.mark.parametrize("shape", [(1, 22, 3), (10, 21, 3), (10, 22, 2)])
def test_encode_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode(torch.zeros(shape))


def test_anchored_root_ends_where_it_should() -> None:
    features = encode(walk(41, turn=0.06))[None]
    anchors = root_anchor.net_displacement(features, 4)
    noisy = features.clone()
    noisy[..., :3] += 0.05 * torch.randn(noisy[..., :3].shape, dtype=noisy.dtype)
    fixed = root_anchor.with_net_displacement(noisy, anchors, 4)
    error = (decode(fixed) - decode(features))[0, :, 0].norm(dim=-1)
    assert error[::4].max() < 1e-9
    assert (decode(noisy) - decode(features))[0, -1, 0].norm() > 0.05
    assert torch.allclose(root_anchor.net_displacement(fixed, 4), anchors)


def test_anchoring_changes_nothing_that_agrees_already() -> None:
    features = encode(walk(33))[None]
    anchors = root_anchor.net_displacement(features, 4)
    assert torch.allclose(root_anchor.with_net_displacement(features, anchors, 4), features)
