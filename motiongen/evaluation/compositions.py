"""Motion of several sentences: each sentence's part, and the windows around the boundaries (Barquero et al. 2024).

BABEL is measured so: compositions of 32 segments of the validation split, each generated in one pass; 10 repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.evaluation.evaluator import Evaluator
from motiongen.evaluation.metrics import area_under_jerk, diversity, fid, jerk, peak_jerk
from motiongen.evaluation.protocols import Drawn, Item, Protocol, read_timed
from motiongen.evaluation.repeats import DIVERSITY_PAIRS, REAL, Numbers, Repeat, first_seed, generator_of, matching
from motiongen.evaluation.sampler import Progress
from motiongen.evaluation.sources import PipelineSource
from motiongen.features.humanml3d import decode
from motiongen.motion import MotionError
from motiongen.training.data import read_split

# Segments of one composition.
LENGTH = 32


def babel(fps: float = 30.0) -> Protocol:
    """BABEL's protocol for data of that rate: no test split, segments of 1 to 6.6 seconds, transitions of a second."""
    second = round(fps)
    return Protocol(
        "babel", split="val", fps=fps, shortest=second, too_long=round(200 / 30 * fps), repeats=10, window=second
    )


# Transitions of HumanML3D are 60 frames; segments 70 to 199.
HUMANML3D_COMPOSED = Protocol("humanml3d", shortest=70, repeats=10, window=60)


def load_segments(folder: Path, protocol: Protocol, limit: int | None = None) -> tuple[list[Item], list[Tensor]]:
    """Captions that have times, each with its frames; and the whole sequences, for windows of real motion.

    Raises:
        MotionError: the folder is no dataset, a clip has other features, or no caption has times.
    """
    items, sequences = [], []
    names = read_split(folder, protocol.split)
    for name in names if limit is None else names[:limit]:
        path = folder / "new_joint_vecs" / f"{name}.npy"
        if not path.is_file():
            raise MotionError(f"{path}: no such file, though {protocol.split}.txt names it; prepare the dataset again")
        features = torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))
        if features.ndim != 2 or features.shape[1] != protocol.features:
            raise MotionError(f"{path}: has shape {tuple(features.shape)}, not [t, {protocol.features}]")
        sequences.append(features)
        for i, (caption, start, stop) in enumerate(read_timed(folder / "texts" / f"{name}.txt")):
            # Times were written from whole frames, with four decimals.
            part = features[round(start * protocol.fps) : round(stop * protocol.fps)]
            if stop > start and protocol.shortest <= len(part) < protocol.too_long:
                items.append(Item(f"{name}#{i}", part, (caption,)))
    if not items:
        raise MotionError(
            f"{folder}: no caption of split '{protocol.split}' is of {protocol.shortest} to {protocol.too_long - 1} "
            "frames of its clip; compositions need captions with times"
        )
    return items, sequences


def measured(
    items: Sequence[Item],
    sequences: Sequence[Float[Tensor, "_ f"]],
    evaluator: Evaluator,
    sources: Mapping[str, PipelineSource],
    protocol: Protocol,
    seed: int,
    repeat: int,
    length: int = LENGTH,
    progress: Progress | None = None,
) -> Repeat:
    """Repeat number `repeat` of the metrics of subsequences and of transitions (`transition_...`).

    Real subsequences are the segments that were drawn; real transitions are windows anywhere in the sequences, as many
    as there are boundaries.

    Raises:
        MotionError: fewer than three segments, or no sequence as long as a window.
    """
    if len(items) < 3:
        raise MotionError(f"{len(items)} segments found; transitions are compared from two on, of three segments")
    generator = generator_of(seed, repeat)
    drawn = drawn_segments(items, generator)
    compositions = [drawn[i : i + length] for i in range(0, len(drawn), length)]
    captions = [d.caption.text for d in drawn]
    text = evaluator.texts([d.caption for d in drawn])
    real = [d.features for d in drawn]
    reference = evaluator.motions(real)
    count = sum(len(c) - 1 for c in compositions)
    windows = {REAL: _random_windows(sequences, count, protocol.window, generator)}
    elsewhere = _random_windows(sequences, count, protocol.window, generator)
    features: dict[str, list[Tensor]] = {REAL: real}
    for name, source in sources.items():
        made = source.timelines(
            [[d.caption.text for d in c] for c in compositions],
            [[d.length for d in c] for c in compositions],
            first_seed(seed, repeat),
            progress,
        )
        features[name], windows[name] = [], []
        for clip, composition in zip(made, compositions):
            lengths = [d.length for d in composition]
            features[name] += clip[: sum(lengths)].split(lengths)
            windows[name] += _windows(clip, lengths, protocol.window)
    motions, numbers = {}, {}
    for name, clips in features.items():
        motions[name] = evaluator.motions(clips)
        numbers[name] = {
            **matching(text, motions[name], reference, protocol.pool, generator, captions),
            **_transitions(windows[name], elsewhere, evaluator, generator),
            **({"captions_cut": sources[name].cut(captions)} if name in sources else {}),
        }
    return Repeat(numbers, drawn, text, motions)


def drawn_segments(items: Sequence[Item], generator: torch.Generator) -> list[Drawn]:
    """Segments as they are, in a random order."""
    order = torch.randperm(len(items), generator=generator).tolist()
    return [Drawn(items[i], items[i].captions[0], 0, len(items[i].features)) for i in order]


def _transitions(
    windows: Sequence[Tensor], reference: Sequence[Tensor], evaluator: Evaluator, generator: torch.Generator
) -> Numbers:
    """FID, diversity, peak jerk and area under jerk of windows against real ones; area against the real mean jerk."""
    vectors = evaluator.motions(windows)
    joints, real = decode(torch.stack(list(windows))), decode(torch.stack(list(reference)))
    return {
        "transition_fid": fid(vectors, evaluator.motions(reference)).item(),
        "transition_diversity": diversity(vectors, min(DIVERSITY_PAIRS, len(vectors)), generator).item(),
        "peak_jerk": peak_jerk(joints).item(),
        "area_under_jerk": area_under_jerk(joints, jerk(real).mean().item()).item(),
    }


def _windows(clip: Float[Tensor, "t f"], lengths: Sequence[int], window: int) -> list[Float[Tensor, "w f"]]:
    """The frames centred on every boundary between segments."""
    boundaries = torch.tensor(lengths).cumsum(0)[:-1].tolist()
    return [clip[b - window // 2 : b - window // 2 + window] for b in boundaries]


def _random_windows(
    sequences: Sequence[Float[Tensor, "_ f"]], count: int, window: int, generator: torch.Generator
) -> list[Float[Tensor, "w f"]]:
    long = [s for s in sequences if len(s) >= window]
    if not long:
        raise MotionError(f"no real clip has {window} frames, which a transition takes")
    windows = []
    for _ in range(count):
        clip = long[int(torch.randint(len(long), (), generator=generator))]
        start = int(torch.randint(len(clip) - window + 1, (), generator=generator))
        windows.append(clip[start : start + window])
    return windows
