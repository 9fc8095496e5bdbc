"""The command `motiongen batch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiongen_app.options import CleanFeet, DenoisingSteps, Device, Formats, Guidance, PipelineName, Scheduler


def batch(
    prompts: Annotated[str, typer.Argument(metavar="PROMPTS", help="txt, csv, jsonl or json; - is standard input.")],
    out: Annotated[Path, typer.Option(help="Folder for the clips and manifest.jsonl.")] = Path("out"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what is in the folder, if anything is.")] = False,
    seed: Annotated[int, typer.Option(help="Seed from which those of the lines come.")] = 7,
    seconds: Annotated[float, typer.Option(help="Length of a sentence where its line tells none.")] = 4.0,
    input_format: Annotated[
        str | None,
        typer.Option(help="txt, csv, jsonl, flowmdm or stmc. [default: by name and content]", show_default=False),
    ] = None,
    unit: Annotated[
        str, typer.Option(help="What a bare number in text#number is: seconds, or frames at 20 a second (MDM, MoMask).")
    ] = "seconds",
    best_of: Annotated[int, typer.Option(help="Make so many of each and keep the one that fits its text best.")] = 1,
    filters: Annotated[
        str, typer.Option("--filter", metavar="CONDITIONS", help='Clips to keep: "alignment>0.2,skate<15,jitter<1".')
    ] = "",
    layout: Annotated[str, typer.Option(help="files, parquet or webdataset.")] = "files",
    shard_size: Annotated[int, typer.Option(help="Clips of a shard of parquet or webdataset.")] = 1000,
    shard: Annotated[str, typer.Option(metavar="I/N", help="Do every N-th line, the I-th first, from 0.")] = "0/1",
    workers: Annotated[
        int | None, typer.Option(help="Processes. [default: one a processor, or 4 a GPU]", show_default=False)
    ] = None,
    engine: Annotated[str, typer.Option(help="local, or ray (an extra).")] = "local",
    steps: DenoisingSteps = 20,
    guidance: Guidance = 2.5,
    scheduler: Scheduler = "ddim",
    clean_feet: CleanFeet = True,
    formats: Formats = "npz",
    pipeline: PipelineName = "base",
    device: Device = "auto",
) -> None:
    """Make a clip for every line of a file: batch prompts.txt --out clips [--resume]

    A line's clip depends on the line, its number and --seed alone: not on the other lines, shards, workers or engine,
    bit for bit on one kind of machine, device and version of torch.
    """
    from motiongen_app import batch as command
    from motiongen_app.settings import Settings

    settings = Settings(seed, out, steps, guidance, scheduler, clean_feet, formats, pipeline, device)
    request = command.Request(
        prompts, seconds, input_format, unit, best_of, filters, layout, shard_size, shard, workers, engine, resume
    )
    command.run(request, settings)
