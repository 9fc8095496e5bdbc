"""What the denoiser, the text encoder and the alignment heads are trained to: the loss of one batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from motiongen.diffusion.objective import DiffusionObjective
from motiongen.models.alignment import AlignmentHeads, contrast, membership
from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import Denoiser
from motiongen.models.text import TextEncoder, normalize
from motiongen.training.data import Share
from motiongen.training.latents import LatentBatch
from motiongen.training.masking import Masking, NoisePlan, noise_plan


@dataclass(frozen=True)
class Alignment:
    """Contrastive alignment of sentences and motion.

    Attributes:
        weight: of the contrast between sentences and the clips themselves, which trains the heads and the text encoder.
            0 trains without heads.
        restored: of the contrast with what the denoiser restores (KMM, equation 9), which trains the denoiser.
        blur: standard deviation of noise on clips before the heads see them: what is generated is never quite a clip.
    """

    weight: float = 0.1
    restored: float = 0.03
    blur: float = 0.1


@dataclass(frozen=True)
class Draw:
    """The random part of a training step, the same for all processes."""

    plan: NoisePlan
    noise: Float[Tensor, "b l d"]
    blur: Float[Tensor, "b l d"]
    dropped: list[bool]


def draw(batch: LatentBatch, steps: int, masking: Masking, text_dropout: float, generator: torch.Generator) -> Draw:
    plan = noise_plan(batch.z, batch.mask, masking, steps, generator)
    noise = torch.randn(batch.z.shape, generator=generator)
    dropped = (torch.rand(len(batch.z), generator=generator) < text_dropout).tolist()
    return Draw(plan, noise, torch.randn(batch.z.shape, generator=generator), dropped)


class DenoiserLoss(nn.Module):
    """All modules that are trained together, and their loss.

    A share's sums are divided by what the whole batch holds, so that the mean over processes is the loss of one.
    """

    def __init__(
        self, text_encoder: TextEncoder, denoiser: Denoiser, heads: AlignmentHeads | None,
        objective: DiffusionObjective, alignment: Alignment,
    ) -> None:  # fmt: skip
        super().__init__()
        self.text_encoder, self.denoiser, self.heads = text_encoder, denoiser, heads
        self.objective, self.alignment = objective, alignment

    def forward(
        self,
        batch: LatentBatch,
        drawn: Draw,
        share: Share = Share(),  # noqa: B008
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """The loss to minimise, and its parts by name."""
        device = next(self.denoiser.parameters()).device
        distinct = sorted({"", *(s for row in batch.sentences for s in row)})
        place = {s: i for i, s in enumerate(distinct)}
        embedding = self.text_encoder(distinct)
        rows = [[place["" if drop else s] for s in row] for row, drop in zip(batch.sentences, drawn.dropped)]
        every = batch.mask & ~drawn.plan.given
        z, noise, mask, frames, timesteps, given, asked = (
            x[share.rows].to(device)
            for x in (
                batch.z, drawn.noise, batch.mask, batch.frame_sentence, drawn.plan.timesteps, drawn.plan.given, every,
            )
        )  # fmt: skip
        text = FrameText.build(embedding, rows[share.rows], frames)
        noisy = self.objective.add_noise(z, noise, timesteps)
        predicted = self.denoiser(noisy, self.objective.noise_level(timesteps), text, mask).float()
        error = (predicted - self.objective.target(z, noise, timesteps)).square().mean(-1)
        total = diffusion = (error * asked).sum() / every.sum() * share.count
        parts = {"diffusion": diffusion.item()}
        if self.heads is not None:
            restored = torch.where(given[..., None], z, self.objective.restored(noisy, predicted, timesteps))
            clean, fit = self._contrasts(
                self.heads, batch, drawn, [place[s] for row in batch.sentences for s in row], embedding.pooled,
                restored, self.objective.signal_share(timesteps), share,
            )  # fmt: skip
            total = total + self.alignment.weight * clean + self.alignment.restored * fit
            parts |= {"contrast": clean.item(), "restored": fit.item()}
        return total, parts

    def _contrasts(
        self,
        heads: AlignmentHeads,
        batch: LatentBatch,
        drawn: Draw,
        sentences: list[int],
        pooled: Float[Tensor, "n c"],
        restored: Float[Tensor, "b l d"],
        signal: Float[Tensor, "b l"],
        share: Share,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Contrast of the sentences with the clips, all of them, and with what was restored, of this share.

        The second leaves the heads as they are: a head that moved towards the denoiser would tell nothing.
        """
        device = pooled.device
        owner = [(i, s) for i, row in enumerate(batch.sentences) for s in range(len(row))]
        sample, segment = (torch.tensor(x, device=device) for x in zip(*owner))
        members = membership(batch.frame_sentence.to(device), batch.mask.to(device), max(map(len, batch.sentences)))
        text = heads.sentences(pooled)[sentences].float()
        blurred = batch.z.to(device) + self.alignment.blur * drawn.blur.to(device)
        clips = heads.segments(blurred, members)[sample, segment].float()
        same = alike(batch).to(device)
        with torch.autocast(device.type, enabled=False):
            clean = contrast(text, clips, same, heads.scale)
            if not self.alignment.restored:
                return clean, clean.new_zeros(())
        told = ~torch.tensor(drawn.dropped, device=device)[sample]
        mine = (sample - share.index) % share.count == 0
        chosen = (mine & told).nonzero().flatten()
        if not len(chosen):
            return clean, restored.sum() * 0.0
        fixed = {name: p.detach() for name, p in heads.named_parameters()}
        local = torch.div(sample[chosen] - share.index, share.count, rounding_mode="floor")
        own = members[share.rows]
        shown = torch.func.functional_call(heads, fixed, (restored, own))[local, segment[chosen]].float()
        frames = own[local, segment[chosen]]
        weight = (signal[local] * frames).sum(1) / frames.sum(1)
        with torch.autocast(device.type, enabled=False):
            return clean, _restored_contrast(
                text.detach(), clips.detach(), shown, chosen, same, heads.scale.detach(), weight
            ) * share.count / told.sum()


def _restored_contrast(
    text: Float[Tensor, "n e"], clips: Float[Tensor, "n e"], shown: Float[Tensor, "m e"], chosen: Tensor,
    same: Bool[Tensor, "n n"], scale: Tensor, weight: Float[Tensor, " m"],
) -> Tensor:  # fmt: skip
    """Sum over restored segments of both cross-entropies; other segments are represented by their clips."""
    ignored = same[chosen].clone()
    row = torch.arange(len(chosen), device=chosen.device)
    ignored[row, chosen] = False
    by_text = (scale * shown @ text.T).masked_fill(ignored, -torch.inf)
    by_clip = scale * text[chosen] @ clips.T
    own = scale * (text[chosen] * shown).sum(-1)
    by_clip = by_clip.index_put((row, chosen), own).masked_fill(ignored, -torch.inf)
    cross_entropy = nn.functional.cross_entropy
    both = cross_entropy(by_text, chosen, reduction="none") + cross_entropy(by_clip, chosen, reduction="none")
    return (both / 2 * weight).sum()


def alike(batch: LatentBatch) -> Bool[Tensor, "n n"]:
    """Which pairs of sentences of a batch are no negatives: equal ones, and those whose motion shows the same."""
    words = [normalize(s) for row in batch.sentences for s in row]
    number = {w: i for i, w in enumerate(dict.fromkeys(words))}
    spoken = torch.tensor([number[w] for w in words])
    kinds = torch.tensor([k for row in batch.kinds for k in row])
    return (spoken[:, None] == spoken) | (kinds[:, None] == kinds)
