"""Batches of latents with their sentences: single clips, and clips joined into timelines of several sentences."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from motiongen.models.vae import TemporalCodec
from motiongen.training.data import Clip


@dataclass(frozen=True)
class LatentClip:
    """A clip as the denoiser sees it, once for every shift against the codec's groups of frames."""

    name: str
    shifted: tuple[Float[Tensor, "l d"], ...]
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
        join: share of samples that are joined from several clips.
        pieces: clips in a joined sample at most.
        candidates: a joined clip is the one of so many random ones that begins most like the last one ended.
    """

    longest: int = 48
    join: float = 0.3
    pieces: int = 3
    candidates: int = 16


@torch.no_grad()
def encode_clips(codec: TemporalCodec, clips: Sequence[Clip], shifts: Sequence[int] = (0, 2)) -> list[LatentClip]:
    """Latent means of all clips; clips too short for a shift have fewer versions."""
    group = codec.downsampling
    encoded = []
    for clip in clips:
        versions = []
        for shift in shifts:
            usable = (len(clip.features) - shift) // group * group
            if usable >= 2 * group:
                versions.append(codec.encode(clip.features[None, shift : shift + usable]).mean[0])
        encoded.append(LatentClip(clip.name, tuple(versions), clip.captions))
    return encoded


def balanced_weights(folder: Path, names: Sequence[str]) -> Float[Tensor, "n"]:
    """One over the square root of how many clips share a clip's content; equal without a `clips.csv`.

    The starter set has six hundred takes of a raised hand and one of a kick.
    """
    index = folder / "clips.csv"
    if not index.is_file():
        return torch.ones(len(names))
    with open(index, newline="", encoding="utf-8") as file:
        content = {row["name"]: f"{row['source']}/{row['content']}" for row in csv.DictReader(file)}
    counts = Counter(content.get(name, name) for name in names)
    return torch.tensor([counts[content.get(name, name)] ** -0.5 for name in names])


def timeline_batch(
    clips: Sequence[LatentClip],
    weights: Float[Tensor, "n"],
    size: int,
    config: Timelines,
    generator: torch.Generator,
) -> LatentBatch:
    """A batch of samples of similar length: of four times as many, sorted by length, a random quarter."""
    chosen = torch.multinomial(weights, 4 * size, replacement=True, generator=generator).tolist()
    samples = sorted(
        (_sample(clips, weights, clips[i], config, generator) for i in chosen),
        key=lambda pieces: sum(map(_frames, pieces)),
    )
    first = int(torch.randint(4, (), generator=generator)) * size
    return collate(samples[first : first + size])


Piece = tuple[Float[Tensor, "l d"], str]


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
    clips: Sequence[LatentClip],
    weights: Float[Tensor, "n"],
    clip: LatentClip,
    config: Timelines,
    generator: torch.Generator,
) -> list[Piece]:
    pieces = [_piece(clip, config.longest, generator)]
    if float(torch.rand((), generator=generator)) >= config.join:
        return pieces
    wanted = 2 + int(torch.randint(config.pieces - 1, (), generator=generator))
    while len(pieces) < wanted:
        left = config.longest - sum(map(_frames, pieces))
        offered = torch.multinomial(weights, config.candidates, replacement=True, generator=generator).tolist()
        options = [_piece(clips[i], config.longest, generator) for i in offered]
        fitting = [piece for piece in options if _frames(piece) <= left]
        if not fitting:
            break
        end = pieces[-1][0][-1]
        pieces.append(min(fitting, key=lambda piece: float((piece[0][0] - end).square().sum())))
    return pieces


def _piece(clip: LatentClip, longest: int, generator: torch.Generator) -> Piece:
    """A version of the clip, cropped at random if it is too long, with one of its captions."""
    latents = clip.shifted[int(torch.randint(len(clip.shifted), (), generator=generator))]
    caption = clip.captions[int(torch.randint(len(clip.captions), (), generator=generator))]
    if len(latents) > longest:
        start = int(torch.randint(len(latents) - longest + 1, (), generator=generator))
        latents = latents[start : start + longest]
    return latents, caption
