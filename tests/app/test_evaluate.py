from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen.checkpoint import save_module
from motiongen.evaluation.evaluator import MatchingEvaluator
from motiongen.evaluation.protocols import STARTER
from motiongen.features.humanml3d import decode
from motiongen_app import evaluate_starter


@pytest.fixture
def labelled(dataset: Path, tmp_path: Path) -> Path:
    """The dataset of walks with labels: one clip called a run, which it is not."""
    folder = tmp_path / "labelled"
    shutil.copytree(dataset, folder)
    (folder / "new_joints").mkdir()
    names = sorted(path.stem for path in (folder / "new_joint_vecs").glob("*.npy"))
    rows = []
    for i, name in enumerate(names):
        features = np.load(folder / "new_joint_vecs" / f"{name}.npy")
        np.save(folder / "new_joints" / f"{name}.npy", decode(_tensor(features)).numpy())
        split = ("test", "heldout", "train")[min(i // 3, 2)]
        rows.append((name, "bandai-namco", "run" if i == 0 else "walk", "normal", split))
    for split in ("test", "heldout", "train"):
        (folder / f"{split}.txt").write_text("".join(f"{r[0]}\n" for r in rows if r[4] == split))
    _write(folder / "clips.csv", ("name", "source", "content", "style", "split"), rows)
    header = ("content", "style", "text")
    _write(folder / "paraphrases.csv", header, [("walk", "normal", "somebody strolls along")])
    _write(folder / "paraphrases-2.csv", header, [("walk", "normal", "guy walking"), ("wink", "normal", "winks")])
    return folder


def _tensor(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(array)


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def test_real_clips_stand_beside_generated_ones(
    labelled: Path, tiny_pipeline: Path, tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "report"
    monkeypatch.setattr(evaluate_starter, "TIMED", 1)
    monkeypatch.setattr(evaluate_starter, "STARTER", replace(STARTER, pool=2))
    networks = MatchingEvaluator(word=256, pos=0, movement=8, motion_hidden=8, text_hidden=8, embedding=4)
    networks.scale.set_from(labelled)
    save_module(networks, tmp_path / "evaluator")
    args = ("evaluate", "starter", "--pipeline", tiny_pipeline, "--data", labelled, "--out", out)
    result = run(*args, "--limit", 2, "--repeats", 1, "--multimodality", 0, "--evaluator", tmp_path / "evaluator")
    assert result.code == 0, result.err
    report = json.loads((out / "report.json").read_text())
    # Two of the three real test clips are what their label says; the checks must tell.
    assert report["real"]["test"]["obeyed"] == pytest.approx(2 / 3, abs=1e-3)
    assert report["real"]["held-out pairs"]["obeyed"] == 1
    assert {group: row["clips"] for group, row in report["generated"].items()} == {
        "test, 6 s": 2, "test, as long as real": 2, "held-out pairs, 6 s": 2, "held-out pairs, as long as real": 2,
        "paraphrases, 6 s": 1, "paraphrases, as long as real": 1,
        "paraphrases-2, 6 s": 1, "paraphrases-2, as long as real": 1,
    }  # fmt: skip
    assert report["codec"]["test"]["root_aligned_mm"] > 0
    assert report["pipeline"]["hash"] in (out / "report.md").read_text()
    assert "| real, test (3) | 66.7 % | 66.7 % | - |" in result.out
    # The walk that is called a run is in every timeline, for there is no third content.
    for sentences in ("2", "3"):
        row = report["timelines"][sentences]
        order = row["real_order"]
        assert order["obeyed"] == 0 and set(order["failed_clauses"]) == {"run"}
        assert order["clauses"] == pytest.approx(1 - order["failed_clauses"]["run"] / int(sentences), abs=1e-3)
        assert row["transitions"]["windows"] == int(sentences) - 1 and row["transitions"]["real_peak_jerk"] > 0
        assert row["clean_up"]["body_jitter_before"] > 0 and row["clean_up"]["body_jitter_ratio"] > 0
    assert report["diversity"]["same_sentence"]["real"] > 0 and "of one sentence" in result.out
    matching = report["matching"]
    assert {name: list(group["summary"]) for name, group in matching["groups"].items()} == {
        "test": ["real", "tiny"], "heldout": ["real", "tiny"],
    }  # fmt: skip
    assert matching["too_small"] == {"paraphrases": 1, "paraphrases-2": 1}
    assert "| held-out pairs (2 clips) | R-precision 1 |" in result.out and "AITS" in result.out
    assert f"evaluator `evaluator` ({matching['provenance']['evaluator']['hash']}" in result.out


def test_a_folder_without_labels_is_told(
    dataset: Path, tiny_pipeline: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    out = tmp_path / "report"
    args = ("evaluate", "starter", "--pipeline", tiny_pipeline, "--data", dataset, "--out", out)
    result = run(*args, "--repeats", 0)
    assert result.code == 2 and "clips.csv: no such file; evaluate on a folder made by" in result.err
    assert not out.exists()
