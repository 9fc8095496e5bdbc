"""The parts of the model, one changed at a time, each trained alike: a table of what it is worth here.

    python benchmarks/ablate.py --data starter/ --codec runs/codec/codec --out runs/ablation/ [--steps 800]
        [--only baseline,transformer] [--processes 2] [--tokens-codec runs/tokens/codec]

All runs share data, seed, batches, steps and width; what differs is named. They are small, for a laptop: what they say
of differences of a percent or two is noise, so every row is also told how it fared with a second seed (`--seeds 2`).
Runs that are done are kept: the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# Of the released model's recipe, at half the width.
BASE: dict[str, Any] = {
    "denoiser": "MotionMambaDenoiser",
    "model": {"width": 128, "inner": 64, "group": 16, "feedforward": 512},
    "text_model": {"dim": 128, "layers": 1, "feedforward": 256, "word_dropout": 0.08, "word_noise": 0.3},
    "heads": {"width": 128},
    "loop": {"learning_rate": 1e-3, "average": 0.995, "log_every": 25},
    "timelines": {"longest": 40},
    "batch": 32,
}
ATTENTION = {"width": 128, "feedforward": 512}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline": ("key-frame masking, alignment, scans 9-7-5-3-1, BSM both ways", {}),
    "mask-random": ("random masking", {"masking": {"masked": "random"}}),
    "mask-none": ("no masking", {"masking": {"masked": "none"}}),
    "no-alignment": ("without alignment", {"alignment": {"weight": 0.0}}),
    "schedule-rising": ("scans 1-3-5-7-9", {"model": {**BASE["model"], "schedule": "1..2N-1"}}),
    "schedule-few": ("scans 5-4-3-2-1", {"model": {**BASE["model"], "schedule": "N..1"}}),
    "schedule-few-rising": ("scans 1-2-3-4-5", {"model": {**BASE["model"], "schedule": "1..N"}}),
    "bsm-single": ("BSM one way", {"model": {**BASE["model"], "spatial": "forward"}}),
    "bsm-none": ("without BSM", {"model": {**BASE["model"], "spatial": "none"}}),
    "transformer": ("Transformer twin, 3 + 3 blocks", {"denoiser": "TransformerDenoiser", "model": ATTENTION}),
    "transformer-deep": (
        "Transformer twin, 5 + 5 blocks",
        {"denoiser": "TransformerDenoiser", "model": {**ATTENTION, "blocks": 5}},
    ),
    # A clip that is two tokens can neither be joined to another nor lack some of its frames.
    "tokens": (
        "tokens codec (the paper's), whole clips",
        {"timelines": {"join": 0.0, "extend": 0.0, "pause": 0.0}, "masking": {"masked": "none", "given": 0.0}},
    ),
}


def configured(name: str, seed: int, options: argparse.Namespace) -> Path:
    """The run's configuration, in its folder; one that was trained with another is refused."""
    out = options.out / f"{name}-{seed}"
    loop = {**BASE["loop"], "steps": options.steps, "seed": seed, "validate_every": options.steps}
    config = {**BASE, **VARIANTS[name][1], "loop": loop}
    kept = out / "config.json"
    if kept.exists() and json.loads(kept.read_text()) != config:
        raise SystemExit(f"{out}: was trained with other settings, such as --steps; name another --out")
    out.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(config, indent=2))
    return kept


