"""Brings the animation of any skeleton to the 22 SMPL joints, HumanML3D's bone lengths and 20 frames a second.

Limbs keep the source's bone directions in the world. Bones of the trunk cannot: skeletons differ in where they put
hips, collars and spine joints. For those the source gives only orientations of pelvis, chest, neck and feet, measured
from its own stance at ease, and the bones are laid rigidly into them as they lie in the mean posture of HumanML3D.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from motiongen.motion import FPS, Motion, MotionError
from motiongen.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS, uniform_offsets
from motiongen_data_prep.animation import (
    Animation,
    Array,
    axis_angle_to_matrix,
    axis_rotation,
    matrix_to_axis_angle,
)
from motiongen_data_prep.skeleton_maps import SkeletonMap, detect

# Directions of the trunk's bones at ease (x left, y up, z forward): HumanML3D's mean pose (its Mean.npy), which agrees
# with the rigid triads of pelvis and chest in its published clip 012314. Left side; the right is its mirror image.
_HIP = (0.58, -0.81, -0.06)
_SPINE1 = (0.0, 0.955, -0.295)
_SPINE2 = (0.0, 0.971, 0.24)
_SPINE3 = (0.0, 0.949, 0.315)
_NECK = (0.0, 1.0, 0.03)
_COLLAR = (0.49, 0.871, -0.017)
_SHOULDER = (0.99, -0.06, 0.016)
_HEAD = (0.0, 0.6, 0.8)
_FORWARD = (0.0, 0.0, 1.0)
_FLAT_FOOT = 25.0  # degrees below the horizontal
_LIMBS = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("knee", "ankle", "elbow", "wrist"))
_ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_FLOOR_PERCENTILE = 2.0
_STILL = 0.3  # metres a second: the speed at which an ankle is no longer held
_RETURN = 1.0  # seconds in which the root comes back after it was moved to hold a foot


def retarget(animation: Animation, skeleton_map: SkeletonMap | None = None) -> Motion:
    """The motion on the uniform skeleton: metres, Y up, floor near 0, frame 0 at x = z = 0 facing +Z, 20 fps.

    The root is scaled by the ratio of leg lengths. The change of frame rate is a low-pass filter (Keys' cubic,
    stretched where frames are dropped) on bone directions and root. A first frame in the rest pose, as the CMU
    conversions have it, is left out.

    Raises:
        MotionError: the skeleton is none of the known ones, or has legs of no length.
    """
    names = skeleton_map or detect(animation.names)
    animation = without_rest_frames(animation)
    source = _Source(animation, names)
    directions = _unit(resample(_directions(source), animation.fps, FPS))

    lengths = uniform_offsets(torch.float64).norm(dim=-1).numpy()
    joints = np.zeros_like(directions)
    for joint in range(1, NUM_JOINTS):
        joints[:, joint] = joints[:, PARENTS[joint]] + directions[:, joint] * lengths[joint]
    legs = [JOINT_INDEX[f"{side}_{joint}"] for side in ("left", "right") for joint in ("knee", "ankle")]
    scale = lengths[legs].sum() / source.leg_length
    # The hip joints carry the legs, so it is they that follow the source, not the pelvis above them.
    hips = (source.at("left_hip") + source.at("right_hip")) / 2 * scale
    joints += (resample(hips, animation.fps, FPS) - joints[:, 1:3].mean(axis=1))[:, None]
    ankles = np.stack([source.at("left_ankle"), source.at("right_ankle")], axis=1) * scale
    joints += _held_feet(resample(ankles, animation.fps, FPS), joints[:, _ANKLES])[:, None]
    return Motion(torch.from_numpy(_on_the_floor(joints)).float(), FPS)


def without_rest_frames(animation: Animation) -> Animation:
    """Without leading frames in the rest pose from which the motion jumps, and the tenth of a second of that jump.

    The conversions of the CMU database begin so; some blend from that pose into the motion.
    """
    local = animation.rotations
    moving = np.abs(local[1:] - local[:1]).max(axis=(0, 2, 3), initial=0) > 1e-6
    if not moving.any():
        return animation
    at_rest = np.median(_degrees(local[:, moving]), axis=1) < 1
    rest = int(np.argmin(at_rest))
    start = rest + round(animation.fps * 0.1)
    if rest == 0 or start >= len(animation) - 1:
        return animation
    jump = _degrees(local[rest - 1 : rest + 1].swapaxes(-1, -2) @ local[rest : rest + 2])
    if jump.max() < 15:
        return animation
    return replace(animation, rotations=local[start:], translations=animation.translations[start:])


def _degrees(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b"]:
    """Angle of a rotation, degrees."""
    return np.degrees(np.linalg.norm(matrix_to_axis_angle(matrix), axis=-1))


class _Source:
    """Positions of the source's joints and the orientations of its trunk, neck and feet in a Y-up world.

    An orientation is the identity when the part is upright and faces +Z as in a stance at ease.
    """

    def __init__(self, animation: Animation, names: SkeletonMap) -> None:
        self.names = names
        self.index = {joint: animation.names.index(name) for joint, name in names.joints.items()}
        self.animation = animation
        self.rest_axes = rest = _stance_axes(animation.rest_positions(), self.index)
        turn = np.eye(3) if rest is None else _to_y_up(rest[:, 1])
        positions, rotations = animation.global_transforms()
        self.positions, self.rotations = positions @ turn.T, turn @ rotations
        self.frames = self._frames_at_rest(rest) if rest is not None else self._frames_of_offsets()
        first = self.positions[0]
        bones = [("hip", "knee"), ("knee", "ankle")]
        pairs = [(self.index[f"{s}_{a}"], self.index[f"{s}_{b}"]) for s in ("left", "right") for a, b in bones]
        self.leg_length = float(sum(np.linalg.norm(first[a] - first[b]) for a, b in pairs))
        if not self.leg_length > 1e-6:
            raise MotionError("the legs have no length")

    def at(self, joint: str) -> Float[Array, "t 3"]:
        return self.positions[:, self.index[joint]]

    def bone(self, start: str, end: str) -> Float[Array, "t 3"]:
        return _unit(self.at(end) - self.at(start))

    def bone_at_ease(self, start: str, end: str) -> Float[Array, " 3"]:
        """Direction of a foot or collar bone in a stance at ease: as the map has it, else as in the rest pose."""
        mirror = (-1.0 if end.startswith("right") else 1.0, 1.0, 1.0)
        if end.endswith("foot") and self.names.flat_foot is not None:
            return _pitch(self.names.flat_foot) @ _FORWARD
        if end.endswith("shoulder") and self.names.shoulder is not None:
            return _unit(np.multiply(self.names.shoulder, mirror))
        if self.rest_axes is None:
            raise MotionError(f"the rest pose is no stance, and the map of '{self.names.family}' says nothing of {end}")
        rest = self.animation.rest_positions()
        return _unit(rest[self.index[end]] - rest[self.index[start]]) @ self.rest_axes

    def orientation(self, joint: str) -> Float[Array, "t 3 3"]:
        return self.rotations[:, self.index[joint]] @ self.frames[self.index[joint]]

    def spine(self) -> list[int]:
        """The source's joints from pelvis to chest."""
        path = [self.index["spine3"]]
        while path[-1] != self.index["pelvis"]:
            parent = self.animation.parents[path[-1]]
            if parent < 0:
                return [self.index["pelvis"], self.index["spine3"]]
            path.append(parent)
        return path[::-1]

    def _frames_at_rest(self, axes: Float[Array, "3 3"]) -> dict[int, Float[Array, "3 3"]]:
        rest = self.animation.global_rest_rotations()
        return {joint: rest[joint].T @ axes for joint in range(len(rest))}

    def _frames_of_offsets(self) -> dict[int, Float[Array, "3 3"]]:
        """Frames for a skeleton whose rest pose is no stance: from its lines of hips and shoulders and its bones."""
        frames: dict[int, Float[Array, "3 3"]] = {}
        lines = {"pelvis": ("left_hip", "right_hip"), "spine3": ("left_collar", "right_collar")}
        if "left_collar" not in self.index:
            lines["spine3"] = ("left_shoulder", "right_shoulder")
        spine = self.spine()
        above = dict(zip(spine, [*spine[1:], self.index["neck"]])) | {self.index["neck"]: self.index["head"]}
        for name, (left, right) in lines.items():
            joint = self.index[name]
            across = np.einsum("tij,ti->j", self.rotations[:, joint], self.at(left) - self.at(right))
            frames[joint] = _axes(across, self.animation.offsets[above[joint]])
        world_left = (self.rotations[:, self.index["pelvis"]] @ frames[self.index["pelvis"]])[..., 0]
        for joint in [*spine, self.index["neck"]]:
            if joint not in frames:
                local = np.einsum("tij,ti->j", self.rotations[:, joint], world_left)
                frames[joint] = _axes(_nearest_axis(local), self.animation.offsets[above[joint]])
        for side in ("left", "right"):
            if f"{side}_foot" not in self.index or self.names.flat_foot is None:
                raise MotionError(f"the rest pose is no stance, and nothing tells when the {side} foot is flat")
            foot = self.index[f"{side}_ankle"]
            toe = self.animation.offsets[self.index[f"{side}_foot"]]
            across = _nearest_axis(np.einsum("tij,ti->j", self.rotations[:, foot], world_left))
            frames[foot] = _axes(across, np.cross(toe, across)) @ _pitch(-self.names.flat_foot)
        return frames


