"""One repeat of a protocol: draw captions and crops, generate, and measure; real clips by the same draw beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.evaluator import Evaluator
from motiongen.evaluation.metrics import (
    ape,
    ave,
    diversity,
    fid,
    foot_skate,
    jitter,
    mm_dist,
    multimodality,
    penetration,
    r_precision,
)
from motiongen.evaluation.protocols import Drawn, Item, Protocol, draw, whole_pools
from motiongen.evaluation.sampler import Progress
from motiongen.evaluation.sources import PipelineSource
from motiongen.features.humanml3d import DIM, decode

REAL = "real"
DIVERSITY_PAIRS = 300
# Clips whose joints are looked at; as these are drawn anew in every repeat, more would only take longer.
MOST_MOVING = 512
SAMPLES, SAMPLE_PAIRS = 30, 10
# Seeds of repeats lie so far apart that no two clips of a run share one.
_SEEDS_A_REPEAT = 1_000_003

Numbers = dict[str, float]


@dataclass(frozen=True)
class Repeat:
    """What a repeat gave.

    Attributes:
        numbers: metrics of each row, `real` first.
        drawn: what was drawn, in the order of the vectors.
        text: vectors of the captions.
        motions: vectors of each row's motions.
    """

    numbers: dict[str, Numbers]
    drawn: list[Drawn]
    text: Float[Tensor, "n e"]
    motions: dict[str, Float[Tensor, "n e"]]


def generator_of(seed: int, repeat: int) -> torch.Generator:
    """Randomness of what a repeat draws."""
    return torch.Generator().manual_seed(seed * _SEEDS_A_REPEAT + repeat)


def first_seed(seed: int, repeat: int) -> int:
    """Seed of the first clip that a repeat generates; the next ones count on."""
    return _SEEDS_A_REPEAT * (repeat + 1) + seed


def measured(
    items: Sequence[Item],
    evaluator: Evaluator,
    sources: Mapping[str, PipelineSource],
    protocol: Protocol,
    seed: int,
    repeat: int,
    texts: int = 100,
    progress: Progress | None = None,
) -> Repeat:
    """Repeat number `repeat`; the same arguments give the same numbers.

    Args:
        sources: what generates, by the row's name.
        texts: captions for MultiModality, 30 samples of each; 0 leaves it out.

    Raises:
        MotionError: the clips do not fill one pool.
    """
    generator = generator_of(seed, repeat)
    drawn = whole_pools(draw(items, generator), protocol.pool)
    # The distribution that all rows are held to is drawn by itself, so that even real clips have a distance from it.
    reference = evaluator.motions([d.features for d in whole_pools(draw(items, generator), protocol.pool)])
    several = torch.randperm(len(drawn), generator=generator)[:texts].tolist()
    captions, frames = [d.caption.text for d in drawn], [d.length for d in drawn]
    text = evaluator.texts([d.caption for d in drawn])
    motions = {REAL: evaluator.motions([d.features for d in drawn])}
    features: dict[str, list[Tensor]] = {}
    further: dict[str, Numbers] = {REAL: {}}
    clip_seed = first_seed(seed, repeat)
    for name, source in sources.items():
        features[name] = source(captions, frames, clip_seed, progress)
        motions[name] = evaluator.motions(features[name])
        further[name] = {"captions_cut": source.cut(captions)}
        if several:
            samples = source(
                [captions[i] for i in several for _ in range(SAMPLES)],
                [frames[i] for i in several for _ in range(SAMPLES)],
                clip_seed + len(drawn),
                progress,
            )
            vectors = evaluator.motions(samples).reshape(len(several), SAMPLES, -1)
            further[name]["multimodality"] = multimodality(vectors, SAMPLE_PAIRS, generator).item()
    real = [d.features for d in drawn]
    numbers = {
        name: {
            **matching(text, vectors, reference, protocol.pool, generator),
            **further[name],
            **moving(features.get(name, real), None if name == REAL else real, protocol.fps),
        }
        for name, vectors in motions.items()
    }
    return Repeat(numbers, drawn, text, motions)


def matching(
    text: Float[Tensor, "n e"],
    motion: Float[Tensor, "n e"],
    reference: Float[Tensor, "m e"],
    pool: int,
    generator: torch.Generator,
    captions: Sequence[str] | None = None,
) -> Numbers:
    """R-precision, distances and FID of one row; `captions` as `r_precision` takes them."""
    top = r_precision(text, motion, pool, captions=captions).tolist()
    return {
        **{f"r_precision_{k + 1}": share for k, share in enumerate(top)},
        "fid": fid(motion, reference).item(),
        "mm_dist": mm_dist(text, motion).item(),
        "diversity": diversity(motion, min(DIVERSITY_PAIRS, len(motion)), generator).item(),
    }


def moving(clips: Sequence[Float[Tensor, "_ f"]], real: Sequence[Tensor] | None, fps: float) -> Numbers:
    """Foot skate, jitter and penetration, means over the first 512 clips; against `real` ones also APE and AVE.

    Nothing for features other than HumanML3D's, whose joints these know.
    """
    if clips[0].shape[1] != DIM:
        return {}
    rows: list[Numbers] = []
    for i, clip in enumerate(clips[:MOST_MOVING]):
        joints = decode(clip)
        row = {
            "foot_skate_cm_per_s": foot_skate(joints, fps).item(),
            "jitter": jitter(joints, fps).item(),
            "penetration_cm": penetration(joints).item(),
        }
        if real is not None:
            told = decode(real[i])
            row |= {f"ape_{k}": v for k, v in ape(joints, told).items()}
            row |= {f"ave_{k}": v for k, v in ave(joints, told).items()}
        rows.append(row)
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
