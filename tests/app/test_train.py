"""`motiongen train`, from a dataset to a pipeline that generates, and through a kill -9."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from motiongen.checkpoint import save_module
from motiongen.models.vae import TemporalCodec
from motiongen.motion import Motion

STEPS = 100


def curves(out: Path) -> list[dict[str, Any]]:
    """Everything that was logged, without the times."""
    rows = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def wait_for_step(process: subprocess.Popen[str], path: Path, step: int) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if path.exists() and path.read_text().count('"loss"') >= step:
            return
        time.sleep(0.002)
    process.kill()
    pytest.fail(f"no step {step} was logged: {process.communicate()}")


def test_a_killed_run_resumes_to_the_same_losses(
    run: Callable[..., Any], start: Callable[..., Any], dataset: Path, tmp_path: Path
) -> None:
    def arguments(out: str) -> tuple[object, ...]:
        told = ("--config", "tiny", "--data", dataset, "--out", tmp_path / out, "--steps", STEPS, "--threads", 1)
        return ("train", "codec", *told)

    process = start(*arguments("killed"))
    wait_for_step(process, tmp_path / "killed" / "curves.jsonl", 12)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert 12 <= len(curves(tmp_path / "killed")) < STEPS
    assert not (tmp_path / "killed" / "codec").exists()

    assert run(*arguments("killed"), "--resume").code == 0
    assert run(*arguments("whole")).code == 0
    assert curves(tmp_path / "killed") == curves(tmp_path / "whole")
    assert [row["step"] for row in curves(tmp_path / "whole") if "loss" in row] == list(range(1, STEPS + 1))
    weights = [load_file(tmp_path / out / "codec" / "model.safetensors") for out in ("killed", "whole")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[1])


@pytest.fixture(scope="module")
def codec(dataset: Path, tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Any]) -> Path:
    out = tmp_path_factory.mktemp("codec")
    result = run("train", "codec", "--config", "tiny", "--data", dataset, "--out", out)
    assert result.code == 0, result.err
    return out


def test_the_codec_is_written_with_its_run(codec: Path) -> None:
    assert json.loads((codec / "codec" / "config.json").read_text())["latent_dim"] == 8
    told = json.loads((codec / "run.json").read_text())
    assert told["loop"]["steps"] == 40 and re.fullmatch("[0-9a-f]{12}", told["run"]["data"])
    assert json.loads((codec / "codec" / "run.json").read_text()) == told
    losses = [row["loss"] for row in curves(codec) if "loss" in row]
    assert losses[-1] < 0.6 * losses[0]


def test_a_denoiser_trained_on_it_generates(
    codec: Path, dataset: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    told = ("--config", "tiny", "--data", dataset, "--codec", codec / "codec", "--half")
    result = run("train", "denoiser", *told, "--out", tmp_path / "run")
    assert result.code == 0, result.err
    told = json.loads((tmp_path / "run" / "pipeline" / "run.json").read_text())["run"]
    assert all(re.fullmatch("[0-9a-f]{12}", told[key]) for key in ("codec", "data"))
    weights = load_file(tmp_path / "run" / "pipeline" / "denoiser" / "model.safetensors")
    assert {t.dtype for t in weights.values() if t.is_floating_point()} == {torch.float16}
    made = run(
        "generate", "a person walks", "--pipeline", tmp_path / "run" / "pipeline", "--seconds", 2, "--steps", 3,
        "--formats", "npz", "--out", tmp_path / "out",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert len(Motion.load(tmp_path / "out" / "000-a-person-walks.npz")) == 40


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(
    codec: Path, dataset: Path, run: Callable[..., Any]
) -> None:
    again = run("train", "codec", "--config", "tiny", "--data", dataset, "--out", codec)
    other = run("train", "codec", "--config", "tiny", "--data", dataset, "--out", codec, "--steps", 50, "--resume")
    assert (again.code, other.code) == (2, 2)
    assert "--resume" in again.err
    assert "other settings" in other.err


def test_a_denoiser_is_not_resumed_on_another_codec_or_dataset(
    codec: Path, dataset: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    def train(codec: Path, data: Path, *more: object) -> Any:
        told = ("--config", "tiny", "--steps", 2, "--data", data, "--codec", codec, "--out", tmp_path / "run")
        return run("train", "denoiser", *told, *more)

    shutil.copytree(dataset, tmp_path / "data")
    with open(tmp_path / "data" / "train.txt", "a", encoding="utf-8") as file:
        file.write("000006\n")
    other = TemporalCodec(latent_dim=8, width=48, blocks=1)
    save_module(other, tmp_path / "other")
    assert train(codec / "codec", dataset).code == 0
    assert "other settings (codec)" in train(tmp_path / "other", dataset, "--resume").err
    assert "other settings (data)" in train(codec / "codec", tmp_path / "data", "--resume").err
    assert train(codec / "codec", dataset, "--resume").code == 0


def test_a_budget_in_minutes_ends_a_run(dataset: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    result = run(
        "train", "codec", "--config", "tiny", "--data", dataset, "--out", tmp_path, "--steps", 100_000,
        "--minutes", 0.005,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert 0 < curves(tmp_path)[-1]["step"] < 1000  # how the schedule is fitted: tests/training/test_loop.py


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--minutes", "-1"), "--minutes is -1"),
        (("--steps", "0"), "--steps is 0"),
        (("--threads", "0"), "--threads is 0"),
        (("--config", "absent"), "'absent' is neither a file nor one of motion-mamba-paper, starter, tiny"),
        (("--resume",), "no checkpoint"),
        (("--data", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], said: str, dataset: Path, tmp_path: Path, run: Callable[..., Any]
) -> None:
    result = run("train", "codec", "--config", "tiny", "--data", dataset, "--out", tmp_path / "run", *arguments)
    assert result.code == 2
    assert said in result.err
    assert result.err.startswith("error: ") and result.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_missing_tensorboard_names_the_remedy(
    dataset: Path, tmp_path: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec

    def without_tensorboard(name: str, package: str | None = None) -> Any:
        return None if name == "tensorboard" else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_tensorboard)
    result = run("train", "codec", "--config", "tiny", "--data", dataset, "--out", tmp_path / "run")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert 'pip install "motiongen[train]"' in result.err


def test_a_denoiser_needs_a_codec(dataset: Path, tmp_path: Path, run: Callable[..., Any]) -> None:
    told = ("train", "denoiser", "--config", "tiny", "--data", dataset, "--out", tmp_path / "run")
    assert "--codec" in run(*told).err
    result = run(*told, "--codec", tmp_path / "absent")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "absent/config.json: no such file" in result.err
