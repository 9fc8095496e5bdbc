"""The command line. What a command needs is imported when it runs, so that `--help` need not wait for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiongen import __version__
from motiongen_app.cli_batch import batch
from motiongen_app.cli_evaluate import evaluate_app
from motiongen_app.cli_train import train_app
from motiongen_app.errors import OneLineGroup, SecondsCommand
from motiongen_app.options import (
    CleanFeet,
    Clip,
    DenoisingSteps,
    Device,
    Formats,
    Guidance,
    Mixamo,
    OneSeed,
    OutFolder,
    PipelineName,
    Scheduler,
    Seconds,
    Seed,
)

app = typer.Typer(
    name="motiongen",
    cls=OneLineGroup,
    help="Text in, human motion out.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.command()(batch)


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
    seconds: Seconds = None,
    seed: Seed = 7,
    out: OutFolder = Path("out"),
    samples: Annotated[int, typer.Option(help="Clips to make, 1 to 64.")] = 1,
    best_of: Annotated[int, typer.Option(help="Make so many of each and keep the one that fits its text best.")] = 1,
    loop: Annotated[bool, typer.Option("--loop", help="Let the last frame flow into the first.")] = False,
    in_place: Annotated[bool, typer.Option("--in-place", help="Take away the way over the floor.")] = False,
    steps: DenoisingSteps = 20,
    guidance: Guidance = 2.5,
    scheduler: Scheduler = "ddim",
    clean_feet: CleanFeet = True,
    formats: Formats = "npz,mp4",
    pipeline: PipelineName = "base",
    device: Device = "auto",
    mixamo: Mixamo = False,
) -> None:
    """Make motion from text: generate "a person walks forward" "then waves" --seconds 4 3"""
    from motiongen_app import generate as command
    from motiongen_app.settings import Settings

    settings = Settings(seed, out, steps, guidance, scheduler, clean_feet, formats, pipeline, device, mixamo)
    command.run(command.Request(texts, seconds or [4.0], samples, best_of, loop, in_place), settings)


@app.command()
def edit(
    clip: Clip,
    regenerate: Annotated[str, typer.Option(metavar="FROM:TO", help="The seconds to generate anew, as 2.0:4.0.")],
    text: Annotated[str, typer.Option(help="What the person does there.")],
    seed: OneSeed = 7,
    out: OutFolder = Path("out"),
    steps: DenoisingSteps = 20,
    guidance: Guidance = 2.5,
    scheduler: Scheduler = "ddim",
    clean_feet: CleanFeet = True,
    formats: Formats = "npz,mp4",
    pipeline: PipelineName = "base",
    device: Device = "auto",
    mixamo: Mixamo = False,
) -> None:
    """Generate a part of a clip anew; the rest stays as it is: edit clip.npz --regenerate 2:4 --text "..." """
    from motiongen_app import edit as command
    from motiongen_app.settings import Settings

    settings = Settings(seed, out, steps, guidance, scheduler, clean_feet, formats, pipeline, device, mixamo)
    command.edit(clip, regenerate, text, settings)


@app.command("continue", cls=SecondsCommand)
def continue_(
    clip: Clip,
    text: Annotated[list[str], typer.Option(help="What the person does next; several times for several sentences.")],
    seconds: Seconds = None,
    seed: OneSeed = 7,
    out: OutFolder = Path("out"),
    steps: DenoisingSteps = 20,
    guidance: Guidance = 2.5,
    scheduler: Scheduler = "ddim",
    clean_feet: CleanFeet = True,
    formats: Formats = "npz,mp4",
    pipeline: PipelineName = "base",
    device: Device = "auto",
    mixamo: Mixamo = False,
) -> None:
    """Go on from the end of a clip: continue clip.npz --text "..." --seconds 5"""
    from motiongen_app import edit as command
    from motiongen_app.settings import Settings

    settings = Settings(seed, out, steps, guidance, scheduler, clean_feet, formats, pipeline, device, mixamo)
    command.extend(clip, text, seconds or [4.0], settings)


@app.command()
def render(
    clips: Annotated[list[Path], typer.Argument(metavar="CLIP...", help="A clip, or several to show side by side.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.mp4", help="The video to write.")],
    size: Annotated[int, typer.Option(help="Width and height of each clip's picture, pixels.")] = 512,
    sheet: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Also a picture of a few frames.")] = None,
    skeleton: Annotated[bool, typer.Option("--skeleton", help="A mannequin around the joints, not a body.")] = False,
    body: Annotated[
        str | None,
        typer.Option(
            help="free, or a file in SMPL's format. [default: what MOTIONGEN_SMPL names, else free]", show_default=False
        ),
    ] = None,
    betas: Annotated[
        str | None, typer.Option(help="The body's shape: a name, or up to 10 numbers with commas.", show_default=False)
    ] = None,
    backend: Annotated[str, typer.Option(help="rays, or gl (an extra).")] = "rays",
) -> None:
    """Write clips as a video: render a.npz b.npz out.mp4"""
    from motiongen.body import shapes
    from motiongen.render import Look
    from motiongen_app import files

    shape = None if betas is None else shapes.betas(betas)
    files.render(clips, out, size, sheet, Look(skeleton, body, shape, backend))


@app.command()
def convert(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="npz, AMASS npz, bvh, glb, npy or MDM's results.npy.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Ends in .npz, .amass.npz, .bvh, .glb, .mp4 or .mdm.npy.")],
    scale: Annotated[
        float | None, typer.Option(help="Units per metre of the BVH. [default: 100]", show_default=False)
    ] = None,
    mixamo: Mixamo = False,
    sample: Annotated[int | None, typer.Option(help="Which clip of MDM's results, from 0.", show_default=False)] = None,
) -> None:
    """Write a clip in another format."""
    from motiongen_app import files

    files.convert(clip, out, files.Options(scale, mixamo, sample))


@app.command()
def fit(
    joints: Annotated[Path, typer.Argument(metavar="CLIP", help="A clip, or an npy of joints, t x 22 x 3, at 20 fps.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.npz", help="The clip to write, with poses, trans and betas.")],
    body: Annotated[str, typer.Option(help="smpl (MOTIONGEN_SMPL, else the free body), free, or a file.")] = "smpl",
    betas: Annotated[
        str | None, typer.Option(help="A named shape (tall, heavy, ...) or numbers: 0.5,-1.", show_default=False)
    ] = None,
) -> None:
    """Find the poses of a body that show a clip."""
    from motiongen_app import fit as command

    typer.echo(command.run(joints, out, body, betas))


@app.command()
def prepare(
    source: Annotated[str, typer.Argument(help="bandai-namco, cmu, mesh2motion, folder, humanml3d, kit or babel.")],
    src: Annotated[Path, typer.Argument(help="Folder with the source's files.")],
    out: Annotated[Path, typer.Argument(help="Dataset to make or to add to.")],
    workers: Annotated[
        int | None, typer.Option(help="Processes. [default: one a processor]", show_default=False)
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror/--no-mirror",
            help="Add every clip's mirror image. [default: yes; babel: no; kit has them]",
            show_default=False,
        ),
    ] = None,
    amass: Annotated[
        Path | None,
        typer.Option(help="AMASS, SMPL+H G (humanml3d, babel). [default: SRC/amass_data]", show_default=False),
    ] = None,
    bodies: Annotated[
        Path | None,
        typer.Option(help="SMPL-H's bodies (humanml3d, babel). [default: SRC/body_models]", show_default=False),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames a second (babel). [default: 30]", show_default=False)
    ] = None,
    pos: Annotated[
        bool | None, typer.Option("--pos", help="Tag parts of speech in texts (extra pos).", show_default=False)
    ] = None,
) -> None:
    """Make a dataset from motion capture, in HumanML3D's layout. Run it again to go on or to add a source."""
    from motiongen_app import prepare as command

    command.run(source, src, out, command.Options(workers, mirror, amass, bodies, fps, pos))


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Port to serve at; 0 takes a free one.")] = 7860,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    share: Annotated[bool, typer.Option("--share", help="Also through a public address of Gradio's.")] = False,
    auth: Annotated[
        str | None, typer.Option(metavar="NAME:PASSWORD,...", help="Who may use it.", show_default=False)
    ] = None,
    root_path: Annotated[str, typer.Option(help="Path at which a proxy shows it.")] = "",
    mcp: Annotated[bool, typer.Option("--mcp", help="Also as tools for agents (Model Context Protocol).")] = False,
    pipeline: PipelineName = "base",
    device: Device = "auto",
) -> None:
    """Serve a page on which to type, watch and take away motion."""
    from motiongen_app.demo import server as command

    command.run(command.Serving(port, host, share, auth, root_path, pipeline, device, mcp))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False) -> None:
    """Say what is installed and test it; exit code 1 if something does not work."""
    from motiongen_app import doctor as command

    if not command.run(as_json):
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the `motiongen` script."""
    app()
