"""SMPL-H and SMPL-X, with fingers and face, through the package `smplx`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.body.files import read_arrays
from motiongen.motion import MotionError

_KEYS = ("v_template", "weights", "J_regressor", "shapedirs", "posedirs", "kintree_table")


def vertices(
    path: str | Path, poses: Float[Tensor, "t j 3"], betas: Float[Tensor, " b"], trans: Float[Tensor, "t 3"]
) -> Float[Tensor, "t v 3"]:
    """Vertices of an SMPL-H (52 joints), SMPL-X (55) or SMPL (24) model, metres.

    Args:
        path: the model's npz or pkl; nothing in it is executed.
        poses: rotation vectors of the model's first joints, radians; the rest is not bent. Poses that `fit` gives
            are used without their hands: `poses[:, :22]`.

    Raises:
        MotionError: `smplx` is not installed, the file is no such model, or there are more poses than joints.
    """
    try:
        from smplx.lbs import lbs
    except ImportError:
        raise MotionError('SMPL-H and SMPL-X need the package smplx; run: pip install "motiongen[smplx]"') from None
    arrays = read_arrays(Path(path), _KEYS)
    joints, shapes = arrays["weights"].shape[-1], arrays["shapedirs"].shape[-1]
    if poses.shape[1] > joints or len(betas) > shapes:
        raise MotionError(
            f"{path}: has {joints} joints and {shapes} betas; not {poses.shape[1]} and {len(betas)}; give no more"
        )
    tensors = {k: torch.from_numpy(np.ascontiguousarray(v, np.float32)).to(poses.device) for k, v in arrays.items()}
    full = poses.new_zeros(len(poses), joints, 3)
    full[:, : poses.shape[1]] = poses
    parents = torch.from_numpy(arrays["kintree_table"][0].astype(np.int64)).clone()
    parents[0] = -1
    made, _ = lbs(
        betas.expand(len(poses), -1),
        full.flatten(1),
        tensors["v_template"],
        tensors["shapedirs"][..., : len(betas)],
        tensors["posedirs"].flatten(0, 1).T,
        tensors["J_regressor"],
        parents,
        tensors["weights"],
    )
    return made + trans[:, None]
