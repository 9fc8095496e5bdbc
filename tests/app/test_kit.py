"""KIT-ML from its folder to a report: prepared, trained on by both codecs, and evaluated, from the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from motiongen.evaluation.sources import PipelineSource
from motiongen.features import kit
from motiongen.motion import Motion, MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen_app import evaluate_field

LOOP = {"steps": 3, "warmup": 0, "log_every": 1, "validate_every": 3, "precision": "no"}
CODECS: dict[str, dict[str, Any]] = {
    "TemporalCodec": {"model": {"latent_dim": 8, "width": 24, "blocks": 1}, "frames": 16},
    "TokenCodec": {
        "model": {"latent_tokens": 2, "latent_dim": 8, "layers": 1, "heads": 2, "feedforward": 16, "longest": 64},
        "frames": 32,
    },
}
# Clips in one piece, as a codec of tokens needs them; the temporal one joins some.
WHOLE = {
    "timelines": {"join": 0.0, "extend": 0.0, "pause": 0.0},
    "masking": {"masked": "none", "share": 0.0, "given": 0.0},
}
CLIPS = 33


def walk(frames: int, phase: float) -> Tensor:
    """Somebody of KIT's joints and units who glides along +Z and swings the legs."""
    rest = torch.zeros(21, 3)
    for chain in kit.SKELETON.chains:
        for parent, joint in pairwise(chain):
            rest[joint] = rest[parent] + 160 * torch.tensor(kit.SKELETON.directions[joint])
    joints = (rest - rest[:, 1].min() * torch.tensor([0.0, 1.0, 0.0])).expand(frames, -1, -1).clone()
    time = torch.arange(frames) / kit.FPS
    joints[..., 2] += 600 * time[:, None]
    for leg, sign in (((12, 13, 14, 15), 1.0), ((17, 18, 19, 20), -1.0)):
        joints[:, leg, 2] += sign * 100 * (2 * math.pi * time + phase).sin()[:, None]
    return joints


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Any]) -> Path:
    """The published folder with few clips, prepared."""
    root = tmp_path_factory.mktemp("kit")
    source = root / "KIT-ML"
    for folder in ("new_joints", "new_joint_vecs", "texts"):
        (source / folder).mkdir(parents=True)
    names = [f"{i:05d}" for i in range(CLIPS)]
    for i, name in enumerate(names):
        features = kit.encode(walk(25 + i, 0.2 * i))
        np.save(source / "new_joint_vecs" / f"{name}.npy", features.numpy())
        np.save(source / "new_joints" / f"{name}.npy", kit.decode(features).numpy())
        (source / "texts" / f"{name}.txt").write_text(f"number {i} walks#number/NOUN walk/VERB#0.0#0.0\n")
    for split, members in {"train": names[:6], "val": names[6:8], "test": names}.items():
        (source / f"{split}.txt").write_text("\n".join(members) + "\n")
    result = run("prepare", "kit", source, root / "data", "--workers", 1)
    assert result.code == 0, result.err
    return root / "data"


@pytest.fixture(scope="module")
def evaluator(data: Path, tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Any]) -> Path:
    out = tmp_path_factory.mktemp("evaluator")
    sizes = {"features": 251, "movement": 8, "motion_hidden": 8, "text_hidden": 8, "embedding": 6}
    (out / "mine.json").write_text(json.dumps({"model": sizes, "loop": LOOP, "batch": 4, "shortest": 24}))
    result = run("train", "evaluator", "--config", out / "mine.json", "--data", data, "--out", out / "run")
    assert result.code == 0, result.err
    return out / "run/evaluator"


def written(folder: Path, name: str, content: dict[str, Any]) -> Path:
    (folder / name).write_text(json.dumps(content))
    return folder / name


DENOISER: dict[str, Any] = {
    "model": {"width": 16, "blocks": 2, "inner": 16, "group": 8, "heads": 2, "feedforward": 16},
    "text_model": {"dim": 16, "layers": 1, "heads": 2, "feedforward": 16},
    "heads": {"dim": 8, "width": 16}, "loop": LOOP, "batch": 2,
}  # fmt: skip


@pytest.fixture(scope="module", params=list(CODECS))
def pipeline(
    request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Any]
) -> Path:
    """A pipeline of each codec, trained for a few steps."""
    out = tmp_path_factory.mktemp(request.param)
    codec = written(out, "codec.json", {"codec": request.param, **CODECS[request.param], "loop": LOOP, "batch": 4})
    result = run("train", "codec", "--config", codec, "--data", data, "--out", out / "codec")
    assert result.code == 0, result.err
    further = WHOLE if request.param == "TokenCodec" else {"timelines": {"longest": 16, "candidates": 4}}
    denoiser = written(out, "denoiser.json", {**DENOISER, **further})
    told = ("--config", denoiser, "--data", data, "--codec", out / "codec/codec")
    result = run("train", "denoiser", *told, "--out", out / "denoiser")
    assert result.code == 0, result.err
    return out / "denoiser/pipeline"


