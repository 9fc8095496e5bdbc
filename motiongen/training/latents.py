"""Batches of latents with their sentences: clips, clips joined into timelines, and the timelines of real takes."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongen.features.layouts import FeatureLayout
from motiongen.models.vae import MotionCodec, TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.data import Clip

OUTLIER = 15.0
STILL = 0.012  # metres a frame of HumanML3D: hands that are held up are slower, hands that wave faster
TRAVELS = 0.015  # metres a frame of HumanML3D
_PAUSED_OF_JOINED = 0.5
_SHORTEST_PAUSE = 2  # latent frames
# How much of the second of two clips that are joined is in each of the latent frames in which they overlap. Decoded,
# the peak jerk at the joint is 1.4 times that of real motion with two, 2.5 with none; with more, feet slide further.
_OVERLAP = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class LatentClip:
    """A clip as the denoiser sees it, once for every window of it that the codec takes.

    `pauses` holds for each version the latent frames in which nothing moves, by their place: there the clip may be made
    longer. `travels` says whether the person gets about: only that can be made longer by more of the same.
    """

    name: str
    versions: tuple[Float[Tensor, "_ d"], ...]
    captions: tuple[str, ...]
    pauses: tuple[dict[int, Float[Tensor, " d"]], ...] = ()
    travels: bool = True


@dataclass(frozen=True)
class LatentBatch:
    """Padded latents, which frames are real, and which of its sentences conditions each frame.

    `kinds` numbers what the motion of each sentence shows; equal numbers show the same.
    """

    z: Float[Tensor, "b l d"]
    mask: Bool[Tensor, "b l"]
    sentences: tuple[tuple[str, ...], ...]
    kinds: tuple[tuple[int, ...], ...]
    frame_sentence: Int[Tensor, "b l"]


@dataclass(frozen=True)
class Timelines:
    """How training samples are made.

    Attributes:
        longest: latent frames of a sample at most; longer clips are cropped.
        real: share of samples that are of several sentences as they were acted, from one to the next, where the dataset
            has such timelines. `join`, `extend` and `pause` are shares of all others.
        join: share of samples that are joined from several clips, each with its sentence.
        extend: share of samples that are continued by a clip of the same label under the same sentence, so that actions
            are seen to last longer than any one take.
        pause: share of samples in which who stays in place pauses for a while, where a clip has a moment without
            movement: who is to raise a hand for longer than it takes should hold it up or stand, not raise it again.
            Samples to be extended that do not travel do so too, and of the clips in joined samples half.
        pieces: clips in a joined sample at most.
        candidates: a joined clip is the one of so many random ones that begins most like the last one ended. Where they
            are joined, the one fades over into the other.
    """

    longest: int = 40
    real: float = 0.5
    join: float = 0.25
    extend: float = 0.15
    pause: float = 0.45
    pieces: int = 3
    candidates: int = 192


@torch.no_grad()
def encode_clips(codec: MotionCodec, clips: Sequence[Clip], every: bool = True) -> list[LatentClip]:
    """Latent means of all clips, of `every` window that the codec takes of them or of the first one alone.

    A clip with a latent beyond `OUTLIER` deviations is left out. HumanML3D's heading weighs hips against shoulders and
    can flip within a frame when both turn freely, as salsa dancers' do; one such frame outweighs a batch of others.

    Raises:
        MotionError: no clip is left.
    """
    encoded = []
    for clip in clips:
        windows = codec.windows(len(clip.features))
        versions, pauses = [], []
        for window in windows[: None if every else 1]:
            z = codec.encode(clip.features[None, window]).mean[0]
            if z.abs().max() <= OUTLIER:
                versions.append(z)
                pauses.append(_pauses(codec, clip.features[window], z))
        if versions:
            travels = _travels(clip, codec.layout)
            encoded.append(LatentClip(clip.name, tuple(versions), clip.captions, tuple(pauses), travels))
    if not encoded:
        raise MotionError(f"all {len(clips)} clips have latents beyond {OUTLIER:g}; train the codec on this dataset")
    return encoded


def _pauses(codec: MotionCodec, features: Float[Tensor, "t f"], z: Float[Tensor, "l d"]) -> dict[int, Tensor]:
    """Latent frames whose joints hardly move, with a root that does not; none where latents are no moments."""
    if not isinstance(codec, TemporalCodec):
        return {}
    velocities = features[:, codec.layout.skeleton.groups["joint_velocities"]]
    speed = velocities.unflatten(-1, (-1, 3)).norm(dim=-1).amax(-1)
    still = speed[: len(z) * codec.downsampling].view(len(z), -1).amax(1) < STILL * codec.layout.step
    standing = codec.with_root(z[None], torch.zeros_like(codec.root_of(z[None])))[0]
    return {i: standing[i] for i in still.nonzero().flatten().tolist()}


def _travels(clip: Clip, layout: FeatureLayout) -> bool:
    velocity = clip.features[:, layout.skeleton.groups["root_velocity"]]
    return bool(velocity.norm(dim=-1).mean() > TRAVELS * layout.step)


@dataclass(frozen=True)
class Labels:
    """How clips are drawn, and which of them show the same thing.

    Attributes:
        weights: how likely a clip is to be drawn.
        peers: for each clip, the clips of the same content and style, itself among them.
        kinds: the number of each clip's content and style.
    """

    weights: Float[Tensor, " n"]
    peers: tuple[tuple[int, ...], ...]
    kinds: tuple[int, ...]


def read_labels(folder: Path, names: Sequence[str]) -> Labels:
    """Labels from a dataset's `clips.csv`; without one every clip is equally likely and its own only peer.

    A part of a clip, NAME#0, has the labels of the clip.

    Six hundred takes of a raised hand must not drown one of a kick: contents of a source count alike, however
    many clips show them, a clip with the square root of its seconds, a source with that of its hours.
    """
    index = folder / "clips.csv"
    if not index.is_file():
        return Labels(torch.ones(len(names)), tuple((i,) for i in range(len(names))), tuple(range(len(names))))
    with open(index, newline="", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    known = [rows[name] if name in rows else rows[name.rpartition("#")[0]] for name in names]
    contents = Counter((row["source"], row["content"]) for row in known)
    hours: defaultdict[str, float] = defaultdict(float)
    drawn: defaultdict[str, float] = defaultdict(float)
    weights = []
    for row in known:
        weight = float(row["seconds"]) ** 0.5 / contents[row["source"], row["content"]]
        hours[row["source"]] += float(row["seconds"])
        drawn[row["source"]] += weight
        weights.append(weight)
    weights = [w * hours[row["source"]] ** 0.5 / drawn[row["source"]] for w, row in zip(weights, known)]
    together: dict[tuple[str, ...], list[int]] = {}
    keys = [(row["source"], row["content"], row["style"], row["mirrored"]) for row in known]
    for i, key in enumerate(keys):
        together.setdefault(key, []).append(i)
    number = {key: i for i, key in enumerate(together)}
    peers = tuple(tuple(together[key]) for key in keys)
    return Labels(torch.tensor(weights), peers, tuple(number[key] for key in keys))


def timeline_batch(
    clips: Sequence[LatentClip],
    labels: Labels,
    size: int,
    config: Timelines,
    generator: torch.Generator,
    runs: Runs | None = None,
) -> LatentBatch:
    """A batch of samples of similar length: of four times as many, sorted by length, a random quarter."""
    chosen = torch.multinomial(labels.weights, 4 * size, replacement=True, generator=generator).tolist()
    acted: list[Run | None] = [None] * len(chosen) if runs is None else runs.drawn(len(chosen), config.real, generator)
    samples = sorted(
        (
            _sample(clips, labels, i, config, generator) if run is None else run.drawn(config.longest, generator)
            for i, run in zip(chosen, acted)
        ),
        key=lambda pieces: sum(map(len, pieces)),
    )
    first = int(torch.randint(4, (), generator=generator)) * size
    return collate(samples[first : first + size])


@dataclass(frozen=True)
class Piece:
    """Latents of one sentence; `clip` numbers the clip that they are from, -1 a run; `kind` what they show."""

    latents: Float[Tensor, "_ d"]
    sentence: str
    clip: int
    kind: int

    def __len__(self) -> int:
        return len(self.latents)


@dataclass(frozen=True)
class Run:
    """Sentences that follow each other in one take: its latents, once for every window of it that the codec takes.

    `ends` holds for each version the latent frame at which each sentence ends, which for a short one may be where the
    one before it does; `kinds` numbers what the sentences show.
    """

    sentences: tuple[str, ...]
    kinds: tuple[int, ...]
    versions: tuple[Float[Tensor, "_ d"], ...]
    ends: tuple[tuple[int, ...], ...]

    def drawn(self, longest: int, generator: torch.Generator) -> list[Piece]:
        """A version, cropped at random if it is too long, in pieces; without sentences of which no frame is left."""
        version = int(torch.randint(len(self.versions), (), generator=generator))
        latents, start = self.versions[version], 0
        if len(latents) > longest:
            start = int(torch.randint(len(latents) - longest + 1, (), generator=generator))
        bounds = [min(max(end, start), start + longest) for end in (0, *self.ends[version])]
        told = zip(self.sentences, self.kinds, pairwise(bounds))
        return [Piece(latents[a:b], text, -1, kind) for text, kind, (a, b) in told if a < b]


@dataclass(frozen=True)
class Runs:
    """The runs of a dataset, and how likely each is to be drawn."""

    runs: tuple[Run, ...]
    weights: Float[Tensor, " n"]

    def drawn(self, count: int, share: float, generator: torch.Generator) -> list[Run | None]:
        """Runs at about that share of `count` places."""
        chosen = torch.multinomial(self.weights, count, replacement=True, generator=generator).tolist()
        here = (torch.rand(count, generator=generator) < share).tolist()
        return [self.runs[i] if taken else None for i, taken in zip(chosen, here)]


def collate(samples: Sequence[Sequence[Piece]]) -> LatentBatch:
    """Pad samples, each some pieces in a row, to the longest."""
    length = max(sum(map(len, pieces)) for pieces in samples)
    z = torch.zeros(len(samples), length, samples[0][0].latents.shape[-1])
    mask = torch.zeros(len(samples), length, dtype=torch.bool)
    frame_sentence = torch.zeros(len(samples), length, dtype=torch.long)
    for row, pieces in enumerate(samples):
        start = 0
        for number, piece in enumerate(pieces):
            stop = start + len(piece)
            z[row, start:stop] = piece.latents
            frame_sentence[row, start:stop] = number
            start = stop
        mask[row, :start] = True
    sentences = tuple(tuple(piece.sentence for piece in pieces) for pieces in samples)
    kinds = tuple(tuple(p.kind for p in pieces) for pieces in samples)
    return LatentBatch(z, mask, sentences, kinds, frame_sentence)


def _sample(
    clips: Sequence[LatentClip], labels: Labels, index: int, config: Timelines, generator: torch.Generator
) -> list[Piece]:
    pieces = [_piece(clips, labels, index, config.longest, generator)]
    kind = float(torch.rand((), generator=generator))
    if kind < config.extend and clips[index].travels:
        peers = torch.tensor(labels.peers[index])
        offered = peers[torch.randint(len(peers), (config.candidates,), generator=generator)].tolist()
        following = _closest(pieces, clips, labels, offered, config, generator)
        if following is not None:
            both = _faded([pieces[0], following])
            return [replace(pieces[0], latents=torch.cat([piece.latents for piece in both]))]
    elif kind < config.extend + config.pause:
        return [_paused(clips, pieces[0], config.longest - len(pieces[0]), generator)]
    elif kind < config.extend + config.pause + config.join:
        wanted = 2 + int(torch.randint(config.pieces - 1, (), generator=generator))
        while len(pieces) < wanted:
            offered = torch.multinomial(
                labels.weights, config.candidates, replacement=True, generator=generator
            ).tolist()
            following = _closest(pieces, clips, labels, offered, config, generator)
            if following is None:
                break
            pieces.append(following)
        for i, piece in enumerate(pieces):
            if float(torch.rand((), generator=generator)) < _PAUSED_OF_JOINED:
                pieces[i] = _paused(clips, piece, config.longest - sum(map(len, pieces)), generator)
    return _faded(pieces)


def _faded(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, each fading over into the next; of the frames in which they overlap half are of either's sentence."""
    faded = list(pieces)
    share = torch.tensor(_OVERLAP)[:, None]
    frames, half = len(share), len(share) // 2
    for i in range(1, len(faded)):
        before, after = faded[i - 1].latents, faded[i].latents
        both = before[-frames:] * (1 - share) + after[:frames] * share
        faded[i - 1] = replace(faded[i - 1], latents=torch.cat([before[:-frames], both[:half]]))
        faded[i] = replace(faded[i], latents=torch.cat([both[half:], after[frames:]]))
    return faded


