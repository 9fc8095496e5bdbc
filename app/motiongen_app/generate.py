"""`motiongen generate`: sentences to files, and a manifest that says what they are."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from motiongen import __version__
from motiongen.diffusion.sampling import SCHEDULERS
from motiongen.evaluation.metrics import foot_skate, jitter, penetration
from motiongen.export import EXPORTERS
from motiongen.motion import Motion, atomic_path
from motiongen.pipeline import MAX_SECONDS, MIN_SECONDS, TextToMotionPipeline
from motiongen_app.errors import InputError, in_range, writable_folder
from motiongen_app.files import export, progress_bars

MAX_SAMPLES = 64
MAX_STEPS = 1000
MAX_GUIDANCE = 50.0
MAX_SEED = 2**32 - 1
SLUG_LENGTH = 48


@dataclass(frozen=True)
class Request:
    """A call of `motiongen generate`, checked: `seconds` has one number for each of `texts`."""

    texts: tuple[str, ...]
    seconds: tuple[float, ...]
    seed: int
    out: Path
    samples: int
    steps: int
    guidance: float
    scheduler: str
    clean_feet: bool
    formats: tuple[str, ...]
    pipeline: str
    device: torch.device


def checked(
    texts: Sequence[str], seconds: Sequence[float], seed: int, out: Path, samples: int, steps: int, guidance: float,
    scheduler: str, clean_feet: bool, formats: str, pipeline: str, device: str,
) -> Request:  # fmt: skip
    """The request, before anything is loaded or written.

    Raises:
        InputError: a value is out of range, does not fit another or names nothing that exists.
    """
    for text in texts:
        if not text.strip():
            raise InputError("a sentence is empty; say what the person does")
    if len(seconds) not in (1, len(texts)):
        raise InputError(f"{len(seconds)} --seconds given for {len(texts)} sentences; give one, or one each")
    for value in seconds:
        in_range("--seconds", value, MIN_SECONDS, MAX_SECONDS)
    in_range("--seed", seed, 0, MAX_SEED)
    in_range("--samples", samples, 1, MAX_SAMPLES)
    in_range("--steps", steps, 1, MAX_STEPS)
    in_range("--guidance", guidance, 0, MAX_GUIDANCE)
    if scheduler not in SCHEDULERS:
        raise InputError(f"scheduler '{scheduler}' is unknown; there are {', '.join(SCHEDULERS)}")
    each = tuple(seconds) * (len(texts) if len(seconds) == 1 else 1)
    return Request(
        tuple(text.strip() for text in texts), each, seed, writable_folder(out, "--out"), samples, steps, guidance,
        scheduler, clean_feet, _formats(formats), pipeline, chosen_device(device),
    )  # fmt: skip


def chosen_device(name: str) -> torch.device:
    """Raises: InputError: the device is not one that torch can use here."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise InputError(f"device '{name}' is unknown; give auto, cpu, cuda or cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = torch.cuda.device_count()
        raise InputError(f"device '{name}' is not there ({found} CUDA devices found); use --device auto or cpu")
    return device


def run(request: Request) -> list[dict[str, Any]]:
    """Generate, write every clip and the manifest, and print what was written. Returns the manifest's entries."""
    began = time.perf_counter()
    pipeline = TextToMotionPipeline.from_pretrained(request.pipeline, request.device)
    loaded = time.perf_counter()
    motions = _generate(pipeline, request)
    generated = time.perf_counter()
    manifest = request.out / "manifest.json"
    manifest.unlink(missing_ok=True)
    entries: list[dict[str, Any]] = []
    with progress_bars() as progress:
        bar = progress.add_task("writing", total=len(motions) * len(request.formats))
        for number, motion in enumerate(motions):
            files, writing = _write(motion, number, request, progress, bar)
            entries.append(
                {
                    "text": " ".join(request.texts),
                    "seconds": motion.seconds,
                    "segments": [{"text": s.text, "start": s.start, "stop": s.stop} for s in motion.text],
                    "seed": request.seed + number,
                    "files": files,
                    "metrics": metrics(motion),
                    "timings_s": _rounded({"load": loaded - began, "generate": generated - loaded, **writing}),
                    "pipeline": {"name": pipeline.name, "hash": pipeline.digest},
                    "steps": request.steps,
                    "guidance": request.guidance,
                    "scheduler": request.scheduler,
                    "clean_feet": request.clean_feet,
                    "device": str(request.device),
                    "version": __version__,
                }
            )
            # After every clip: what is there when a long call is interrupted is in the manifest.
            with atomic_path(manifest) as beside:
                beside.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _print_table(entries, request.out)
    return entries