def _directions(source: _Source) -> Float[Array, "t 22 3"]:
    """World direction of the bone that ends in each joint."""
    names = source.names
    directions = np.zeros((len(source.positions), NUM_JOINTS, 3))

    def put(joint: str, values: Float[Array, "t 3"]) -> None:
        directions[:, JOINT_INDEX[joint]] = values

    pelvis = source.orientation("pelvis") @ _pitch(-names.pelvis_pitch)
    chest = source.orientation("spine3") @ _pitch(-names.chest_pitch)
    middle = [source.rotations[:, j] @ source.frames[j] for j in source.spine()[1:-1]]
    chain = [pelvis, *middle, chest]
    put("spine1", pelvis @ _SPINE1)
    put("spine2", _along(chain, 1 / 3) @ _SPINE2)
    put("spine3", _along(chain, 2 / 3) @ _SPINE3)
    put("neck", chest @ _NECK)
    put("head", source.orientation("neck") @ _pitch(-names.neck_pitch) @ _HEAD)
    for side, mirror in (("left", (1, 1, 1)), ("right", (-1, 1, 1))):
        put(f"{side}_hip", pelvis @ np.multiply(_HIP, mirror))
        put(f"{side}_collar", chest @ np.multiply(_COLLAR, mirror))
        put(f"{side}_shoulder", _shoulder(source, side, chest, mirror))
        put(f"{side}_foot", _foot(source, side))
    for joint in _LIMBS:
        put(joint, source.bone(JOINT_NAMES[PARENTS[JOINT_INDEX[joint]]], joint))
    return directions


