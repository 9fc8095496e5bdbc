"""Training of a codec: features, and the joints in the world that they decode to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.evaluation.metrics import foot_skate, root_aligned_error, world_error
from motiongen.features import root_anchor
from motiongen.features.layouts import HUMANML3D
from motiongen.models.codecs import CODECS
from motiongen.models.vae import DOWNSAMPLING, MotionCodec, TemporalCodec
from motiongen.training.data import Clip, Share, crops, data_hash, load_clips
from motiongen.training.loop import LoopConfig, Trainer

SHORTEST = 2 * DOWNSAMPLING  # frames; shorter clips teach no codec anything


@dataclass(frozen=True)
class CodecConfig:
    """A run of `motiongen train codec`. Weights multiply terms in metres, metres a frame, and nats.

    Attributes:
        codec: name of the class in `CODECS`; `model` holds its arguments.
        frames: length of the windows that are trained on; shorter clips are padded.
    """

    codec: str = "TemporalCodec"
    model: dict[str, Any] = field(default_factory=dict)
    loop: LoopConfig = field(default_factory=LoopConfig)
    batch: int = 64
    frames: int = 64
    position_weight: float = 4.0
    velocity_weight: float = 20.0
    contact_weight: float = 10.0
    kl_weight: float = 1e-4


def train_codec(
    config: CodecConfig, data: Path, out: Path, minutes: float | None = None, resume: bool = False
) -> MotionCodec:
    """Train on `train`, validate on `val`, and measure the latents' statistics on `train`.

    The codec takes as many features a frame as the clips have.
    """
    clips = load_clips(data, "train", shortest=SHORTEST)
    features = clips[0].features.shape[1]
    held_out = load_clips(data, "val", shortest=SHORTEST, features=features)
    torch.manual_seed(config.loop.seed)
    codec = CODECS[config.codec](**config.model, features=features)
    codec.features.set_from(data)
    if isinstance(codec, TemporalCodec):
        set_root_statistics(codec, clips)
    noise_shape = (config.batch, codec.latent_length(config.frames), codec.learned_dim)

    def loss(model: nn.Module, generator: torch.Generator, share: Share) -> tuple[Tensor, dict[str, float]]:
        batch = crops(clips, config.batch, config.frames, generator)
        noise = torch.randn(noise_shape, generator=generator)
        device = next(model.parameters()).device
        total, numbers = model(batch.features.to(device), batch.mask.to(device), noise.to(device), share)
        return total, {k: v.item() for k, v in numbers.items()}

    run = {k: v for k, v in asdict(config).items() if k != "loop"}
    # HumanML3D's layout is not told, so that a run that was begun before there were others goes on.
    model = {k: v for k, v in codec.config.items() if (k, v) != ("features", HUMANML3D.dim)}
    run = {"kind": "codec", **run, "model": model, "data": data_hash(data)}
    trainer = Trainer(CodecLoss(codec, config), config.loop, out, run)
    trainer.fit(loss, lambda _: reconstruction(codec, held_out), minutes, resume)
    set_latent_statistics(codec, clips)
    return codec


class CodecLoss(nn.Module):
    """Smooth-L1 on features, L1 on integrated joints and their velocities, standing feet, and KL."""

    def __init__(self, codec: MotionCodec, config: CodecConfig) -> None:
        super().__init__()
        self.codec, self.weights = codec, config

    def forward(
        self,
        features: Float[Tensor, "b t f"],
        mask: Bool[Tensor, "b t"],
        noise: Float[Tensor, "b l d"],
        share: Share = Share(),  # noqa: B008
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss and its parts for a share of the batch; `noise` is what the latents are sampled with.

        A share's sums are divided by the weight of the whole batch, so that the mean over processes is the loss of one.
        """
        codec, weights, layout = self.codec, self.weights, self.codec.layout
        # How much every value of the whole batch counts in the means below.
        real = mask[..., None].to(features)
        moving = real[:, 1:]
        standing = features[:, :-1, layout.skeleton.groups["foot_contacts"]] * moving
        real_latents = codec.latent_mask(mask)[..., None].to(features)

        features, mask, noise = features[share.rows], mask[share.rows], noise[share.rows]
        rebuilt, learned = codec.rebuilt(features, mask, noise)

        error = codec.features.normalize(rebuilt) - codec.features.normalize(features)
        feature_loss = _mean(
            nn.functional.smooth_l1_loss(error, torch.zeros_like(error), reduction="none"), real, share
        )
        # Padded frames stand still at the origin of their features, so they cannot disturb the frames before them.
        joints, target = layout.joints(rebuilt * real[share.rows]), layout.joints(features * real[share.rows])
        position_loss = _mean((joints - target).abs().flatten(-2), real, share)
        velocity_error = joints.diff(dim=1) - target.diff(dim=1)
        velocity_loss = _mean(velocity_error.abs().flatten(-2), moving, share)
        contact_loss = _mean(velocity_error[:, :, list(layout.skeleton.feet)].norm(dim=-1), standing, share)
        kl = _mean(learned.kl(), real_latents, share)
        total = (
            feature_loss
            + weights.position_weight * position_loss
            + weights.velocity_weight * velocity_loss
            + weights.contact_weight * contact_loss
            + weights.kl_weight * kl
        )
        numbers = {
            "features": feature_loss, "positions_mm": 1000 * position_loss, "velocities_mm": 1000 * velocity_loss,
            "contacts_mm": 1000 * contact_loss, "kl": kl,
        }  # fmt: skip
        return total, numbers


