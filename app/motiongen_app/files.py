"""`motiongen render` and `motiongen convert`: a clip in a file to another file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from motiongen.export import EXPORTERS
from motiongen.motion import Motion
from motiongen.render import MAX_SIZE, MIN_SIZE
from motiongen_app.errors import InputError, writable_folder


def convert(clip: Path, target: Path) -> None:
    """Write a clip in the format that the target's suffix names.

    Raises:
        InputError: there is no such format.
        MotionError: the clip cannot be read, or cannot be written in that format.
    """
    name = target.suffix.removeprefix(".").lower()
    if name not in EXPORTERS:
        raise InputError(f"{target}: format '{name}' is unknown; there are {', '.join(EXPORTERS)}")
    _writable(target)
    motion = Motion.load(clip)
    with progress_bars() as progress:
        bar = progress.add_task(f"writing {name}", total=1.0)
        export(motion, name, target, lambda share: progress.update(bar, completed=share))


def render(clip: Path, target: Path, size: int, sheet: Path | None) -> None:
    """Write a clip as a video and, if `sheet` is given, a picture of evenly spaced frames.

    Raises:
        InputError: a name ends in something else than mp4 or png, or the size is out of range.
        MotionError: the clip cannot be read.
    """
    if target.suffix.lower() != ".mp4":
        raise InputError(f"{target}: a video's name must end in .mp4")
    if sheet is not None and sheet.suffix.lower() != ".png":
        raise InputError(f"--sheet is {sheet}; its name must end in .png")
    if not MIN_SIZE <= size <= MAX_SIZE or size % 2:
        raise InputError(f"--size is {size}; give an even number from {MIN_SIZE} to {MAX_SIZE}")
    for path in (target, sheet):
        if path is not None:
            _writable(path)
    motion = Motion.load(clip)
    from motiongen.render.sheet import contact_sheet
    from motiongen.render.video import render_video

    with progress_bars() as progress:
        bar = progress.add_task("rendering", total=len(motion))
        render_video(motion, target, size=size, progress=lambda done, _: progress.update(bar, completed=done))
        if sheet is not None:
            contact_sheet(motion, sheet)


def export(motion: Motion, name: str, path: Path, advance: Callable[[float], None]) -> None:
    """Write a motion in a format of `EXPORTERS`; `advance` is told the share that is done, from 0 to 1."""
    if name == "mp4":
        # The one format that takes long enough to be watched.
        from motiongen.render.video import render_video

        render_video(motion, path, progress=lambda done, frames: advance(done / frames))
    else:
        EXPORTERS[name](motion, path)
    advance(1.0)


def progress_bars() -> Progress:
    """Bars on standard error, so that standard output holds results alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _writable(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    writable_folder(path.parent, "file")
