"""`motiongen doctor`, with and without a released pipeline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import motiongen_assets
from motiongen.export import EXPORTERS
from motiongen.motion import MotionError
from motiongen_app import doctor

Run = Callable[..., Any]


def only_pipelines_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Released are the pipelines below a folder, and nothing else of what ships changes."""
    found = {path.parent.name: path.parent for path in sorted(folder.glob("pipelines/*/model_index.json"))}
    monkeypatch.setattr(motiongen_assets, "pipelines", lambda: found)


@pytest.fixture(name="released")
def _released(tmp_path: Path, tiny_pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose only pipeline is the tiny one, released as `base`."""
    shutil.copytree(tiny_pipeline, tmp_path / "pipelines" / "base")
    only_pipelines_of(tmp_path, monkeypatch)
    return tmp_path / "pipelines" / "base"


def test_a_whole_installation_is_healthy(released: Path, run: Run) -> None:
    result = run("doctor", "--json")
    found = json.loads(result.out)
    assert (result.code, found["healthy"], found["problems"]) == (0, True, [])
    (pipeline,) = found["pipelines"]
    assert pipeline["name"] == "base" and len(pipeline["hash"]) == 12
    assert pipeline["parameters"].keys() == {"codec", "text_encoder", "denoiser"}
    assert found["exporters"] == dict.fromkeys(EXPORTERS, "ok")
    assert found["self_test"]["status"] == "ok"
    for part in ("scan", "renderer"):
        assert found[part]["backends"][found[part]["in_use"]] == "ok"
    assert found["renderer"]["backends"].keys() == {"rays", "gl"}


def test_the_page_for_people_names_what_matters(released: Path, run: Run) -> None:
    result = run("doctor")
    assert result.code == 0, result.out
    for word in ("torch", "scan", "renderer", "pipeline base", "M parameters", "self-test", "healthy"):
        assert word in result.out


def test_without_a_pipeline_it_is_not_healthy(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    only_pipelines_of(tmp_path, monkeypatch)
    result = run("doctor", "--json")
    found = json.loads(result.out)
    assert (result.code, found["healthy"], found["pipelines"]) == (1, False, [])
    assert "no pipeline is released" in found["problems"][0]
    assert "not healthy" in run("doctor").out


def test_a_damaged_pipeline_is_a_finding_not_a_crash(released: Path, run: Run) -> None:
    (released / "denoiser" / "model.safetensors").write_bytes(b"no weights")
    result = run("doctor", "--json")
    assert result.code == 1
    assert "denoiser/model.safetensors: damaged" in json.loads(result.out)["problems"][0]


def test_a_renderer_that_cannot_draw_is_named(released: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MotionError("the backend cannot start [gl]; install it")

    monkeypatch.setattr(doctor, "still", refuse)
    result = run("doctor", "--json")
    found = json.loads(result.out)
    reason = "MotionError: the backend cannot start [gl]; install it"
    assert found["renderer"]["backends"] == {"rays": reason, "gl": reason}
    # The extra one may be absent; the default one is what videos are made with.
    assert (result.code, found["problems"]) == (1, [f"renderer rays: {reason}"])
    assert "cannot start [gl]" in " ".join(run("doctor").out.split())


def test_extras_are_listed_with_their_remedy(released: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    declared = ["torch>=2.6", 'nowhere-to-be-found>=1 ; extra == "gl"', 'pytest>=8 ; extra == "test"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: declared)
    extras = json.loads(run("doctor", "--json").out)["extras"]
    assert extras == {
        "gl": {"missing": ["nowhere-to-be-found"], "install": 'pip install "motiongen[gl]"'},
        "test": {"missing": [], "install": 'pip install "motiongen[test]"'},
    }
    assert "motiongen[gl]" in run("doctor").out
