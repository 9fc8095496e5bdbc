"""`motiongen evaluate humanml3d|kit|babel`: the field's numbers of a pipeline, real clips beside generated ones."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from motiongen.evaluation import compositions, plots, provenance, report
from motiongen.evaluation.cost import seconds_a_sentence, untrained_twin
from motiongen.evaluation.evaluator import Evaluator, load_evaluator
from motiongen.evaluation.protocols import HUMANML3D, KIT, Protocol, draw, load_items
from motiongen.evaluation.record import Record
from motiongen.evaluation.repeats import generator_of
from motiongen.evaluation.run import Run, group_text
from motiongen.evaluation.sources import PipelineSource
from motiongen.motion import atomic_path
from motiongen.pipeline import TextToMotionPipeline
from motiongen_app.errors import InputError, in_range, writable_folder
from motiongen_app.settings import MAX_GUIDANCE, MAX_SEED, MAX_STEPS, chosen_device

# Sentences whose time is taken.
TIMED = 20


@dataclass(frozen=True)
class Options:
    """What the evaluations of all datasets are told.

    Attributes:
        pipeline: None for the row of real clips alone.
        twin: a pipeline beside it, trained alike with the Transformer denoiser.
        repeats: None for the protocol's own.
        texts: captions for MultiModality; 0 leaves it out.
    """

    data: Path
    out: Path
    pipeline: str | None
    twin: str | None
    evaluator: str
    stats: Path | None
    glove: Path | None
    repeats: int | None
    limit: int | None
    texts: int
    steps: int
    guidance: float
    seed: int
    device: str

    def check(self) -> None:
        """Raises: InputError: a value is out of range or names nothing that exists."""
        if not self.data.is_dir():
            raise InputError(f"{self.data}: no such folder; make the dataset with 'motiongen prepare'")
        if self.repeats is not None:
            in_range("--repeats", self.repeats, 1, 1000)
        if self.limit is not None:
            in_range("--limit", self.limit, 1, 1_000_000)
        in_range("--multimodality", self.texts, 0, 10_000)
        in_range("--steps", self.steps, 1, MAX_STEPS)
        in_range("--guidance", self.guidance, 0, MAX_GUIDANCE)
        in_range("--seed", self.seed, 0, MAX_SEED)
        writable_folder(self.out, "--out")
        chosen_device(self.device)

    def pipelines(self) -> list[TextToMotionPipeline]:
        """The pipeline and its twin, as far as they were named."""
        device = chosen_device(self.device)
        return [TextToMotionPipeline.from_pretrained(p, device) for p in (self.pipeline, self.twin) if p is not None]


def humanml3d(options: Options, composed: int) -> str:
    """Guo et al.'s protocol; with `composed` segments a clip, FlowMDM's for compositions instead."""
    if composed:
        return _composed(options, compositions.HUMANML3D_COMPOSED, composed)
    return _clips(options, HUMANML3D)


def kit(options: Options) -> str:
    return _clips(options, KIT)


def babel(options: Options, composed: int) -> str:
    options.check()
    fps = provenance.manifest(options.data).get("fps", 30.0)
    return _composed(options, compositions.babel(float(fps)), composed or compositions.LENGTH)


def _clips(options: Options, protocol: Protocol) -> str:
    def group(run: Run) -> tuple[dict[str, Any], list[tuple[str, int]]]:
        items = load_items(options.data, protocol.split, protocol, options.limit)
        timed = draw(items, generator_of(options.seed, 0))[:TIMED]
        made = run.group(protocol.split, items, protocol, options.texts)
        return made, [(d.caption.text, d.length) for d in timed]

    return _reported(options, protocol, group, {"multimodality": options.texts})


def _composed(options: Options, protocol: Protocol, length: int) -> str:
    in_range("--compositions", length, 2, 1000)

    def group(run: Run) -> tuple[dict[str, Any], list[tuple[str, int]]]:
        items, sequences = compositions.load_segments(options.data, protocol, options.limit)
        made = run.composed(protocol.split, items, sequences, protocol, length)
        return made, [(i.captions[0].text, len(i.features)) for i in items[:TIMED]]

    return _reported(options, protocol, group, {"composition": length})


Group = Callable[[Run], tuple[dict[str, Any], list[tuple[str, int]]]]


def _reported(options: Options, protocol: Protocol, group: Group, further: dict[str, Any]) -> str:
    options.check()
    evaluator = load_evaluator(options.evaluator, options.stats, options.glove, chosen_device(options.device))
    provenance.check_belongs(evaluator, options.data, protocol)
    pipelines = options.pipelines()
    for pipeline in pipelines:
        check_features(pipeline, protocol)
    if not plots.can_plot():
        print(plots.MISSING, file=sys.stderr)
    repeats = options.repeats or protocol.repeats
    with Console(stderr=True).status("evaluating") as status:
        content: dict[str, Any] = {
            "protocol": protocol.name,
            "provenance": provenance.provenance(options.data, (protocol.split,), evaluator),
            "pipelines": [provenance.of_pipeline(p) for p in pipelines],
            "settings": {
                "steps": options.steps, "guidance": options.guidance, "seed": options.seed, "limit": options.limit,
                **further,
            },
        }  # fmt: skip
        run = begun(options, evaluator, pipelines, content, repeats, status.update)
        made, sentences = group(run)
        content |= {"repeats": repeats, "groups": {protocol.split: made}}
        if pipelines:
            status.update("seconds a sentence")
            content["cost"] = cost(pipelines, options.twin is not None, sentences, options.steps, options.guidance)
    text = "\n\n".join(
        [
            f"# {protocol.name}, {repeats} repeats",
            report.provenance_lines(content),
            group_text(protocol.split, protocol.split, made),
            *([report.cost_table(content["cost"])] if pipelines else []),
        ]
    )
    write(options.out, content, text + "\n")
    return text + "\n"


def begun(
    options: Options,
    evaluator: Evaluator,
    pipelines: list[TextToMotionPipeline],
    settings: dict[str, Any],
    repeats: int,
    progress: Callable[[str], None],
) -> Run:
    """A run in `--out`: a new one, or the one there if its settings are the same."""
    record = Record(options.out, json.loads(json.dumps(settings)))
    sources = {p.name: PipelineSource(p, options.steps, options.guidance) for p in pipelines}
    if len(sources) < len(pipelines):
        raise InputError(f"--pipeline and --twin are both called '{pipelines[0].name}'; rename a folder")
    return Run(options.data, record, evaluator, sources, options.seed, repeats, progress)


def check_features(pipeline: TextToMotionPipeline, protocol: Protocol) -> None:
    """Raises: InputError: the pipeline makes other features than are measured."""
    made = pipeline.codec.layout.dim
    if made != protocol.features:
        raise InputError(
            f"pipeline '{pipeline.name}' makes {made} features a frame; {protocol.name} has {protocol.features}: "
            "name one that was trained on it, or add --real-only for the row of real clips"
        )


def cost(
    pipelines: list[TextToMotionPipeline], has_twin: bool, sentences: list[tuple[str, int]], steps: int, guidance: float
) -> dict[str, Any]:
    """AITS of the pipeline and of its twin, an untrained one where none was given."""
    timed = pipelines if has_twin else [pipelines[0], untrained_twin(pipelines[0])]
    captions = [PipelineSource(timed[0], steps, guidance).fitting(caption) for caption, _ in sentences]
    seconds = seconds_a_sentence(timed, captions, [frames for _, frames in sentences], steps, guidance)
    return {
        "seconds": {pipeline.name: round(value, 4) for pipeline, value in zip(timed, seconds)},
        "sentences": len(sentences),
        "device": str(pipelines[0].device),
        "threads": torch.get_num_threads(),
    }


def write(out: Path, content: dict[str, Any], text: str) -> None:
    """OUT/report.json and OUT/report.md."""
    for path, written in ((out / "report.json", json.dumps(content, indent=2) + "\n"), (out / "report.md", text)):
        with atomic_path(path) as beside:
            beside.write_text(written, encoding="utf-8")