def _shoulder(source: _Source, side: str, chest: Float[Array, "t 3 3"], mirror: tuple[int, ...]) -> Float[Array, "t 3"]:
    """The source's collar bone, turned within the chest by what the two collar bones differ at ease."""
    ease = np.multiply(_SHOULDER, mirror)
    if f"{side}_collar" not in source.index:
        return chest @ ease
    local = np.einsum("tji,tj->ti", chest, source.bone(f"{side}_collar", f"{side}_shoulder"))
    turn = _between(source.bone_at_ease(f"{side}_collar", f"{side}_shoulder"), _unit(ease))
    return (chest @ (local @ turn.T)[..., None])[..., 0]


def _foot(source: _Source, side: str) -> Float[Array, "t 3"]:
    """From ankle to toes, pitched so that a foot flat on the source's floor is flat on ours."""
    frame = source.orientation(f"{side}_ankle")
    if f"{side}_foot" not in source.index:
        return frame @ _pitch(_FLAT_FOOT) @ _FORWARD
    pitch = -np.degrees(np.arcsin(source.bone_at_ease(f"{side}_ankle", f"{side}_foot")[1]))
    local = frame.swapaxes(-1, -2) @ source.bone(f"{side}_ankle", f"{side}_foot")[..., None]
    return (frame @ _pitch(_FLAT_FOOT - pitch) @ local)[..., 0]


