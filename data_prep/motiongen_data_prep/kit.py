"""KIT-ML as the field uses it: 21 joints at 12.5 fps and 251 features, in the layout of HumanML3D.

The data set is published already processed (`new_joints`, `new_joint_vecs`, `texts`, lists). Its vectors are taken over
as they are, for every published number rests on them, once they are found to say what `new_joints` says; vectors that
are missing are computed. Where there are raw `joints` instead, they are processed as the original does it. XML files of
the Master Motor Map are not read: nobody's numbers come from them, and the model that they move is not among them.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from motiongen.features.kit import DIM, FPS, GROUPS, NUM_JOINTS, SKELETON, decode, encode
from motiongen.motion import MotionError
from motiongen_data_prep import layout
from motiongen_data_prep.animation import FileRefused
from motiongen_data_prep.dataset_texts import Texts, read_list
from motiongen_data_prep.field import (
    Batch,
    Clip,
    Format,
    Plan,
    build,
    digest,
    from_published,
    named,
    not_finite,
    record_of,
)
from motiongen_data_prep.readers import UNREADABLE, load, reason
from motiongen_data_prep.workers import Result, Summary, checked_workers

FORMAT = Format(FPS, NUM_JOINTS, GROUPS)
LISTS = ("train", "val", "test")
FURTHER_LISTS = ("train_val", "all")
# The clip whose bones all others are given.
SKELETON_CLIP = "03950"
# Of the height of the root: how far joints of vectors may be from those beside them.
_DISAGREEMENT = 0.01


def prepare(src: Path, out: Path, *, workers: int | None = None, console: Console | None = None) -> Summary:
    """Make KIT-ML in `out`, or go on making it. The mirrored twins are clips of the data set.

    Args:
        src: the unpacked folder KIT-ML, or the one that it is in.
        out: a folder of its own.
        workers: processes; by default one for each processor.
        console: where progress and refusals go; standard error by default.

    Raises:
        MotionError: `src` holds no KIT-ML, or `out` something else.
    """
    workers = checked_workers(workers)
    console = console or Console(stderr=True)
    summary = Summary("kit")
    folder = src / "KIT-ML" if (src / "KIT-ML").is_dir() else src
    if out.resolve() == folder.resolve():
        raise MotionError(f"{out}: is where KIT-ML is read from; name another OUT")
    texts = Texts(folder)
    splits = [*LISTS, *(split for split in FURTHER_LISTS if (folder / f"{split}.txt").is_file())]
    lists = {split: read_list(folder / f"{split}.txt") for split in splits}
    clips, context = (_published if (folder / "new_joints").is_dir() else _raw)(folder)
    for name in sorted({name for names in lists.values() for name in names} - {clip.name for clip in clips}):
        summary.skip(name, "is in a list and has no joints")
    plan = Plan(
        source="kit",
        format=FORMAT,
        clips=clips,
        lists=lists,
        make=make,
        describe=texts.write,
        inputs=[*texts.files, *(folder / f"{split}.txt" for split in splits)],
        context=context,
        checks=partial(from_published, folder, ("Mean.npy", "Std.npy")),
    )
    return build(plan, out, summary, workers=workers, mirror=False, console=console)


def make(batch: Batch) -> list[Result]:
    """Write the clip of one file. Runs in a worker process."""
    (clip,) = batch.clips
    try:
        return [(clip.name, _write(batch, clip))]
    except UNREADABLE as error:
        return [(clip.name, str(error) if isinstance(error, MotionError) else f"{batch.file}: {reason(error)}")]


def _published(folder: Path) -> tuple[list[Clip], dict[str, Any]]:
    clips = []
    for path in sorted((folder / "new_joints").glob("*.npy")):
        vectors = folder / "new_joint_vecs" / path.name
        how: dict[str, Any] = {"vectors": None}
        if vectors.is_file():
            how = {"vectors": str(vectors), "state": [vectors.stat().st_size, vectors.stat().st_mtime_ns]}
        clips.append(Clip(named(path.stem, str(path)), path, how))
    if not clips:
        raise MotionError(f"{folder / 'new_joints'}: holds no clips; unpack new_joints of KIT-ML there")
    return clips, {}


def _raw(folder: Path) -> tuple[list[Clip], dict[str, Any]]:
    """Clips of `joints`, named as the original names them: 03950 from 03950_gt.npy."""
    paths = sorted((folder / "joints").glob("*.npy"))
    by_name = {named(path.stem.removesuffix("_gt").replace("_", ""), str(path)): path for path in paths}
    if not by_name:
        raise MotionError(f"{folder}: neither new_joints nor joints of KIT-ML are in it; give the unpacked folder")
    if SKELETON_CLIP not in by_name:
        raise MotionError(f"{folder / 'joints'}: {SKELETON_CLIP}_gt.npy is missing, whose bones all clips are given")
    lengths = SKELETON.bone_lengths(_joints(by_name[SKELETON_CLIP])[0])
    return [Clip(name, path) for name, path in by_name.items()], {"lengths": lengths.tolist()}


def _write(batch: Batch, clip: Clip) -> str | None:
    joints = _joints(batch.file)
    inputs = {str(batch.file): digest(batch.file)}
    lengths, vectors = batch.context.get("lengths"), clip.how.get("vectors")
    if vectors is not None:
        inputs[vectors] = digest(Path(vectors))
        features = _vectors(Path(vectors), len(joints))
        apart = (decode(features) - joints).abs().max().item()
        if not apart <= _DISAGREEMENT * features[:, GROUPS["root_height"]].abs().mean().item():
            return f"its vectors put joints up to {apart:.3g} from where new_joints has them"
    elif len(joints) < 2:
        return f"{len(joints)} frames long; a clip needs 2"
    elif lengths is None:
        features = encode(joints)
        joints = joints[:-1]
    else:
        features = encode(joints, joints.new_tensor(lengths))
        joints = decode(features)
    if (why := not_finite(features)) is not None:
        return why
    layout.save(batch.out / "new_joint_vecs" / f"{clip.name}.npy", features)
    layout.save(batch.out / "new_joints" / f"{clip.name}.npy", joints)
    layout.write_record(batch.out, record_of(batch, clip, len(features), inputs))
    return None


def _joints(path: Path) -> Float[Tensor, "t 21 3"]:
    joints = _array(path)
    if joints.ndim == 2 and joints.shape[1] == 3 * NUM_JOINTS:
        joints = joints.reshape(len(joints), NUM_JOINTS, 3)
    if joints.ndim != 3 or joints.shape[1:] != (NUM_JOINTS, 3) or len(joints) == 0:
        raise FileRefused(path, f"joints of shape {joints.shape}; KIT-ML's are [frames, {NUM_JOINTS}, 3]")
    return torch.from_numpy(joints)


def _vectors(path: Path, frames: int) -> Float[Tensor, "t 251"]:
    vectors = _array(path)
    if vectors.shape != (frames, DIM):
        raise MotionError(f"its vectors have shape {vectors.shape}; [{frames}, {DIM}] belong to its joints")
    return torch.from_numpy(vectors)


def _array(path: Path) -> np.ndarray:
    # Refuses what is too large to be a clip.
    load(path)
    return np.load(path, allow_pickle=False).astype(np.float64)
