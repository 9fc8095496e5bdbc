"""One denoising of timelines: sentences by frame, guidance, scheduler, and frames that are known already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongen.diffusion.easing import eased
from motiongen.diffusion.guidance import guided
from motiongen.diffusion.objective import DiffusionObjective
from motiongen.diffusion.sampling import Given, build_scheduler, sample
from motiongen.models.conditioning import FrameText
from motiongen.models.denoiser import Denoiser
from motiongen.models.text_encoder import TextEncoder


@dataclass(frozen=True)
class Sampling:
    """How to denoise: number of steps, guidance (1 is none), and one of `sampling.SCHEDULERS`."""

    steps: int = 20
    guidance: float = 2.5
    scheduler: str = "ddim"


@dataclass(frozen=True)
class TimelineSampler:
    """What turns noise into the latents of timelines."""

    text_encoder: TextEncoder
    denoiser: Denoiser
    objective: DiffusionObjective

    @torch.no_grad()
    def __call__(
        self,
        sentences: Sequence[Sequence[str]],
        frame_sentence: Int[Tensor, "b l"],
        noise: Float[Tensor, "b l d"],
        sampling: Sampling,
        mask: Bool[Tensor, "b l"] | None = None,
        callback: Callable[[int, int, Tensor], Tensor | None] | None = None,
        given: Given | None = None,
        project: Callable[[Float[Tensor, "b l d"]], Float[Tensor, "b l d"]] | None = None,
    ) -> Float[Tensor, "b l d"]:
        """Latents of each sample from its noise, eased where sentences change unless there is a constraint.

        Args:
            sentences: of each sample, in order; "" tells nothing.
            frame_sentence: which of them conditions each latent frame.
            mask: which frames are real.
            callback, given, project: as `sampling.sample` takes them.
        """
        distinct = sorted({"", *(text for row in sentences for text in row)})
        embedding = self.text_encoder(distinct)
        rows = [[distinct.index(text) for text in row] for row in sentences]
        text = FrameText.build(embedding, rows, frame_sentence)
        empty = FrameText.build(embedding, [[0]] * len(rows), torch.zeros_like(frame_sentence))
        model = guided(self.denoiser, text, empty, sampling.guidance, mask)
        scheduler = build_scheduler(sampling.scheduler, self.objective)
        z = sample(model, noise, scheduler, self.objective, sampling.steps, callback, given, project)
        return z if project is not None else eased(z, frame_sentence, mask, None if given is None else given.mask)
