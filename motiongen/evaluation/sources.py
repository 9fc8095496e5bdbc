"""Where clips come from that are measured: a pipeline, asked for features as the field's metrics take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.sampler import Progress, Sampler
from motiongen.models.text_encoder import TextError
from motiongen.motion import FPS, MotionError
from motiongen.pipeline import TextToMotionPipeline

# Captions of fewer words fit every text encoder; longer ones are tried.
_SURELY_FITS = 16


@dataclass(frozen=True)
class PipelineSource:
    """A pipeline and how it is sampled. Features are as decoded, before feet are cleaned: that is what papers measure.

    Frames are counted, whatever their rate: a pipeline trained on KIT-ML's 12.5 frames a second makes such frames.
    """

    pipeline: TextToMotionPipeline
    steps: int
    guidance: float
    batch: int = 32

    def __call__(
        self, captions: Sequence[str], frames: Sequence[int], seed: int, progress: Progress | None = None
    ) -> list[Float[Tensor, "_ f"]]:
        """Features of `frames` frames for every caption."""
        return self._made([self.fitting(c) for c in captions], [n / FPS for n in frames], seed, progress)

    def timelines(
        self, captions: Sequence[Sequence[str]], frames: Sequence[Sequence[int]], seed: int, progress: Progress | None
    ) -> list[Float[Tensor, "_ f"]]:
        """Features of clips of several sentences, each in one pass.

        Raises:
            MotionError: the pipeline takes one sentence alone.
        """
        if not self.pipeline.takes_timelines:
            raise MotionError(f"pipeline '{self.pipeline.name}' takes one sentence alone; compositions need several")
        texts = [[self.fitting(c) for c in row] for row in captions]
        return self._made(texts, [[n / FPS for n in row] for row in frames], seed, progress)

    def _made(
        self,
        prompts: Sequence[str | list[str]],
        seconds: Sequence[float | Sequence[float]],
        seed: int,
        progress: Progress | None,
    ) -> list[Tensor]:
        sampler = Sampler(self.pipeline, self.steps, self.guidance, seed, self.batch, progress)
        return sampler.features(prompts, seconds)

    def cut(self, captions: Sequence[str]) -> float:
        """Share of captions that are longer than the text encoder reads."""
        return sum(self.fitting(c) != " ".join(c.split()) for c in captions) / len(captions)

    def fitting(self, caption: str) -> str:
        """The caption, or as many of its first words as the pipeline's text encoder reads.

        Raises:
            TextError: not even its first word can be read.
        """
        words = caption.split()
        while len(words) >= _SURELY_FITS:
            try:
                with torch.no_grad():
                    self.pipeline.text_encoder([" ".join(words)])
                break
            except TextError:
                words.pop()
        return " ".join(words)
