"""`motiongen evaluate humanml3d|kit|babel` and `train evaluator` on made-up data, from the command line."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.checkpoint import save_module
from motiongen.evaluation.evaluator import MatchingEvaluator
from motiongen_app import evaluate_field

SMALL: dict[str, Any] = {"movement": 8, "motion_hidden": 8, "text_hidden": 8, "embedding": 6}


@pytest.fixture(autouse=True)
def _few_sentences_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_field, "TIMED", 1)


@pytest.fixture(scope="module")
def data(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """33 test clips out of the made-up walks, in words of their own; the first one is split into two actions."""
    folder = tmp_path_factory.mktemp("field")
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir()
    walks = [np.load(path) for path in sorted((dataset / "new_joint_vecs").glob("*.npy"))]
    names = [f"{i:06d}" for i in range(33)]
    for i, name in enumerate(names):
        features = walks[i % len(walks)][: 44 + i]
        np.save(folder / "new_joint_vecs" / f"{name}.npy", features)
        text = f"number {i} walks#number/NOUN walk/VERB#0.0#0.0\n"
        if i > 29:
            text += "goes#goes/VERB#0.0#1.5\nstops#stop/VERB#1.5#2.75\n"
        (folder / "texts" / f"{name}.txt").write_text(text, encoding="utf-8")
    for split in ("train", "val", "test"):
        (folder / f"{split}.txt").write_text("\n".join(names), encoding="utf-8")
    np.save(folder / "Mean.npy", np.load(dataset / "Mean.npy"))
    np.save(folder / "Std.npy", np.load(dataset / "Std.npy"))
    return folder


@pytest.fixture(scope="module")
def evaluator(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained one with the statistics of the data."""
    torch.manual_seed(0)
    networks = MatchingEvaluator(word=256, pos=0, **SMALL)
    networks.scale.set_from(data)
    folder = tmp_path_factory.mktemp("evaluators") / "untrained"
    save_module(networks, folder)
    return folder


def test_a_run_is_reported_and_goes_on(
    data: Path, evaluator: Path, tiny_pipeline: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    out = tmp_path / "report"
    args = ["evaluate", "humanml3d", "--data", data, "--evaluator", evaluator, "--pipeline", tiny_pipeline]
    args += ["--out", out, "--steps", 1, "--multimodality", 1]
    first = run(*args, "--repeats", 1)
    assert first.code == 0, first.err
    kept = (out / "repeats/test-00.json").read_text()
    second = run(*args, "--repeats", 2)
    assert second.code == 0, second.err
    # The first repeat was not made again.
    assert (out / "repeats/test-00.json").read_text() == kept and (out / "repeats/test-01.json").is_file()
    report = json.loads((out / "report.json").read_text())
    assert report["repeats"] == 2 and list(report["groups"]["test"]["summary"]) == ["real", "tiny"]
    row = report["groups"]["test"]["summary"]["tiny"]
    both = [json.loads((out / f"repeats/test-0{i}.json").read_text())["tiny"]["fid"] for i in range(2)]
    assert row["fid"]["mean"] == pytest.approx(np.mean(both), abs=1e-5)
    assert row["fid"]["interval"] == pytest.approx(1.96 * np.std(both) / np.sqrt(2), abs=1e-5)
    assert set(report["cost"]["seconds"]) == {"tiny", "transformer, untrained"}
    text = (out / "report.md").read_text()
    assert text.strip() == second.out.strip()
    for found in (report["pipelines"][0]["hash"], report["provenance"]["evaluator"]["hash"], "AITS", "| walk |"):
        assert found in text
    if importlib.util.find_spec("matplotlib") is not None:
        for name in ("distribution", "confusion", "lengths", "contents"):
            assert (out / f"test-{name}.png").stat().st_size > 1000 and f"test-{name}.png" in text
    changed = run(*args, "--guidance", 3)
    assert changed.code == 2 and "other settings (settings.guidance); name another --out" in changed.err


def test_babel_s_compositions(
    data: Path, evaluator: Path, tiny_pipeline: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    (data / "manifest.json").write_text(json.dumps({"fps": 20.0, "features": 263}))
    out = tmp_path / "report"
    args = ["evaluate", "babel", "--data", data, "--evaluator", evaluator, "--pipeline", tiny_pipeline, "--out", out]
    result = run(*args, "--steps", 1, "--repeats", 1, "--compositions", 3)
    (data / "manifest.json").unlink()
    assert result.code == 0, result.err
    group = json.loads((out / "report.json").read_text())["groups"]["val"]
    assert group["clips"] == 6
    for row in group["summary"].values():
        assert {"r_precision_3", "transition_fid", "peak_jerk", "area_under_jerk"} <= set(row)
    assert "Peak Jerk, m" in result.out


def test_what_does_not_fit_is_refused_in_one_line(
    data: Path, evaluator: Path, tiny_pipeline: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    def refused(command: str, *args: object, at: Path = data) -> str:
        out = tmp_path / "report"
        result = run("evaluate", command, "--data", at, "--evaluator", evaluator, "--out", out, *args)
        assert result.code == 2 and result.err.count("\n") == 1 and not out.exists()
        return result.err

    assert "takes 263 features; kit has 251" in refused("kit")
    assert "--repeats is 0; give 1 to 1000" in refused("humanml3d", "--repeats", 0)
    assert "no such folder" in refused("humanml3d", at=tmp_path / "nowhere")
    assert "--compositions is 1; give 2 to 1000" in refused("babel", "--compositions", 1)
    assert "was prepared" not in refused("humanml3d", "--pipeline", tmp_path / "nowhere")


def test_real_clips_alone_on_kit(tmp_path: Path, run: Callable[..., Any]) -> None:
    folder = tmp_path / "kit"
    generator = np.random.default_rng(0)
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True)
    for i in range(32):
        np.save(folder / "new_joint_vecs" / f"{i:05d}.npy", generator.normal(size=(24 + i, 251)).astype(np.float32))
        (folder / "texts" / f"{i:05d}.txt").write_text(f"clip {i}#clip/NOUN#0.0#0.0\n")
    (folder / "test.txt").write_text("\n".join(f"{i:05d}" for i in range(32)))
    np.save(folder / "Mean.npy", np.zeros(251))
    np.save(folder / "Std.npy", np.ones(251))
    save_module(MatchingEvaluator(251, word=256, pos=0, **SMALL), tmp_path / "evaluator")
    args = ["evaluate", "kit", "--data", folder, "--evaluator", tmp_path / "evaluator", "--out", tmp_path / "report"]
    refused = run(*args)
    assert (
        refused.code == 2 and "makes 263 features a frame; kit has 251: name one that was trained on it" in refused.err
    )
    result = run(*args, "--real-only", "--repeats", 1)
    assert result.code == 0, result.err
    assert "| real |" in result.out and "AITS" not in result.out


def test_an_evaluator_is_trained_and_taken(data: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    out = tmp_path / "run"
    trained = run("train", "evaluator", "--data", data, "--out", out, "--config", "tiny", "--steps", 6, "--half")
    assert trained.code == 0 and f"wrote {out / 'evaluator'}" in trained.out
    begun = json.loads((out / "evaluator/run.json").read_text())["run"]
    assert begun["kind"] == "evaluator" and begun["words"] == "wordllama"
    report = tmp_path / "report"
    result = run(
        "evaluate", "humanml3d", "--data", data, "--evaluator", out / "evaluator", "--out", report,
        "--real-only", "--repeats", 1,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "evaluator `evaluator`" in result.out
