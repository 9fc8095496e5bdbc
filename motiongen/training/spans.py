"""What is said of parts of clips: captions with times, and timelines, whose sentences follow each other in one clip."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.checkpoint import read_json
from motiongen.evaluation.protocols import read_timed
from motiongen.features.layouts import layout_of
from motiongen.models.text import normalize
from motiongen.models.text_encoder import TextError
from motiongen.models.vae import DOWNSAMPLING, MotionCodec
from motiongen.motion import MotionError, Segment
from motiongen.training.data import Clip
from motiongen.training.latents import OUTLIER, Labels, LatentClip, Run, Runs, read_labels

TIMELINES = "timelines"  # the folder in a dataset
# Captions' times have four decimals: 0.0333 s are a whole frame at 30 a second.
_ROUNDING = 0.01
_SIDES = re.compile(r"\b(left|right|clockwise|counter|anti)")

Chain = tuple[Segment, ...]


class Kinds:
    """Numbers, from -1 down, for what sentences say is done.

    Two sentences whose labels name the same actions, and that name the same sides, have the same number; what no label
    is of is known by its words.
    """

    def __init__(self) -> None:
        self._actions: dict[str, tuple[str, ...]] = {}
        self._numbers: dict[tuple[Any, ...], int] = {}

    def learn(self, text: str, actions: Sequence[str]) -> None:
        """Take note of the actions of a label."""
        if actions:
            self._actions.setdefault(normalize(text), tuple(sorted(actions)))

    def __call__(self, text: str) -> int:
        words = normalize(text)
        # "turn left" and "turn right" are both labelled as turns, and telling them apart is what contrast is for.
        key = (self._actions.get(words, words), *_SIDES.findall(words))
        return self._numbers.setdefault(key, -1 - len(self._numbers))


@dataclass(frozen=True)
class Told:
    """A split as the denoiser learns from it.

    Attributes:
        clips: what has captions: whole clips, and as clips of their own, NAME#i, the frames of captions with times.
        chains: consecutive sentences with their frames, and the clip that they are of; None without `timelines/`.
        kinds: what those sentences say is done.
    """

    clips: tuple[Clip, ...]
    chains: tuple[tuple[Clip, tuple[Chain, ...]], ...] | None
    kinds: Kinds = field(default_factory=Kinds)


def read_told(folder: Path, clips: Sequence[Clip], shortest: int) -> Told:
    """All that a dataset says of some clips of it; what has less than `shortest` frames is left out.

    Raises:
        MotionError: a time is no time, a file in `timelines/` is damaged or is of other frames, or nothing is said.
    """
    fps = layout_of(clips[0].features.shape[1]).fps  # as `load_clips` makes sure
    captioned = [part for clip in clips for part in _captioned(clip, folder / "texts" / f"{clip.name}.txt", fps)]
    captioned = [clip for clip in captioned if len(clip.features) >= shortest]
    if not captioned:
        raise MotionError(f"{folder / 'texts'}: holds no caption of {len(clips)} clips; write a line for each")
    if not (folder / TIMELINES).is_dir():
        return Told(tuple(captioned), None)
    kinds = Kinds()
    chains: list[tuple[Clip, tuple[Chain, ...]]] = []
    for clip in clips:
        path = folder / TIMELINES / f"{clip.name}.json"
        if path.is_file():
            every = _chains(path, len(clip.features), kinds)
            if own := tuple(chain for chain in every if chain[-1].stop - chain[0].start >= shortest):
                chains.append((clip, own))
    return Told(tuple(captioned), tuple(chains), kinds)


def labels_of(folder: Path, clips: Sequence[LatentClip], told: Told) -> Labels:
    """The labels of `read_labels`; where a dataset has timelines and no `clips.csv`, those of the clips' sentences.

    There a clip is as likely as the square root of its length, and those of one caption show what it says.
    """
    if told.chains is None or (folder / "clips.csv").is_file():
        return read_labels(folder, [clip.name for clip in clips])
    said = [normalize(c.captions[0]) if len(c.captions) == 1 else None for c in clips]
    together: dict[str | int, list[int]] = {}
    for i, text in enumerate(said):
        together.setdefault(i if text is None else text, []).append(i)
    peers = {key: tuple(indices) for key, indices in together.items()}
    return Labels(
        torch.tensor([float(len(clip.versions[0])) ** 0.5 for clip in clips]),
        tuple(peers[i if text is None else text] for i, text in enumerate(said)),
        tuple(i if text is None else told.kinds(text) for i, text in enumerate(said)),
    )


@torch.no_grad()
def encode_runs(codec: MotionCodec, told: Told, every: bool = True) -> Runs | None:
    """Latent means of the runs of sentences, of `every` window that the codec takes of their clips or of the first.

    A clip is as likely as the square root of its length, of its runs the longer ones. What is beyond `OUTLIER`
    deviations in a run leaves that one out. None without runs.
    """
    runs: list[Run] = []
    weights: list[float] = []
    for clip, chains in told.chains or ():
        windows = codec.windows(len(clip.features))[: None if every else 1]
        encoded = [(window.start, codec.encode(clip.features[None, window]).mean[0]) for window in windows]
        own = []
        for chain in chains:
            versions = [version for first, z in encoded if (version := _version(z, first, chain)) is not None]
            if versions:
                latents, ends = zip(*versions)
                kinds = tuple(told.kinds(segment.text) for segment in chain)
                own.append(Run(tuple(segment.text for segment in chain), kinds, latents, ends))
        frames = sum(len(run.versions[0]) for run in own)
        weights += [len(clip.features) ** 0.5 * len(run.versions[0]) / frames for run in own]
        runs += own
    return Runs(tuple(runs), torch.tensor(weights)) if runs else None


def _version(z: Float[Tensor, "l d"], first: int, chain: Chain) -> tuple[Float[Tensor, "_ d"], tuple[int, ...]] | None:
    """The latents of a run in those of a window that begins with frame `first`, and where each sentence ends in them.

    As in a timeline that a pipeline is asked for, a latent is of the sentence that its middle is in. None for a run
    beyond `OUTLIER`.
    """
    frames = [chain[0].start, *(segment.stop for segment in chain)]
    firsts = [(frame - first + DOWNSAMPLING // 2 - 1) // DOWNSAMPLING for frame in frames]
    start, *ends = (min(max(place, 0), len(z)) for place in firsts)
    latents = z[start : ends[-1]]
    return None if latents.abs().max() > OUTLIER else (latents, tuple(end - start for end in ends))


def _captioned(clip: Clip, path: Path, fps: float) -> Iterator[Clip]:
    if clip.captions:
        yield clip
    for i, (caption, *times) in enumerate(read_timed(path)):
        if any(times):
            if not all(math.isfinite(time) and time >= 0 for time in times):
                raise MotionError(
                    f"{path}: {caption.text[:60]!r} is of {times[0]:g} to {times[1]:g} s; write seconds from 0 on"
                )
            start, stop = (int(time * fps + _ROUNDING) for time in times)
            yield Clip(f"{clip.name}#{i}", clip.features[start:stop], (caption.text,))


def _chains(path: Path, frames: int, kinds: Kinds) -> list[Chain]:
    """The runs of sentences of a clip of so many frames; what its labels say is done goes into `kinds`."""
    content = read_json(path)
    for label in _objects(content.get("segments", []), "segments", path):
        actions = label.get("actions") or []
        if not isinstance(actions, list) or not all(isinstance(action, str) for action in actions):
            raise MotionError(f"{path}: actions is {actions!r:.60}; it must be a list of words")
        kinds.learn(_text(label, path), actions)
    made = content.get(TIMELINES)
    if not isinstance(made, list):
        raise MotionError(f"{path}: {TIMELINES} is {made!r:.60}; it must be a list of lists of sentences")
    return [_chain(_objects(run, f"{TIMELINES}[{i}]", path), frames, path) for i, run in enumerate(made)]


def _chain(run: Sequence[dict[str, Any]], frames: int, path: Path) -> Chain:
    if not run:
        raise MotionError(f"{path}: one of its {TIMELINES} is empty; leave it out")
    chain = []
    for entry in run:
        text, start, stop = _text(entry, path), entry.get("start"), entry.get("stop")
        if type(start) is not int or type(stop) is not int or not 0 <= start < stop <= frames:
            raise MotionError(
                f"{path}: {text[:60]!r} is of frames {start!r:.20} to {stop!r:.20}; the clip has frames 0 to {frames}"
            )
        chain.append(Segment(text, start, stop))
    for before, after in pairwise(chain):
        if before.stop != after.start:
            raise MotionError(
                f"{path}: {after.text[:60]!r} begins at frame {after.start}; the sentence before it ends at "
                f"{before.stop}, and timelines have neither gaps nor overlaps"
            )
    return tuple(chain)


def _objects(entries: Any, name: str, path: Path) -> list[dict[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise MotionError(f"{path}: {name} is {entries!r:.60}; it must be a list of objects with text, start and stop")
    return entries


def _text(entry: dict[str, Any], path: Path) -> str:
    text = entry.get("text")
    try:
        if isinstance(text, str) and normalize(text):
            return " ".join(text.split())
    except TextError:
        pass
    raise MotionError(f"{path}: a text is {text!r:.60}; it must be a sentence")
