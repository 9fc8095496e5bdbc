"""`motiongen evaluate starter`: a pipeline's numbers on the starter set, as JSON and as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from motiongen.evaluation.starter import (
    codec_report,
    evenly,
    labelled_clips,
    obedience,
    paraphrases,
    real_clips,
    walking_styles,
)
from motiongen.motion import atomic_path
from motiongen.pipeline import TextToMotionPipeline
from motiongen_app.errors import InputError, in_range, writable_folder

SECONDS, STEPS, GUIDANCE = 6.0, 20, 2.5


def starter(name: str, data: Path, out: Path, seed: int, limit: int) -> str:
    """Write OUT/report.json and OUT/report.md and return the latter; real clips stand beside generated ones."""
    if not data.is_dir():
        raise InputError(f"{data}: no such folder; make the dataset with 'motiongen prepare'")
    in_range("--limit", limit, 1, 10_000)
    writable_folder(out, "--out")
    console = Console(stderr=True)
    pipeline = TextToMotionPipeline.from_pretrained(name)
    asked = {
        "test": evenly(labelled_clips(data, "test"), limit),
        "held-out pairs": evenly(labelled_clips(data, "heldout"), limit),
        "paraphrases": evenly(paraphrases(data), limit),
    }
    report: dict[str, Any] = {
        "pipeline": {"name": pipeline.name, "hash": pipeline.digest, "parameters": pipeline.parameters},
        "settings": {"seconds": SECONDS, "steps": STEPS, "guidance": GUIDANCE, "seed": seed},
        "codec": {split: codec_report(pipeline, data, split) for split in ("test", "heldout")},
        "real": {"test": real_clips(data, "test"), "held-out pairs": real_clips(data, "heldout")},
        "generated": {},
    }
    with console.status("generating") as status:

        def show(note: str) -> None:
            status.update(f"generating: {note}")

        for group, sentences in asked.items():
            report["generated"][group] = obedience(pipeline, sentences, SECONDS, seed, STEPS, GUIDANCE, progress=show)
        show("walking styles")
        report["walking_styles"] = walking_styles(pipeline, data, SECONDS, seed, STEPS, GUIDANCE)
    text = table(report)
    for path, content in ((out / "report.json", json.dumps(report, indent=2) + "\n"), (out / "report.md", text)):
        with atomic_path(path) as beside:
            beside.write_text(content, encoding="utf-8")
    return text


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    pipeline, settings = report["pipeline"], report["settings"]
    lines = [
        f"Pipeline `{pipeline['name']}` ({pipeline['hash']}), {settings['seconds']:g} s clips, "
        f"{settings['steps']} steps, guidance {settings['guidance']:g}, seed {settings['seed']}.",
        "",
        "| codec, whole clips | joint error at the root, mm | in the world, mm | foot skate, cm/s | real | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for split, row in report["codec"].items():
        lines.append(
            f"| {split} ({row['clips']} clips) | {row['root_aligned_mm']:.1f} | {row['world_mm']:.1f} "
            f"| {row['skate_cm_s']:.1f} | {row['real_skate_cm_s']:.1f} | {row['skate_ratio']:.2f} |"
        )
    lines += [
        "",
        "| clips | obeyed | foot skate, cm/s | jitter, 100 m/s^3 | penetration, cm |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in ("real", "generated"):
        for group, row in report[kind].items():
            lines.append(
                f"| {kind}, {group} ({row['clips']}) | {100 * row['obeyed']:.1f} % | {row['foot_skate_cm_per_s']:.1f} "
                f"| {row['jitter']:.2f} | {row['penetration_cm']:.1f} |"
            )
    styles = report["walking_styles"]
    if styles is not None:
        lines += [
            "",
            f"Walking styles told apart by gait, of {styles['styles']}: real {100 * styles['real']:.1f} %, "
            f"generated {100 * styles['generated']:.1f} % ({styles['clips']} clips).",
        ]
    return "\n".join(lines) + "\n"