def _along(chain: list[Float[Array, "t 3 3"]], fraction: float) -> Float[Array, "t 3 3"]:
    """Orientation at a fraction of a chain of them, on the shortest arc between neighbours."""
    place = fraction * (len(chain) - 1)
    low = min(int(place), len(chain) - 2)
    turn = matrix_to_axis_angle(chain[low].swapaxes(-1, -2) @ chain[low + 1])
    return chain[low] @ axis_angle_to_matrix(turn * (place - low))


def resample(values: Float[Array, " t *c"], fps_in: float, fps_out: float) -> Float[Array, " s *c"]:
    """Another frame rate; frame 0 stays at time 0.

    The kernel is Keys' cubic (1981), stretched to low-pass where the rate falls.
    """
    ratio = fps_in / fps_out
    width = max(ratio, 1.0)
    frames = len(values)
    # A thousandth of a frame of slack: 1/30 s is written as 0.0333333.
    place = np.arange(int((frames - 1) / ratio + 1e-3) + 1) * ratio
    reach = int(np.ceil(2 * width))
    total, result = np.zeros(len(place)), np.zeros((len(place), *values.shape[1:]))
    for shift in range(-reach, reach + 1):
        frame = np.round(place).astype(int) + shift
        distance = np.abs(place - frame) / width
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        weight = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
        weight = np.where((frame >= 0) & (frame < frames), weight, 0.0)
        total += weight
        result += weight.reshape(-1, *[1] * (values.ndim - 1)) * values[np.clip(frame, 0, frames - 1)]
    return result / total.reshape(-1, *[1] * (values.ndim - 1))


def _held_feet(wanted: Float[Array, "t 2 3"], found: Float[Array, "t 2 3"]) -> Float[Array, "t 3"]:
    """Small shifts of the whole body that let a foot stand still where the source's does.

    Thigh and shin share a leg differently in the two skeletons, so a stance foot would creep as the knee bends. The
    shifts r minimise sum_f w_f |r[t+1] - r[t] - e_f[t]|^2 + a |r[t+1] - r[t]|^2 + b |r[t]|^2, where e_f[t] is what
    ankle f lacks of the source's step and w_f falls from 1 to 0 with the source's speed.
    """
    step = np.diff(wanted, axis=0)
    lacks = step - np.diff(found, axis=0)
    held = np.exp(-np.square(np.linalg.norm(step, axis=-1) * FPS / _STILL))
    pull, stiff = (held[..., None] * lacks).sum(axis=1), held.sum(axis=1) + 0.05
    shift = np.zeros((len(wanted), 3))
    diagonal = np.full(len(wanted), 1 / (_RETURN * FPS) ** 2)
    diagonal[:-1] += stiff
    diagonal[1:] += stiff
    shift[:-1] -= pull
    shift[1:] += pull
    # Thomas' algorithm: the normal equations are tridiagonal, with -stiff beside the diagonal.
    for t in range(1, len(shift)):
        factor = stiff[t - 1] / diagonal[t - 1]
        diagonal[t] -= factor * stiff[t - 1]
        shift[t] += factor * shift[t - 1]
    shift[-1] /= diagonal[-1]
    for t in range(len(shift) - 2, -1, -1):
        shift[t] = (shift[t] + stiff[t] * shift[t + 1]) / diagonal[t]
    return shift


