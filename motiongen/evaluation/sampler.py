"""Generation for an evaluation: one seed a clip, batches of like length, progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from motiongen.motion import Motion
from motiongen.pipeline import Prompt, TextToMotionPipeline

Progress = Callable[[str], None]


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
        totals = [s if isinstance(s, (int, float)) else sum(s) for s in seconds]
        by_length = sorted(range(len(prompts)), key=lambda i: -totals[i])
        motions: dict[int, Motion] = {}
        while len(motions) < len(by_length):
            todo = by_length[len(motions) :]
            part = todo[: max(1, int(self.batch * 6 / max(6.0, totals[todo[0]])))]
            generators = [torch.Generator().manual_seed(self.seed + i) for i in part]
            made = self.pipeline(
                [prompts[i] for i in part], [seconds[i] for i in part], self.steps, self.guidance,
                generator=generators, clean_feet=clean_feet,
            ).motions  # fmt: skip
            motions |= dict(zip(part, made))
            if self.progress is not None:
                self.progress(f"{len(motions)} of {len(by_length)} clips")
        return [motions[i] for i in range(len(prompts))]
