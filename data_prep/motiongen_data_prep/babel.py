"""BABEL (Punnakkal et al., CVPR 2021): sequences of AMASS with labels of the whole and of frames.

Every sequence is one clip at 30 fps (or resampled), with HumanML3D's features. `texts/NAME.txt` has the labels as lines
`caption#tokens#start#end`, seconds, 0.0#0.0 for the whole; `timelines/NAME.json` the same as frames, with transitions,
and the timelines of consecutive labels that a model of several sentences trains on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from rich.console import Console
from torch import Tensor

from motiongen.features.humanml3d import GROUPS, decode, encode
from motiongen.motion import Motion, MotionError
from motiongen.skeleton import NUM_JOINTS
from motiongen_data_prep import amass, layout
from motiongen_data_prep.animation import FileRefused
from motiongen_data_prep.babel_labels import LONGEST_SECONDS, Labelled, read_labels, segments, timelines
from motiongen_data_prep.captions import swap_sides, text_line
from motiongen_data_prep.field import Batch, Clip, Format, Plan, build, digest, named, not_finite, record_of
from motiongen_data_prep.readers import UNREADABLE, reason
from motiongen_data_prep.workers import Result, Summary, checked_workers

FPS = 30.0
# The test split's labels are not public: papers report on val.
LISTS = ("train", "val")
# Frame rates that the files give wrongly, by what their paths contain, as TEACH found.
_TRUE_FPS = {"BMLhandball": 240.0, "20160930_50032": 59.0, "20161014_50033": 59.0}
_SHORTEST_SECONDS = 0.5
_SLOWEST_FPS, _FASTEST_FPS = 10.0, 120.0


def prepare(
    src: Path,
    out: Path,
    *,
    amass_folder: Path | None = None,
    bodies: Path | None = None,
    fps: float = FPS,
    workers: int | None = None,
    mirror: bool = False,
    line: Callable[[str], str] = text_line,
    console: Console | None = None,
) -> Summary:
    """Make BABEL in `out`, or go on making it.

    Args:
        src: the folder of BABEL's train.json and val.json.
        out: a folder of its own.
        amass_folder: where AMASS's archives (SMPL+H G) are unpacked; by default `src`/amass_data.
        bodies: where SMPL-H's bodies are; by default `src`/body_models.
        fps: frames a second to make, 10 to 120; the nearest ones of the recording are taken.
        workers: processes; by default one for each processor.
        mirror: also make mirrored twins, which the field's numbers do without.
        line: the line of a text file for a caption; `pos_tags.tagger` gives one with parts of speech.
        console: where progress and refusals go; standard error by default.

    Raises:
        MotionError: something of the above is missing or damaged as a whole.
    """
    workers = checked_workers(workers)
    if not _SLOWEST_FPS <= fps <= _FASTEST_FPS:
        raise MotionError(f"fps is {fps:g}; it must be {_SLOWEST_FPS:g} to {_FASTEST_FPS:g}")
    console = console or Console(stderr=True)
    summary = Summary("babel")
    files = amass.body_files(bodies or src / "body_models")
    amass_folder = amass_folder or src / "amass_data"
    labelled: dict[str, Labelled] = {}
    lists: dict[str, list[str]] = {}
    clips = []
    for split in LISTS:
        lists[split] = []
        for sequence in read_labels(src / f"{split}.json"):
            named(sequence.name, f"{split}.json")
            if not sequence.whole and not sequence.frames:
                summary.skip(sequence.name, "has no labels")
                continue
            lists[split] += [sequence.name, f"M{sequence.name}"] if mirror else [sequence.name]
            path, why = _file_of(sequence, amass_folder)
            if path is None:
                summary.skip(sequence.name, why)
                continue
            labelled[sequence.name] = sequence
            clips.append(Clip(sequence.name, path, {"true_fps": _true_fps(sequence.file)}))
    if not clips:
        raise MotionError(f"none of BABEL's sequences has its file below {amass_folder}; {summary.first()}")
    plan = Plan(
        source="babel",
        format=Format(fps, NUM_JOINTS, GROUPS),
        clips=clips,
        lists=lists,
        make=partial(make, bodies=files),
        describe=partial(_describe, labelled, fps, line),
        inputs=[*(src / f"{split}.json" for split in LISTS), *files.values()],
        context={"fps": fps, "bodies": {gender: digest(path) for gender, path in files.items()}},
    )
    return build(plan, out, summary, workers=workers, mirror=mirror, console=console)


def make(batch: Batch, bodies: Mapping[str, Path]) -> list[Result]:
    """Write the clip of one sequence, with its twin. Runs in a worker process."""
    try:
        sequence = amass.read(batch.file)
        rest = amass.rest_joints(bodies["male" if sequence.male else "female"])
        return [(clip.name, _write(batch, clip, sequence, rest)) for clip in batch.clips]
    except FileRefused as error:
        return [(clip.name, str(error)) for clip in batch.clips]
    except UNREADABLE as error:
        return [(clip.name, f"{batch.file}: {reason(error)}") for clip in batch.clips]


def nearest(frames: int, source_fps: float, fps: float) -> Int[Tensor, " n"]:
    """Which frames of a recording are taken at a lower rate: evenly spread from the first to the last, as TEACH does.

    Raises:
        MotionError: the recording has fewer frames a second.
    """
    if source_fps < fps:
        raise MotionError(f"has {source_fps:g} frames a second; {fps:g} are needed, or give a lower --fps")
    return torch.linspace(0, frames - 1, int(fps / source_fps * frames), dtype=torch.float64).long()


def _write(batch: Batch, clip: Clip, sequence: amass.Sequence, rest: amass.RestJoints) -> str | None:
    source_fps = clip.how["true_fps"] or sequence.fps
    if len(sequence) < _SHORTEST_SECONDS * source_fps:
        return f"{len(sequence) / source_fps:.2f} s long; a clip needs {_SHORTEST_SECONDS:g} s"
    joints = amass.joints(sequence, rest, nearest(len(sequence), source_fps, batch.context["fps"]))
    made = {clip.name: encode(joints)}
    if batch.mirror:
        made[f"M{clip.name}"] = encode(Motion(joints).mirrored().joints)
    for features in made.values():
        if (why := not_finite(features)) is not None:
            return why
    for name, features in made.items():
        layout.save(batch.out / "new_joint_vecs" / f"{name}.npy", features)
        layout.save(batch.out / "new_joints" / f"{name}.npy", decode(features))
    layout.write_record(batch.out, record_of(batch, clip, len(joints) - 1, {str(batch.file): sequence.sha256}))
    return None


def _describe(
    labelled: Mapping[str, Labelled],
    fps: float,
    line: Callable[[str], str],
    out: Path,
    record: Mapping[str, Any],
) -> str | None:
    """texts/NAME.txt and timelines/NAME.json, and the twin's with the sides swapped."""
    name, frames = record["name"], record["frames"]
    found = segments(labelled[name].frames, fps, frames)
    if not found and not labelled[name].whole:
        return "its labels are of no frame that it has, so it is in no list"
    chains = timelines(found, round(LONGEST_SECONDS * fps))
    for written, said in ((name, str), (f"M{name}", swap_sides)) if record["mirror"] else ((name, str),):
        lines = [line(said(text)) for text in labelled[name].whole]
        for segment, label in found:
            if not label.is_transition:
                caption, tokens, *_ = line(said(segment.text)).split("#")
                lines.append(f"{caption}#{tokens}#{segment.start / fps:.4f}#{segment.stop / fps:.4f}")
        layout.write_text(out / "texts" / f"{written}.txt", "".join(f"{text}\n" for text in lines))
        timeline = {
            "name": written,
            "file": labelled[name].file,
            "fps": fps,
            "frames": frames,
            "sequence": [said(text) for text in labelled[name].whole],
            "segments": [
                {
                    **asdict(segment),
                    "text": said(segment.text),
                    "actions": label.actions,
                    "transition": label.is_transition,
                }
                for segment, label in found
            ],
            "timelines": [[{**asdict(s), "text": said(s.text)} for s in chain] for chain in chains],
        }
        layout.write_text(out / "timelines" / f"{written}.json", json.dumps(timeline, ensure_ascii=False) + "\n")
    return None


def _file_of(sequence: Labelled, amass_folder: Path) -> tuple[Path | None, str]:
    _, _, way = sequence.file.partition("/")
    corpus, _, rest = way.partition("/")
    if not rest or ".." in Path(rest).parts:
        return None, f"its feat_p '{sequence.file[:80]}' is none of AMASS"
    path = amass.find(amass_folder, corpus, rest)
    return path, "" if path else amass.missing(amass_folder, corpus, rest)


def _true_fps(file: str) -> float | None:
    return next((fps for part, fps in _TRUE_FPS.items() if part in file), None)
