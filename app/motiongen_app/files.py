"""`motiongen render` and `motiongen convert`: a clip in a file to another file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from motiongen.export import EXPORTERS, IMPORTERS, format_to_read, format_to_write, load
from motiongen.motion import Motion
from motiongen.render import MAX_SIZE, MIN_SIZE, Look
from motiongen_app.errors import InputError, writable_folder

# Formats whose bones have names.
WITH_BONES = ("bvh", "glb")


@dataclass(frozen=True)
class Options:
    """What `convert` may be told beside the two files; None and False where nothing was said.

    Attributes:
        scale: units per metre of BVH, on whichever side it is.
        mixamo: bones of BVH and GLB get Mixamo's prefix.
        sample: which of several clips of MDM's results.
    """

    scale: float | None = None
    mixamo: bool = False
    sample: int | None = None

    def check(self, source: str, target: str) -> None:
        """Raises: InputError: something was said that neither of the formats heeds."""
        if self.scale is not None and "bvh" not in (source, target):
            raise InputError(f"--scale is for BVH; here {source} becomes {target}")
        if self.mixamo and target not in WITH_BONES:
            raise InputError(f"--mixamo names the bones of bvh and glb; {target} has none")
        if self.sample is not None and source != "mdm":
            raise InputError(f"--sample chooses among MDM's results; the clip is {source}")


def convert(clip: Path, target: Path, options: Options = Options()) -> None:
    """Write a clip in the format that the target's name ends in.

    Raises:
        InputError: an option fits neither format.
        MotionError: there is no such format, or the clip cannot be read, or cannot be written.
    """
    name = format_to_write(target)
    _writable(target)
    source = format_to_read(clip)
    options.check(source, name)
    _write(_read(clip, source, options), target, name, options)


def _read(clip: Path, source: str, options: Options) -> Motion:
    if source == "bvh" and options.scale is not None:
        from motiongen.export.bvh_reader import read as read_bvh

        return read_bvh(clip, options.scale)
    if source == "mdm":
        from motiongen.export.mdm import read as read_mdm

        return read_mdm(clip, options.sample)
    return IMPORTERS[source](clip)


def _write(motion: Motion, target: Path, name: str, options: Options) -> None:
    if name == "bvh":
        from motiongen.export import bvh

        bvh.write(motion, target, bvh.SCALE if options.scale is None else options.scale, options.mixamo)
    elif name == "mp4":
        # The one format that takes long enough to be watched.
        with progress_bars() as progress:
            bar = progress.add_task("writing mp4", total=1.0)
            export(motion, name, target, lambda share: progress.update(bar, completed=share))
    else:
        export(motion, name, target, lambda share: None, options.mixamo)


def render(clips: Sequence[Path], target: Path, size: int, sheet: Path | None, look: Look) -> None:
    """Write one clip, or several side by side, as a video and, if `sheet` is given, a picture of evenly spaced frames.

    Raises:
        InputError: a name ends in something else than mp4 or png, or the size is out of range.
        MotionError: a clip cannot be read, or the look cannot be had.
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
    motions = [load(clip) for clip in clips]
    from motiongen.render.sheet import contact_sheet
    from motiongen.render.video import render_video

    with progress_bars() as progress:
        bar = progress.add_task("rendering", total=None)
        render_video(
            motions, target, size=size, look=look, progress=lambda i, n: progress.update(bar, completed=i, total=n)
        )
        if sheet is not None:
            contact_sheet(motions, sheet, look=look)


def export(motion: Motion, name: str, path: Path, advance: Callable[[float], None], mixamo: bool = False) -> None:
    """Write a motion in a format of `EXPORTERS`; `advance` is told the share that is done, from 0 to 1.

    Args:
        mixamo: bones of the formats in `WITH_BONES` get Mixamo's prefix.
    """
    if name == "mp4":
        # The one format that takes long enough to be watched.
        from motiongen.render.video import render_video

        render_video(motion, path, progress=lambda done, frames: advance(done / frames))
    elif mixamo and name in WITH_BONES:
        from motiongen.export import bvh, glb

        bvh.write(motion, path, mixamo=True) if name == "bvh" else glb.write(motion, path, mixamo=True)
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
