"""Prepare motion for training: read, retarget, trim, encode and write every take of a source, resumably."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from motiongen.motion import FPS, Motion, MotionError
from motiongen_data_prep import layout, trim
from motiongen_data_prep.animation import Animation
from motiongen_data_prep.attribution import LICENCES, attribution_text
from motiongen_data_prep.captions import choose, text_line
from motiongen_data_prep.folder import folder_takes, with_validation
from motiongen_data_prep.paraphrases import paraphrases
from motiongen_data_prep.paraphrases_second import paraphrases_second
from motiongen_data_prep.readers import UNREADABLE, read, read_all, reason
from motiongen_data_prep.retarget import retarget
from motiongen_data_prep.starter import Skip, bandai_takes, cmu_takes, mesh2motion_takes
from motiongen_data_prep.take import Take
from motiongen_data_prep.workers import Result, Summary, checked_workers, progress_bar, remove_leftovers, run

__all__ = ["SOURCES", "Summary", "prepare", "process"]

SOURCES: dict[str, Callable[[Path, Skip], list[Take]]] = {
    "bandai-namco": bandai_takes,
    "cmu": cmu_takes,
    "mesh2motion": mesh2motion_takes,
    "folder": folder_takes,
}
SHORTEST_FRAMES = round(FPS)
# Raise it when the code below or the retargeting changes what it makes of the same file.
RECIPE_VERSION = 2


@dataclass(frozen=True)
class _Job:
    """The takes of one file, to be read once."""

    out: Path
    mirror: bool
    takes: tuple[Take, ...]


def prepare(
    source: str,
    src: Path,
    out: Path,
    *,
    workers: int | None = None,
    mirror: bool = True,
    line: Callable[[str], str] = text_line,
    console: Console | None = None,
) -> Summary:
    """Add a source's clips to the prepared folder `out` and bring its lists, Mean and Std up to date over all clips.

    Several sources may share one folder. Clips whose files are unchanged since an earlier call are kept; their texts
    and splits are written anew. A file that cannot be used costs one line and an entry in the summary. Clips that the
    captions.csv of the source `folder` no longer names leave the lists.

    Args:
        source: bandai-namco, cmu, mesh2motion or folder.
        src: folder with the source's files anywhere below it.
        out: folder in HumanML3D's layout, made if need be.
        workers: processes; by default one for each processor.
        mirror: also write every clip's mirror image as M + name.
        line: the line of a text file for a caption; `pos_tags.tagger` gives one with parts of speech.
        console: where progress and refusals go; standard error by default.

    Raises:
        MotionError: unknown source, nothing usable below `src`, or a worker process that died.
    """
    if source not in SOURCES:
        raise MotionError(f"source is '{source}'; it must be one of {', '.join(SOURCES)}")
    workers = checked_workers(workers)
    begun = time.monotonic()
    console = console or Console(stderr=True)
    summary = Summary(source)

    def skip(name: str, why: str) -> None:
        summary.skip(name, why, console)

    src, out = Path(src), Path(out)
    takes = SOURCES[source](src, skip)
    root = str(src.resolve()) if source == "folder" else None
    takes = _without_clashes(takes, set(layout.recorded(out)) - _gone(out, root, takes), skip)
    gone = _gone(out, root, takes)
    layout.check_owner(out, None)
    remove_leftovers(out)
    fresh = [take for take in takes if not _is_done(out, take, mirror)]
    summary.kept = len(takes) - len(fresh)
    with progress_bar(console) as progress:
        bar = progress.add_task(f"preparing {source}", total=len(takes), completed=summary.kept)
        for name, why in run(_work, _jobs(out, mirror, fresh), workers):
            progress.advance(bar)
            if why is None:
                summary.written += 1
            else:
                skip(name, why)
                layout.forget(out, name)
    done = [take for take in takes if take.name not in summary.skipped]
    if not done:
        raise MotionError(f"{src}: none of its {len(takes)} clips could be used; {summary.first()}")
    for name in gone:
        layout.forget(out, name)
    _refresh(out, with_validation(done) if source == "folder" else done, mirror, root, line)
    if source == "bandai-namco":
        layout.write_paraphrases(out, "paraphrases", paraphrases())
        layout.write_paraphrases(out, "paraphrases-2", paraphrases_second())
    summary.splits = _index(out, source, summary)
    summary.seconds = time.monotonic() - begun
    return summary


def process(take: Take, motion: Motion, out: Path, mirror: bool) -> str | None:
    """Trim a retargeted clip and write it; None, or the reason why it was not written."""
    joints = motion.joints[round(take.lead_in * FPS) :]
    if len(joints) < 2:
        return f"{len(motion) / FPS:.2f} s long; a clip needs {SHORTEST_FRAMES / FPS:.0f} s"
    if take.turn:
        joints = joints[: trim.end_of_turn(joints, take.turn)]
    if take.cycle:
        joints = trim.repeat_cycle(joints)
    elif not take.still:
        start, stop = trim.active_range(joints)
        joints = joints[start:stop]
    if len(joints) < SHORTEST_FRAMES:
        return f"{len(joints) / FPS:.2f} s long; a clip needs {SHORTEST_FRAMES / FPS:.0f} s"
    layout.write_clip_and_twin(out, take.name, joints, mirror)
    record = {
        "name": take.name,
        "source": take.source,
        "content": take.content,
        "style": take.style,
        "file": take.file.name + (f"#{take.clip}" if take.clip else ""),
        "split": take.split,
        "frames": len(joints),
        "mirror": mirror,
        "recipe": _recipe(take),
    }
    layout.write_record(out, record)
    return None


def _work(job: _Job) -> list[Result]:
    """(name, None or reason) of each take of a job. Runs in a worker process."""
    results: list[Result] = []
    first = job.takes[0]
    has_clips = first.file.suffix.lower() == ".glb"
    try:
        animations = read_all(first.file) if has_clips else {"": read(first.file, first.asf)}
    except MotionError as error:
        return [(take.name, str(error)) for take in job.takes]
    except UNREADABLE as error:
        return [(take.name, f"{first.file}: {reason(error)}") for take in job.takes]
    for take in job.takes:
        try:
            motion = retarget(_chosen(take, animations))
            results.append((take.name, process(take, motion, job.out, job.mirror)))
        except UNREADABLE as error:
            results.append((take.name, f"{take.file.name}: {reason(error)}"))
    return results


def _chosen(take: Take, animations: dict[str, Animation]) -> Animation:
    """The clip that a take names, or the only one."""
    if take.clip in animations:
        return animations[take.clip]
    if not take.clip and len(animations) == 1:
        return next(iter(animations.values()))
    wrong = (
        f"has no clip '{take.clip}'; its clips" if take.clip else f"has {len(animations)} clips; add # and one of them"
    )
    raise MotionError(f"{wrong}: {', '.join(animations)}")


def _jobs(out: Path, mirror: bool, takes: Sequence[Take]) -> list[_Job]:
    by_file: dict[Path, list[Take]] = {}
    for take in takes:
        # The sentences stay here: there are many, and the motion does not depend on them.
        by_file.setdefault(take.file, []).append(replace(take, captions=()))
    return [_Job(out, mirror, tuple(group)) for group in by_file.values()]


def _is_done(out: Path, take: Take, mirror: bool) -> bool:
    record = layout.read_record(out, take.name)
    return (
        record is not None
        and record.get("mirror") == mirror
        and record.get("recipe") == _recipe(take)
        and layout.has_clip(out, take.name, mirror)
    )


def _recipe(take: Take) -> dict[str, Any]:
    # Through JSON, so that it equals what is read back from a record.
    return dict(json.loads(json.dumps({**take.recipe(), "version": RECIPE_VERSION})))


def _gone(out: Path, root: str | None, takes: Sequence[Take]) -> set[str]:
    """Clips that an earlier call made of the user's folder `root` and that it no longer names."""
    if root is None:
        return set()
    names = set(layout.recorded(out)) - {take.name for take in takes}
    records = {name: layout.read_record(out, name) or {} for name in names}
    return {n for n, r in records.items() if r.get("source") == "folder" and r.get("root", root) == root}


