"""`motiongen fit`: joints in a file to a clip that carries the pose of a body."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from motiongen.body.shapes import betas
from motiongen.body.smpl import body_model
from motiongen.export import load
from motiongen.export.posed import pose_of, with_pose
from motiongen_app.errors import InputError, writable_folder


def run(clip: Path, target: Path, body: str, shape: str | None) -> str:
    """Fit a body to a clip and write it as native `npz` with `poses`, `trans` and `betas`.

    Args:
        clip: in any format that can be read, or an `npy` of joints [t, 22, 3] at 20 frames a second.
        body: "smpl" (the file that MOTIONGEN_SMPL names, else the free body), "free", or a file.
        shape: a named shape of the free body or numbers, the mean one if None.

    Returns:
        What was done, for the user.

    Raises:
        InputError: the target's name does not end in npz, or it cannot be written.
        MotionError: clip, body or shape cannot be used.
    """
    if target.suffix.lower() != ".npz":
        raise InputError(f"{target}: a fitted clip's name must end in .npz")
    if target.is_dir():
        raise InputError(f"{target}: is a folder; name a file")
    writable_folder(target.parent, "file")
    coefficients = None if shape is None else betas(shape)
    model = body_model(None if body == "smpl" else body)
    motion = load(clip)
    plain = {name: value for name, value in motion.extra.items() if name not in ("poses", "trans", "betas")}
    fitted = with_pose(replace(motion, extra=plain), model, coefficients)
    fitted.save(target)
    error = pose_of(fitted, model).error_mm(fitted)
    return f"wrote {target}: {len(motion)} frames on {model.name}, mean joint error {error:.1f} mm"