def _on_the_floor(joints: Float[Array, "t 22 3"]) -> Float[Array, "t 22 3"]:
    """Lowest joint (a foot, unless the person lies or swims) at y = 0, root of frame 0 at x = z = 0 facing +Z.

    In 2 % of the frames it may be lower. Prepared clips are put on the floor anew, by their very lowest joint.
    """
    # Not the minimum: one frame of noise would lift the whole motion.
    floor = np.percentile(joints[..., 1].min(axis=1), _FLOOR_PERCENTILE)
    joints = joints - np.array([joints[0, 0, 0], floor, joints[0, 0, 2]])
    first = joints[0]
    across = first[1] - first[2] + first[JOINT_INDEX["left_shoulder"]] - first[JOINT_INDEX["right_shoulder"]]
    return joints @ axis_rotation(1, np.arctan2(across[2], across[0])).T


def _stance_axes(rest: Float[Array, "j 3"], index: dict[str, int]) -> Float[Array, "3 3"] | None:
    """Columns left, up, forward of a rest pose that stands upright with its legs down; None for any other."""
    at = {joint: rest[i] for joint, i in index.items()}
    hips, ankles = (at["left_hip"] + at["right_hip"]) / 2, (at["left_ankle"] + at["right_ankle"]) / 2
    leg = sum(np.linalg.norm(at["left_" + a] - at["left_" + b]) for a, b in (("hip", "knee"), ("knee", "ankle")))
    up = _nearest_axis(at["neck"] - ankles)
    across = at["left_hip"] - at["right_hip"]
    if (hips - ankles) @ up < 0.8 * leg or (at["neck"] - hips) @ up < 0.3 * leg or np.linalg.norm(across) < 1e-6:
        return None
    left = _unit(across - (across @ up) * up)
    return np.stack([left, up, np.cross(left, up)], axis=-1)


def _to_y_up(up: Float[Array, " 3"]) -> Float[Array, "3 3"]:
    """Rotation that takes a coordinate axis to +Y."""
    return _between(up, np.array([0.0, 1.0, 0.0]))


def _between(a: Float[Array, " 3"], b: Float[Array, " 3"]) -> Float[Array, "3 3"]:
    """Shortest rotation from unit vector `a` to `b`; about X where they are opposite."""
    axis = np.cross(a, b)
    sine, cosine = np.linalg.norm(axis), a @ b
    if sine < 1e-9:
        return np.eye(3) if cosine > 0 else axis_rotation(0, np.pi)
    return axis_angle_to_matrix(axis / sine * np.arctan2(sine, cosine))


def _axes(left: Float[Array, " 3"], up: Float[Array, " 3"]) -> Float[Array, "3 3"]:
    """Orthonormal columns left, up, forward; `left` is kept, `up` made square to it."""
    left = _unit(left)
    forward = _unit(np.cross(left, up))
    return np.stack([left, np.cross(forward, left), forward], axis=-1)


def _nearest_axis(vector: Float[Array, " 3"]) -> Float[Array, " 3"]:
    """The signed coordinate axis nearest to a vector."""
    axis = np.zeros(3)
    largest = int(np.abs(vector).argmax())
    axis[largest] = np.sign(vector[largest])
    return axis


def _pitch(degrees: float) -> Float[Array, "3 3"]:
    """Leaning forward by an angle: a turn about the axis to the left."""
    return axis_rotation(0, np.radians(degrees))


def _unit(vector: Float[Array, "*b 3"]) -> Float[Array, "*b 3"]:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)
