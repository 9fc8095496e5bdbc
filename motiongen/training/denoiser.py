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
from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import DENOISERS, Denoiser
from motiongen.models.text import TextEncoder, build_text_encoder
from motiongen.models.vae import TemporalCodec
from motiongen.training.data import Share, data_hash, load_clips, step_generator
from motiongen.training.latents import OUTLIER, LatentBatch, Timelines, encode_clips, read_labels, timeline_batch
from motiongen.training.loop import LoopConfig, Trainer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DenoiserConfig:
    """A run of `motiongen train denoiser`.

    Attributes:
        denoiser: name of the class in `DENOISERS`; `model` holds its arguments.
        text: name of the text encoder; `text_model` holds its arguments.
        text_dropout: share of samples that are trained without their sentences, for guidance.
    """

    denoiser: str = "MotionMambaDenoiser"
    model: dict[str, Any] = field(default_factory=dict)
    text: str = "wordllama"
    text_model: dict[str, Any] = field(default_factory=dict)
    process: dict[str, Any] = field(default_factory=dict)
    loop: LoopConfig = field(default_factory=LoopConfig)
    timelines: Timelines = field(default_factory=Timelines)
    batch: int = 64
    text_dropout: float = 0.1


class TextConditionedDenoiser(nn.Module):
    """The two modules that are trained together."""

    def __init__(self, text_encoder: TextEncoder, denoiser: Denoiser) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.denoiser = denoiser

    def forward(
        self, z: Tensor, noise_level: Tensor, sentences: list[tuple[str, ...]], frame_sentence: Tensor, mask: Tensor
    ) -> Tensor:
        distinct = sorted({s for row in sentences for s in row})
        place = {s: i for i, s in enumerate(distinct)}
        embedding = self.text_encoder(distinct)
        text = FrameText.build(embedding, [[place[s] for s in row] for row in sentences], frame_sentence)
        return self.denoiser(z, noise_level, text, mask)


def train_denoiser(
    config: DenoiserConfig,
    codec: TemporalCodec,
    data: Path,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
) -> TextConditionedDenoiser:
    """Train on the latents of `train`, validate on those of `val`; how many clips were left out is logged."""
    clips = load_clips(data, "train", shortest=4 * codec.downsampling)
    held_out_clips = load_clips(data, "val", shortest=4 * codec.downsampling)
    encoded = encode_clips(codec, clips)
    held_out = encode_clips(codec, held_out_clips, shifts=(0,))
    outliers = len(clips) + len(held_out_clips) - len(encoded) - len(held_out)
    labels = read_labels(data, [c.name for c in encoded])
    held_out_labels = read_labels(data, [c.name for c in held_out])
    objective = DiffusionObjective(config.process)
    torch.manual_seed(config.loop.seed)
    text_encoder = build_text_encoder(config.text, **config.text_model)
    arguments = {**config.model, "latent_dim": codec.latent_dim, "text_dim": text_encoder.dim}
    model = TextConditionedDenoiser(text_encoder, DENOISERS[config.denoiser](**arguments))

    def loss(module: nn.Module, generator: torch.Generator, share: Share) -> tuple[Tensor, dict[str, float]]:
        batch = timeline_batch(encoded, labels, config.batch, config.timelines, generator)
        return diffusion_loss(module, batch, objective, config.text_dropout, generator, share), {}

    def validate(module: nn.Module) -> dict[str, float]:
        losses = []
        for i in range(8):
            generator = step_generator(1, i)
            batch = timeline_batch(held_out, held_out_labels, config.batch, config.timelines, generator)
            losses.append(diffusion_loss(module, batch, objective, 0.0, generator))
        return {"loss": torch.stack(losses).mean().item()}

    run = {k: v for k, v in asdict(config).items() if k != "loop"}
    run = {**run, "model": model.denoiser.config, "text_model": text_encoder.config, "process": objective.process}
    run = {"kind": "denoiser", **run, "codec": weights_hash(codec), "data": data_hash(data)}
    trainer = Trainer(model, config.loop, out, run)
    if outliers and trainer.accelerator.is_main_process:
        logger.warning("left out %d clips with latents beyond %g standard deviations", outliers, OUTLIER)
    trained = trainer.fit(loss, validate, minutes, resume)
    assert isinstance(trained, TextConditionedDenoiser)
    return trained


def weights_hash(module: nn.Module) -> str:
    """First 12 hexadecimal digits of the SHA-256 over the weights and statistics of a module."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in module.state_dict().items()}
    return hashlib.sha256(safetensors.torch.save(tensors)).hexdigest()[:12]


def diffusion_loss(
    model: nn.Module,
    batch: LatentBatch,
    objective: DiffusionObjective,
    text_dropout: float,
    generator: torch.Generator,
    share: Share = Share(),  # noqa: B008
) -> Tensor:
    """Mean squared error of the prediction over real frames; one noise level for all frames of a sample.

    A share's sum is divided by the frames of the whole batch, so that the mean over processes is the loss of one.
    """
    device = next(model.parameters()).device
    count, length = batch.mask.shape
    timesteps = torch.randint(objective.steps, (count, 1), generator=generator).expand(count, length)
    noise = torch.randn(batch.z.shape, generator=generator)
    dropped = (torch.rand(count, generator=generator) < text_dropout).tolist()
    sentences = [("",) * len(row) if drop else row for row, drop in zip(batch.sentences, dropped)]
    z, noise, timesteps, mask, frames = (
        x[share.rows].to(device) for x in (batch.z, noise, timesteps, batch.mask, batch.frame_sentence)
    )
    noisy, level = objective.add_noise(z, noise, timesteps), objective.noise_level(timesteps)
    predicted = model(noisy, level, sentences[share.rows], frames, mask)
    error = (predicted - objective.target(z, noise, timesteps)).square().mean(-1)
    return (error * mask).sum() / batch.mask.sum() * share.count
