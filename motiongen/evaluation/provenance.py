"""Whether evaluator and data belong together, and what a report must name so that its numbers can be had again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from motiongen import __version__
from motiongen.evaluation.evaluator import Evaluator
from motiongen.evaluation.protocols import Protocol
from motiongen.motion import MotionError
from motiongen.pipeline import TextToMotionPipeline

# Of the dataset's standard deviation: how far means may be apart, and the ratio within which deviations are the same.
# HumanML3D's own and its evaluator's, published years apart, differ by 0.23 and 0.4 %; TMR's by 0.25 and 11 %.
_MEANS_WITHIN, _RATIO_WITHIN = 0.5, 1.25


def check_belongs(evaluator: Evaluator, data: Path, protocol: Protocol) -> None:
    """An evaluator must have been trained on this data, with statistics of its own if it is a published one.

    Raises:
        MotionError: it was not, in one line that says what does not fit.
    """
    if evaluator.features != protocol.features:
        raise MotionError(
            f"evaluator '{evaluator.name}' takes {evaluator.features} features; {protocol.name} has {protocol.features}"
        )
    if evaluator.fps is not None and evaluator.fps != protocol.fps:
        raise MotionError(
            f"evaluator '{evaluator.name}' was trained at {evaluator.fps:g} frames a second; "
            f"{protocol.name} has {protocol.fps:g}: prepare the data at {evaluator.fps:g}"
        )
    made = manifest(data)
    for key, wanted in (("fps", protocol.fps), ("features", protocol.features)):
        if key in made and made[key] != wanted:
            raise MotionError(f"{data}: was prepared with {made[key]:g} {key}; {protocol.name} has {wanted:g}")
    mean, std = statistics(data, protocol.features)
    own_mean, own_std = evaluator.networks.scale.mean.cpu().double(), evaluator.networks.scale.std.cpu().double()
    off = ((own_mean - mean) / std).abs().amax().item()
    if off > _MEANS_WITHIN:
        raise MotionError(
            f"evaluator '{evaluator.name}' expects other data: its mean is {off:.1f} deviations off that of {data}"
        )
    ratio = evaluator.networks.compared(std) if evaluator.published else std / own_std
    if ratio is None:
        raise MotionError(
            f"the mean and std given with '{evaluator.name}' are a dataset's, not the evaluator's own; "
            f"--stats names the folder {evaluator.networks.meta}"
        )
    worst = torch.maximum(ratio, 1 / ratio).amax().item()
    if worst > _RATIO_WITHIN:
        raise MotionError(
            f"evaluator '{evaluator.name}' expects other data: its std and that of {data} differ {worst:.2f} times"
        )


def statistics(data: Path, features: int) -> tuple[Float[Tensor, " f"], Float[Tensor, " f"]]:
    """`Mean.npy` and `Std.npy` of a dataset; features that never vary count as 1.

    Raises:
        MotionError: one is missing or has another shape.
    """
    arrays = []
    for name in ("Mean.npy", "Std.npy"):
        path = data / name
        if not path.is_file():
            raise MotionError(f"{path}: no such file; make the dataset with 'motiongen prepare'")
        array = torch.from_numpy(np.load(path, allow_pickle=False)).double()
        if array.shape != (features,):
            raise MotionError(f"{path}: has shape {tuple(array.shape)}; {features} features are measured")
        arrays.append(array)
    mean, std = arrays
    return mean, torch.where(std > 1e-6, std, torch.ones_like(std))


def manifest(data: Path) -> dict[str, Any]:
    """What the preparation wrote about a dataset; empty for data from elsewhere."""
    path = data / "manifest.json"
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise MotionError(f"{path}: not readable as JSON; prepare the dataset again") from None
    return content if isinstance(content, dict) else {}


def provenance(data: Path, splits: tuple[str, ...], evaluator: Evaluator) -> dict[str, Any]:
    """Hashes of data, evaluator and code: first 12 hexadecimal digits of SHA-256."""
    return {
        "data": {
            "folder": data.resolve().name,
            **{split: digest(data / f"{split}.txt") for split in splits},
            "mean_std": digest(data / "Mean.npy", data / "Std.npy"),
        },
        "evaluator": {
            "name": evaluator.name,
            "hash": evaluator.digest,
            "mean_std": _of_tensors(evaluator.networks.scale.mean, evaluator.networks.scale.std),
            "words": evaluator.reader.name,
        },
        "code": {"motiongen": __version__, "evaluation": code_digest()},
    }


def of_pipeline(pipeline: TextToMotionPipeline) -> dict[str, Any]:
    return {"name": pipeline.name, "hash": pipeline.digest, "parameters": pipeline.parameters}


def code_digest() -> str:
    """Over all sources that measure."""
    return digest(*sorted(Path(__file__).parent.glob("*.py")))


def digest(*paths: Path) -> str:
    joined = hashlib.sha256()
    for path in paths:
        joined.update(path.read_bytes())
    return joined.hexdigest()[:12]


def _of_tensors(*tensors: Tensor) -> str:
    return hashlib.sha256(b"".join(t.detach().cpu().numpy().tobytes() for t in tensors)).hexdigest()[:12]