@torch.no_grad()
def reconstruction(codec: MotionCodec, clips: Sequence[Clip]) -> dict[str, float]:
    """Mean errors over whole clips, as far as the codec holds them, and foot skate beside that of the real clips.

    Every clip weighs by its frames.
    """
    sums = dict.fromkeys(("root_aligned_mm", "world_mm", "skate_cm_s", "real_skate_cm_s"), 0.0)
    frames = 0
    layout, device = codec.layout, next(codec.parameters()).device
    for clip in clips:
        features = _first_window(codec, clip).to(device)
        length = features.shape[1]
        rebuilt = codec.decode(codec.encode(features).mean, frames=[length])
        sums["root_aligned_mm"] += root_aligned_error(rebuilt, features).sum().item()
        sums["world_mm"] += world_error(rebuilt, features).sum().item()
        sums["skate_cm_s"] += foot_skate(layout.joints(rebuilt), layout.fps, layout.toes).item() * length
        sums["real_skate_cm_s"] += foot_skate(layout.joints(features), layout.fps, layout.toes).item() * length
        frames += length
    numbers = {k: v / frames for k, v in sums.items()}
    return {**numbers, "skate_ratio": numbers["skate_cm_s"] / max(1e-6, numbers["real_skate_cm_s"])}


@torch.no_grad()
def set_root_statistics(codec: TemporalCodec, clips: Sequence[Clip]) -> None:
    """Scale of the root's channels; both signs are equally likely in a mirrored set, but not forwards and backwards."""
    joined = torch.cat([root_anchor.net_displacement(_first_window(codec, clip), DOWNSAMPLING)[0] for clip in clips])
    codec.root.set(joined.mean(0), joined.std(0))


@torch.no_grad()
def set_latent_statistics(codec: MotionCodec, clips: Sequence[Clip]) -> None:
    """Mean and standard deviation of sampled latents over the clips, for `encode` and `decode` to standardise by."""
    device = next(codec.parameters()).device
    generator = torch.Generator(device).manual_seed(0)
    joined = torch.cat([codec.sampled_rows(_first_window(codec, clip).to(device), generator) for clip in clips])
    codec.latents.set(joined.mean(0), joined.std(0))


def _first_window(codec: MotionCodec, clip: Clip) -> Float[Tensor, "1 t f"]:
    return clip.features[None, codec.windows(len(clip.features))[0]]


def _mean(values: Float[Tensor, "s t c"], weight: Float[Tensor, "b t _"], share: Share) -> Tensor:
    """What the rows of a share add to the weighted mean over a batch, times the number of shares."""
    weight = weight.expand(-1, -1, values.shape[-1])
    return (values * weight[share.rows]).sum() / weight.sum().clamp(min=1) * share.count