def metrics(motion: Motion) -> dict[str, float | None]:
    """How clean a clip is: foot skate in cm/s, jitter in 100 m/s^3, depth below the floor in cm.

    `alignment`, how well clip and text agree, is None: it takes a pipeline with heads that were trained for it.
    """
    numbers = {
        "foot_skate_cm_per_s": foot_skate(motion.joints, motion.fps),
        "jitter": jitter(motion.joints, motion.fps),
        "penetration_cm": penetration(motion.joints),
    }
    return {**_rounded({name: value.item() for name, value in numbers.items()}), "alignment": None}


def slug(texts: Sequence[str]) -> str:
    """Words of the sentences as a part of a file's name: plain letters and digits with hyphens, cut between words."""
    plain = unicodedata.normalize("NFKD", " ".join(texts)).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    result = ""
    for word in words:
        longer = f"{result}-{word}" if result else word[:SLUG_LENGTH]
        if len(longer) > SLUG_LENGTH:
            break
        result = longer
    return result or "clip"


def _formats(given: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
    known = ", ".join(EXPORTERS)
    if not names:
        raise InputError(f"--formats is empty; give some of {known}")
    for name in names:
        if name not in EXPORTERS:
            raise InputError(f"format '{name}' is unknown; there are {known}")
    return names


def _generate(pipeline: TextToMotionPipeline, request: Request) -> list[Motion]:
    progress = progress_bars()
    bar = progress.add_task("denoising", total=request.steps)
    with ExitStack() as shown:

        def advance(pipeline: TextToMotionPipeline, step: int, timestep: int, state: dict[str, torch.Tensor]) -> None:
            if step == 0:
                # Not before: until now a text may have been refused, and that is to be one line.
                shown.enter_context(progress)
            progress.update(bar, completed=step + 1)

        try:
            output = pipeline(
                [list(request.texts)],
                [list(request.seconds)],
                num_inference_steps=request.steps,
                guidance_scale=request.guidance,
                num_motions_per_prompt=request.samples,
                generator=[torch.Generator().manual_seed(request.seed + i) for i in range(request.samples)],
                scheduler=request.scheduler,
                clean_feet=request.clean_feet,
                callback_on_step_end=advance,
            )
        except torch.cuda.OutOfMemoryError:
            raise InputError(
                f"{request.samples} samples do not fit into the memory of {request.device}; give fewer --samples"
            ) from None
    return output.motions


def _write(
    motion: Motion, number: int, request: Request, progress: Progress, bar: TaskID
) -> tuple[list[str], dict[str, float]]:
    """Names of the files of a clip, and the seconds that writing them took."""
    files: list[str] = []
    seconds: dict[str, float] = {}
    for name in request.formats:
        done = number * len(request.formats) + len(files)

        def advance(share: float, done: int = done) -> None:
            progress.update(bar, completed=done + share)

        file = f"{number:03d}-{slug(request.texts)}.{name}"
        progress.update(bar, description=f"writing {name}")
        began = time.perf_counter()
        export(motion, name, request.out / file, advance)
        seconds[f"write_{name}"] = time.perf_counter() - began
        files.append(file)
    return files, {"write": sum(seconds.values()), **seconds}


def _print_table(entries: Sequence[dict[str, Any]], out: Path) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("file", overflow="fold")
    for title in ("seconds", "skate cm/s", "size"):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in entries:
        for file in entry["files"]:
            size = f"{(out / file).stat().st_size / 1024:,.0f} kB"
            skate = f"{entry['metrics']['foot_skate_cm_per_s']:.1f}"
            table.add_row(file, f"{entry['seconds']:.1f}", skate, size)
    console = Console(highlight=False)
    console.print(table)
    console.print(f"in {out}, with manifest.json", markup=False, soft_wrap=True)


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in numbers.items()}