def train(name: str, seed: int, options: argparse.Namespace) -> subprocess.Popen[bytes]:
    config = configured(name, seed, options)
    out = config.parent
    codec = options.tokens_codec if name == "tokens" else options.codec
    command = [
        sys.executable, "-c", "from motiongen_app.cli import main; main()", "train", "denoiser",
        "--data", str(options.data), "--codec", str(codec), "--out", str(out),
        "--config", str(config), "--threads", "1",
    ]  # fmt: skip
    if (out / "checkpoint").exists():
        command.append("--resume")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with open(out / "log.txt", "ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def run_all(jobs: list[tuple[str, int]], options: argparse.Namespace) -> None:
    waiting, running = list(jobs), {}
    while waiting or running:
        while waiting and len(running) < options.processes:
            name, seed = waiting.pop(0)
            print(f"training {name}, seed {seed}", flush=True)
            running[name, seed] = train(name, seed, options)
        time.sleep(1)
        for job, process in list(running.items()):
            if process.poll() is not None:
                del running[job]
                if process.returncode:
                    for other in running.values():
                        other.terminate()
                    raise SystemExit(f"{job[0]} failed; see {options.out / f'{job[0]}-{job[1]}' / 'log.txt'}")


def measured(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """What the run makes of held-out sentences, as long as real clips, and how long a clip of ten seconds takes."""
    import torch

    from motiongen.evaluation.labelled import evenly, labelled_clips, paraphrase_sets
    from motiongen.evaluation.sampler import Sampler
    from motiongen.evaluation.starter import obedience, real_seconds, timelines
    from motiongen.pipeline import TextToMotionPipeline

    folder = options.out / f"{name}-{seed}"
    kept = folder / f"measured-{options.limit}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    pipeline = TextToMotionPipeline.from_pretrained(folder / "pipeline")
    sampler = Sampler(pipeline, seed=0)
    numbers: dict[str, Any] = {"parameters": pipeline.parameters["denoiser"]}
    for split in ("test", "heldout"):
        clips = evenly(labelled_clips(options.data, split), options.limit)
        report = obedience(sampler, clips, real_seconds(sampler, options.data, clips))
        numbers[split] = report["obeyed"]
        numbers[f"{split}_skate"] = report["foot_skate_cm_per_s"]
    said = [a for part in paraphrase_sets(options.data).values() for a in part]
    numbers["paraphrases"] = obedience(sampler, said, 6.0)["obeyed"]
    timeline = timelines(sampler, options.data, "test", 2, options.limit // 2, 4.0)
    numbers["order"] = None if timeline is None else timeline["order"]["obeyed"]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        pipeline("a person walks forward", 10.0, generator=torch.Generator().manual_seed(0))
        times.append(time.perf_counter() - began)
    numbers["seconds_for_10_s"] = sorted(times)[2]
    kept.write_text(json.dumps(numbers, indent=2))
    return numbers


COLUMNS = {
    "test": "test", "heldout": "held-out pairs", "paraphrases": "paraphrases", "order": "order of two",
    "test_skate": "skate, cm/s", "held_out_loss": "held-out loss", "seconds_for_10_s": "s for 10 s",
    "parameters": "parameters",
}  # fmt: skip


def held_out_loss(name: str, seed: int, options: argparse.Namespace) -> float | None:
    """Mean squared error of the denoiser on whole held-out clips, at the end of the run."""
    rows = [json.loads(row) for row in (options.out / f"{name}-{seed}" / "curves.jsonl").read_text().splitlines()]
    losses = [row["held_out/diffusion"] for row in rows if "held_out/diffusion" in row]
    return losses[-1] if losses else None


def table(results: dict[str, list[dict[str, Any]]]) -> str:
    lines = ["| what | " + " | ".join(COLUMNS.values()) + " |", "| --- |" + " ---: |" * len(COLUMNS)]
    for name, runs in results.items():
        cells = []
        for key in COLUMNS:
            values = [run[key] for run in runs if run.get(key) is not None]
            cells.append(" / ".join(_shown(key, value) for value in values) or "-")
        lines.append(f"| {VARIANTS[name][0]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _shown(key: str, value: float) -> str:
    if key == "parameters":
        return f"{value / 1e6:.2f} M"
    if key in ("test", "heldout", "paraphrases", "order"):
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if key == "held_out_loss" else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", type=Path, required=True)
    parser.add_argument("--tokens-codec", type=Path, help="another codec, for the variant 'tokens'")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--limit", type=int, default=120, help="clips to generate for each group of sentences")
    parser.add_argument("--only", help="names, separated by commas; all that there are codecs for if left out")
    parser.add_argument("--processes", type=int, default=2, help="runs at a time, a thread each")
    options = parser.parse_args()
    possible = [name for name in VARIANTS if name != "tokens" or options.tokens_codec is not None]
    names = options.only.split(",") if options.only else possible
    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        parser.error(f"'{unknown[0]}' is unknown; there are {', '.join(VARIANTS)}")
    if not set(names) <= set(possible):
        parser.error("'tokens' needs --tokens-codec")
    jobs = [(name, seed) for seed in range(options.seeds) for name in names]
    for job in jobs:
        configured(*job, options)
    run_all([job for job in jobs if not (options.out / f"{job[0]}-{job[1]}" / "pipeline").exists()], options)
    results = {
        name: [
            {**measured(name, seed, options), "held_out_loss": held_out_loss(name, seed, options)}
            for seed in range(options.seeds)
        ]
        for name in names
    }
    report = f"{options.steps} steps of {BASE['batch']} timelines each\n\n{table(results)}\n"
    (options.out / "ablation.md").write_text(report)
    print(report)


if __name__ == "__main__":
    main()
