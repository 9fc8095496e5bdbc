"""A whole run: repeats of a group of clips, and what its report says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from motiongen.evaluation import breakdown, compositions, plots, repeats, report
from motiongen.evaluation.evaluator import Evaluator
from motiongen.evaluation.protocols import Drawn, Item, Protocol, draw, whole_pools
from motiongen.evaluation.record import Record, summarised
from motiongen.evaluation.repeats import REAL, Repeat
from motiongen.evaluation.sampler import Progress
from motiongen.evaluation.sources import PipelineSource


@dataclass(frozen=True)
class Run:
    """What all groups of a run share.

    Attributes:
        data: the dataset's folder.
        record: where repeats are kept.
        sources: pipelines by the names of their rows.
        count: repeats.
        progress: told what is being done.
    """

    data: Path
    record: Record
    evaluator: Evaluator
    sources: Mapping[str, PipelineSource]
    seed: int
    count: int
    progress: Callable[[str], None]

    def group(self, name: str, items: Sequence[Item], protocol: Protocol, texts: int) -> dict[str, Any]:
        """A group of clips by themselves; `texts` as `repeats.measured` takes them."""

        def measure(number: int) -> Repeat:
            told = self._told(name, number)
            return repeats.measured(items, self.evaluator, self.sources, protocol, self.seed, number, texts, told)

        numbers = self._repeats(name, measure)
        drawn = whole_pools(draw(items, repeats.generator_of(self.seed, 0)), protocol.pool)
        return {"clips": len(drawn), "summary": summarised(numbers), **self._breakdown(name, drawn, protocol.pool)}

    def composed(
        self, name: str, items: Sequence[Item], sequences: Sequence[Tensor], protocol: Protocol, length: int
    ) -> dict[str, Any]:
        """Segments in compositions of `length`, and the transitions between them."""

        def measure(number: int) -> Repeat:
            return compositions.measured(
                items, sequences, self.evaluator, self.sources, protocol, self.seed, number, length,
                self._told(name, number),
            )  # fmt: skip

        numbers = self._repeats(name, measure)
        drawn = compositions.drawn_segments(items, repeats.generator_of(self.seed, 0))
        return {"clips": len(drawn), "summary": summarised(numbers), **self._breakdown(name, drawn, protocol.pool)}

    def _repeats(self, name: str, measure: Callable[[int], Repeat]) -> list[dict[str, dict[str, float]]]:
        def kept(number: int) -> tuple[dict[str, dict[str, float]], dict[str, Tensor]]:
            made = measure(number)
            return made.numbers, {"text": made.text, **{f"row/{k}": v for k, v in made.motions.items()}}

        return self.record.repeats(name, self.count, kept)

    def _told(self, name: str, number: int) -> Progress:
        return lambda note: self.progress(f"{name}, repeat {number + 1} of {self.count}: {note}")

    def _breakdown(self, name: str, drawn: Sequence[Drawn], pool: int) -> dict[str, Any]:
        vectors = self.record.first(name)
        text = vectors["text"]
        rows = {key.removeprefix("row/"): v for key, v in vectors.items() if key.startswith("row/")}
        shown = breakdown.contents(drawn, self.data)
        lengths = {row: breakdown.by_length(text, v, [d.length for d in drawn], pool) for row, v in rows.items()}
        contents = {row: breakdown.by_content(text, v, shown, pool) for row, v in rows.items()}
        confused = {row: breakdown.confusion(v, rows[REAL], shown, row == REAL) for row, v in rows.items()}
        if plots.can_plot():
            folder = self.record.folder
            plots.distribution(folder / f"{name}-distribution.png", rows)
            names = confused[REAL][0]
            plots.confusions(folder / f"{name}-confusion.png", names, {row: c[1] for row, c in confused.items()})
            plots.parts(folder / f"{name}-lengths.png", "by frames", lengths)
            plots.parts(folder / f"{name}-contents.png", "by content", contents)
        return {
            "by_length": {row: {p.name: p.plain() for p in listed} for row, listed in lengths.items()},
            "by_content": {row: {p.name: p.plain() for p in listed} for row, listed in contents.items()},
            "confusion": {
                row: {"contents": names, "shares": [[round(v, 4) for v in line] for line in shares.tolist()]}
                for row, (names, shares) in confused.items()
            },
        }


def group_text(title: str, name: str, group: Mapping[str, Any]) -> str:
    """A group's part of a report in Markdown; its plots lie beside the report as `NAME-...png`."""
    tables = [
        report.metrics_table(f"{title} ({group['clips']} clips)", group["summary"], report.MATCHING),
        report.metrics_table("transitions", group["summary"], report.TRANSITIONS),
        report.metrics_table("how it moves", group["summary"], report.MOVING),
        report.parts_table("frames", group["by_length"]),
        report.parts_table("content", group["by_content"]),
    ]
    cut = {row: values["captions_cut"]["mean"] for row, values in group["summary"].items() if "captions_cut" in values}
    tables += [
        f"{row}: {share:.1%} of the captions were cut to what its text encoder reads."
        for row, share in cut.items()
        if share
    ]
    if plots.can_plot():
        tables.append(" ".join(f"![{p}]({name}-{p}.png)" for p in ("distribution", "confusion", "lengths", "contents")))
    return "\n\n".join(filter(None, tables))
