"""Batches of latents with their sentences: single clips, and clips joined into timelines of several sentences."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongen.models.vae import TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.data import Clip

OUTLIER = 15.0


@dataclass(frozen=True)
class LatentClip:
    """A clip as the denoiser sees it, once for every shift against the codec's groups of frames."""

    name: str
    shifted: tuple[Float[Tensor, "_ d"], ...]
    captions: tuple[str, ...]


@dataclass(frozen=True)
class LatentBatch:
    """Padded latents, which frames are real, and which of its sentences conditions each frame."""

    z: Float[Tensor, "b l d"]
    mask: Bool[Tensor, "b l"]
    sentences: tuple[tuple[str, ...], ...]
    frame_sentence: Int[Tensor, "b l"]


@dataclass(frozen=True)
class Timelines:
    """How training samples are made.

    Attributes:
        longest: latent frames of a sample at most; longer clips are cropped.
        join: share of samples that are joined from several clips, each with its sentence.
        extend: share of samples that are continued by a clip of the same label under the same sentence, so that actions
            are seen to last longer than any one take.
        pieces: clips in a joined sample at most.
        candidates: a joined clip is the one of so many random ones that begins most like the last one ended.
    """

    longest: int = 40
    join: float = 0.25
    extend: float = 0.15
    pieces: int = 3
    candidates: int = 16


@torch.no_grad()
def encode_clips(codec: TemporalCodec, clips: Sequence[Clip], shifts: Sequence[int] = (0, 2)) -> list[LatentClip]:
    """Latent means of all clips; clips too short for a shift have fewer versions.

    A clip with a latent beyond `OUTLIER` deviations is left out. HumanML3D's heading weighs hips against shoulders and
    can flip within a frame when both turn freely, as salsa dancers' do; one such frame outweighs a batch of others.

    Raises:
        MotionError: no clip is left.
    """
    group = codec.downsampling
    encoded = []
    for clip in clips:
        versions = []
        for shift in shifts:
            usable = (len(clip.features) - shift) // group * group
            if usable >= 2 * group:
                latents = codec.encode(clip.features[None, shift : shift + usable]).mean[0]
                if latents.abs().max() <= OUTLIER:
                    versions.append(latents)
        if versions:
            encoded.append(LatentClip(clip.name, tuple(versions), clip.captions))
    if not encoded:
        raise MotionError(f"all {len(clips)} clips have latents beyond {OUTLIER:g}; train the codec on this dataset")
    return encoded


@dataclass(frozen=True)
class Labels:
    """How clips are drawn, and which of them show the same thing.

    Attributes:
        weights: how likely a clip is to be drawn.
        peers: for each clip, the clips of the same content and style, itself among them.
    """

    weights: Float[Tensor, " n"]
    peers: tuple[tuple[int, ...], ...]


def read_labels(folder: Path, names: Sequence[str]) -> Labels:
    """Labels from a dataset's `clips.csv`; without one every clip is equally likely and its own only peer.

    Six hundred takes of a raised hand must not drown one of a kick: contents of a source count alike, however
    many clips show them, a clip with the square root of its seconds, a source with that of its hours.
    """
    index = folder / "clips.csv"
    if not index.is_file():
        return Labels(torch.ones(len(names)), tuple((i,) for i in range(len(names))))
    with open(index, newline="", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    known = [rows[name] for name in names]
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
    return Labels(torch.tensor(weights), tuple(tuple(together[key]) for key in keys))


def timeline_batch(
    clips: Sequence[LatentClip], labels: Labels, size: int, config: Timelines, generator: torch.Generator
) -> LatentBatch:
    """A batch of samples of similar length: of four times as many, sorted by length, a random quarter."""
    chosen = torch.multinomial(labels.weights, 4 * size, replacement=True, generator=generator).tolist()
    samples = sorted(
        (_sample(clips, labels, i, config, generator) for i in chosen),
        key=lambda pieces: sum(map(_frames, pieces)),
    )
    first = int(torch.randint(4, (), generator=generator)) * size
    return collate(samples[first : first + size])


Piece = tuple[Float[Tensor, "_ d"], str]


def collate(samples: Sequence[Sequence[Piece]]) -> LatentBatch:
    """Pad samples, each a list of (latents, sentence), to the longest."""
    length = max(sum(map(_frames, pieces)) for pieces in samples)
    z = torch.zeros(len(samples), length, samples[0][0][0].shape[-1])
    mask = torch.zeros(len(samples), length, dtype=torch.bool)
    frame_sentence = torch.zeros(len(samples), length, dtype=torch.long)
    for row, pieces in enumerate(samples):
        start = 0
        for number, (latents, _) in enumerate(pieces):
            stop = start + len(latents)
            z[row, start:stop] = latents
            frame_sentence[row, start:stop] = number
            start = stop
        mask[row, :start] = True
    return LatentBatch(z, mask, tuple(tuple(text for _, text in pieces) for pieces in samples), frame_sentence)


def _frames(piece: Piece) -> int:
    return len(piece[0])


def _sample(
    clips: Sequence[LatentClip], labels: Labels, index: int, config: Timelines, generator: torch.Generator
) -> list[Piece]:
    pieces = [_piece(clips[index], config.longest, generator)]
    kind = float(torch.rand((), generator=generator))
    if kind < config.extend:
        peers = torch.tensor(labels.peers[index])
        offered = peers[torch.randint(len(peers), (config.candidates,), generator=generator)].tolist()
        following = _closest(pieces, clips, offered, config, generator)
        if following is not None:
            return [(torch.cat([pieces[0][0], following[0]]), pieces[0][1])]
    elif kind < config.extend + config.join:
        wanted = 2 + int(torch.randint(config.pieces - 1, (), generator=generator))
        while len(pieces) < wanted:
            offered = torch.multinomial(
                labels.weights, config.candidates, replacement=True, generator=generator
            ).tolist()
            following = _closest(pieces, clips, offered, config, generator)
            if following is None:
                break
            pieces.append(following)
    return pieces


def _closest(
    pieces: list[Piece], clips: Sequence[LatentClip], offered: list[int], config: Timelines, generator: torch.Generator
) -> Piece | None:
    """Of the offered clips that still fit, the one that begins most like the last piece ends."""
    left = config.longest - sum(map(_frames, pieces))
    options = [_piece(clips[i], config.longest, generator) for i in offered]
    fitting = [piece for piece in options if _frames(piece) <= left]
    end = pieces[-1][0][-1]
    return min(fitting, key=lambda piece: float((piece[0][0] - end).square().sum()), default=None)


def _piece(clip: LatentClip, longest: int, generator: torch.Generator) -> Piece:
    """A version of the clip, cropped at random if it is too long, with one of its captions."""
    latents = clip.shifted[int(torch.randint(len(clip.shifted), (), generator=generator))]
    caption = clip.captions[int(torch.randint(len(clip.captions), (), generator=generator))]
    if len(latents) > longest:
        start = int(torch.randint(len(latents) - longest + 1, (), generator=generator))
        latents = latents[start : start + longest]
    return latents, caption
