"""Conditions that a clip must fulfil, as `--filter "alignment>0.2,skate<15"` says them."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from motiongen.motion import MotionError

# What the conditions call measures, and what records call them.
MEASURES = {
    "alignment": "alignment",
    "skate": "foot_skate_cm_per_s",
    "jitter": "jitter",
    "penetration": "penetration_cm",
}
_SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_CONDITION = re.compile(r"\s*([a-z_]+)\s*([<>]=?)\s*([-+0-9.eE]+)\s*", re.ASCII)


@dataclass(frozen=True)
class Condition:
    """That a measure is under or over a limit; `sign` is one of <, <=, > and >=."""

    measure: str
    sign: str
    limit: float

    def holds(self, metrics: Mapping[str, float | None]) -> bool:
        """False also where the measure has no value."""
        value = metrics[MEASURES[self.measure]]
        return value is not None and bool(_SIGNS[self.sign](value, self.limit))

    def __str__(self) -> str:
        # All digits: runs with other limits are other runs.
        return f"{self.measure}{self.sign}{repr(self.limit).removesuffix('.0')}"


def conditions(told: str) -> tuple[Condition, ...]:
    """Conditions in a list with commas. Raises: MotionError: one of them is none."""
    found = []
    for part in filter(str.strip, told.split(",")):
        matched = _CONDITION.fullmatch(part)
        if not matched or matched[1] not in MEASURES or not _is_number(matched[3]):
            known = ", ".join(MEASURES)
            raise MotionError(f"filter '{part.strip()[:40]}' is none; give {known}, < or >, and a number: skate<15")
        found.append(Condition(matched[1], matched[2], float(matched[3])))
    return tuple(found)


def failed(given: Sequence[Condition], metrics: Mapping[str, float | None]) -> str:
    """The first condition that does not hold, with the value; "" if all do."""
    for condition in given:
        if not condition.holds(metrics):
            return f"{condition} does not hold: {metrics[MEASURES[condition.measure]]}"
    return ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
