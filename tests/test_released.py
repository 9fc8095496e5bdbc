"""The weights in the box do what a sentence says, as far as simple kinematics can tell."""

from __future__ import annotations

import pytest
import torch

import motiongen_assets
from motiongen.evaluation.obedience import CHECKS, measure
from motiongen.pipeline import TextToMotionPipeline

ASKED = {
    "a person walks forward": "walk",
    "a person runs forward": "run",
    "a tired person walks backwards": "walk-back",
    "an elderly person walks forward and turns left": "walk-turn-left",
    "a person walks forward and turns right": "walk-turn-right",
    "a person raises their left hand": "raise-up-left-hand",
    "a person raises their right hand": "raise-up-right-hand",
    "someone raises both hands": "raise-up-both-hands",
    "a man waves with his left hand": "wave-left-hand",
    "a man waves with his right hand": "wave-right-hand",
    "someone waves both hands": "wave-both-hands",
    "a person bows politely": "bow",
}


@pytest.fixture(scope="module")
def pipeline() -> TextToMotionPipeline:
    return TextToMotionPipeline.from_pretrained("base")


def test_sides_turns_and_gaits_are_obeyed(pipeline: TextToMotionPipeline) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in range(2 * len(ASKED))]
    motions = pipeline(list(ASKED), 5.0, num_motions_per_prompt=2, generator=generators).motions
    contents = [content for content in ASKED.values() for _ in range(2)]
    failed = [c for c, motion in zip(contents, motions) if not CHECKS[c](measure(motion))]
    assert failed == []


def test_a_timeline_does_one_thing_after_the_other(pipeline: TextToMotionPipeline) -> None:
    timeline = ["a person walks forward", "a person waves with the left hand"]
    motion = pipeline([timeline], [[4.0, 4.0]], generator=torch.Generator().manual_seed(3)).motions[0]
    walk, wave = measure(motion.crop(0, 80)), measure(motion.crop(90, 160))
    assert walk.path > 1.5 and walk.left_waves < 0.3
    assert wave.path < 0.8 and wave.left_waves > 0.3 > wave.right_waves


def test_standing_actions_stay(pipeline: TextToMotionPipeline) -> None:
    motion = pipeline("a person waves with the right hand", 6.0, generator=torch.Generator().manual_seed(1)).motions[0]
    assert measure(motion).reach < 0.3


def test_what_ships_is_small_and_says_what_it_is() -> None:
    folder = motiongen_assets.pipelines()["base"]
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 60e6
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "CC BY-NC 4.0" in card and "Bandai Namco Research" in card
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".md", ".png", ""}
