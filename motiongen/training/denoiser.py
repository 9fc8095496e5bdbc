"""Training of the denoiser and of the text encoder's adapter, on latents of a trained codec."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from motiongen.diffusion.objective import DiffusionObjective
from motiongen.models.alignment import AlignmentHeads
from motiongen.models.denoiser import DENOISERS
from motiongen.models.text import build_text_encoder
from motiongen.models.vae import DOWNSAMPLING, MotionCodec, TemporalCodec
from motiongen.motion import MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.training.data import Share, data_hash, load_clips, step_generator
from motiongen.training.latents import OUTLIER, Timelines, encode_clips, timeline_batch
from motiongen.training.loop import LoopConfig, Trainer
from motiongen.training.losses import Alignment, DenoiserLoss, draw
from motiongen.training.masking import Masking
from motiongen.training.spans import TIMELINES, encode_runs, labels_of, read_told

logger = logging.getLogger(__name__)

SHORTEST = 4 * DOWNSAMPLING  # frames; shorter clips show no action
_PLAIN = Masking(masked="none", given=0.0)  # validation compares runs: whole clips, whatever they train with


@dataclass(frozen=True)
class DenoiserConfig:
    """A run of `motiongen train denoiser`.

    Attributes:
        denoiser: name of the class in `DENOISERS`; `model` holds its arguments.
        text: name of the text encoder; `text_model` holds its arguments.
        heads: arguments of the alignment heads.
        text_dropout: share of samples that are trained without their sentences, for guidance.
    """

    denoiser: str = "MotionMambaDenoiser"
    model: dict[str, Any] = field(default_factory=dict)
    text: str = "wordllama"
    text_model: dict[str, Any] = field(default_factory=dict)
    process: dict[str, Any] = field(default_factory=dict)
    loop: LoopConfig = field(default_factory=LoopConfig)
    timelines: Timelines = field(default_factory=Timelines)
    masking: Masking = field(default_factory=Masking)
    alignment: Alignment = field(default_factory=Alignment)
    heads: dict[str, Any] = field(default_factory=dict)
    batch: int = 64
    text_dropout: float = 0.1


def train_denoiser(
    config: DenoiserConfig,
    codec: MotionCodec,
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    begin_from: TextToMotionPipeline | None = None,
) -> DenoiserLoss:
    """Train on the latents of `train`, validate on those of `val`; how many clips were left out is logged.

    Args:
        begin_from: a pipeline with the same codec whose weights the run begins from, as far as it has them.

    Raises:
        MotionError: that pipeline's weights do not fit the configuration, or it has another codec; or the codec was
            trained on other features, or holds whole clips and the configuration joins, crops or masks them or draws
            real timelines.
    """
    if not isinstance(codec, TemporalCodec):
        _check_whole_clips(config, codec, (data / TIMELINES).is_dir())
    # Before the clips are encoded, which takes minutes: its weights may be missing.
    torch.manual_seed(config.loop.seed)
    text_encoder = build_text_encoder(config.text, **config.text_model)
    told, held_out_told = (
        read_told(data, load_clips(data, split, shortest=SHORTEST, features=codec.layout.dim), SHORTEST)
        for split in ("train", "val")
    )
    encoded = encode_clips(codec, told.clips)
    held_out = encode_clips(codec, held_out_told.clips, every=False)
    outliers = len(told.clips) + len(held_out_told.clips) - len(encoded) - len(held_out)
    labels, held_out_labels = labels_of(data, encoded, told), labels_of(data, held_out, held_out_told)
    runs = held_out_runs = None
    if config.timelines.real:
        runs, held_out_runs = encode_runs(codec, told), encode_runs(codec, held_out_told, every=False)
    objective = DiffusionObjective(config.process)
    arguments = {**config.model, "latent_dim": codec.latent_dim, "text_dim": text_encoder.dim}
    denoiser = DENOISERS[config.denoiser](**arguments)
    heads = None
    if config.alignment.weight:
        heads = AlignmentHeads(**{**config.heads, "latent_dim": codec.latent_dim, "text_dim": text_encoder.dim})
    model = DenoiserLoss(text_encoder, denoiser, heads, objective, config.alignment)
    if begin_from is not None:
        _take_weights(model, codec, begin_from)

    def loss(module: nn.Module, generator: torch.Generator, share: Share) -> tuple[Tensor, dict[str, float]]:
        batch = timeline_batch(encoded, labels, config.batch, config.timelines, generator, runs)
        return module(batch, draw(batch, objective.steps, config.masking, config.text_dropout, generator), share)

    def validate(module: nn.Module) -> dict[str, float]:
        rows = []
        for i in range(8):
            generator = step_generator(1, i)
            batch = timeline_batch(held_out, held_out_labels, config.batch, config.timelines, generator, held_out_runs)
            rows.append(module(batch, draw(batch, objective.steps, _PLAIN, 0.0, generator))[1])
        return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}

    run = {k: v for k, v in asdict(config).items() if k != "loop"}
    if runs is None:
        # No part of the run, so that one that was begun before there was such a share goes on.
        del run["timelines"]["real"]
    run = {**run, "model": model.denoiser.config, "text_model": text_encoder.config, "process": objective.process}
    run |= {"heads": None if heads is None else heads.config}
    run = {"kind": "denoiser", **run, "codec": weights_hash(codec), "data": data_hash(data)}
    run["begun_from"] = None if begin_from is None else begin_from.digest
    trainer = Trainer(model, config.loop, out, run)
    if outliers and trainer.accelerator.is_main_process:
        logger.warning("left out %d clips with latents beyond %g standard deviations", outliers, OUTLIER)
    trained = trainer.fit(loss, validate, minutes, resume)
    assert isinstance(trained, DenoiserLoss)
    return trained


def _check_whole_clips(config: DenoiserConfig, codec: MotionCodec, has_timelines: bool) -> None:
    """One clip is one sample: its latents have no times at which another could join it or some could be masked."""
    tokens = codec.latent_length(SHORTEST)
    wanted = {
        "timelines.real": (config.timelines.real if has_timelines else 0, 0),
        "timelines.join": (config.timelines.join, 0),
        "timelines.extend": (config.timelines.extend, 0),
        "timelines.pause": (config.timelines.pause, 0),
        "masking.masked": (config.masking.masked, "none"),
        "masking.given": (config.masking.given, 0),
        "timelines.longest": (config.timelines.longest, max(config.timelines.longest, tokens)),
    }
    for key, (value, needed) in wanted.items():
        if value != needed:
            raise MotionError(f"{key} is {value}; this codec holds a whole clip in {tokens} tokens: set it to {needed}")


def _take_weights(model: DenoiserLoss, codec: MotionCodec, pipeline: TextToMotionPipeline) -> None:
    if weights_hash(codec) != weights_hash(pipeline.codec):
        raise MotionError(f"pipeline '{pipeline.name}' has another codec; train on the one in its folder")
    try:
        model.denoiser.load_state_dict(pipeline.denoiser.state_dict())
        model.text_encoder.load_state_dict(pipeline.text_encoder.state_dict())
        if model.heads is not None and pipeline.heads is not None:
            model.heads.load_state_dict(pipeline.heads.state_dict())
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise MotionError(
            f"the weights of pipeline '{pipeline.name}' do not fit this configuration ({reason})"
        ) from None


def weights_hash(module: nn.Module) -> str:
    """First 12 hexadecimal digits of the SHA-256 over the weights and statistics of a module."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in module.state_dict().items()}
    return hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()[:12]
