"""What ships with motiongen: released pipelines and evaluators, each with its model card and licence."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent


def pipelines() -> dict[str, Path]:
    """Folder of every released pipeline by its name."""
    return {path.parent.name: path.parent for path in sorted(ROOT.glob("pipelines/*/model_index.json"))}


def evaluators() -> dict[str, Path]:
    """Folder of every evaluator that ships by its name."""
    return {path.parent.name: path.parent for path in sorted(ROOT.glob("evaluators/*/config.json"))}