def _without_clashes(takes: Sequence[Take], earlier: set[str], skip: Skip) -> list[Take]:
    """The takes without those that would overwrite, or be overwritten by, the mirrored twin of another clip."""
    # Shorter names first: the clip stays, and the one named like its twin goes.
    names = earlier - {take.name for take in takes}
    kept: set[str] = set()
    for take in sorted(takes, key=lambda take: len(take.name)):
        clash = layout.twin_clash(take.name, names)
        if clash is None:
            names.add(take.name)
            kept.add(take.name)
        else:
            skip(take.name, f"one of {take.name} and {clash} is named like the mirrored twin of the other; rename it")
    return [take for take in takes if take.name in kept]


def _refresh(out: Path, takes: Sequence[Take], mirror: bool, root: str | None, line: Callable[[str], str]) -> None:
    """Texts, labels and splits of clips whose motion is there: cheap, so that new sentences need no new motion."""
    # Whose captions.csv names a clip: several folders of the user may share one prepared folder.
    origin = {"root": root} if root else {}
    for take in takes:
        layout.write_texts(out, take.name, choose(take.name, take.captions), mirror, line)
        record = layout.read_record(out, take.name)
        labels = {"content": take.content, "style": take.style, "split": take.split, **origin}
        if record is not None and record | labels != record:
            layout.write_record(out, record | labels)


def _index(out: Path, source: str, summary: Summary) -> dict[str, int]:
    try:
        about = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        about = {}
    sources = about.get("sources", {})
    sources[source] = {**LICENCES[source], "skipped": summary.reasons()}
    layout.write_text(out / "LICENSES.txt", attribution_text(sources))
    return layout.write_index(out, {"sources": dict(sorted(sources.items())), "recipe_version": RECIPE_VERSION})
