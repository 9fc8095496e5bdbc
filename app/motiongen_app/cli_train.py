"""The commands `motiongen train ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiongen_app.options import Data

train_app = typer.Typer(help="Train a codec, then a denoiser on its latents; or an evaluator.", no_args_is_help=False)

Out = Annotated[Path, typer.Option(help="Folder for checkpoint, curves and weights.")]
ConfigName = Annotated[str, typer.Option("--config", help="Name of a configuration, or a JSON file.")]
Minutes = Annotated[float | None, typer.Option(help="Stop after so long; the schedule fits itself to it.")]
Steps = Annotated[int | None, typer.Option(help="Steps, instead of the configuration's.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")]
Threads = Annotated[int | None, typer.Option(help="Processor threads. [default: all]", show_default=False)]


@train_app.command("codec")
def train_codec(
    data: Data,
    out: Out,
    config: ConfigName = "starter",
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = False,
    threads: Threads = None,
) -> None:
    """Train the codec; writes OUT/codec."""
    from motiongen_app import train

    folder = train.codec(config, train.Run(data, out, minutes, steps, resume, threads))
    typer.echo(f"wrote {folder}")


@train_app.command("denoiser")
def train_denoiser(
    data: Data,
    out: Out,
    codec: Annotated[Path, typer.Option(help="Folder of a trained codec: .../codec.")],
    config: ConfigName = "starter",
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = False,
    threads: Threads = None,
    half: Annotated[bool, typer.Option("--half", help="Write the weights in 16 bits.")] = False,
    begin_from: Annotated[
        str | None, typer.Option(metavar="PIPELINE", help="Begin from the weights of a pipeline with the same codec.")
    ] = None,
) -> None:
    """Train the denoiser; writes OUT/pipeline, which generate takes as --pipeline."""
    from motiongen_app import train

    folder = train.denoiser(config, codec, half, begin_from, train.Run(data, out, minutes, steps, resume, threads))
    typer.echo(f"wrote {folder}")


@train_app.command("evaluator")
def train_evaluator(
    data: Data,
    out: Out,
    config: ConfigName = "humanml3d",
    glove: Annotated[
        Path | None, typer.Option(help="Folder of the GloVe files our_vab_*. [default: wordllama]", show_default=False)
    ] = None,
    minutes: Minutes = None,
    steps: Steps = None,
    resume: Resume = False,
    threads: Threads = None,
    half: Annotated[bool, typer.Option("--half", help="Write the weights in 16 bits.")] = False,
) -> None:
    """Train the networks that evaluation measures with; writes OUT/evaluator."""
    from motiongen_app import train

    folder = train.evaluator(config, glove, half, train.Run(data, out, minutes, steps, resume, threads))
    typer.echo(f"wrote {folder}")
