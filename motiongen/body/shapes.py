"""Named shapes of the free body."""

from __future__ import annotations

import json
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from motiongen.body.smpl import NUM_BETAS
from motiongen.motion import MotionError

_LARGEST = 5.0


@lru_cache(maxsize=1)
def _table() -> dict[str, list[float]]:
    from motiongen_assets import ROOT

    return dict(json.loads((ROOT / "body" / "shapes.json").read_text(encoding="utf-8")))


def names() -> tuple[str, ...]:
    """The names there are, "neutral" first."""
    return tuple(_table())


def betas(shape: str) -> Float[Tensor, " 10"]:
    """Shape coefficients from a name, or from up to ten numbers separated by commas.

    Raises:
        MotionError: no such name, too many numbers, or one beyond -5..5.
    """
    table = _table()
    if shape in table:
        return torch.tensor(table[shape], dtype=torch.float32)
    try:
        values = [float(part) for part in shape.split(",")]
    except ValueError:
        raise MotionError(
            f"shape '{shape}' is unknown; there are {', '.join(table)}, or give numbers: 0.5,-1"
        ) from None
    if len(values) > NUM_BETAS or not all(abs(v) <= _LARGEST for v in values):
        raise MotionError(f"shape '{shape}' has to be at most {NUM_BETAS} numbers from -{_LARGEST:g} to {_LARGEST:g}")
    return torch.tensor(values + [0.0] * (NUM_BETAS - len(values)))
