"""Generation for an evaluation: one seed a clip, batches of like length, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.motion import Motion, MotionError
from motiongen.pipeline import Prompt, TextToMotionOutput, TextToMotionPipeline

Progress = Callable[[str], None]
Clip = TypeVar("Clip", Motion, Tensor)


@dataclass(frozen=True)
class Sampler:
    """A pipeline and how it is sampled.

    Attributes:
        seed: seed of the first clip of every call; the next ones count on.
        batch: clips of six seconds that are generated together; fewer if they are longer.
        progress: told how far a call has got.
    """

    pipeline: TextToMotionPipeline
    steps: int = 20
    guidance: float = 2.5
    seed: int = 0
    batch: int = 32
    progress: Progress | None = None

    def __call__(
        self, prompts: Sequence[Prompt], seconds: Sequence[float | Sequence[float]], clean_feet: bool = True
    ) -> list[Motion]:
        """A clip for every prompt, in their order; `seconds` as the pipeline's `duration`. Clips depend on their
        place in the list, not on the batch."""
        return self._made(prompts, seconds, lambda output: output.motions, clean_feet=clean_feet)

    def features(
        self, prompts: Sequence[Prompt], seconds: Sequence[float | Sequence[float]]
    ) -> list[Float[Tensor, "_ f"]]:
        """The features of the same clips, as decoded.

        Raises:
            MotionError: they hold NaN or infinity.
        """
        made = self._made(prompts, seconds, lambda output: output.features, output_type="features")
        if not all(bool(clip.isfinite().all()) for clip in made):
            raise MotionError(f"pipeline '{self.pipeline.name}' makes features that hold NaN or infinity")
        return made

    def _made(
        self,
        prompts: Sequence[Prompt],
        seconds: Sequence[float | Sequence[float]],
        taken: Callable[[TextToMotionOutput], list[Clip]],
        **told: Any,
    ) -> list[Clip]:
        totals = [s if isinstance(s, (int, float)) else sum(s) for s in seconds]
        by_length = sorted(range(len(prompts)), key=lambda i: -totals[i])
        clips: dict[int, Clip] = {}
        while len(clips) < len(by_length):
            todo = by_length[len(clips) :]
            part = todo[: max(1, int(self.batch * 6 / max(6.0, totals[todo[0]])))]
            generators = [torch.Generator().manual_seed(self.seed + i) for i in part]
            made = self.pipeline(
                [prompts[i] for i in part], [seconds[i] for i in part], self.steps, self.guidance,
                generator=generators, **told,
            )  # fmt: skip
            clips |= dict(zip(part, taken(made)))
            if self.progress is not None:
                self.progress(f"{len(clips)} of {len(by_length)} clips")
        return [clips[i] for i in range(len(prompts))]