temporal = pytest.mark.parametrize("pipeline", ["TemporalCodec"], indirect=True)


def test_what_was_learned_is_of_kit_s_features(pipeline: Path, data: Path) -> None:
    assert json.loads((pipeline / "codec/config.json").read_text())["features"] == 251
    told = json.loads((pipeline.parent.parent / "codec/run.json").read_text())["run"]
    assert told["model"]["features"] == 251
    rows = [json.loads(line) for line in (pipeline.parent.parent / "codec/curves.jsonl").read_text().splitlines()]
    # Metres, not units: six hundred of them would have the joints outweigh all else.
    assert 0 < rows[0]["positions_mm"] < 5000
    loaded = TextToMotionPipeline.from_pretrained(pipeline)
    assert np.allclose(loaded.codec.features.mean, np.load(data / "Mean.npy"))


def test_features_are_generated(pipeline: Path) -> None:
    loaded = TextToMotionPipeline.from_pretrained(pipeline)

    def made() -> list[Tensor]:
        generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        return loaded(["a walk", "a kick"], [1.2, 2.0], 2, generator=generators, output_type="features").features

    first, again = made(), made()
    assert [f.shape for f in first] == [(24, 251), (40, 251)]
    assert all(torch.equal(a, b) for a, b in zip(first, again))


@temporal
def test_what_is_measured_is_finite(pipeline: Path) -> None:
    broken = TextToMotionPipeline.from_pretrained(pipeline)
    broken.codec.features.mean.fill_(torch.nan)
    with pytest.raises(MotionError, match="pipeline 'pipeline' makes features that hold NaN or infinity"):
        PipelineSource(broken, 1, 1.0)(["a walk"], [24], 0)


def test_it_is_evaluated(
    pipeline: Path,
    data: Path,
    evaluator: Path,
    tmp_path: Path,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluate_field, "TIMED", 1)
    result = run(
        "evaluate", "kit", "--data", data, "--evaluator", evaluator, "--pipeline", pipeline, "--out", tmp_path,
        "--steps", 1, "--repeats", 1, "--multimodality", 1,
    )  # fmt: skip
    assert result.code == 0, result.err
    report = json.loads((tmp_path / "report.json").read_text())
    summary = report["groups"]["test"]["summary"]
    assert list(summary) == ["real", "pipeline"] and report["groups"]["test"]["clips"] == 32
    assert {"r_precision_3", "fid", "mm_dist", "diversity", "multimodality"} <= set(summary["pipeline"])
    assert summary["pipeline"]["fid"]["mean"] != summary["real"]["fid"]["mean"]
    # Those know the joints of a motion.
    assert not {"foot_skate_cm_per_s", "ape_root"} & (set(summary["pipeline"]) | set(summary["real"]))
    assert report["cost"]["seconds"]["pipeline"] > 0


@temporal
def test_motions_are_refused_in_one_line(pipeline: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    Motion(torch.randn(40, 22, 3)).save(tmp_path / "clip.npz")
    told = ("--pipeline", pipeline, "--steps", 2, "--formats", "npz", "--out", tmp_path / "out")
    said = "pipeline 'pipeline' makes KIT-ML's 21 joints, and a motion has 22: use another pipeline"
    for words in (
        ("generate", "a walk"),
        ("generate", "a walk", "--loop"),
        ("edit", tmp_path / "clip.npz", "--regenerate", "0.5:1", "--text", "a kick"),
        ("continue", tmp_path / "clip.npz", "--text", "a kick"),
    ):
        result = run(*words, *told)
        assert (result.code, result.err.count("\n")) == (2, 1) and said in result.err, result.err
    assert not (tmp_path / "out").exists()
    with pytest.raises(MotionError, match="21 joints"):
        TextToMotionPipeline.from_pretrained(pipeline).stream("a walk")


@temporal
def test_data_and_models_of_different_features_are_refused_in_one_line(
    pipeline: Path, data: Path, dataset: Path, tiny_pipeline: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    def refused(*words: object) -> str:
        result = run(*words, "--out", tmp_path / "run")
        assert (result.code, result.err.count("\n")) == (2, 1), result.err
        return result.err

    told = ("train", "denoiser", "--config", "tiny", "--data")
    assert "has 263 features a frame, and the codec 251" in refused(*told, dataset, "--codec", pipeline / "codec")
    assert "has 251 features a frame, and the codec 263" in refused(*told, data, "--codec", tiny_pipeline / "codec")
    given = written(tmp_path, "given.json", {"model": {"features": 251}})
    assert "key 'model.features' is unknown" in refused("train", "codec", "--config", given, "--data", data)
