"""The part of `motiongen evaluate starter` that an evaluator measures: R-precision, FID and the like by 20 repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from motiongen.evaluation import provenance, report
from motiongen.evaluation.evaluator import Evaluator
from motiongen.evaluation.paraphrased import paraphrased_items
from motiongen.evaluation.protocols import STARTER, Item, draw, load_items
from motiongen.evaluation.repeats import generator_of
from motiongen.evaluation.run import group_text
from motiongen.pipeline import TextToMotionPipeline
from motiongen_app.evaluate_field import TIMED, Options, begun, cost

SPLITS = {"test": "test", "heldout": "held-out pairs"}


def matching(
    options: Options,
    evaluator: Evaluator,
    pipelines: list[TextToMotionPipeline],
    repeats: int,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """All groups that fill a pool of 32: the test split, held-out pairs, and every set of paraphrases."""
    data = options.data
    groups = {split: load_items(data, split, STARTER, options.limit) for split in SPLITS}
    groups |= paraphrased_items(data, (*SPLITS,), STARTER, options.limit)
    content: dict[str, Any] = {
        "provenance": provenance.provenance(data, (*SPLITS,), evaluator),
        "pipelines": [provenance.of_pipeline(p) for p in pipelines],
        "settings": {
            "steps": options.steps, "guidance": options.guidance, "seed": options.seed, "limit": options.limit,
            "multimodality": options.texts,
        },
    }  # fmt: skip
    run = begun(options, evaluator, pipelines, content, repeats, progress)
    content["repeats"] = repeats
    content["too_small"] = {name: len(items) for name, items in groups.items() if len(items) < STARTER.pool}
    content["groups"] = {
        # Many samples of a caption take long, and tell of the pipeline, not of the split.
        name: run.group(name, items, STARTER, options.texts if name == "test" else 0)
        for name, items in groups.items()
        if name not in content["too_small"]
    }
    progress("seconds a sentence")
    timed = [(d.caption.text, d.length) for d in draw(_first(groups), generator_of(options.seed, 0))[:TIMED]]
    content["cost"] = cost(pipelines, options.twin is not None, timed, options.steps, options.guidance)
    return content


def table(content: dict[str, Any]) -> str:
    """The groups as Markdown, with what was measured with what."""
    parts = [
        f"{content['repeats']} repeats of HumanML3D's protocol with the evaluator named below; ± is the 95 % interval.",
        *(group_text(SPLITS.get(name, name), name, group) for name, group in content["groups"].items()),
        *(
            f"Left out: {name} has {count} clips, a pool takes {STARTER.pool}."
            for name, count in content["too_small"].items()
        ),
        report.cost_table(content["cost"]),
        report.provenance_lines(content),
    ]
    return "\n\n".join(parts)


def _first(groups: dict[str, list[Item]]) -> list[Item]:
    return next(iter(groups.values()))
