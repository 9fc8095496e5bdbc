"""HumanML3D out of AMASS and HumanAct12, as its authors' notebooks make it (Guo et al., CVPR 2022).

Their order of things is kept: every n-th frame of a sequence, joints of SMPL-H, seconds that some corpora lose at the
start, the rows of index.csv, the mirrored twin, the uniform skeleton, the features, and joints recovered from features.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from motiongen.features.humanml3d import GROUPS, decode, encode
from motiongen.motion import FPS, MotionError
from motiongen.skeleton import MIRROR, NUM_JOINTS, bone_lengths, uniform_offsets
from motiongen_data_prep import amass, layout
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
LISTS = ("train", "val", "test", "train_val", "all")
# Frames at 20 fps that are no motion yet (poses of calibration, mostly) in the corpora whose names a path contains.
TRIMMED_FRAMES = {
    "Eyes_Japan_Dataset": 60,
    "MPI_HDM05": 60,
    "TotalCapture": 20,
    "MPI_Limits": 20,
    "Transitions_mocap": 10,
}
# Its vectors are NaN in the published data, with its twin's: everybody who reports numbers has left it out.
_PUBLISHED_AS_NAN = "007975"
# The clip whose bones are the uniform skeleton, and the one that is published to compare with.
_SKELETON_CLIP, _PUBLISHED_CLIP = "000021", "012314"
_COLUMNS = ("source_path", "start_frame", "end_frame", "new_name")
_AMASS_ROW = re.compile(r"(?:\./)?pose_data/([^/]+)/(.+)_poses\.npy")


@dataclass(frozen=True)
class Row:
    """A row of index.csv: frames `[start, stop)` at 20 fps of a sequence, after the frames that its corpus loses."""

    source: str
    start: int
    stop: int
    name: str

    @property
    def from_humanact12(self) -> bool:
        return "humanact12" in self.source

    @property
    def trimmed(self) -> int:
        return sum(frames for corpus, frames in TRIMMED_FRAMES.items() if corpus in self.source)


def prepare(
    src: Path,
    out: Path,
    *,
    amass_folder: Path | None = None,
    bodies: Path | None = None,
    workers: int | None = None,
    mirror: bool = True,
    console: Console | None = None,
) -> Summary:
    """Make HumanML3D in `out`, or go on making it.

    Args:
        src: a clone of the authors' repository, with `pose_data/humanact12.zip` unpacked.
        out: a folder of its own.
        amass_folder: where AMASS's archives (SMPL+H G) are unpacked; by default `src`/amass_data.
        bodies: where SMPL-H's bodies are; by default `src`/body_models.
        workers: processes; by default one for each processor.
        mirror: also make the mirrored twins. Without them the lists are shorter and numbers are not the field's.
        console: where progress and refusals go; standard error by default.

    Raises:
        MotionError: something of the above is missing or damaged as a whole.
    """
    workers = checked_workers(workers)
    console = console or Console(stderr=True)
    summary = Summary("humanml3d")
    folder = _lists_folder(src)
    if out.resolve() in (src.resolve(), folder.resolve()):
        raise MotionError(f"{out}: is where the lists and published clips are read from; name another OUT")
    texts = Texts(folder)
    files = amass.body_files(bodies or src / "body_models")
    rows = read_index(src / "index.csv")
    clips = []
    for row in rows:
        if row.name == _PUBLISHED_AS_NAN:
            summary.skip(row.name, "its published vectors are NaN, so it is in no published number")
            continue
        path, why = _file_of(row, src, amass_folder or src / "amass_data")
        if path is None:
            # A corpus that is not there costs thousands of clips: they are counted, and listed in skipped.csv.
            summary.skip(row.name, why)
            continue
        how = {"start": row.start, "stop": row.stop, "trimmed": row.trimmed, "humanact12": row.from_humanact12}
        clips.append(Clip(row.name, path, how))
    if not clips:
        raise MotionError(f"none of the {len(rows)} rows of {src / 'index.csv'} has its file; {summary.first()}")
    lists = {split: read_list(folder / f"{split}.txt") for split in LISTS}
    if not mirror:
        originals = {row.name for row in rows}
        lists = {split: [name for name in names if name in originals] for split, names in lists.items()}
    plan = Plan(
        source="humanml3d",
        format=FORMAT,
        clips=clips,
        lists=lists,
        make=partial(make, bodies=files),
        describe=texts.write,
        inputs=[src / "index.csv", *texts.files, *files.values(), *(folder / f"{split}.txt" for split in LISTS)],
        context={"bodies": {gender: digest(path) for gender, path in files.items()}},
        checks=partial(_checks, folder),
    )
    return build(plan, out, summary, workers=workers, mirror=mirror, console=console)


def make(batch: Batch, bodies: Mapping[str, Path]) -> list[Result]:
    """Write the clips of one sequence, with their twins. Runs in a worker process."""
    try:
        joints, sha256 = _joints(batch, bodies)
    except FileRefused as error:
        return [(clip.name, str(error)) for clip in batch.clips]
    except UNREADABLE as error:
        return [(clip.name, f"{batch.file}: {reason(error)}") for clip in batch.clips]
    return [(clip.name, _write(batch, clip, cropped(joints, clip.how), sha256)) for clip in batch.clips]


def cropped(joints: Float[Tensor, "t 22 3"], how: Mapping[str, Any]) -> Float[Tensor, "_ 22 3"]:
    """The frames of a row of the index; clips of HumanAct12 are whole files."""
    return joints if how["humanact12"] else joints[how["trimmed"] :][how["start"] : how["stop"]]


def every_nth(fps: float, frames: int) -> slice:
    """Which frames of a sequence are taken for 20 fps: every n-th, n = int(fps / 20), whatever rate that makes.

    Raises:
        MotionError: less than 20 fps.
    """
    if fps < FPS:
        raise MotionError(f"has {fps:g} frames a second; {FPS:g} are needed")
    return slice(0, frames, int(fps / FPS))


def read_index(path: Path) -> list[Row]:
    """The rows of index.csv.

    Raises:
        MotionError: no such file, or not an index of HumanML3D.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) != _COLUMNS:
                raise MotionError(f"{path}: has the columns {reader.fieldnames}; HumanML3D's index has {_COLUMNS}")
            rows = []
            for line, row in enumerate(reader, start=2):
                try:
                    start, stop = int(row["start_frame"]), int(row["end_frame"])
                except (TypeError, ValueError):
                    raise MotionError(f"{path} line {line}: its frames are no whole numbers") from None
                name = named((row["new_name"] or "").removesuffix(".npy"), f"{path} line {line}")
                rows.append(Row(row["source_path"], start, stop, name))
            return rows
    except OSError as error:
        raise MotionError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; give a clone of github.com/EricGuo5513/HumanML3D"
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise MotionError(f"{path}: is not CSV ({error})") from None


