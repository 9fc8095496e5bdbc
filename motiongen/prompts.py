"""What a user asks for, in any of the forms that a pipeline takes, as timelines of sentences with frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsFloat

import torch
from jaxtyping import Int
from torch import Tensor

from motiongen.motion import FPS, MotionError, Segment

MIN_SECONDS = 0.5
MAX_SECONDS = 600.0

# One sentence, or several that follow each other in one clip.
Prompt = str | Sequence[str]
# Seconds for all sentences of a clip, or for each: plain numbers, or those of numpy.
Duration = SupportsFloat | Sequence[SupportsFloat]


@dataclass(frozen=True)
class Timeline:
    """Sentences that follow each other in one clip, each with its number of frames."""

    sentences: tuple[str, ...]
    frames: tuple[int, ...]

    def __len__(self) -> int:
        return sum(self.frames)

    def segments(self) -> tuple[Segment, ...]:
        stops = torch.tensor(self.frames).cumsum(0).tolist()
        return tuple(Segment(t, stop - n, stop) for t, n, stop in zip(self.sentences, self.frames, stops))

    def of_latents(self, length: int, group: int) -> Int[Tensor, " l"]:
        """Which sentence each latent frame belongs to: that of its middle; the last sentence goes on to the end."""
        middles = torch.arange(length) * group + group // 2
        stops = torch.tensor(self.frames).cumsum(0)
        return torch.bucketize(middles, stops, right=True).clamp(max=len(self.frames) - 1)


def timelines(prompt: str | Sequence[Prompt], duration: Duration | Sequence[Duration]) -> list[Timeline]:
    """A timeline for every clip that is asked for.

    Raises:
        MotionError: an empty text, a duration out of range, or lists that do not fit each other.
    """
    prompts: list[Prompt] = [prompt] if isinstance(prompt, str) else list(prompt)
    durations: list[Duration] = list(duration) if isinstance(duration, Sequence) else [float(duration)] * len(prompts)
    if not prompts:
        raise MotionError("no prompt given; give at least one sentence")
    if len(durations) != len(prompts):
        raise MotionError(f"{len(durations)} durations given for {len(prompts)} prompts; give one, or one a prompt")
    return [timeline(entry, length) for entry, length in zip(prompts, durations)]


def timeline(prompt: Prompt, duration: Duration) -> Timeline:
    """The timeline of one clip; raises as `timelines` does."""
    sentences = [prompt] if isinstance(prompt, str) else list(prompt)
    each = duration if isinstance(duration, Sequence) else [duration] * len(sentences)
    seconds = [float(s) for s in each]
    if not sentences or len(seconds) != len(sentences):
        raise MotionError(f"{len(seconds)} durations given for {len(sentences)} sentences; give one, or one each")
    for text in sentences:
        if not text.strip():
            raise MotionError("a sentence is empty; say what the person does")
    for s in seconds:
        if not MIN_SECONDS <= s <= MAX_SECONDS:
            raise MotionError(f"{s:g} seconds asked for; a sentence takes {MIN_SECONDS:g} to {MAX_SECONDS:g}")
    return Timeline(tuple(text.strip() for text in sentences), tuple(round(s * FPS) for s in seconds))
