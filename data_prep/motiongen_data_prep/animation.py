"""The animation of any skeleton, as read from a file, before it is brought to the 22 SMPL joints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from motiongen.motion import MotionError

Array = np.ndarray


class FileRefused(MotionError):
    """A motion file that cannot be used; the message is one line, `{file}: {reason}`."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class Animation:
    """Local transforms of every joint and frame, in the file's own units and axes.

    Attributes:
        names: joint names, parents before their children.
        parents: index of each joint's parent, -1 for a root.
        offsets: translation from the parent in the rest pose.
        rotations: rotation of each joint in its parent's frame.
        translations: translation in the parent's frame; equals `offsets` where the file animates none.
        fps: frames per second.
        rest_rotations: global rotation of each joint in the rest (bind) pose; None where that is the identity, as in
            BVH and AMC.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[Array, "j 3"]
    rotations: Float[Array, "t j 3 3"]
    translations: Float[Array, "t j 3"]
    fps: float
    rest_rotations: Float[Array, "j 3 3"] | None = None

    def __len__(self) -> int:
        return self.rotations.shape[0]

    def global_transforms(self) -> tuple[Float[Array, "t j 3"], Float[Array, "t j 3 3"]]:
        """Positions and rotations of all joints in the world of the file, by forward kinematics."""
        positions, rotations = np.empty_like(self.translations), np.empty_like(self.rotations)
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                positions[:, joint], rotations[:, joint] = self.translations[:, joint], self.rotations[:, joint]
            else:
                turned = rotations[:, parent] @ self.translations[:, joint, :, None]
                positions[:, joint] = positions[:, parent] + turned[..., 0]
                rotations[:, joint] = rotations[:, parent] @ self.rotations[:, joint]
        return positions, rotations

    def global_rest_rotations(self) -> Float[Array, "j 3 3"]:
        """Global rotation of every joint in the rest pose."""
        if self.rest_rotations is not None:
            return self.rest_rotations
        return np.broadcast_to(np.eye(3), (len(self.names), 3, 3))

    def rest_positions(self) -> Float[Array, "j 3"]:
        """Positions of all joints in the rest pose."""
        rest = self.global_rest_rotations()
        positions = np.zeros_like(self.offsets)
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                positions[joint] = self.offsets[joint]
            else:
                positions[joint] = positions[parent] + rest[parent] @ self.offsets[joint]
        return positions


def axis_rotation(axis: int, radians: Float[Array, "*b"] | float) -> Float[Array, "*b 3 3"]:
    """Rotation about coordinate axis 0, 1 or 2."""
    cos, sin = np.cos(radians), np.sin(radians)
    matrix = np.zeros((*np.shape(radians), 3, 3))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[..., axis, axis] = 1
    matrix[..., first, first] = matrix[..., second, second] = cos
    matrix[..., second, first] = sin
    matrix[..., first, second] = -sin
    return matrix


def euler_to_matrix(degrees: Float[Array, "*b n"], axes: tuple[int, ...]) -> Float[Array, "*b 3 3"]:
    """Product of rotations about `axes` in that order from left to right: the last listed acts first on a vector."""
    matrix = np.broadcast_to(np.eye(3), (*degrees.shape[:-1], 3, 3))
    for i, axis in enumerate(axes):
        matrix = matrix @ axis_rotation(axis, np.radians(degrees[..., i]))
    return matrix


def quaternion_to_matrix(q: Float[Array, "*b 4"]) -> Float[Array, "*b 3 3"]:
    """Rotation matrices of quaternions (x, y, z, w), which need not be of unit length; NaN for a zero quaternion."""
    with np.errstate(invalid="ignore"):
        x, y, z, w = np.moveaxis(q / np.linalg.norm(q, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def axis_angle_to_matrix(vector: Float[Array, "*b 3"]) -> Float[Array, "*b 3 3"]:
    """Rodrigues' formula: rotation about the direction of `vector` by its length, radians."""
    half = np.linalg.norm(vector, axis=-1, keepdims=True) / 2
    # sin(a / 2) / a tends to one half at zero.
    imaginary = vector * np.sinc(half / np.pi) / 2
    return quaternion_to_matrix(np.concatenate([imaginary, np.cos(half)], axis=-1))


def matrix_to_axis_angle(matrix: Float[Array, "*b 3 3"]) -> Float[Array, "*b 3"]:
    """Rotation vector of length at most pi; exact near zero, its sign is arbitrary at a half turn."""
    skew = np.stack(
        [
            matrix[..., 2, 1] - matrix[..., 1, 2],
            matrix[..., 0, 2] - matrix[..., 2, 0],
            matrix[..., 1, 0] - matrix[..., 0, 1],
        ],
        axis=-1,
    )
    sine = np.linalg.norm(skew, axis=-1, keepdims=True) / 2
    cosine = (np.trace(matrix, axis1=-2, axis2=-1)[..., None] - 1) / 2
    angle = np.arctan2(sine, cosine)
    axis = skew / np.maximum(2 * sine, 1e-12)
    return axis * angle
