"""Generated clips to a folder: files, `manifest.json` and a table."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from motiongen import __version__
from motiongen.batch.jobs import slug
from motiongen.body.smpl import body_model
from motiongen.evaluation.metrics import foot_skate, jitter, penetration
from motiongen.export import suffix
from motiongen.export.posed import pose_of, with_pose
from motiongen.motion import Motion
from motiongen.pipeline import TextToMotionPipeline
from motiongen_app import manifest
from motiongen_app.files import export, progress_bars
from motiongen_app.settings import Settings, chosen_device, chosen_formats


@dataclass(frozen=True)
class Made:
    """A generated clip, the seed that gives it again, and how well it agrees with its text if that is known."""

    motion: Motion
    seed: int
    alignment: float | None = None


def write_clips(
    made: Sequence[Made], settings: Settings, pipeline: TextToMotionPipeline, timings: dict[str, float],
    further: dict[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    """Write every clip, add it to the folder's manifest, and print what was written. Returns what was added.

    Numbers count on from those in the folder, so that nothing there is replaced. Another run into it is waited for.

    Args:
        timings: seconds that came before, by name.
        further: what else an entry of the manifest says.
    """
    body = body_model()
    formats = chosen_formats(settings.formats)
    entries: list[dict[str, Any]] = []
    # From the first number to the last entry: another run into the folder would take the same numbers.
    with manifest.locked(settings.out), progress_bars() as progress:
        first = manifest.next_number(settings.out)
        bar = progress.add_task("writing", total=len(made) * len(formats))
        for number, one in enumerate(made):
            began = time.perf_counter()
            # Always, whatever the formats: the native file is the same beside any others.
            motion = with_pose(one.motion, body)
            fitted = time.perf_counter() - began
            stem = f"{first + number:03d}-{slug([s.text for s in motion.text])}"

            def show(name: str, share: float, before: int = number * len(formats)) -> None:
                progress.update(bar, description=f"writing {name}", completed=before + share)

            files, writing = _write(motion, stem, settings, show)
            entries.append(
                {
                    "text": " ".join(s.text for s in motion.text),
                    "seconds": motion.seconds,
                    "segments": [{"text": s.text, "start": s.start, "stop": s.stop} for s in motion.text],
                    "seed": one.seed,
                    "files": files,
                    "metrics": {**metrics(motion), "alignment": _round(one.alignment)},
                    "body": body.name,
                    "fit_error_mm": round(pose_of(motion, body).error_mm(motion), 2),
                    "timings_s": {k: _round(v) for k, v in {**timings, "fit": fitted, **writing}.items()},
                    "pipeline": {"name": pipeline.name, "hash": pipeline.digest},
                    "steps": settings.steps,
                    "guidance": settings.guidance,
                    "scheduler": settings.scheduler,
                    "clean_feet": settings.clean_feet,
                    "mixamo": settings.mixamo,
                    **further,
                    "device": str(chosen_device(settings.device)),
                    "version": __version__,
                }
            )
            # After every clip: what is there when a long call is interrupted is in the manifest.
            manifest.add(settings.out, entries[-1])
    _print_table(entries, settings.out)
    return entries


def metrics(motion: Motion) -> dict[str, float | None]:
    """How clean a clip is: foot skate in cm/s, jitter in 100 m/s^3, depth below the floor in cm."""
    return {
        "foot_skate_cm_per_s": _round(foot_skate(motion.joints, motion.fps).item()),
        "jitter": _round(jitter(motion.joints, motion.fps).item()),
        "penetration_cm": _round(penetration(motion.joints).item()),
    }


def _write(
    motion: Motion, stem: str, settings: Settings, show: Callable[[str, float], None]
) -> tuple[list[str], dict[str, float]]:
    """Names of the files of a clip, and the seconds that writing them took; `show` is told how many are done."""
    files: list[str] = []
    seconds: dict[str, float] = {}
    for name in chosen_formats(settings.formats):

        def advance(share: float, name: str = name, done: int = len(files)) -> None:
            show(name, done + share)

        advance(0.0)
        began = time.perf_counter()
        files.append(f"{stem}{suffix(name)}")
        export(motion, name, settings.out / files[-1], advance, settings.mixamo)
        seconds[f"write_{name}"] = time.perf_counter() - began
    return files, {"write": sum(seconds.values()), **seconds}


def _print_table(entries: Sequence[dict[str, Any]], out: Path) -> None:
    scored = any(entry["metrics"]["alignment"] is not None for entry in entries)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("file", overflow="fold")
    for title in ("seconds", "skate cm/s", *(["agrees"] if scored else []), "size"):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in entries:
        numbers = entry["metrics"]
        cells = [f"{entry['seconds']:.1f}", f"{numbers['foot_skate_cm_per_s']:.1f}"]
        cells += ["" if numbers["alignment"] is None else f"{numbers['alignment']:.2f}"] if scored else []
        for file in entry["files"]:
            table.add_row(file, *cells, f"{(out / file).stat().st_size / 1024:,.0f} kB")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"in {out}, with {manifest.NAME}", markup=False, soft_wrap=True)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
