"""The command line. What a command needs is imported when it runs, so that `--help` need not wait for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiongen import __version__
from motiongen_app.errors import OneLineGroup, SecondsCommand

app = typer.Typer(
    name="motiongen",
    cls=OneLineGroup,
    help="Text in, human motion out.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a codec, then a denoiser on its latents.", no_args_is_help=False)
app.add_typer(train_app, name="train")
evaluate_app = typer.Typer(help="Measure a pipeline.", no_args_is_help=False)
app.add_typer(evaluate_app, name="evaluate")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"motiongen {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(cls=SecondsCommand)
def generate(
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="A sentence, or several that follow each other in one clip.")
    ],
    seconds: Annotated[
        list[float] | None,
        typer.Option(metavar="S...", help="Length of each sentence, or one for all. [default: 4]", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the first sample; the next ones count on.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder for the clips and manifest.json.")] = Path("out"),
    samples: Annotated[int, typer.Option(help="Clips to make, 1 to 64.")] = 1,
    steps: Annotated[int, typer.Option(help="Denoising steps.")] = 20,
    guidance: Annotated[float, typer.Option(help="How much the text counts; 1 is no guidance.")] = 2.5,
    scheduler: Annotated[str, typer.Option(help="ddim, dpm-solver++ or unipc.")] = "ddim",
    clean_feet: Annotated[
        bool, typer.Option("--clean-feet/--raw-feet", help="Keep standing feet from sliding.")
    ] = True,
    formats: Annotated[str, typer.Option(help="Files to write, separated by commas.")] = "npz,mp4",
    pipeline: Annotated[str, typer.Option(help="Name of a released pipeline, or a folder.")] = "base",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Make motion from text: generate "a person walks forward" "then waves" --seconds 4 3"""
    from motiongen_app import generate as command

    command.run(
        command.checked(
            texts,
            seconds or [4.0],
            seed,
            out,
            samples,
            steps,
            guidance,
            scheduler,
            clean_feet,
            formats,
            pipeline,
            device,
        )
    )


@app.command()
def render(
    clip: Annotated[Path, typer.Argument(metavar="CLIP.npz", help="A clip, as generate writes it.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.mp4", help="The video to write.")],
    size: Annotated[int, typer.Option(help="Width and height, pixels.")] = 512,
    sheet: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Also a picture of a few frames.")] = None,
) -> None:
    """Write a clip as a video."""
    from motiongen_app import files

    files.render(clip, out, size, sheet)


@app.command()
def convert(
    clip: Annotated[Path, typer.Argument(metavar="CLIP.npz", help="A clip, as generate writes it.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.FORMAT", help="The file to write; its suffix is the format.")],
) -> None:
    """Write a clip in another format."""
    from motiongen_app import files

    files.convert(clip, out)


@app.command()
def prepare(
    source: Annotated[str, typer.Argument(help="bandai-namco, cmu, mesh2motion or folder.")],
    src: Annotated[Path, typer.Argument(help="Folder with the source's files.")],
    out: Annotated[Path, typer.Argument(help="Dataset to make or to add to.")],
    workers: Annotated[
        int | None, typer.Option(help="Processes. [default: one a processor]", show_default=False)
    ] = None,
    mirror: Annotated[bool, typer.Option("--mirror/--no-mirror", help="Add every clip's mirror image.")] = True,
) -> None:
    """Make a dataset from motion capture, in HumanML3D's layout. Run it again to go on or to add a source."""
    from motiongen_app import prepare as command

    command.run(source, src, out, workers, mirror)


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Say what is installed and test it; exit code 1 if something does not work."""
    from motiongen_app import doctor as command

    if not command.run(as_json):
        raise typer.Exit(1)


Data = Annotated[Path, typer.Option(help="Dataset in HumanML3D's layout.")]
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
) -> None:
    """Train the denoiser; writes OUT/pipeline, which generate takes as --pipeline."""
    from motiongen_app import train

    folder = train.denoiser(config, codec, half, train.Run(data, out, minutes, steps, resume, threads))
    typer.echo(f"wrote {folder}")


@evaluate_app.command("starter")
def evaluate_starter(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for report.md and report.json.")] = Path("report"),
    pipeline: Annotated[str, typer.Option(help="Name of a released pipeline, or a folder.")] = "base",
    seed: Annotated[int, typer.Option(help="Seed of the first clip; the next ones count on.")] = 0,
    limit: Annotated[int, typer.Option(help="Clips to generate for each group of sentences.")] = 240,
) -> None:
    """Reconstruction and obedience on the starter set, real clips beside generated ones."""
    from motiongen_app import evaluate

    typer.echo(evaluate.starter(pipeline, data, out, seed, limit))


def main() -> None:
    """Entry point of the `motiongen` script."""
    app()
