"""Motion without an end: generated a few frames at a time, to a sentence that may change at any moment."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.diffusion.noise import standard_normal
from motiongen.diffusion.sampling import Given
from motiongen.diffusion.timeline import Sampling, TimelineSampler
from motiongen.editing.placing import faded, placed
from motiongen.features.recovery import recovered
from motiongen.models.vae import TemporalCodec
from motiongen.motion import FPS, Motion, MotionError, Segment

CHUNK = 2  # latent frames that are given out at a time
PLAN = 8  # latent frames that are generated at a time: what follows is thrown away, but it shapes what comes first
PAST = 16  # latent frames that the model sees of what was given out
FADE = 6  # frames over which what was given out flows into what was generated


class MotionStream(Iterator[Motion]):
    """Pieces of one endless clip, each going on where the last one ended. Memory and time a piece are constant.

    A sentence told by `say` holds from the next piece on, that is within 0.4 seconds of motion.

    Example:
        stream = pipeline.stream("a person walks forward", generator=torch.Generator().manual_seed(7))
        first = next(stream)
        stream.say("a person waves with the right hand")
        second = next(stream)
    """

    def __init__(
        self, codec: TemporalCodec, sampler: TimelineSampler, text: str, sampling: Sampling,
        generator: torch.Generator | None = None, clean_feet: bool = True,
    ) -> None:  # fmt: skip
        self._codec, self._sampler, self._sampling = codec, sampler, sampling
        self._generator, self._clean_feet = generator, clean_feet
        device = next(codec.parameters()).device
        self._past = torch.zeros(1, 0, codec.latent_dim, device=device)
        self._told: list[str] = []
        self._noise = torch.zeros(1, 0, codec.latent_dim)
        self._last: Float[Tensor, "22 3"] | None = None
        self.say(text)

    def say(self, text: str) -> None:
        """What the person does from the next piece on.

        Raises:
            MotionError: an empty or too long sentence; the one before goes on.
        """
        if not text.strip():
            raise MotionError("the sentence is empty; say what the person does")
        self._sampler.text_encoder([text.strip()])
        self.text = text.strip()

    def __next__(self) -> Motion:
        """The next piece, 0.4 seconds."""
        z = self._planned()
        past, group = self._past.shape[1], self._codec.downsampling
        with torch.no_grad():
            features = self._codec.decode(z)[0].cpu()
        # From a second back on, for the smoothing of the feet.
        new = past * group
        from_ = max(0, new - round(FPS))
        joints = recovered(features[from_ : new + (CHUNK + 1) * group], self._clean_feet)
        new -= from_
        piece = slice(new, new + CHUNK * group)
        if self._last is None:
            made = joints[piece]
        else:
            joints = placed(joints, joints[new - 1], self._last)
            made = joints[piece] + faded(self._last - joints[new - 1], CHUNK * group, FADE)
        self._last = made[-1]
        self._past = torch.cat([self._past, z[:, past : past + CHUNK]], dim=1)[:, -PAST:]
        self._told = [*self._told, *[self.text] * CHUNK][-PAST:]
        return Motion(made, FPS, (Segment(self.text, 0, len(made)),))

    def _planned(self) -> Float[Tensor, "1 l d"]:
        """What was given out and, after it, what is planned to follow."""
        past = self._past.shape[1]
        # The noise of frames that were planned before is kept, so that a plan does not change without a reason.
        missing = PLAN - self._noise.shape[1]
        fresh = standard_normal((1, missing, self._codec.latent_dim), self._generator, self._noise.device)
        self._noise = torch.cat([self._noise, fresh], dim=1)
        z = torch.cat([self._past, self._noise.to(self._past)], dim=1)
        known = (torch.arange(past + PLAN, device=z.device) < past)[None]
        told = [*self._told, *[self.text] * PLAN]
        sentences = tuple(dict.fromkeys(told))
        frames = torch.tensor([[sentences.index(t) for t in told]], device=z.device)
        planned = self._sampler([sentences], frames, z, self._sampling, given=Given(z, known))
        self._noise = self._noise[:, CHUNK:]
        return planned
