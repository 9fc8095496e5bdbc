"""Configurations of training runs: the ones that come along, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from motiongen.models.denoiser import DENOISERS
from motiongen.models.vae import TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.config import config_names, load_config


@pytest.mark.parametrize("name", config_names("codec"))
def test_codecs_that_come_along_can_be_built(name: str) -> None:
    config = load_config("codec", name)
    assert TemporalCodec(**config.model).config.items() >= config.model.items()


@pytest.mark.parametrize("name", config_names("denoiser"))
def test_denoisers_that_come_along_can_be_built(name: str) -> None:
    config = load_config("denoiser", name)
    assert DENOISERS[config.denoiser](**config.model).config.items() >= config.model.items()


def test_names_and_values() -> None:
    assert config_names("codec") == ["starter", "tiny"]
    assert config_names("denoiser") == ["starter", "tiny", "transformer"]
    assert load_config("denoiser", "transformer").denoiser == "TransformerDenoiser"
    codec = load_config("codec", "tiny")
    assert (codec.model["latent_dim"], codec.loop.steps, codec.loop.save_steps, codec.frames) == (8, 40, 5, 32)
    # What a file leaves out keeps its default.
    assert codec.loop.clip == 1.0


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
