"""Configurations of training runs: the ones that come along, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from motiongen.models.codecs import CODECS
from motiongen.models.denoiser import DENOISERS
from motiongen.motion import MotionError
from motiongen.training.config import config_names, load_config


@pytest.mark.parametrize("name", config_names("codec"))
def test_codecs_that_come_along_can_be_built(name: str) -> None:
    config = load_config("codec", name)
    assert CODECS[config.codec](**config.model).config.items() >= config.model.items()


@pytest.mark.parametrize("name", config_names("denoiser"))
def test_denoisers_that_come_along_can_be_built(name: str) -> None:
    config = load_config("denoiser", name)
    assert DENOISERS[config.denoiser](**config.model).config.items() >= config.model.items()


def test_names_and_values() -> None:
    assert config_names("codec") == ["motion-mamba-paper", "starter", "tiny"]
    assert config_names("denoiser") == ["babel", "motion-mamba-paper", "starter", "tiny", "transformer"]
    assert load_config("denoiser", "transformer").denoiser == "TransformerDenoiser"
    codec = load_config("codec", "tiny")
    assert (codec.model["latent_dim"], codec.loop.steps, codec.loop.save_steps, codec.frames) == (8, 40, 5, 32)
    # What a file leaves out keeps its default.
    assert codec.loop.clip == 1.0


def test_the_paper_s_preset_is_the_paper_s() -> None:
    codec, config = load_config("codec", "motion-mamba-paper"), load_config("denoiser", "motion-mamba-paper")
    assert codec.codec == "TokenCodec" and (codec.model["latent_tokens"], codec.model["latent_dim"]) == (2, 256)
    denoiser = DENOISERS[config.denoiser](**config.model)
    scans = [block.temporal.scans.scans for block in (*denoiser.down, *denoiser.up)]  # type: ignore[union-attr]
    assert scans == [9, 7, 5, 3, 1, 1, 3, 5, 7, 9]  # and the text mixer between them: N = 11
    process = {k: config.process[k] for k in ("beta_schedule", "beta_start", "beta_end", "prediction_type")}
    assert list(process.values()) == ["scaled_linear", 0.00085, 0.012, "epsilon"]
    assert (config.text, config.text_dropout, config.loop.learning_rate) == ("clip", 0.1, 1e-4)


def test_a_file_is_read_like_a_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"model": {"width": 96}, "loop": {"learning_rate": 1, "save_steps": None}}))
    config = load_config("codec", path)
    assert (config.model, config.loop.learning_rate, config.loop.save_steps) == ({"width": 96}, 1.0, None)
    assert isinstance(config.loop.learning_rate, float)


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("codec", {"bacth": 4}, "key 'bacth' is unknown; there are batch"),
        ("codec", {"loop": {"step": 4}}, "key 'loop.step' is unknown"),
        ("codec", {"loop": 4}, "loop is 4; it must be an object"),
        ("codec", {"model": {"widht": 4}}, "key 'model.widht' is unknown"),
        ("codec", {"batch": "4"}, "batch is '4'; it must be a whole number"),
        ("codec", {"batch": 4.5}, "batch is 4.5; it must be a whole number"),
        ("codec", {"batch": True}, "batch is True; it must be a whole number"),
        ("codec", {"batch": 0}, "batch is 0; it must be positive"),
        ("codec", {"kl_weight": -1}, "kl_weight is -1; it must be at least 0"),
        ("codec", {"loop": {"precision": "fp8"}}, "loop.precision is 'fp8'; it must be 'auto' or 'no' or 'bf16'"),
        ("codec", {"loop": {"save_steps": 1.5}}, "loop.save_steps is 1.5; it must be a whole number or null"),
        ("codec", {"loop": {"average": 1.5}}, "loop.average is 1.5; it must be 0 to 1"),
        ("denoiser", {"denoiser": "UNet"}, "denoiser 'UNet' is unknown; there are MotionMambaDenoiser"),
        ("denoiser", {"text": "t5"}, "text 't5' is unknown"),
        ("denoiser", {"model": {"latent_dim": 9}}, "key 'model.latent_dim' is unknown"),
        ("denoiser", {"text_model": {"size": 9}}, "key 'text_model.size' is unknown"),
        ("denoiser", {"timelines": {"pieces": 1}}, "timelines.pieces is 1; it must be at least 2"),
        ("denoiser", {"timelines": {"real": 1.5}}, "timelines.real is 1.5; it must be 0 to 1"),
        ("denoiser", {"timelines": {"real": -0.5}}, "timelines.real is -0.5; it must be at least 0"),
        ("codec", {"model": {"latent_dim": 3}}, "model.latent_dim is 3; it must be a whole number of at least 4"),
        ("codec", {"model": {"blocks": 9}}, "model.blocks is 9; it must be 1 to 8"),
        ("codec", {"model": {"blocks": -1}}, "model.blocks is -1; it must be 1 to 8"),
        ("codec", {"model": {"width": "wide"}}, "nothing can be built from model ("),
        ("codec", {"model": {"width": 1}}, "model leaves 'encoder.0.linear.weight' without a value"),
        ("codec", {"model": {"dropout": 2}}, "nothing can be built from model (dropout probability"),
        ("codec", {"frames": 30}, "frames is 30; it must be a multiple of 4"),
        ("codec", {"codec": "VQ"}, "codec 'VQ' is unknown; there are TemporalCodec, TokenCodec"),
        ("codec", {"codec": "TokenCodec", "model": {"width": 4}}, "key 'model.width' is unknown"),
        ("codec", {"codec": "TokenCodec", "model": {"layers": 2}}, "from model (layers is 2; it must be odd"),
        ("codec", {"codec": "TokenCodec", "frames": 204}, "frames is 204; model.longest allows 200"),
        ("denoiser", {"process": {"betas": 1}}, "nothing can be built from process (DDPMScheduler"),
        ("denoiser", {"process": {"prediction_type": "x"}}, "from process (prediction type 'x' is none of"),
        ("denoiser", {"process": {"beta_schedule": "x"}}, "nothing can be built from process (x is not implemented"),
        ("denoiser", {"process": {"num_train_timesteps": 0}}, "process.num_train_timesteps is 0"),
        ("denoiser", {"model": {"group": 7}}, "from model (width 256 is no multiple of the spatial group 7)"),
        ("denoiser", {"model": {"blocks": 0}}, "model leaves 'offsets' without a value"),
        ("denoiser", {"model": {"heads": 3}}, "model.heads is 3; it must divide model.width, which is 256"),
        ("denoiser", {"text_model": {"heads": 3}}, "nothing can be built from text_model (embed_dim must be"),
        ("denoiser", [], "holds no JSON object"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(
    kind: Literal["codec", "denoiser"], content: Any, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    with pytest.raises(MotionError) as refused:
        load_config(kind, path)
    assert said in str(refused.value) and str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
