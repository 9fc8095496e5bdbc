"""Losses of an evaluator, what counts as the same, and the configurations that come along."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from motiongen.evaluation.evaluator import MatchingEvaluator
from motiongen.evaluation.protocols import Drawn, Item
from motiongen.evaluation.words import Caption
from motiongen.motion import MotionError
from motiongen.training.config import config_names, load_config
from motiongen.training.evaluator import choice_loss, margin_loss, same


def vectors() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    text, motion = torch.randn(5, 3, generator=generator), torch.randn(5, 3, generator=generator)
    alike = torch.eye(5, dtype=torch.bool)
    alike[0, 3] = alike[3, 0] = True
    return text, motion, alike


def distance(text: torch.Tensor, motion: torch.Tensor) -> list[list[float]]:
    return [[math.dist(t, m) for m in motion.tolist()] for t in text.tolist()]


def test_margin_loss_is_what_loops_say() -> None:
    text, motion, alike = vectors()
    d = distance(text, motion)
    pulled = sum(d[i][i] ** 2 for i in range(5)) / 5
    others = [max(0.0, 2.0 - d[i][j]) ** 2 for i in range(5) for j in range(5) if not alike[i, j]]
    assert len(others) == 18
    assert margin_loss(text, motion, alike, 2.0).item() == pytest.approx(pulled + sum(others) / 18, rel=1e-5)
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert margin_loss(text, motion, everything, 2.0).item() == pytest.approx(pulled, rel=1e-5)


def test_choice_loss_is_what_loops_say() -> None:
    text, motion, alike = vectors()
    d = distance(text, motion)
    total = 0.0
    for i in range(5):
        rivals = [j for j in range(5) if j == i or not alike[i, j]]
        total += math.log(sum(math.exp(-(d[i][j] ** 2) / 4) for j in rivals)) + d[i][i] ** 2 / 4
        total += math.log(sum(math.exp(-(d[j][i] ** 2) / 4) for j in rivals)) + d[i][i] ** 2 / 4
    assert choice_loss(text, motion, alike, 4.0).item() == pytest.approx(total / 10, rel=1e-5)


def test_equal_captions_and_equal_contents_are_the_same() -> None:
    def drawn(name: str, text: str) -> Drawn:
        return Drawn(Item(name, torch.zeros(40, 263), (Caption(text),)), Caption(text), 0, 40)

    rows = [drawn("a", "walks"), drawn("b", "walks"), drawn("c#1", "strolls"), drawn("d", "runs")]
    assert same(rows, {"a": "walk", "c": "walk", "d": "run"}).tolist() == [
        [True, True, True, False], [True, True, False, False], [True, False, True, False], [False] * 3 + [True],
    ]  # fmt: skip


@pytest.mark.parametrize("name", config_names("evaluator"))
def test_evaluators_that_come_along_can_be_built(name: str) -> None:
    config = load_config("evaluator", name)
    with torch.device("meta"):
        networks = MatchingEvaluator(**config.model)
    assert networks.config.items() >= config.model.items()


def test_the_field_s_configurations_are_the_published_sizes() -> None:
    assert config_names("evaluator") == ["babel", "humanml3d", "kit", "starter", "tiny"]
    for name, features, shortest in (("humanml3d", 263, 40), ("kit", 251, 24), ("babel", 263, 30)):
        config = load_config("evaluator", name)
        assert (config.model, config.shortest) == ({"features": features}, shortest)
        assert (config.loss, config.margin, config.batch) == ("margin", 10.0, 32)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"model": {"word": 300}}, "key 'model.word' is unknown"),
        ({"loss": "triplet"}, "loss is 'triplet'; it must be 'margin' or 'choice'"),
        ({"margin": 0}, "margin is 0; it must be positive"),
        ({"model": {"movement": 0}}, "nothing can be built from model"),
        ({"model": {"embedding": "wide"}}, "nothing can be built from model"),
    ],
)
def test_configurations_that_cannot_be_trained(tmp_path: Path, content: object, said: str) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(content))
    with pytest.raises(MotionError, match=said):
        load_config("evaluator", tmp_path / "mine.json")
