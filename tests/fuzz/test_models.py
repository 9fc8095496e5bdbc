"""Whatever is in a body, a configuration or a pipeline's folder, it works or is refused in one line."""

from __future__ import annotations

import json
import pickle
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.body.smpl import BodyModel
from motiongen.models.denoiser import MotionMambaDenoiser
from motiongen.models.text import WordLlamaText
from motiongen.models.vae import TemporalCodec
from motiongen.motion import MotionError
from motiongen.pipeline import TextToMotionPipeline
from motiongen.training.config import CONFIGS, load_config
from tests.body.conftest import smpl_arrays
from tests.fuzz.damage import FUZZ, damaged_arrays, damaged_bytes, damaged_json, read_or_refused

BODY = {name: array[:2] if name == "f" else array for name, array in smpl_arrays(vertices=4).items()}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@FUZZ
@given(damaged=damaged_arrays(BODY))
def test_other_arrays_in_a_body(damaged: dict[str, Any], place: Path) -> None:
    np.savez(place / "body.npz", **damaged)
    read_or_refused(BodyModel.load, place / "body.npz")


@FUZZ
@given(damaged=damaged_bytes(pickle.dumps(BODY, 2)))
def test_damaged_bytes_of_a_pickled_body(damaged: bytes, place: Path) -> None:
    (place / "body.pkl").write_bytes(damaged)
    read_or_refused(BodyModel.load, place / "body.pkl")


def nested() -> list[Any]:
    lists: list[Any] = [0.0] * 100
    for _ in range(12):
        lists = [lists] * 100
    return lists


BODY_BOMBS = {
    "a memo of billions": b"\x80\x03Nr\xf0\xff\xff\x7f.",
    "a text of billions": b"\x80\x04\x8e" + b"\xff" * 4 + bytes(4),
    "lists of the same list": pickle.dumps({**BODY, "weights": nested()}),
}


@pytest.mark.parametrize("what", BODY_BOMBS)
def test_small_bodies_that_ask_for_much(what: str, place: Path) -> None:
    (place / "body.pkl").write_bytes(BODY_BOMBS[what])
    began = time.process_time()
    assert isinstance(read_or_refused(BodyModel.load, place / "body.pkl"), MotionError)
    assert time.process_time() - began < 5


@pytest.mark.parametrize("kind", ["codec", "denoiser"])
def test_other_values_in_a_configuration(kind: Any, place: Path) -> None:
    document = json.loads((CONFIGS / f"{kind}-tiny.json").read_text())
    document.setdefault("process", {"num_train_timesteps": 100} if kind == "denoiser" else {})
    document["model"] |= {"blocks": 1, "width": 32}
    if kind == "codec":
        del document["process"]

    @FUZZ
    @given(damaged_json(document))
    def check(damaged: Any) -> None:
        (place / "config.json").write_text(json.dumps(damaged))
        read_or_refused(load_config, kind, place / "config.json")

    check()


@pytest.fixture(name="pipeline", scope="module")
def _pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    text = WordLlamaText(dim=16, layers=1, heads=2, feedforward=16)
    codec = TemporalCodec(latent_dim=8, width=24, blocks=1)
    denoiser = MotionMambaDenoiser(latent_dim=8, width=32, text_dim=16, blocks=1, inner=16, group=16, feedforward=32)
    folder = tmp_path_factory.mktemp("pipelines") / "tiny"
    TextToMotionPipeline(codec, text, denoiser).save_pretrained(folder)
    return folder


def generated(folder: Path) -> None:
    pipeline = TextToMotionPipeline.from_pretrained(folder)
    pipeline("a person walks", 0.5, num_inference_steps=2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "file", ["model_index", "codec/config", "text_encoder/config", "denoiser/config", "scheduler/config"]
)
def test_other_values_in_a_pipeline(file: str, pipeline: Path) -> None:
    path = pipeline / f"{file}.json"
    before = path.read_text()

    @settings(FUZZ, max_examples=FUZZ.max_examples // 3)
    @given(damaged_json(json.loads(before)))
    def check(damaged: Any) -> None:
        path.write_text(json.dumps(damaged))
        read_or_refused(generated, pipeline)

    try:
        generated(pipeline)
        check()
    finally:
        path.write_text(before)


def test_damaged_weights(pipeline: Path) -> None:
    path = pipeline / "denoiser" / "model.safetensors"
    before = path.read_bytes()
    size = struct.unpack_from("<Q", before)[0]

    @settings(FUZZ, max_examples=FUZZ.max_examples // 2)
    @given(damaged_bytes(before[: 8 + size]), st.booleans())
    def check(head: bytes, cut: bool) -> None:
        path.write_bytes(head if cut else head + before[8 + size :])
        read_or_refused(generated, pipeline)

    try:
        check()
        path.write_bytes(before[: 8 + size] + b"\xff" * (len(before) - 8 - size))
        assert "NaN" in str(read_or_refused(generated, pipeline))
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("file", "told", "says"),
    [
        ("denoiser/config", {"blocks": 10**9}, "at most 8192"),
        ("denoiser/config", {"blocks": 8000}, "larger network"),
        ("denoiser/config", {"width": 8192, "heads": 4}, "larger network"),
        ("text_encoder/config", {"layers": 8000}, "larger network"),
        ("text_encoder/config", {"dim": 10**12}, "at most 8192"),
        ("scheduler/config", {"num_train_timesteps": 10**12}, "give 1 to 10000"),
        ("denoiser/config", {"heads": 3}, "heads"),
        ("model_index", {"denoiser": ["MotionMambaDenoiser"]}, "is unknown"),
    ],
)
def test_small_configurations_that_ask_for_much(file: str, told: dict[str, Any], says: str, pipeline: Path) -> None:
    path = pipeline / f"{file}.json"
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | told))
    began = time.process_time()
    try:
        assert says in str(read_or_refused(TextToMotionPipeline.from_pretrained, pipeline))
    finally:
        path.write_text(before)
    assert time.process_time() - began < 5
