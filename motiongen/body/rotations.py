"""Rotations of a skeleton's joints from their positions, by closed formulas for all frames at once.

A bone fixes the direction of its joint but not the twist about it. Pelvis and chest carry several bones each: their
rotation is the least-squares one. Limbs take their twist from the plane in which knee or elbow bends, legs from the
foot too, and the more of it the less straight they are; it is averaged over neighbouring frames with that weight, so
that a limb that straightens for a moment, or is stretched too far, keeps its twist. The spine lies between its ends,
neck and collars swing.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motiongen.body.rigid import CHEST, CHEST_CHILDREN, PELVIS, PELVIS_CHILDREN, least_squares, onto_skeleton
from motiongen.body.toes import bent_toes
from motiongen.geometry.rotations import quaternion_between, quaternion_to_matrix
from motiongen.motion import FPS
from motiongen.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS


def _both(name: str) -> list[int]:
    return [JOINT_INDEX[f"left_{name}"], JOINT_INDEX[f"right_{name}"]]


_SPINE = [JOINT_INDEX[n] for n in ("spine1", "spine2", "spine3")]
_SWINGING = [JOINT_INDEX["neck"], *_both("collar")]
_SWUNG = [JOINT_INDEX["head"], *_both("shoulder")]
# Left and right leg, left and right arm: first joint, hinge, end.
_START = [*_both("hip"), *_both("shoulder")]
_HINGE = [*_both("knee"), *_both("elbow")]
_END = [*_both("ankle"), *_both("wrist")]
_FEET, _TOES = _both("ankle"), _both("foot")
# The axes about which knees and elbows bend in T-pose: knees backwards, elbows forwards.
_HINGE_AXES = ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 1.0, 0.0))
# A knee's bend counts twice as much as the foot.
_KNEE_BEND = 2.0
# Standard deviations in seconds and weights of the averages that steady the twist of a limb, beside weight 1 for the
# frame itself, and the weight of the default: a limb counts as straight below some five degrees.
_WINDOWS = ((0.1, 1.0), (0.5, 0.3))
_DEFAULT = 0.1
# A bend of this sine or less, against that of the seconds around, is an elbow that is stretched too far.
_OVERSTRETCHED, _AROUND_S = 0.35, 0.5
# The same of the second averaging, of angles.
_SHARED_S, _SHARED = 0.1, 0.3


def rotations_for(
    joints: Float[Tensor, "t 22 3"], rest: Float[Tensor, "22 3"], fps: float = FPS
) -> Float[Tensor, "t 22 3 3"]:
    """Rotation of every joint relative to its parent that takes the rest pose to a clip; joint 0 in the world.

    Forward kinematics from the clip's root gives the clip back as far as its bones keep the lengths, and its pelvis and
    chest the shapes, that they have in `rest`; where they do not, ankles and wrists are kept before all else. Of the
    joints at the ends of chains, head and wrists have no rotation of their own, and toes give way to the floor.

    Args:
        joints: positions, metres.
        rest: positions in a T-pose, Y up, facing +Z, metres (`skeleton_rest` has one of the clip's own).
        fps: frames per second.
    """
    world = _world_rotations(onto_skeleton(joints, rest), rest, fps)
    parents = torch.tensor(PARENTS[1:], device=joints.device)
    return torch.cat([world[:, :1], world[:, parents].mT @ world[:, 1:]], dim=1)


def _world_rotations(
    joints: Float[Tensor, "t 22 3"], rest: Float[Tensor, "22 3"], fps: float
) -> Float[Tensor, "t 22 3 3"]:
    world = joints.new_empty(len(joints), NUM_JOINTS, 3, 3)
    children = torch.tensor([PELVIS_CHILDREN, CHEST_CHILDREN], device=joints.device)
    trunk = [PELVIS, CHEST]
    world[:, trunk] = least_squares(joints[:, children] - joints[:, trunk, None], rest[children] - rest[trunk][:, None])
    pelvis, chest = world[:, PELVIS], world[:, CHEST]

    share = joints.new_tensor([1 / 3, 2 / 3])[:, None]
    left = pelvis[:, None, :, 0] * (1 - share) + chest[:, None, :, 0] * share
    lower, upper = _SPINE[:-1], _SPINE[1:]
    x = rest.new_tensor([1.0, 0.0, 0.0])
    world[:, lower] = _turn(joints[:, upper] - joints[:, lower], left, rest[upper] - rest[lower], x)
    world[:, _SWINGING] = _swing(
        chest[:, None], joints[:, _SWUNG] - joints[:, _SWINGING], rest[_SWUNG] - rest[_SWINGING]
    )
    world[:, JOINT_INDEX["head"]] = world[:, JOINT_INDEX["neck"]]

    first, second = joints[:, _HINGE] - joints[:, _START], joints[:, _END] - joints[:, _HINGE]
    first_rest, second_rest = rest[_HINGE] - rest[_START], rest[_END] - rest[_HINGE]
    foot, foot_rest = joints[:, _TOES] - joints[:, _FEET], rest[_TOES] - rest[_FEET]
    axes = rest.new_tensor(_HINGE_AXES)
    parent = torch.stack([pelvis, pelvis, chest, chest], dim=1)
    default = (_swing(parent, first, first_rest) @ axes[..., None])[..., 0]
    bend = _cross(first, second)
    bend[:, :2] = _KNEE_BEND * bend[:, :2] + _cross(foot, second[:, :2])
    hinge = _steady(default, bend, first, fps)
    world[:, _START] = _turn(first, hinge, first_rest, axes)
    world[:, _HINGE] = _turn(second, hinge, second_rest, axes)
    world[:, _FEET] = _turn(foot, hinge[:, :2], foot_rest, axes[:2])
    world[:, _TOES] = bent_toes(world[:, _FEET], joints[:, _TOES], foot_rest.norm(dim=-1))
    world[:, _END[2:]] = world[:, _HINGE[2:]]
    return world


def _turn(
    bone: Float[Tensor, "t n 3"], side: Float[Tensor, "t n 3"], bone_rest: Float[Tensor, "n 3"], side_rest: Tensor
) -> Float[Tensor, "t n 3 3"]:
    """The rotation that gives a bone its direction exactly and a side of it as nearly as that allows."""
    return _frame(bone, side) @ _frame(bone_rest, side_rest.expand_as(bone_rest)).mT


def _frame(bone: Float[Tensor, "*n 3"], side: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3 3"]:
    """Columns: the bone's direction, `side` made perpendicular to it, and their cross product."""
    along = normalize(bone, dim=-1)
    across = normalize(side - (side * along).sum(-1, keepdim=True) * along, dim=-1)
    return torch.stack([along, across, torch.linalg.cross(along, across)], dim=-1)


def _swing(
    parent: Float[Tensor, "t #n 3 3"], bone: Float[Tensor, "t n 3"], bone_rest: Float[Tensor, "n 3"]
) -> Float[Tensor, "t n 3 3"]:
    """The parent's rotation followed by the smallest one that gives the bone its direction."""
    carried = (parent @ bone_rest[..., None])[..., 0]
    return quaternion_to_matrix(quaternion_between(carried, bone)) @ parent


def _cross(a: Float[Tensor, "t n 3"], b: Float[Tensor, "t n 3"]) -> Float[Tensor, "t n 3"]:
    """Axis that turns the direction of `a` into that of `b`, as long as the sine of the angle between them."""
    return torch.linalg.cross(normalize(a, dim=-1), normalize(b, dim=-1))


def _steady(
    default: Float[Tensor, "t n 3"], hinge: Float[Tensor, "t n 3"], bone: Float[Tensor, "t n 3"], fps: float
) -> Float[Tensor, "t n 3"]:
    """The axis of a limb's hinge, where it is weak that of the frames around, where those are weak the default.

    Averages are taken in a frame that swings with the bone, or a straight arm that is raised would lag behind.
    """
    axes = _frame(bone, default)[..., 1:]
    twist = _not_overstretched((hinge[..., None, :] @ axes)[..., 0, :], fps)
    total = twist + twist.new_tensor([_DEFAULT, 0.0])
    for seconds, weight in _WINDOWS:
        total = total + weight * _blurred(twist.flatten(1), seconds * fps).view_as(twist)
    # Where it still turns over between two frames, it does so in passing: the strong frames around share the turn.
    strength = total.square().sum(-1)
    angle = _unwrapped(torch.atan2(total[..., 1], total[..., 0]))
    around = _blurred(torch.cat([strength * angle, strength], dim=-1), _SHARED_S * fps)
    weighted, weights = around.tensor_split(2, dim=-1)
    angle = (strength * angle + _SHARED * weighted / weights.clamp_min(1e-9)) / (strength + _SHARED)
    return (axes @ torch.stack([angle.cos(), angle.sin()], dim=-1)[..., None])[..., 0]


def _not_overstretched(twist: Float[Tensor, "t n 2"], fps: float) -> Float[Tensor, "t n 2"]:
    """The axis of a limb bent slightly the wrong way turned round: half a turn of the limb would be no such movement.

    Passes over zero, so that no frame decides alone.
    """
    size = twist.norm(dim=-1, keepdim=True)
    around = _blurred((size * twist).flatten(1), _AROUND_S * fps).view_as(twist) + twist.new_tensor([_DEFAULT, 0.0])
    against = (-2 * torch.cosine_similarity(twist, around, dim=-1)[..., None]).clamp(0, 1)
    weak = (4 * (1 - size / _OVERSTRETCHED)).clamp(0, 1)
    return twist * (1 - 2 * against * weak)


def _unwrapped(angle: Float[Tensor, "t n"]) -> Float[Tensor, "t n"]:
    """Whole turns added so that no step is longer than half a turn."""
    turns = (angle.diff(dim=0) / (2 * torch.pi)).round().cumsum(0)
    return torch.cat([angle[:1], angle[1:] - 2 * torch.pi * turns])


def _blurred(values: Float[Tensor, "t c"], sigma: float) -> Float[Tensor, "t c"]:
    """Gaussian mean over time; the ends go on as they are."""
    reach = max(1, round(3 * sigma))
    offsets = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum())[None, None]
    held = torch.nn.functional.pad(values.T[:, None], (reach, reach), mode="replicate")
    return torch.nn.functional.conv1d(held, kernel)[:, 0].T
