"""The commands `motiongen evaluate ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiongen_app.options import Data, DenoisingSteps, Device, Guidance, PipelineName

evaluate_app = typer.Typer(help="Measure a pipeline.", no_args_is_help=False)

Out = Annotated[Path, typer.Option(help="Folder for report.md, report.json, plots and repeats; run again to go on.")]
Evaluator = Annotated[
    str,
    typer.Option(help="A shipped one, a trained folder, checkpoints/t2m or its finest.tar, or a TMR run's folder."),
]
Stats = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the evaluator's mean.npy and std.npy (TMR: .pt). [default: beside it]", show_default=False
    ),
]
Glove = Annotated[
    Path | None,
    typer.Option(help="Folder of the GloVe files our_vab_*. [default: beside checkpoints]", show_default=False),
]
Repeats = Annotated[int | None, typer.Option(help="Repeats. [default: the protocol's]", show_default=False)]
Limit = Annotated[int | None, typer.Option(help="At most so many clips. [default: all]", show_default=False)]
Texts = Annotated[
    int, typer.Option("--multimodality", help="Captions for MultiModality, 30 samples of each; 0 leaves it out.")
]
Twin = Annotated[
    str | None,
    typer.Option(
        metavar="PIPELINE", help="The Transformer twin. [default: an untrained one, timed]", show_default=False
    ),
]
RealOnly = Annotated[bool, typer.Option("--real-only", help="The row of real clips alone.")]
Composed = Annotated[int, typer.Option("--compositions", help="Segments of a clip, generated in one pass.")]
Seed = Annotated[int, typer.Option(help="Seed of what is drawn and generated.")]


@evaluate_app.command("starter")
def evaluate_starter(
    data: Data,
    out: Out = Path("report"),
    pipeline: PipelineName = "base",
    seed: Annotated[int, typer.Option(help="Seed of the first clip; the next ones count on.")] = 0,
    limit: Annotated[int, typer.Option(help="Clips to generate for each group of sentences.")] = 240,
    repeats: Annotated[int, typer.Option(help="Repeats of R-precision, FID and the like; 0 leaves them out.")] = 20,
    multimodality: Texts = 10,
    evaluator: Evaluator = "starter",
    stats: Stats = None,
    twin: Twin = None,
    device: Device = "auto",
) -> None:
    """Obedience, R-precision, FID and more on the starter set, real clips beside generated ones."""
    from motiongen_app import evaluate
    from motiongen_app.evaluate_field import Options

    options = Options(
        data, out, pipeline, twin, evaluator, stats, None, repeats or None, limit, multimodality,
        evaluate.STEPS, evaluate.GUIDANCE, seed, device,
    )  # fmt: skip
    typer.echo(evaluate.starter(options, repeats))


@evaluate_app.command("humanml3d")
def evaluate_humanml3d(
    data: Data,
    evaluator: Evaluator = "checkpoints/t2m",
    stats: Stats = None,
    glove: Glove = None,
    out: Out = Path("report"),
    pipeline: PipelineName = "base",
    twin: Twin = None,
    real_only: RealOnly = False,
    compositions: Composed = 0,
    repeats: Repeats = None,
    limit: Limit = None,
    multimodality: Texts = 100,
    steps: DenoisingSteps = 50,
    guidance: Guidance = 2.5,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """R-precision, FID, MM-Dist, Diversity and MultiModality by HumanML3D's protocol."""
    from motiongen_app import evaluate_field as field

    options = field.Options(
        data, out, None if real_only else pipeline, twin, evaluator, stats, glove, repeats, limit, multimodality,
        steps, guidance, seed, device,
    )  # fmt: skip
    typer.echo(field.humanml3d(options, compositions))


@evaluate_app.command("kit")
def evaluate_kit(
    data: Data,
    evaluator: Evaluator = "checkpoints/kit",
    stats: Stats = None,
    glove: Glove = None,
    out: Out = Path("report"),
    pipeline: PipelineName = "base",
    twin: Twin = None,
    real_only: RealOnly = False,
    repeats: Repeats = None,
    limit: Limit = None,
    multimodality: Texts = 100,
    steps: DenoisingSteps = 50,
    guidance: Guidance = 2.5,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """The same on KIT-ML: 251 features of 21 joints at 12.5 frames a second."""
    from motiongen_app import evaluate_field as field

    options = field.Options(
        data, out, None if real_only else pipeline, twin, evaluator, stats, glove, repeats, limit, multimodality,
        steps, guidance, seed, device,
    )  # fmt: skip
    typer.echo(field.kit(options))


@evaluate_app.command("babel")
def evaluate_babel(
    data: Data,
    evaluator: Annotated[
        str, typer.Option(help="A folder that 'motiongen train evaluator' made on this data, or a TMR run's.")
    ],
    stats: Stats = None,
    glove: Glove = None,
    out: Out = Path("report"),
    pipeline: PipelineName = "base",
    twin: Twin = None,
    real_only: RealOnly = False,
    compositions: Composed = 32,
    repeats: Repeats = None,
    limit: Limit = None,
    steps: DenoisingSteps = 50,
    guidance: Guidance = 2.5,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Subsequences and transitions of long motion of many sentences, on BABEL's validation split."""
    from motiongen_app import evaluate_field as field

    options = field.Options(
        data, out, None if real_only else pipeline, twin, evaluator, stats, glove, repeats, limit, 0,
        steps, guidance, seed, device,
    )  # fmt: skip
    typer.echo(field.babel(options, compositions))
