"""Skinning of any body in SMPL's file format (Loper et al. 2015): 24 joints, 10 shape coefficients."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from motiongen.body.files import read_arrays
from motiongen.body.rotation_vectors import forward_kinematics, to_matrix
from motiongen.motion import MotionError
from motiongen.skeleton import PARENTS as BODY_PARENTS

# The 22 joints of a clip and the two hands.
PARENTS: tuple[int, ...] = (*BODY_PARENTS, 20, 21)
NUM_JOINTS = len(PARENTS)
NUM_BETAS = 10
_CHUNK_FRAMES = 64


@dataclass(frozen=True)
class BodyModel:
    """A body whose mesh follows 24 joints. Y up, metres, facing +Z, T-pose at rest.

    Attributes:
        template: vertices of the mean shape at rest.
        faces: indices of vertices, counter-clockwise seen from outside.
        weights: share that each joint has in moving each vertex.
        joint_regressor: joint positions as weighted sums of the rest vertices.
        shape_dirs: displacement of the vertices by one unit of each shape coefficient.
        pose_dirs: displacement of the vertices by each entry of the rotation matrices (less identity) of joints 1..23;
            None where a body has no pose correctives.
        parents: parent of each joint, -1 for the root.
        name: what the body is called in files.
    """

    template: Float[Tensor, "v 3"]
    faces: Int[Tensor, "f 3"]
    weights: Float[Tensor, "v 24"]
    joint_regressor: Float[Tensor, "24 v"]
    shape_dirs: Float[Tensor, "v 3 10"]
    pose_dirs: Float[Tensor, "207 d"] | None
    parents: tuple[int, ...] = PARENTS
    name: str = "smpl"

    @classmethod
    def load(cls, path: str | Path) -> BodyModel:
        """Read a body from SMPL's npz or pkl. Nothing in the file is executed.

        Raises:
            MotionError: no such file, not a body, or not one of 24 joints.
        """
        path = Path(path)
        arrays = read_arrays(
            path, ("v_template", "f", "weights", "J_regressor", "shapedirs", "posedirs", "kintree_table")
        )
        return _checked(arrays, path)

    def to(self, device: torch.device | str) -> BodyModel:
        """The same body with its arrays on another device."""
        names = ("template", "faces", "weights", "joint_regressor", "shape_dirs", "pose_dirs")
        moved = {k: getattr(self, k).to(device) for k in names if getattr(self, k) is not None}
        return replace(self, **moved)

    def shaped(self, betas: Float[Tensor, " 10"]) -> Float[Tensor, "v 3"]:
        """Vertices at rest of a shape, metres."""
        return self.template + self.shape_dirs @ betas.to(self.template)

    def rest_joints(self, betas: Float[Tensor, " 10"] | None = None) -> Float[Tensor, "24 3"]:
        """Joint positions at rest of a shape (the mean one if None), metres."""
        mean, dirs = self._joint_shape
        return mean if betas is None else mean + dirs @ betas.to(dirs)

    @cached_property
    def _joint_shape(self) -> tuple[Float[Tensor, "24 3"], Float[Tensor, "24 3 10"]]:
        """The joints of the mean shape and what a unit of each coefficient does to them."""
        dirs = (self.joint_regressor @ self.shape_dirs.flatten(1)).unflatten(1, (3, -1))
        return self.joint_regressor @ self.template, dirs

    def joints(
        self, poses: Float[Tensor, "t 24 3"], betas: Float[Tensor, " 10"], trans: Float[Tensor, "t 3"]
    ) -> Float[Tensor, "t 24 3"]:
        """Joint positions of poses, metres."""
        _, placed = forward_kinematics(to_matrix(poses), self.rest_joints(betas).to(poses), self.parents)
        return placed + trans[:, None]

    def skinning_matrices(
        self, poses: Float[Tensor, "t 24 3"], betas: Float[Tensor, " 10"], trans: Float[Tensor, "t 3"]
    ) -> Float[Tensor, "t 24 4 4"]:
        """What moves a rest vertex that belongs to one joint alone to its place in the world."""
        rest = self.rest_joints(betas).to(poses)
        turned, placed = forward_kinematics(to_matrix(poses), rest, self.parents)
        matrices = torch.zeros(*turned.shape[:2], 4, 4, dtype=poses.dtype, device=poses.device)
        matrices[..., :3, :3] = turned
        matrices[..., :3, 3] = placed + trans[:, None] - (turned @ rest[:, :, None])[..., 0]
        matrices[..., 3, 3] = 1.0
        return matrices

    def __call__(
        self, poses: Float[Tensor, "t 24 3"], betas: Float[Tensor, " 10"], trans: Float[Tensor, "t 3"]
    ) -> Float[Tensor, "t v 3"]:
        """Vertices of poses, metres.

        Args:
            poses: rotation of each joint relative to its parent as a rotation vector, radians; joint 0 in the world.
            betas: shape.
            trans: where the root is, less where it is at rest, metres.
        """
        shaped = self.shaped(betas).to(poses)
        matrices = self.skinning_matrices(poses, betas, torch.zeros_like(trans))[..., :3, :]
        # Columns are w_vj (x, y, z, 1) of all joints j: the skinned vertices of many frames are one matrix product.
        homogeneous = torch.cat([shaped, torch.ones_like(shaped[:, :1])], dim=-1)
        spread = (self.weights.to(poses)[:, :, None] * homogeneous[:, None, :]).flatten(1).T
        vertices = poses.new_empty(len(poses), len(shaped), 3)
        for part in range(0, len(poses), _CHUNK_FRAMES):
            rows = matrices[part : part + _CHUNK_FRAMES].transpose(1, 2).flatten(2)
            vertices[part : part + _CHUNK_FRAMES] = (rows.flatten(0, 1) @ spread).unflatten(0, (-1, 3)).transpose(1, 2)
        if self.pose_dirs is not None:
            self._add_pose_correctives(vertices, poses, matrices[..., :3])
        # Added last: weights of a file need not sum to one exactly.
        return vertices.add_(trans[:, None])

    def _add_pose_correctives(
        self, vertices: Float[Tensor, "t v 3"], poses: Float[Tensor, "t 24 3"], turns: Float[Tensor, "t 24 3 3"]
    ) -> None:
        assert self.pose_dirs is not None
        eye = torch.eye(3, dtype=poses.dtype, device=poses.device)
        features = (to_matrix(poses[:, 1:]) - eye).flatten(1)
        weights, pose_dirs = self.weights.to(poses), self.pose_dirs.to(poses)
        # A blended rotation for every vertex of every frame is large: a few frames at a time.
        for part in range(0, len(poses), _CHUNK_FRAMES):
            frames = slice(part, part + _CHUNK_FRAMES)
            blended = (weights @ turns[frames].flatten(2)).unflatten(-1, (3, 3))
            offsets = (features[frames] @ pose_dirs).unflatten(-1, (-1, 3))
            vertices[frames] += (blended @ offsets[..., None])[..., 0]


def _checked(arrays: dict[str, np.ndarray], path: Path) -> BodyModel:
    """The body that the arrays of a file make, if their shapes agree."""
    joints = arrays["kintree_table"].shape[-1] if arrays["kintree_table"].ndim else 0
    if arrays["kintree_table"].shape != (2, NUM_JOINTS):
        kind = {52: "SMPL-H", 55: "SMPL-X"}.get(joints, "no SMPL")
        raise MotionError(
            f"{path}: has {joints} joints ({kind}); a body of {NUM_JOINTS} is needed here, "
            f"SMPL-H and SMPL-X are posed by motiongen.body.extended"
        )
    template, shape_dirs = arrays["v_template"], arrays["shapedirs"]
    count = template.shape[0] if template.ndim else 0
    wanted = {"v_template": (count, 3), "weights": (count, 24), "J_regressor": (24, count)}
    for key, shape in wanted.items():
        if arrays[key].shape != shape or count == 0:
            raise MotionError(f"{path}: '{key}' has shape {arrays[key].shape}; SMPL's is {shape}")
    if shape_dirs.ndim != 3 or shape_dirs.shape[:2] != (count, 3) or shape_dirs.shape[2] < NUM_BETAS:
        raise MotionError(f"{path}: 'shapedirs' has shape {shape_dirs.shape}; SMPL's is {(count, 3, NUM_BETAS)}")
    pose_dirs = arrays["posedirs"]
    if pose_dirs.shape != (count, 3, 207):
        raise MotionError(f"{path}: 'posedirs' has shape {pose_dirs.shape}; SMPL's is {(count, 3, 207)}")
    faces = arrays["f"]
    if faces.ndim != 2 or faces.shape[1] != 3 or (faces.size and not 0 <= faces.min() <= faces.max() < count):
        raise MotionError(f"{path}: 'f' of shape {faces.shape} is no list of triangles between {count} vertices")
    parents = tuple(int(p) for p in arrays["kintree_table"][0])
    if parents[1:] != PARENTS[1:]:
        raise MotionError(f"{path}: its joints hang together as {parents[1:]}; SMPL's as {PARENTS[1:]}")

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))

    floats = {k: tensor(arrays[k]) for k in ("v_template", "weights", "J_regressor")}
    dirs = None if not pose_dirs.any() else tensor(pose_dirs.reshape(count * 3, 207).T)
    return BodyModel(
        template=floats["v_template"],
        faces=torch.from_numpy(faces.astype(np.int64)),
        weights=floats["weights"],
        joint_regressor=floats["J_regressor"],
        shape_dirs=tensor(shape_dirs[..., :NUM_BETAS]),
        pose_dirs=dirs,
        name=path.stem,
    )


@lru_cache(maxsize=1)
def free_body() -> BodyModel:
    """The body that ships with motiongen (see its README in the assets)."""
    from motiongen_assets import ROOT

    return BodyModel.load(ROOT / "body" / "free_body.npz")


@lru_cache(maxsize=4)
def _loaded(path: str) -> BodyModel:
    return BodyModel.load(path)


def body_model(name_or_path: str | Path | None = None) -> BodyModel:
    """A body by name or file: "free", a path, or by default the file that MOTIONGEN_SMPL names, else the free body.

    Raises:
        MotionError: no such file, or not a body.
    """
    wanted = name_or_path or os.environ.get("MOTIONGEN_SMPL") or "free"
    if str(wanted) == "free":
        return free_body()
    return _loaded(str(wanted))
