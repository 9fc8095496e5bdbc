"""The commands `motiongen evaluate ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiongen_app.options import Data, PipelineName

evaluate_app = typer.Typer(help="Measure a pipeline.", no_args_is_help=False)


@evaluate_app.command("starter")
def evaluate_starter(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for report.md and report.json.")] = Path("report"),
    pipeline: PipelineName = "base",
    seed: Annotated[int, typer.Option(help="Seed of the first clip; the next ones count on.")] = 0,
    limit: Annotated[int, typer.Option(help="Clips to generate for each group of sentences.")] = 240,
) -> None:
    """Reconstruction and obedience on the starter set, real clips beside generated ones."""
    from motiongen_app import evaluate

    typer.echo(evaluate.starter(pipeline, data, out, seed, limit))
