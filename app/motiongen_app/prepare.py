"""`motiongen prepare`: a source of motion capture to a dataset in HumanML3D's layout."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from motiongen_app.errors import InputError, writable_folder
from motiongen_data_prep.prepare import Summary, prepare


def run(source: str, src: Path, out: Path, workers: int | None, mirror: bool) -> Summary:
    """Prepare a source and print what came of it."""
    if not src.exists():
        raise InputError(f"{src}: no such folder; give the one that holds the source's files")
    summary = prepare(source, src, writable_folder(out, "OUT"), workers=workers, mirror=mirror)
    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{source}: {summary.written} clips written, {summary.kept} kept, {len(summary.skipped)} skipped "
        f"in {summary.seconds:.0f} s"
    )
    for reason, count in summary.reasons().items():
        console.print(f"  {count} x {reason}", markup=False)
    splits = ", ".join(f"{name} {count}" for name, count in summary.splits.items())
    console.print(f"{out}: {splits} (mirrored clips included)")
    return summary
