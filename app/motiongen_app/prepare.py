"""`motiongen prepare`: a source of motion capture to a dataset in HumanML3D's layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from motiongen_app.errors import InputError, writable_folder
from motiongen_data_prep import babel, humanml3d, kit, pos_tags
from motiongen_data_prep.prepare import SOURCES, prepare
from motiongen_data_prep.workers import Summary

# The field's datasets, and the options that each of them takes besides the number of processes.
_FIELD: dict[str, tuple[Callable[..., Summary], frozenset[str]]] = {
    "humanml3d": (humanml3d.prepare, frozenset({"amass", "bodies", "mirror"})),
    "kit": (kit.prepare, frozenset()),
    "babel": (babel.prepare, frozenset({"amass", "bodies", "mirror", "fps", "pos"})),
}
_STARTER_OPTIONS = frozenset({"mirror", "pos"})


@dataclass(frozen=True)
class Options:
    """What the user chose besides source and folders; None where nothing was chosen.

    Attributes:
        workers: processes.
        mirror: add every clip's mirror image.
        amass: folder of the unpacked archives of AMASS.
        bodies: folder of SMPL-H's bodies.
        fps: frames a second.
        pos: tag parts of speech.
    """

    workers: int | None = None
    mirror: bool | None = None
    amass: Path | None = None
    bodies: Path | None = None
    fps: float | None = None
    pos: bool | None = None

    def chosen(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "workers" and value is not None}


def run(source: str, src: Path, out: Path, options: Options) -> Summary:
    """Prepare a source and print what came of it."""
    if source not in SOURCES and source not in _FIELD:
        raise InputError(f"source is '{source}'; it must be one of {', '.join((*SOURCES, *_FIELD))}")
    if not src.exists():
        raise InputError(f"{src}: no such folder; give the one that holds the source's files")
    out = writable_folder(out, "OUT")
    if source in _FIELD:
        command, taken = _FIELD[source]
        summary = command(src, out, workers=options.workers, **_arguments(source, options, taken))
    else:
        arguments = _arguments(source, options, _STARTER_OPTIONS)
        summary = prepare(source, src, out, workers=options.workers, **arguments)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(
        f"{source}: {summary.written} clips written, {summary.kept} kept, {len(summary.skipped)} skipped "
        f"in {summary.seconds:.0f} s"
    )
    for reason, count in summary.reasons().items():
        console.print(f"  {count} x {reason}")
    for note in summary.notes:
        console.print(f"  {note}")
    splits = ", ".join(f"{name} {count}" for name, count in summary.splits.items())
    console.print(f"{out}: {splits} (mirrored clips included)")
    return summary


def _arguments(source: str, options: Options, taken: frozenset[str]) -> dict[str, Any]:
    """The chosen options by the names that they have in data preparation.

    Raises:
        InputError: the source does not take one of them.
    """
    chosen = options.chosen()
    for name in chosen:
        if name not in taken:
            flag = f"--{name}" if chosen[name] is not False else f"--no-{name}"
            takes = ", ".join(f"--{other}" for other in sorted(taken)) or "none of them"
            raise InputError(f"{flag} is not for {source}, which takes {takes}; leave it out")
    if "amass" in chosen:
        chosen["amass_folder"] = chosen.pop("amass")
    if chosen.pop("pos", False):
        chosen["line"] = pos_tags.tagger()
    return chosen
