"""`motiongen evaluate starter`: a pipeline's numbers on the starter set, as JSON and as tables."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from motiongen.evaluation import provenance
from motiongen.evaluation import starter as protocol
from motiongen.evaluation.evaluator import load_evaluator
from motiongen.evaluation.labelled import evenly, labelled_clips, paraphrase_sets
from motiongen.evaluation.protocols import STARTER
from motiongen.evaluation.report import markdown
from motiongen.evaluation.sampler import Sampler
from motiongen_app import evaluate_starter
from motiongen_app.errors import in_range
from motiongen_app.evaluate_field import Options, write
from motiongen_app.settings import chosen_device

SECONDS, CLAUSE_SECONDS, STEPS, GUIDANCE = 6.0, 5.0, 20, 2.5
# Timelines and clips for diversity are longer or more than sentences: fewer of them for the same time.
TIMELINES_PER_LIMIT, DIVERSE_PER_LIMIT = 8, 3


def starter(options: Options, repeats: int) -> str:
    """Write OUT/report.json and OUT/report.md and return the latter; real clips stand beside generated ones.

    Args:
        repeats: of the metrics that an evaluator takes; 0 leaves them out.
    """
    options.check()
    in_range("--repeats", repeats, 0, 1000)
    in_range("--limit", options.limit or 0, 1, 10_000)
    data, seed, limit = options.data, options.seed, options.limit or 1
    device = chosen_device(options.device)
    evaluator = load_evaluator(options.evaluator, options.stats, device=device) if repeats else None
    if evaluator is not None:
        provenance.check_belongs(evaluator, data, STARTER)
    pipelines = options.pipelines()
    pipeline = pipelines[0]
    with Console(stderr=True).status("evaluating") as status:
        matching = None
        if evaluator is not None:
            # First, for its repeats are kept: a run that was stopped goes on with them.
            matching = evaluate_starter.matching(options, evaluator, pipelines, repeats, status.update)
        group = ""

        def show(note: str) -> None:
            status.update(f"{group}: {note}")

        sampler = Sampler(pipeline, options.steps, options.guidance, seed, progress=show)
        splits = {"test": "test", "held-out pairs": "heldout"}
        asked = {title: evenly(labelled_clips(data, split), limit) for title, split in splits.items()}
        asked |= {title: evenly(sentences, limit) for title, sentences in paraphrase_sets(data).items() if sentences}
        show("real clips")
        report: dict[str, Any] = {
            "pipeline": {"name": pipeline.name, "hash": pipeline.digest, "parameters": pipeline.parameters},
            "settings": {
                "seconds": SECONDS, "clause_seconds": CLAUSE_SECONDS, "steps": options.steps,
                "guidance": options.guidance, "seed": seed, "limit": limit,
            },
            "codec": {split: protocol.codec_report(pipeline, data, split) for split in splits.values()},
            "real": {title: protocol.real_clips(data, split) for title, split in splits.items()},
            "generated": {},
            "timelines": {},
        }  # fmt: skip
        for group, sentences in asked.items():
            report["generated"][f"{group}, {SECONDS:g} s"] = protocol.obedience(sampler, sentences, SECONDS)
            own = protocol.real_seconds(sampler, data, sentences)
            report["generated"][f"{group}, as long as real"] = protocol.obedience(sampler, sentences, own)
        for count in (2, 3):
            group = f"timelines of {count}"
            clips = max(1, limit // TIMELINES_PER_LIMIT)
            made = protocol.timelines(sampler, data, "test", count, clips, CLAUSE_SECONDS)
            if made is not None:
                report["timelines"][str(count)] = made
        group = "diversity"
        report["diversity"] = protocol.diversity(sampler, data, "test", max(2, limit // DIVERSE_PER_LIMIT))
        group = "walking styles"
        report["walking_styles"] = protocol.walking_styles(sampler, data, SECONDS)
        if matching is not None:
            report["matching"] = matching
    text = table(report)
    write(options.out, report, text)
    return text


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    pipeline, settings = report["pipeline"], report["settings"]
    parts = [
        f"Pipeline `{pipeline['name']}` ({pipeline['hash']}), timelines of "
        f"{settings['clause_seconds']:g} s a sentence, {settings['steps']} steps, guidance {settings['guidance']:g}, "
        f"seed {settings['seed']}.",
        _codec(report["codec"]),
        _obedience(report),
    ]
    if report["timelines"]:
        parts += [_order(report["timelines"]), _transitions(report["timelines"]), _clean_up(report["timelines"])]
    if report["diversity"]:
        parts.append(_diversity(report["diversity"]))
    styles = report["walking_styles"]
    if styles is not None:
        parts.append(
            f"Walking styles told apart by gait, of {styles['styles']}: real {_percent(styles['real'])}, "
            f"generated {_percent(styles['generated'])} ({styles['clips']} clips)."
        )
    if "matching" in report:
        parts.append(evaluate_starter.table(report["matching"]))
    return "\n\n".join(parts) + "\n"


def _codec(codec: dict[str, Any]) -> str:
    return markdown(
        ("codec, whole clips", "joint error at the root, mm", "in the world, mm", "foot skate, cm/s", "real", "ratio"),
        [
            (
                f"{split} ({row['clips']} clips)", f"{row['root_aligned_mm']:.1f}", f"{row['world_mm']:.1f}",
                f"{row['skate_cm_s']:.1f}", f"{row['real_skate_cm_s']:.1f}", f"{row['skate_ratio']:.2f}",
            )
            for split, row in codec.items()
        ],
    )  # fmt: skip


def _obedience(report: dict[str, Any]) -> str:
    return markdown(
        ("clips", "obeyed", "sides, turns, gaits", "standing within 0.3 m", "foot skate, cm/s", "jitter, 100 m/s^3",
         "penetration, cm"),
        [
            (
                f"{kind}, {group} ({row['clips']})", _percent(row["obeyed"]), _percent(row["sides_turns_gaits"]),
                _percent(row["standing_within_0.3m"]), f"{row['foot_skate_cm_per_s']:.1f}", f"{row['jitter']:.2f}",
                f"{row['penetration_cm']:.1f}",
            )
            for kind in ("real", "generated")
            for group, row in report[kind].items()
        ],
    )  # fmt: skip


def _order(timelines: dict[str, Any]) -> str:
    return markdown(
        ("order of clauses", "timelines", "obeyed", "clauses obeyed", "real clips joined"),
        [
            (f"{n} sentences", str(row["clips"]), _percent(row["order"]["obeyed"]), _percent(row["order"]["clauses"]),
             _percent(row["real_order"]["obeyed"]))
            for n, row in timelines.items()
        ],
    )  # fmt: skip


def _transitions(timelines: dict[str, Any]) -> str:
    rows = []
    for n, row in timelines.items():
        for title, key in (("", "transitions"), (", no clean-up", "transitions_without_clean_up")):
            t = row[key]
            rows.append(
                (f"{n} sentences{title}", str(t["windows"]), f"{t['peak_jerk']:.3f}", f"{t['real_peak_jerk']:.3f}",
                 f"{t['peak_jerk_ratio']:.2f}", f"{t['area_under_jerk']:.2f}", f"{t['foot_skate_cm_per_s']:.1f}",
                 f"{t['real_foot_skate_cm_per_s']:.1f}", f"{t['foot_skate_ratio']:.2f}")
            )  # fmt: skip
    header = ("transitions, 1 s", "windows", "peak jerk, m", "real", "ratio", "area under jerk, m", "foot skate, cm/s")
    return markdown((*header, "real", "ratio"), rows)


def _clean_up(timelines: dict[str, Any]) -> str:
    return markdown(
        ("foot clean-up", "foot skate before, cm/s", "after", "jitter without lower legs before, 100 m/s^3", "after",
         "worst ratio of a clip"),
        [
            (f"{n} sentences", f"{c['foot_skate_before']:.1f}", f"{c['foot_skate_after']:.1f}",
             f"{c['body_jitter_before']:.2f}", f"{c['body_jitter_after']:.2f}", f"{c['body_jitter_worst_ratio']:.2f}")
            for n, c in ((n, row["clean_up"]) for n, row in timelines.items())
        ],
    )  # fmt: skip


def _diversity(diversity: dict[str, Any]) -> str:
    titles = {"same_content": "of one content", "same_sentence": "of one sentence (real: content and style)"}
    return markdown(
        ("mean distance of two clips", "clips, as long as real ones", "obeyed", "generated", "real", "ratio"),
        [
            (
                titles[key],
                str(row["clips"]),
                _percent(row["obeyed"]),
                f"{row['generated']:.2f}",
                f"{row['real']:.2f}",
                f"{row['ratio']:.2f}",
            )
            for key, row in diversity.items()
        ],
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
