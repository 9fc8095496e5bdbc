"""Clips in the HumanML3D layout, and batches that depend on (seed, step) alone, so that a run resumes exactly."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motiongen.arrays import ArraysError, read_npy
from motiongen.features.humanml3d import DIM
from motiongen.motion import FPS, MotionError


@dataclass(frozen=True)
class Clip:
    """One clip of a dataset: its name, features and captions."""

    name: str
    features: Float[Tensor, "t 263"]
    captions: tuple[str, ...]


@dataclass(frozen=True)
class FeatureBatch:
    features: Float[Tensor, "b t 263"]
    mask: Bool[Tensor, "b t"]


def read_split(folder: Path, split: str) -> list[str]:
    """Names of the clips of a split, in file order."""
    path = folder / f"{split}.txt"
    if not path.is_file():
        raise MotionError(f"{path}: no such file; make the dataset with 'motiongen prepare ... {folder}'")
    return path.read_text(encoding="utf-8").split()


def read_captions(path: Path) -> tuple[str, ...]:
    """The sentences of a HumanML3D text file, whose lines are `caption#tokens#start#end` (seconds).

    A caption of the whole clip has 0 or nan for both times. Those of a part of it are left out, for they would describe
    frames that they do not mean; where a clip has no others they are taken all the same.

    Raises:
        MotionError: a time is no number, or the file is not text in UTF-8.
    """
    whole: list[str] = []
    partial: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise MotionError(f"{path}: is not UTF-8; save it as UTF-8") from None
    for line in text.split("\n"):
        caption, *rest = line.strip().split("#")
        if not caption.strip():
            continue
        try:
            times = [float(text) for text in rest[1:3]]
        except ValueError:
            raise MotionError(f"{path}: the times in '{line.strip()[:80]}' are no numbers; write 0.0#0.0") from None
        (partial if any(t and not math.isnan(t) for t in times) else whole).append(caption.strip())
    return tuple(whole or partial)


def _check_rate(folder: Path) -> None:
    """A model learns frames, not seconds: of clips at another rate it would learn people in slow or fast motion."""
    path = folder / "manifest.json"
    try:
        rate = json.loads(path.read_text(encoding="utf-8")).get("fps", FPS) if path.is_file() else FPS
    except (ValueError, AttributeError):
        raise MotionError(f"{path}: is damaged; make the dataset anew") from None
    if rate != FPS:
        raise MotionError(f"{folder}: has {rate} frames a second; training takes {FPS:g}, so prepare it with --fps 20")


def load_clips(folder: Path, split: str, shortest: int = 1) -> list[Clip]:
    """All clips of a split that have at least `shortest` feature frames.

    Raises:
        MotionError: the folder is no dataset or one of another frame rate, the split is empty, or a clip is damaged or
            has the wrong shape.
    """
    clips = []
    _check_rate(folder)
    for name in read_split(folder, split):
        path = folder / "new_joint_vecs" / f"{name}.npy"
        try:
            features = read_npy(path)
        except ArraysError as error:
            raise MotionError(f"{path}: {error}") from None
        if features.ndim != 2 or features.shape[1] != DIM:
            raise MotionError(f"{name}: features have shape {features.shape}, not [t, {DIM}]")
        if features.dtype.kind not in "fiu" or not np.isfinite(features).all():
            raise MotionError(f"{path}: holds NaN, infinity or no numbers; make the dataset anew")
        if len(features) >= shortest:
            captions = read_captions(folder / "texts" / f"{name}.txt")
            clips.append(Clip(name, torch.from_numpy(features.astype(np.float32)), captions))
    if not clips:
        raise MotionError(f"{folder}: no clip of at least {shortest} frames in split '{split}'")
    return clips


def data_hash(folder: Path) -> str:
    """First 12 hexadecimal digits of the SHA-256 over a dataset's training split and statistics.

    Raises:
        MotionError: a file is missing.
    """
    digest = hashlib.sha256()
    for name in ("train.txt", "Mean.npy", "Std.npy"):
        path = folder / name
        if not path.is_file():
            raise MotionError(f"{path}: no such file; make the dataset with 'motiongen prepare ... {folder}'")
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Share:
    """The part of every batch that one of several processes works on: rows `index`, `index + count`, ...

    All processes draw the same batch and the same noise, so that, but for dropout, what is learned does not depend on
    their number.
    """

    index: int = 0
    count: int = 1

    @property
    def rows(self) -> slice:
        return slice(self.index, None, self.count)


def step_generator(seed: int, step: int) -> torch.Generator:
    """Randomness of one training step, the same whether the run was interrupted before it or not."""
    # A fixed odd multiplier keeps (seed, step) pairs apart without Python's salted hash.
    return torch.Generator().manual_seed((seed * 0x9E3779B97F4A7C15 + step) % (1 << 63))


def crops(clips: Sequence[Clip], batch: int, frames: int, generator: torch.Generator) -> FeatureBatch:
    """Random windows of `frames` frames, drawn by length, so that every frame is as likely; short clips are padded."""
    lengths = torch.tensor([min(len(c.features), 4 * frames) for c in clips], dtype=torch.float)
    chosen = torch.multinomial(lengths, batch, replacement=True, generator=generator)
    features = torch.zeros(batch, frames, DIM)
    mask = torch.zeros(batch, frames, dtype=torch.bool)
    for row, index in enumerate(chosen.tolist()):
        clip = clips[index].features
        # Whole groups of four only: the codec's latent frames.
        length = min(frames, len(clip) // 4 * 4)
        start = int(torch.randint(len(clip) - length + 1, (), generator=generator))
        features[row, :length] = clip[start : start + length]
        mask[row, :length] = True
    return FeatureBatch(features, mask)