def _paused(clips: Sequence[LatentClip], piece: Piece, room: int, generator: torch.Generator) -> Piece:
    """The piece, if it is the whole of a clip in place, with one of its moments without movement drawn out."""
    clip = clips[piece.clip]
    version = next((i for i, z in enumerate(clip.versions) if z is piece.latents), None)
    if clip.travels or version is None or not clip.pauses[version]:
        return piece
    if room < _SHORTEST_PAUSE:
        return piece
    places = sorted(clip.pauses[version])
    place = places[int(torch.randint(len(places), (), generator=generator))]
    # Of any length that fits: an action that was never seen to fill a longer clip is done again until it does.
    length = int(torch.randint(_SHORTEST_PAUSE, room + 1, (), generator=generator))
    pause = clip.pauses[version][place].expand(length, -1)
    return replace(piece, latents=torch.cat([piece.latents[: place + 1], pause, piece.latents[place + 1 :]]))


def _closest(
    pieces: list[Piece], clips: Sequence[LatentClip], labels: Labels, offered: list[int], config: Timelines,
    generator: torch.Generator,
) -> Piece | None:  # fmt: skip
    """Of the offered clips that still fit, the one that begins most like the last piece ends."""
    left, frames = config.longest - sum(map(len, pieces)), len(_OVERLAP)
    fitting = [i for i in offered if max(map(len, clips[i].versions)) <= left]
    if not fitting:
        return None
    starts = torch.stack([clips[i].versions[0][:frames] for i in fitting])
    apart = (starts - pieces[-1].latents[-frames:]).square().sum((1, 2))
    return _piece(clips, labels, fitting[int(apart.argmin())], config.longest, generator)


def _piece(clips: Sequence[LatentClip], labels: Labels, index: int, longest: int, generator: torch.Generator) -> Piece:
    """A version of the clip, cropped at random if it is too long, with one of its captions."""
    clip = clips[index]
    latents = clip.versions[int(torch.randint(len(clip.versions), (), generator=generator))]
    caption = clip.captions[int(torch.randint(len(clip.captions), (), generator=generator))]
    if len(latents) > longest:
        start = int(torch.randint(len(latents) - longest + 1, (), generator=generator))
        latents = latents[start : start + longest]
    return Piece(latents, caption, index, labels.kinds[index])
