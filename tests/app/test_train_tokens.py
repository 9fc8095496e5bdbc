"""The paper's codec on the command line: trained, generated with, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from motiongen.evaluation.sampler import Sampler
from motiongen.evaluation.starter import timelines
from motiongen.models.token_codec import TokenCodec
from motiongen.models.vae import TemporalCodec
from motiongen.motion import Motion, MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.training.config import CONFIGS

LOOP = {"steps": 3, "warmup": 0, "log_every": 1, "validate_every": 2, "precision": "no"}
WHOLE = {"join": 0.0, "extend": 0.0, "pause": 0.0}
CODEC = {
    "codec": "TokenCodec",
    "model": {"latent_tokens": 2, "latent_dim": 16, "layers": 3, "heads": 2, "feedforward": 32, "longest": 80},
    "loop": {**LOOP, "steps": 6}, "batch": 4, "frames": 80,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(dataset: Path, tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Any]) -> Path:
    """A run of the codec, and one of the denoiser on it: the preset's, of a tiny size and with text that is at hand."""
    out = tmp_path_factory.mktemp("tokens")
    (out / "codec.json").write_text(json.dumps(CODEC))
    preset = json.loads((CONFIGS / "denoiser-motion-mamba-paper.json").read_text())
    tiny = {
        **preset, "loop": LOOP, "batch": 4, "text": "wordllama",
        "model": {**preset["model"], "width": 32, "inner": 16, "group": 16, "feedforward": 32},
        "text_model": {"dim": 32, "layers": 1, "feedforward": 32},
        "alignment": {"weight": 0.1}, "heads": {"dim": 8, "width": 16},
    }  # fmt: skip
    (out / "denoiser.json").write_text(json.dumps(tiny))
    result = run("train", "codec", "--config", out / "codec.json", "--data", dataset, "--out", out / "codec")
    assert result.code == 0, result.err
    told = ("--config", out / "denoiser.json", "--data", dataset, "--codec", out / "codec/codec")
    result = run("train", "denoiser", *told, "--out", out / "denoiser")
    assert result.code == 0, result.err
    return out


def test_what_is_written_says_which_codec_it_is(folder: Path) -> None:
    pipeline = folder / "denoiser/pipeline"
    assert json.loads((pipeline / "model_index.json").read_text())["codec"] == "TokenCodec"
    assert json.loads((folder / "codec/codec/config.json").read_text())["_class_name"] == "TokenCodec"
    loaded = TextToMotionPipeline.from_pretrained(pipeline)
    assert isinstance(loaded.codec, TokenCodec) and loaded.objective.prediction_type == "epsilon"
    # The statistics that were measured are part of it.
    assert not torch.equal(loaded.codec.latents.std, torch.ones(32))


def test_it_generates_clips_of_the_asked_length(folder: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    told = ("--pipeline", folder / "denoiser/pipeline", "--steps", 2, "--formats", "npz", "--out", tmp_path)
    made = run("generate", "a person walks", "--seconds", 2.5, "--best-of", 2, *told)
    assert made.code == 0, made.err
    assert len(Motion.load(tmp_path / "000-a-person-walks.npz")) == 50


def test_a_clip_does_not_depend_on_the_rest_of_its_batch(folder: Path) -> None:
    pipeline = TextToMotionPipeline.from_pretrained(folder / "denoiser/pipeline")

    def seeded(*seeds: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    alone = pipeline("a walk", 1.5, 2, generator=seeded(5))
    both = pipeline(["a kick", "a walk"], [3.0, 1.5], 2, generator=seeded(4, 5))
    assert alone.latents.shape == (1, 2, 16) and [len(m) for m in both.motions] == [60, 30]
    assert torch.allclose(alone.motions[0].joints, both.motions[1].joints, atol=1e-4)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("generate", "a walk", "a kick"), "holds a whole clip in 2 tokens"),
        (("generate", "a walk", "--loop"), "use a pipeline with the temporal codec"),
        (("generate", "a walk", "--seconds", 5), "5 seconds asked for; this codec holds a whole clip, at most 4"),
        (("edit", "CLIP", "--regenerate", "0.5:1", "--text", "a kick"), "holds a whole clip in 2 tokens"),
        (("continue", "CLIP", "--text", "a kick"), "holds a whole clip in 2 tokens"),
    ],
)
def test_what_needs_time_in_latents_is_refused_in_one_line(
    asked: tuple[object, ...], said: str, folder: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    Motion(torch.randn(40, 22, 3)).save(tmp_path / "clip.npz")
    words = [tmp_path / "clip.npz" if word == "CLIP" else word for word in asked]
    told = ("--pipeline", folder / "denoiser/pipeline", "--steps", 2, "--formats", "npz", "--out", tmp_path / "out")
    result = run(*words, *told)
    assert (result.code, result.err.count("\n")) == (2, 1), result.err
    assert said in result.err


def test_streams_are_refused(folder: Path) -> None:
    pipeline = TextToMotionPipeline.from_pretrained(folder / "denoiser/pipeline")
    with pytest.raises(MotionError, match="holds a whole clip in 2 tokens"):
        pipeline.stream("a walk")


def test_an_evaluation_leaves_timelines_out(folder: Path) -> None:
    pipeline = TextToMotionPipeline.from_pretrained(folder / "denoiser/pipeline")
    assert timelines(Sampler(pipeline), folder, "test", 2, 4, 2.0) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timelines": {**WHOLE, "join": 0.25}}, "timelines.join is 0.25"),
        ({"timelines": {**WHOLE, "extend": 0.1}}, "timelines.extend is 0.1"),
        ({"timelines": {**WHOLE, "pause": 0.3}}, "timelines.pause is 0.3"),
        ({"timelines": {**WHOLE, "longest": 1}}, "timelines.longest is 1"),
        ({"masking": {"masked": "key-frame"}}, "masking.masked is key-frame"),
        ({"masking": {"masked": "none"}}, "masking.given is 0.25"),
    ],
)
def test_training_that_takes_clips_apart_is_refused_in_one_line(
    change: dict[str, Any], said: str, folder: Path, dataset: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    config = {**json.loads((folder / "denoiser.json").read_text()), **change}
    (tmp_path / "mine.json").write_text(json.dumps(config))
    told = ("--config", tmp_path / "mine.json", "--data", dataset, "--codec", folder / "codec/codec")
    result = run("train", "denoiser", *told, "--out", tmp_path / "run")
    assert (result.code, result.err.count("\n")) == (2, 1), result.err
    assert f"{said}; this codec holds a whole clip in 2 tokens: set it to " in result.err
    assert not (tmp_path / "run").exists()


def test_folders_without_a_codec_s_name_hold_the_temporal_one(tiny_pipeline: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(tiny_pipeline, old)
    for path, key in ((old / "model_index.json", "codec"), (old / "codec/config.json", "_class_name")):
        path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))
    assert isinstance(TextToMotionPipeline.from_pretrained(old).codec, TemporalCodec)
    index = json.loads((old / "model_index.json").read_text())
    (old / "model_index.json").write_text(json.dumps({**index, "codec": "Other"}))
    with pytest.raises(MotionError, match="codec 'Other' is unknown; there are TemporalCodec, TokenCodec"):
        TextToMotionPipeline.from_pretrained(old)