def _lists_folder(src: Path) -> Path:
    """Where the split lists are: in the folder HumanML3D of a clone, or beside the index."""
    return src / "HumanML3D" if (src / "HumanML3D").is_dir() else src


def _file_of(row: Row, src: Path, amass_folder: Path) -> tuple[Path | None, str]:
    if row.from_humanact12:
        acted = src / row.source
        if acted.is_file():
            return acted, ""
        packed = src / "pose_data" / "humanact12.zip"
        return None, f"not unpacked from {packed}" if packed.is_file() else "HumanAct12 is not in pose_data/humanact12"
    match = _AMASS_ROW.fullmatch(row.source)
    if match is None:
        return None, f"its source_path '{row.source[:80]}' is none of AMASS"
    corpus, rest = match[1], f"{match[2]}_poses.npz"
    path = amass.find(amass_folder, corpus, rest)
    return path, "" if path else amass.missing(amass_folder, corpus, rest)


def _joints(batch: Batch, bodies: Mapping[str, Path]) -> tuple[Float[Tensor, "t 22 3"], str]:
    """Joints of a file at 20 fps, metres, Y up, and the file's SHA-256."""
    if batch.clips[0].how["humanact12"]:
        load(batch.file)
        joints = np.load(batch.file, allow_pickle=False)
        if joints.ndim != 3 or joints.shape[1] < NUM_JOINTS or joints.shape[2] != 3:
            raise FileRefused(batch.file, f"joints of shape {joints.shape}; HumanAct12's are [frames, 24, 3]")
        return torch.from_numpy(joints[:, :NUM_JOINTS].astype(np.float64)), digest(batch.file)
    sequence = amass.read(batch.file)
    rest = amass.rest_joints(bodies["male" if sequence.male else "female"])
    return amass.joints(sequence, rest, every_nth(sequence.fps, len(sequence))), sequence.sha256


def _write(batch: Batch, clip: Clip, joints: Float[Tensor, "t 22 3"], sha256: str) -> str | None:
    if len(joints) < 2:
        return f"{len(joints)} frames are left of it; a clip needs 2"
    twin = joints[:, list(MIRROR)] * joints.new_tensor([-1.0, 1.0, 1.0])
    made = {clip.name: encode(joints), **({f"M{clip.name}": encode(twin)} if batch.mirror else {})}
    for features in made.values():
        if (why := not_finite(features)) is not None:
            return why
    for name, features in made.items():
        # As theirs, positions are what the features say: a frame fewer than the sequence has, and of their precision.
        layout.save(batch.out / "new_joint_vecs" / f"{name}.npy", features)
        layout.save(batch.out / "new_joints" / f"{name}.npy", decode(features))
    bones = {}
    if clip.name == _SKELETON_CLIP:
        bones["bones_m"] = (bone_lengths(joints[0]) - uniform_offsets(joints.dtype).norm(dim=-1)).abs().max().item()
    layout.write_record(batch.out, record_of(batch, clip, len(joints) - 1, {str(batch.file): sha256}, **bones))
    return None


def _checks(folder: Path, out: Path) -> dict[str, float]:
    """How far what was made is from what the authors publish, where both are there."""
    found: dict[str, float] = {}
    own = layout.read_record(out, _SKELETON_CLIP)
    if own is not None and "bones_m" in own:
        found[f"bones of {_SKELETON_CLIP}, largest difference from the uniform skeleton, m"] = own["bones_m"]
    return found | from_published(folder, (f"new_joints/{_PUBLISHED_CLIP}.npy", "Mean.npy", "Std.npy"), out)
