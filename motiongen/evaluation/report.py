"""A run's numbers as Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# Columns of the tables: metric, heading, decimals.
MATCHING = (
    ("r_precision_1", "R-precision 1", 3), ("r_precision_2", "2", 3), ("r_precision_3", "3", 3), ("fid", "FID", 3),
    ("mm_dist", "MM-Dist", 3), ("diversity", "Diversity", 3), ("multimodality", "MultiModality", 3),
)  # fmt: skip
TRANSITIONS = (
    ("transition_fid", "FID", 3), ("transition_diversity", "Diversity", 3), ("peak_jerk", "Peak Jerk, m", 4),
    ("area_under_jerk", "Area Under Jerk, m", 3),
)  # fmt: skip

MOVING = (
    ("foot_skate_cm_per_s", "foot skate, cm/s", 1), ("jitter", "jitter, 100 m/s^3", 2),
    ("penetration_cm", "penetration, cm", 1), ("ape_root", "APE root, m", 3), ("ape_trajectory", "trajectory", 3),
    ("ape_local", "local", 3), ("ape_global", "global", 3), ("ave_root", "AVE root, m^2", 3),
    ("ave_trajectory", "trajectory", 3), ("ave_local", "local", 3), ("ave_global", "global", 3),
)  # fmt: skip

Summary = Mapping[str, Mapping[str, Mapping[str, float]]]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def metrics_table(title: str, summary: Summary, columns: Sequence[tuple[str, str, int]]) -> str:
    """Rows of a group, `mean ± 95 % interval`, without columns that no row has; empty if none has any."""
    shown = [c for c in columns if any(c[0] in row for row in summary.values())]
    if not shown:
        return ""
    rows = [
        [name, *(_number(row.get(metric), decimals) for metric, _, decimals in shown)] for name, row in summary.items()
    ]
    return markdown([title, *(heading for _, heading, _ in shown)], rows)


def parts_table(title: str, parts: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """R-precision at 3 of every row, part by part, as `Part.plain` gives them."""
    first = next(iter(parts.values()))
    rows = [
        [name, f"{first[name]['clips']}", *(f"{listed[name]['r_precision_3']:.3f}" for listed in parts.values())]
        for name in first
    ]
    return markdown([title, "clips", *(f"{row}: R-precision 3" for row in parts)], rows)


def cost_table(cost: Mapping[str, Any]) -> str:
    rows = [[name, f"{seconds:.3f}"] for name, seconds in cost["seconds"].items()]
    table = markdown(["one sentence, batch 1, loading excluded", "seconds (AITS)"], rows)
    return f"{table}\n\n{cost['sentences']} sentences of the test split on {cost['device']}, {cost['threads']} threads."


def provenance_lines(report: Mapping[str, Any]) -> str:
    """What was measured with what, by name and hash."""
    made = report["provenance"]
    data = ", ".join(f"{name} {value}" for name, value in made["data"].items() if name != "folder")
    evaluator = made["evaluator"]
    lines = [f"data `{made['data']['folder']}` ({data})"]
    lines += [f"pipeline `{p['name']}` ({p['hash']})" for p in report["pipelines"]]
    lines += [
        f"evaluator `{evaluator['name']}` ({evaluator['hash']}, its mean and std {evaluator['mean_std']}, "
        f"words by {evaluator['words']})",
        f"motiongen {made['code']['motiongen']} (evaluation {made['code']['evaluation']})",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _number(value: Mapping[str, float] | None, decimals: int) -> str:
    if value is None:
        return "-"
    return f"{value['mean']:.{decimals}f} ± {value['interval']:.{decimals}f}"
