"""Regenerating a span of a clip, and continuing a clip, with what is not asked for left exactly as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen.diffusion.noise import standard_normal
from motiongen.diffusion.sampling import Given
from motiongen.diffusion.timeline import Sampling, TimelineSampler
from motiongen.editing.bones import as_body_of, own_lengths, with_bones
from motiongen.editing.placing import bent, faded, placed, turned_to
from motiongen.features import root_anchor
from motiongen.features.humanml3d import encode
from motiongen.features.recovery import recovered
from motiongen.models.vae import TemporalCodec
from motiongen.motion import FPS, Motion, MotionError, Segment
from motiongen.prompts import MIN_SECONDS, Timeline

Project = Callable[[Float[Tensor, "b l d"]], Float[Tensor, "b l d"]]

CONTEXT = 24  # latent frames on either side that the model sees of the clip that stays
FADE = 6  # frames over which the difference between the clip that stays and its reconstruction fades


@dataclass(frozen=True)
class Editor:
    """What editing needs of a pipeline."""

    codec: TemporalCodec
    sampler: TimelineSampler

    def regenerated(
        self, motion: Motion, start: int, stop: int, text: str, sampling: Sampling, generator: torch.Generator | None,
        clean_feet: bool = True,
    ) -> Motion:  # fmt: skip
        """The clip with frames `[start, stop)` generated anew to `text`; all other frames are the same numbers.

        The new motion leaves from the pose before the span and arrives at the one after it, on the floor too: while
        it is denoised, the net course of the root is held to that of the clip. It has the clip's own bones.

        Raises:
            MotionError: another frame rate than 20, a span that is empty, too short or outside the clip, or an empty
                sentence.
        """
        _check_rate(motion)
        text = _checked(text)
        if not 0 <= start < stop <= len(motion):
            raise MotionError(f"frames {start}:{stop} are not inside a clip of {len(motion)} frames")
        if stop - start < MIN_SECONDS * FPS:
            raise MotionError(f"{(stop - start) / FPS:g} seconds to regenerate; give at least {MIN_SECONDS:g}")
        group = self.codec.downsampling
        # The window: whole groups that begin at the span's first frame, or at the clip's.
        before = min(start // group, CONTEXT)
        first = start - before * group if before else 0
        encoded = (len(motion) - 1 - first) // group
        inside = -(-(stop - first) // group) - before
        after = min(max(0, encoded - before - inside), CONTEXT)
        if not after and stop < len(motion):
            # The frame that the span arrives at is made too.
            inside = (stop - first) // group + 1 - before
        span = slice(before, before + inside)
        z, known = self._encoded(motion.joints[first:], before + inside + after)
        known[:, span] = False
        project = None
        held = slice(before, min(span.stop, encoded))
        if stop < len(motion) and held.stop > held.start:
            project = self._held_to(root_anchor.total(self.codec.root_of(z)[:, held]), held)
        timeline = _around(motion, first, start, stop, text)
        made = recovered(self._generated(z, known, timeline, sampling, generator, project), clean_feet)
        made = as_body_of(made, motion.joints[first:])
        joints = motion.joints.clone()
        new = _fitted(made, joints[first:], start - first, stop - first)
        joints[start:stop] = with_bones(new, own_lengths(motion.joints))
        return Motion(joints, motion.fps, _replaced(motion.text, start, stop, text))

    def continued(
        self, motion: Motion, timeline: Timeline, sampling: Sampling, generator: torch.Generator | None,
        clean_feet: bool = True,
    ) -> Motion:  # fmt: skip
        """The clip followed by new motion to the sentences of `timeline`; the frames that were there stay as they are.

        Raises:
            MotionError: another frame rate than 20, or a clip of fewer than five frames.
        """
        _check_rate(motion)
        group = self.codec.downsampling
        context = min((len(motion) - 1) // group, CONTEXT)
        if context < 1:
            raise MotionError(f"a clip of {len(motion)} frames cannot be continued; give at least {group + 1}")
        # Features of a frame reach to the next one: the clip's last frame is the first of what is generated.
        first = len(motion) - 1 - context * group
        added = -(-(len(timeline) + 1) // group)
        z, known = self._encoded(motion.joints[first:], context + added)
        known[:, context:] = False
        told = _around(motion, first, len(motion) - 1, len(motion) - 1, None)
        whole = Timeline(told.sentences + timeline.sentences, told.frames + timeline.frames)
        features = self._generated(z, known, whole, sampling, generator, None)
        made = recovered(features, clean_feet)[: context * group + 1 + len(timeline)]
        made = as_body_of(made, motion.joints[first:])
        here = context * group
        made = placed(made, made[here], motion.joints[-1])
        new = made[here + 1 :]
        new = new + faded(motion.joints[-1] - made[here], len(new), FADE)
        new = with_bones(new, own_lengths(motion.joints))
        shift = len(motion)
        text = tuple(Segment(s.text, s.start + shift, s.stop + shift) for s in timeline.segments())
        return Motion(torch.cat([motion.joints, new]), motion.fps, motion.text + text)

    def _encoded(self, joints: Float[Tensor, "t 22 3"], length: int) -> tuple[Tensor, Tensor]:
        """Latents [1, length, d] of the joints, zero where there are none, and which are known [1, length]."""
        group = self.codec.downsampling
        features = encode(joints.float())
        usable = min(len(features) // group, length)
        z = torch.zeros(1, length, self.codec.latent_dim)
        device = next(self.codec.parameters()).device
        with torch.no_grad():
            z[:, :usable] = self.codec.encode(features[None, : usable * group].to(device)).mean.cpu()
        known = torch.zeros(1, length, dtype=torch.bool)
        known[:, :usable] = True
        return z.to(device), known.to(device)

    def _held_to(self, goal: Float[Tensor, "1 3"], span: slice) -> Project:
        def project(z: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
            root = self.codec.root_of(z).clone()
            root[:, span] = root_anchor.with_total(root[:, span], goal)
            return self.codec.with_root(z, root)

        return project

    def _generated(
        self, z: Float[Tensor, "1 l d"], known: Bool[Tensor, "1 l"], timeline: Timeline, sampling: Sampling,
        generator: torch.Generator | None, project: Project | None,
    ) -> Float[Tensor, "t 263"]:  # fmt: skip
        noise = standard_normal(tuple(z.shape), generator, z.device)
        frames = timeline.of_latents(z.shape[1], self.codec.downsampling)[None].to(z.device)
        z = self.sampler([timeline.sentences], frames, noise, sampling, given=Given(z, known), project=project)
        with torch.no_grad():
            return self.codec.decode(z)[0].cpu()


def _fitted(
    made: Float[Tensor, "t 22 3"], old: Float[Tensor, "n 22 3"], start: int, stop: int
) -> Float[Tensor, "m 22 3"]:
    """Frames `[start, stop)` of what was made, put into the clip `old`; both begin at the same frame."""
    if start:
        made = placed(made, made[start - 1], old[start - 1])
    elif stop < len(old):
        made = placed(made, made[stop], old[stop])
    else:
        made = placed(made, made[0], old[0])
    inside = made[start:stop]
    frames = stop - start
    if start:
        inside = inside + faded(old[start - 1] - made[start - 1], frames, FADE)
    if stop < len(old):
        end = made[stop]
        if start:
            inside, end = bent(inside, end, old[stop]), turned_to(end, old[stop])
        inside = inside + faded(old[stop] - end, frames, FADE).flip(0)
    return inside


def _around(motion: Motion, first: int, start: int, stop: int, text: str | None) -> Timeline:
    """What the frames from `first` on are told: the clip's own sentences, and `text` for `[start, stop)`."""
    told = [""] * len(motion)
    for segment in motion.text:
        told[segment.start : segment.stop] = [segment.text] * (segment.stop - segment.start)
    if text is not None:
        told[start:stop] = [text] * (stop - start)
    sentences: list[str] = []
    frames: list[int] = []
    for sentence in told[first : stop if text is None else None]:
        if not sentences or sentences[-1] != sentence:
            sentences.append(sentence)
            frames.append(0)
        frames[-1] += 1
    return Timeline(tuple(sentences), tuple(frames))


def _replaced(text: Sequence[Segment], start: int, stop: int, sentence: str) -> tuple[Segment, ...]:
    """The segments with `sentence` at `[start, stop)` and what is left of the others."""
    left = [Segment(s.text, s.start, min(s.stop, start)) for s in text if s.start < start]
    right = [Segment(s.text, max(s.start, stop), s.stop) for s in text if s.stop > stop]
    return (*left, Segment(sentence, start, stop), *right)


def _checked(text: str) -> str:
    if not text.strip():
        raise MotionError("the sentence is empty; say what the person does")
    return text.strip()


def _check_rate(motion: Motion) -> None:
    if motion.fps != FPS:
        raise MotionError(f"the clip has {motion.fps:g} frames a second; resample it to {FPS:g} first")
