"""The evaluator that comes along."""

from __future__ import annotations

import json

import torch

import motiongen_assets
from motiongen.evaluation.evaluator import Evaluator, load_evaluator
from motiongen.evaluation.words import Caption


def distance(evaluator: Evaluator, one: str, other: str) -> float:
    a, b = evaluator.texts([Caption(one), Caption(other)])
    return (a - b).norm().item()


def test_the_shipped_evaluator_reads_offline_and_tells_sides_and_actions() -> None:
    evaluator = load_evaluator("starter")
    assert not evaluator.published and evaluator.features == 263
    near = distance(evaluator, "a person raises the left hand", "someone lifts their left arm up")
    assert 2 * near < distance(evaluator, "a person raises the left hand", "a person raises the right hand")
    assert 2 * near < distance(evaluator, "a person raises the left hand", "a person runs forward")
    assert evaluator.motions([torch.zeros(60, 263)]).isfinite().all()


def test_it_is_small_and_says_where_it_comes_from() -> None:
    folder = motiongen_assets.evaluators()["starter"]
    assert (folder / "model.safetensors").stat().st_size < 6e6
    assert "CC BY-NC 4.0" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "training split" in (folder / "README.md").read_text(encoding="utf-8")
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))["run"]
    assert (run["kind"], run["words"], run["loss"]) == ("evaluator", "wordllama", "choice")
