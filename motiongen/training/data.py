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
from motiongen.features.layouts import HUMANML3D, LAYOUTS, FeatureLayout
from motiongen.motion import MotionError


@dataclass(frozen=True)
class Clip:
    """One clip of a dataset: its name, features, and the captions of the whole of it, if there are any."""

    name: str
    features: Float[Tensor, "t f"]
    captions: tuple[str, ...]


@dataclass(frozen=True)
class FeatureBatch:
    features: Float[Tensor, "b t f"]
    mask: Bool[Tensor, "b t"]


def read_split(folder: Path, split: str) -> list[str]:
    """Names of the clips of a split, in file order."""
    path = folder / f"{split}.txt"
    if not path.is_file():
        raise MotionError(f"{path}: no such file; make the dataset with 'motiongen prepare ... {folder}'")
    return path.read_text(encoding="utf-8").split()


def read_captions(path: Path) -> tuple[str, ...]:
    """The sentences for the whole clip in a HumanML3D text file, whose lines are `caption#tokens#start#end` (seconds).

    They have 0 or nan for both times. Those for a part of it are left out, for they would describe frames that they do
    not mean; `motiongen.training.spans` makes clips of these frames.

    Raises:
        MotionError: a time is no number, or the file is not text in UTF-8.
    """
    whole: list[str] = []
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
        if not any(t and not math.isnan(t) for t in times):
            whole.append(caption.strip())
    return tuple(whole)


def _rate(folder: Path) -> float | None:
    """Frames a second, where the dataset tells."""
    path = folder / "manifest.json"
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("fps") if path.is_file() else None
    except (ValueError, AttributeError):
        raise MotionError(f"{path}: is damaged; make the dataset anew") from None


def _check_rate(folder: Path, rate: float | None, layout: FeatureLayout) -> None:
    """A model learns frames, not seconds: of clips at another rate it would learn people in slow or fast motion."""
    if rate is not None and rate != layout.fps:
        remedy = f"so prepare it with --fps {layout.fps:g}" if layout == HUMANML3D else f"as {layout.name} has them"
        raise MotionError(f"{folder}: has {rate} frames a second; training takes {layout.fps:g}, {remedy}")


def load_clips(folder: Path, split: str, shortest: int = 1, features: int | None = None) -> list[Clip]:
    """All clips of a split that have at least `shortest` feature frames, all of one layout.

    Args:
        features: of a frame, where it is known how many they have to be.

    Raises:
        MotionError: the folder is no dataset or one of another frame rate, the split is empty, a clip is damaged, or
            its features are of no layout, or of another one than `features` or the clips before it.
    """
    clips = []
    rate, wanted = _rate(folder), features
    for name in read_split(folder, split):
        path = folder / "new_joint_vecs" / f"{name}.npy"
        try:
            array = read_npy(path)
        except ArraysError as error:
            raise MotionError(f"{path}: {error}") from None
        if array.ndim != 2 or array.shape[1] not in LAYOUTS:
            known = " or ".join(f"[t, {dim}]" for dim in LAYOUTS)
            raise MotionError(f"{name}: features have shape {array.shape}, not {known}")
        layout = LAYOUTS[array.shape[1]]
        _check_rate(folder, rate, layout)
        wanted = wanted or layout.dim
        if layout.dim != wanted:
            other = "clips before it" if features is None else "the codec"
            raise MotionError(f"{path}: has {layout.dim} features a frame, and {other} {wanted}")
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise MotionError(f"{path}: holds NaN, infinity or no numbers; make the dataset anew")
        if len(array) >= shortest:
            captions = read_captions(folder / "texts" / f"{name}.txt")
            clips.append(Clip(name, torch.from_numpy(array.astype(np.float32)), captions))
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
    features = torch.zeros(batch, frames, clips[0].features.shape[1])
    mask = torch.zeros(batch, frames, dtype=torch.bool)
    for row, index in enumerate(chosen.tolist()):
        clip = clips[index].features
        # Whole groups of four only: the codec's latent frames.
        length = min(frames, len(clip) // 4 * 4)
        start = int(torch.randint(len(clip) - length + 1, (), generator=generator))
        features[row, :length] = clip[start : start + length]
        mask[row, :length] = True
    return FeatureBatch(features, mask)
