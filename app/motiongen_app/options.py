"""Options that several commands share, with what `--help` says of them. Nothing here waits for torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(help="Seed of the first sample; the next ones count on.")]
OneSeed = Annotated[int, typer.Option(help="Seed: the same one gives the same motion again.")]
OutFolder = Annotated[Path, typer.Option(help="Folder that the clips and their entries in manifest.json are added to.")]
DenoisingSteps = Annotated[int, typer.Option(help="Denoising steps.")]
Guidance = Annotated[float, typer.Option(help="How much the text counts; 1 is no guidance.")]
Scheduler = Annotated[str, typer.Option(help="ddim, dpm-solver++ or unipc.")]
CleanFeet = Annotated[bool, typer.Option("--clean-feet/--raw-feet", help="Keep standing feet from sliding.")]
Formats = Annotated[str, typer.Option(help="Files to write, separated by commas: npz, mp4, glb, bvh, amass, mdm.")]
Mixamo = Annotated[bool, typer.Option("--mixamo", help="Call bones mixamorig:Hips and so on (bvh, glb).")]
PipelineName = Annotated[str, typer.Option(help="Name of a released pipeline, or a folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Clip = Annotated[Path, typer.Argument(metavar="CLIP", help="npz, AMASS npz, bvh, glb, npy or MDM's results.npy.")]
Seconds = Annotated[
    list[float] | None,
    typer.Option(metavar="S...", help="Length of each sentence, or one for all. [default: 4]", show_default=False),
]
Data = Annotated[Path, typer.Option(help="Dataset in HumanML3D's layout.")]
