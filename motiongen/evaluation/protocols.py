"""What is measured: the clips of a dataset's test split, and how a repeat draws captions and crops from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.matching import UNIT
from motiongen.evaluation.words import Caption
from motiongen.motion import MotionError
from motiongen.training.data import read_split


@dataclass(frozen=True)
class Protocol:
    """How a dataset is evaluated. Lengths are frames.

    Attributes:
        split: the part of the dataset that is measured.
        fps: of the dataset.
        features: channels of a frame.
        shortest, too_long: clips under `shortest`, or of `too_long` or more, are left out.
        pool: how many motions a caption is ranked among.
        repeats: how often everything is drawn and generated anew.
        window: frames of a transition, where segments follow each other; 0 without.
    """

    name: str
    split: str = "test"
    fps: float = 20.0
    features: int = 263
    shortest: int = 40
    too_long: int = 200
    pool: int = 32
    repeats: int = 20
    window: int = 0


HUMANML3D = Protocol("humanml3d")
KIT = Protocol("kit", fps=12.5, features=251, shortest=24)
STARTER = Protocol("starter")


@dataclass(frozen=True)
class Item:
    """A clip, or the part of one that its captions are about."""

    name: str
    features: Float[Tensor, "t f"]
    captions: tuple[Caption, ...]


@dataclass(frozen=True)
class Drawn:
    """What one repeat takes of a clip: one caption, and `length` frames from `start` on."""

    item: Item
    caption: Caption
    start: int
    length: int

    @property
    def features(self) -> Float[Tensor, "t f"]:
        return self.item.features[self.start : self.start + self.length]


def load_items(folder: Path, split: str, protocol: Protocol, limit: int | None = None) -> list[Item]:
    """Clips of a split, in its order; a caption with times of its own makes a clip of those frames.

    Args:
        limit: at most so many clips of the split, spread evenly over it.

    Raises:
        MotionError: the folder is no dataset, a clip has other features, or none is left.
    """
    names = read_split(folder, split)
    if limit is not None and limit < len(names):
        names = [names[i * len(names) // limit] for i in range(limit)]
    items = []
    for name in names:
        path = folder / "new_joint_vecs" / f"{name}.npy"
        if not path.is_file():
            raise MotionError(f"{path}: no such file, though {split}.txt names it; prepare the dataset again")
        array = np.load(path, allow_pickle=False)
        if array.ndim != 2 or array.shape[1] != protocol.features:
            raise MotionError(f"{path}: has shape {array.shape}; {protocol.name} has {protocol.features} features")
        if protocol.shortest <= len(array) < protocol.too_long:
            features = torch.from_numpy(array.astype(np.float32))
            items += _parts(name, features, read_timed(folder / "texts" / f"{name}.txt"), protocol)
    if not items:
        raise MotionError(
            f"{folder}: split '{split}' has no clip of {protocol.shortest} to {protocol.too_long - 1} frames"
        )
    return items


def _parts(
    name: str, features: Float[Tensor, "t f"], captions: Sequence[tuple[Caption, float, float]], protocol: Protocol
) -> list[Item]:
    whole = tuple(caption for caption, start, stop in captions if start == stop == 0)
    items = [Item(name, features, whole)] if whole else []
    for i, (caption, start, stop) in enumerate(captions):
        part = features[int(start * protocol.fps) : int(stop * protocol.fps)]
        if (start or stop) and protocol.shortest <= len(part) < protocol.too_long:
            items.append(Item(f"{name}#{i}", part, (caption,)))
    return items


def read_timed(path: Path) -> list[tuple[Caption, float, float]]:
    """The lines `caption#tokens#start#end` of a text file, times in seconds; 0 and 0 for the whole clip.

    Raises:
        MotionError: there is no such file, or a time is no number.
    """
    if not path.is_file():
        raise MotionError(f"{path}: no such file; every clip of a dataset has its captions there")
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        text, *rest = line.strip().split("#")
        if not text.strip():
            continue
        tokens = tuple(rest[0].split()) if rest else ()
        try:
            times = [0.0 if math.isnan(t) else t for t in map(float, rest[1:3])]
        except ValueError:
            raise MotionError(f"{path}: the times in '{line.strip()[:80]}' are no numbers; write 0.0#0.0") from None
        start, stop = times if len(times) == 2 else (0.0, 0.0)
        rows.append((Caption(text.strip(), tokens), start, stop))
    return rows


def draw(items: Sequence[Item], generator: torch.Generator) -> list[Drawn]:
    """All clips in a random order, each with one caption and cropped to whole units of four frames.

    One clip in three is a unit shorter than it could be, and the crop begins anywhere (Guo et al., released code).
    """
    order = torch.randperm(len(items), generator=generator).tolist()
    return [draw_one(items[i], generator) for i in order]


def draw_one(item: Item, generator: torch.Generator) -> Drawn:
    """One clip as a repeat takes it."""
    units = len(item.features) // UNIT
    if _below(3, generator) == 0 and units > 1:
        units -= 1
    caption = item.captions[_below(len(item.captions), generator)]
    start = _below(len(item.features) - units * UNIT + 1, generator)
    return Drawn(item, caption, start, units * UNIT)


def whole_pools(drawn: Sequence[Drawn], pool: int) -> list[Drawn]:
    """As many as fill whole pools; the rest of a split is not measured.

    Raises:
        MotionError: there is not even one pool.
    """
    count = len(drawn) // pool * pool
    if count == 0:
        raise MotionError(f"{len(drawn)} clips are not one pool of {pool}; measure at least {pool}")
    return list(drawn[:count])


def _below(stop: int, generator: torch.Generator) -> int:
    return int(torch.randint(stop, (), generator=generator))
