"""`motiongen train`: a configuration and a dataset to weights."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import PartialState

from motiongen.checkpoint import save_module
from motiongen.motion import atomic_path
from motiongen.pipeline import TextToMotionPipeline, load_codec
from motiongen.training.codec import CodecConfig, train_codec
from motiongen.training.config import load_config
from motiongen.training.denoiser import DenoiserConfig, train_denoiser
from motiongen.training.evaluator import EvaluatorConfig, train_evaluator
from motiongen_app.errors import InputError, writable_folder

Config = TypeVar("Config", CodecConfig, DenoiserConfig, EvaluatorConfig)


@dataclass(frozen=True)
class Run:
    """What every kind of training is told on the command line."""

    data: Path
    out: Path
    minutes: float | None
    steps: int | None
    resume: bool
    threads: int | None


def codec(config: str, run: Run) -> Path:
    """Train a codec; returns the folder `OUT/codec` with its weights."""
    settings = _begin(load_config("codec", config), run)
    trained = train_codec(settings, run.data, run.out, run.minutes, run.resume)
    if PartialState().is_main_process:
        save_module(trained, run.out / "codec")
        _copy_run(run.out, run.out / "codec")
    return run.out / "codec"


def denoiser(config: str, codec_folder: Path, half: bool, begin_from: str | None, run: Run) -> Path:
    """Train a denoiser on the latents of a codec; returns the folder `OUT/pipeline` with all that generates."""
    settings = load_config("denoiser", config)
    frozen = load_codec(codec_folder)
    before = None if begin_from is None else TextToMotionPipeline.from_pretrained(begin_from)
    settings = _begin(settings, run)
    trained = train_denoiser(settings, frozen, run.data, run.out, run.minutes, run.resume, before)
    pipeline = TextToMotionPipeline(
        frozen, trained.text_encoder, trained.denoiser, settings.process, heads=trained.heads
    )
    if PartialState().is_main_process:
        pipeline.save_pretrained(run.out / "pipeline", torch.float16 if half else None)
        _copy_run(run.out, run.out / "pipeline")
    return run.out / "pipeline"


def evaluator(config: str, glove: Path | None, half: bool, run: Run) -> Path:
    """Train an evaluator; returns the folder `OUT/evaluator`, which `evaluate` takes as --evaluator."""
    settings = _begin(load_config("evaluator", config), run)
    trained = train_evaluator(settings, run.data, run.out, glove, run.minutes, run.resume)
    if PartialState().is_main_process:
        save_module(trained, run.out / "evaluator", torch.float16 if half else None)
        _copy_run(run.out, run.out / "evaluator")
    return run.out / "evaluator"


def _copy_run(out: Path, folder: Path) -> None:
    """Weights that are passed on tell how they were trained."""
    with atomic_path(folder / "run.json") as beside:
        beside.write_bytes((out / "run.json").read_bytes())


def _begin(config: Config, run: Run) -> Config:
    """Check what can be checked before the first step, and make the run repeatable."""
    if run.minutes is not None and not 0 < run.minutes < float("inf"):
        raise InputError(f"--minutes is {run.minutes:g}; give a positive number")
    for option, value in (("--steps", run.steps), ("--threads", run.threads)):
        if value is not None and value < 1:
            raise InputError(f"{option} is {value}; give at least 1")
    if not run.data.is_dir():
        raise InputError(f"{run.data}: no such folder; make the dataset with 'motiongen prepare'")
    if importlib.util.find_spec("tensorboard") is None:
        raise InputError('training draws its curves with tensorboard, which is missing; pip install "motiongen[train]"')
    writable_folder(run.out, "--out")
    if run.threads is not None:
        torch.set_num_threads(run.threads)
    return config if run.steps is None else replace(config, loop=replace(config.loop, steps=run.steps))
