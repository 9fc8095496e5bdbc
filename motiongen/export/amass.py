"""AMASS npz: SMPL-H poses, Z up, as the AMASS archive has them, and any such file back.

Beside AMASS's own keys a file of ours has `texts`, `starts` and `stops`; `body`, whose pose and betas these are; and
`clip_rest`, `clip_scale` and `clip_height`, the clip's own proportions. Readers of AMASS ignore what they do not know.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.arrays import ArraysError, read_npz
from motiongen.body.rotation_vectors import from_matrix, to_matrix
from motiongen.body.smpl import NUM_BETAS, BodyModel, body_model, free_body
from motiongen.export.disk import contents, written
from motiongen.export.posed import Pose, Proportions, clip_joints, pose_of, proportions, segments_from
from motiongen.motion import Motion, MotionError
from motiongen.skeleton import NUM_JOINTS

_SMPLH_JOINTS = 52  # 22 of the body, 15 of each hand
_SMPLH_BETAS = 16
_DMPLS = 8
_BODY_VALUES = 3 * NUM_JOINTS
# Columns: where x, y and z of a Y-up world point in a Z-up one. Facing +Z becomes facing -Y.
_TO_Z_UP = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))


def write(motion: Motion, path: Path) -> None:
    """Write AMASS npz: `poses` [t, 156] with hands flat, `trans` [t, 3], `betas` [16], `dmpls`, `gender`, frame rate.

    Equal clips give equal bytes.

    Raises:
        MotionError: the file cannot be written.
    """
    pose = pose_of(motion)
    clip = proportions(motion, pose)
    turned = torch.tensor(_TO_Z_UP, dtype=torch.float64)
    local = to_matrix(pose.poses[:, :NUM_JOINTS].double())
    local[:, 0] = turned @ local[:, 0]
    poses = np.zeros((len(motion), 3 * _SMPLH_JOINTS))
    poses[:, :_BODY_VALUES] = from_matrix(local).flatten(1).numpy()
    # The world turns about its origin, while SMPL's root turns about where it is at rest.
    at_rest = pose.body.rest_joints(pose.betas)[0].double()
    trans = (pose.trans.double() + at_rest) @ turned.T - at_rest
    betas = np.zeros(_SMPLH_BETAS)
    betas[:NUM_BETAS] = pose.betas.numpy()
    arrays: dict[str, Any] = {
        "poses": poses,
        "trans": trans.numpy(),
        "betas": betas,
        "dmpls": np.zeros((len(motion), _DMPLS)),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(float(motion.fps)),
        "mocap_frame_rate": np.array(float(motion.fps)),
        "texts": np.array([s.text for s in motion.text], dtype=np.str_),
        "starts": np.array([s.start for s in motion.text], dtype=np.int64),
        "stops": np.array([s.stop for s in motion.text], dtype=np.int64),
        "body": np.array(pose.body.name),
        "clip_rest": clip.rest.numpy(),
        "clip_scale": np.array(clip.scale),
        "clip_height": np.array(clip.height),
    }
    with written(path) as beside, open(beside, "wb") as file:
        np.savez(file, **arrays)


def read(path: Path, body: BodyModel | None = None) -> Motion:
    """The clip in an AMASS npz, Y up, with the place and heading that it has there.

    A file of ours comes back with its own proportions. Any other is put on the body: with its betas if that is SMPL's;
    on the free body, whose shapes are others, as its mean shape, standing on the floor. Fingers are left out.

    Args:
        body: by default the one that `motiongen.body.smpl.body_model` chooses.

    Raises:
        MotionError: not AMASS, damaged, or without a frame rate.
    """
    arrays = _arrays(path)
    missing = {"poses", "trans"} - arrays.keys()
    if missing:
        raise MotionError(f"{path}: holds no array '{min(missing)}', so it is not AMASS")
    rate = arrays.get("mocap_frame_rate", arrays.get("mocap_framerate"))
    if rate is None:
        raise MotionError(f"{path}: holds neither 'mocap_frame_rate' nor 'mocap_framerate'")
    try:
        pose, ours = _pose(arrays, body or body_model())
        if ours is None:
            joints = pose.joints()[:, :NUM_JOINTS]
        else:
            joints = clip_joints(to_matrix(pose.poses.double()), pose.joints()[:, 0].double(), ours).float()
        texts, starts, stops = (arrays[k].tolist() if k in arrays else [] for k in ("texts", "starts", "stops"))
        text = segments_from(texts, starts, stops, len(joints))
        extra = {"poses": pose.poses, "trans": pose.trans, "betas": pose.betas}
        return Motion(joints, float(rate), text, extra)
    except (ValueError, TypeError, IndexError, RuntimeError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MotionError(f"{path}: {reason[:160]}") from None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return read_npz(BytesIO(contents(path)), _KEYS)
    except ArraysError as error:
        raise MotionError(f"{path}: not a readable npz file: {error}") from None


_KEYS = {"poses", "trans", "betas", "mocap_frame_rate", "mocap_framerate", "texts", "starts", "stops"}
_KEYS |= {"body", "clip_rest", "clip_scale", "clip_height"}


def _pose(arrays: dict[str, np.ndarray], body: BodyModel) -> tuple[Pose, Proportions | None]:
    """The body's pose in a Y-up world, and the clip's proportions if the file has them."""
    values = _floats(arrays["poses"])
    place = _floats(arrays["trans"])
    if values.ndim != 2 or values.shape[1] < _BODY_VALUES or values.shape[1] % 3 or len(values) == 0:
        raise ValueError(f"'poses' has shape {tuple(values.shape)}; [frames, 156] is AMASS's")
    if place.shape != (len(values), 3):
        raise ValueError(f"'trans' has shape {tuple(place.shape)}; [{len(values)}, 3] is needed")
    named = str(arrays["body"]) if "body" in arrays else "smpl"
    own = named == body.name if "body" in arrays else body is not free_body()
    betas = torch.zeros(NUM_BETAS, dtype=torch.float64)
    if own and "betas" in arrays:
        given = _floats(arrays["betas"]).flatten()[:NUM_BETAS]
        betas[: len(given)] = given
    turned = torch.tensor(_TO_Z_UP, dtype=torch.float64)
    local = to_matrix(
        torch.cat([values[:, :_BODY_VALUES], values.new_zeros(len(values), 6)], dim=1).unflatten(1, (-1, 3))
    )
    local[:, 0] = turned.T @ local[:, 0]
    at_rest = body.rest_joints(betas.float())[0].double()
    trans = (place + at_rest) @ turned - at_rest
    pose = Pose(body, from_matrix(local).float(), trans.float(), betas.float())
    if {"clip_rest", "clip_scale", "clip_height"} <= arrays.keys():
        rest = _floats(arrays["clip_rest"]).reshape(NUM_JOINTS, 3)
        return pose, Proportions(rest, float(arrays["clip_scale"]), float(arrays["clip_height"]))
    if not own:
        lowest = pose.joints()[..., 1].min()
        trans = pose.trans - lowest * torch.tensor([0.0, 1.0, 0.0])
        return Pose(body, pose.poses, trans, pose.betas), None
    return pose, None


def _floats(array: np.ndarray) -> Float[Tensor, "..."]:
    if array.dtype.kind not in "fiu":
        raise ValueError(f"holds {array.dtype} where numbers should be")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("holds NaN or infinity")
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))
