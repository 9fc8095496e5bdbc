"""`motiongen edit` and `motiongen continue`, and `generate` with `--loop`, `--in-place` and `--best-of`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen.motion import Motion

Run = Callable[..., Any]
QUICK = ("--steps", 2, "--formats", "npz")


def only(folder: Path, pattern: str = "*.npz") -> Path:
    (path,) = folder.glob(pattern)
    return path


@pytest.fixture(scope="module")
def clip(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("clip")
    assert run("generate", "a person walks", "--seconds", 3, "--out", out, *QUICK).code == 0
    return only(out)


def test_an_edited_clip_is_written_with_its_origin(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run("edit", clip, "--regenerate", "1.0:2.0", "--text", "a person bows", "--out", tmp_path, *QUICK)
    assert result.code == 0, result.err
    before, after = Motion.load(clip), Motion.load(only(tmp_path))
    assert [(s.text, s.start, s.stop) for s in after.text] == [
        ("a person walks", 0, 20), ("a person bows", 20, 40), ("a person walks", 40, 60),
    ]  # fmt: skip
    changed = (before.joints != after.joints).flatten(1).any(1).nonzero().flatten()
    assert changed.min() >= 20 and changed.max() < 40 and len(changed) == 20
    (entry,) = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert entry["edited"] == str(clip) and entry["regenerated"] == [1.0, 2.0]
    assert entry["metrics"]["foot_skate_cm_per_s"] >= 0


def test_a_clip_goes_on_with_several_sentences(run: Run, clip: Path, tmp_path: Path) -> None:
    more = ("--text", "a person runs", "--text", "a person waves", "--seconds", 1, 1.5)
    result = run("continue", clip, *more, "--out", tmp_path, *QUICK, "--formats", "npz,bvh")
    assert result.code == 0, result.err
    before, after = Motion.load(clip), Motion.load(only(tmp_path))
    assert len(after) == 60 + 20 + 30 and np.array_equal(after.joints[:60], before.joints)
    assert [s.text for s in after.text] == ["a person walks", "a person runs", "a person waves"]
    assert only(tmp_path, "*.bvh").stat().st_size > 0


def test_an_edit_can_begin_from_another_format(run: Run, clip: Path, tmp_path: Path) -> None:
    assert run("convert", clip, tmp_path / "clip.bvh").code == 0
    result = run(
        "edit",
        tmp_path / "clip.bvh",
        "--regenerate",
        "0:1",
        "--text",
        "a person bows",
        "--out",
        tmp_path / "out",
        *QUICK,
    )
    assert result.code == 0, result.err
    assert len(Motion.load(only(tmp_path / "out"))) == 60


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("edit", "CLIP", "--regenerate", "2-3", "--text", "a"), "give seconds as FROM:TO"),
        (("edit", "CLIP", "--regenerate", "2:9", "--text", "a"), "the clip has 3"),
        (("edit", "CLIP", "--regenerate", "2:2.1", "--text", "a"), "at least 0.5"),
        (("edit", "CLIP", "--regenerate", "1:2", "--text", " "), "is empty"),
        (("edit", "nothing.npz", "--regenerate", "1:2", "--text", "a"), "no such file"),
        (("edit", "CLIP", "--regenerate", "1:2", "--text", "a", "--steps", "0"), "--steps is 0"),
        (("continue", "CLIP", "--text", "a", "--seconds", "1", "2"), "2 --seconds given for 1 sentences"),
        (("continue", "CLIP", "--text", "a", "--seconds", "0.1"), "--seconds is 0.1"),
        (("continue", "CLIP", "--text", ""), "is empty"),
        (("generate", "a", "--best-of", "0"), "--best-of is 0"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run: Run, clip: Path, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    out = tmp_path / "out"
    result = run(*[str(clip) if a == "CLIP" else a for a in arguments], "--out", out)
    assert result.code == 2 and problem in result.err
    assert len(result.err.strip().splitlines()) == 1 and not out.exists()


def test_candidates_cannot_be_chosen_from_without_heads(run: Run, tiny_pipeline: Path, tmp_path: Path) -> None:
    result = run("generate", "a", "--best-of", 2, "--pipeline", tiny_pipeline, "--out", tmp_path, *QUICK)
    assert result.code == 2 and "no alignment heads" in result.err


def test_loops_and_places_are_in_the_manifest(run: Run, tmp_path: Path) -> None:
    result = run("generate", "a person walks", "--seconds", 2, "--loop", "--in-place", "--out", tmp_path, *QUICK)
    assert result.code == 0, result.err
    (entry,) = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert entry["loop"] and entry["in_place"] and entry["best_of"] == 1
    root = Motion.load(only(tmp_path)).joints[:, 0]
    assert float((root - root[0])[:, [0, 2]].norm(dim=-1).max()) < 0.3


def test_the_folder_of_the_clip_is_added_to(run: Run, clip: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(clip.parent, tmp_path / "clips")
    more = ("--text", "a person bows", "--seconds", 1, "--formats", "bvh", "--mixamo")
    assert run("continue", folder / clip.name, *more, "--out", folder, "--steps", 2).code == 0
    assert (folder / clip.name).read_bytes() == clip.read_bytes()
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [entry["files"][0][:4] for entry in entries] == ["000-", "001-"]
    assert [entry["mixamo"] for entry in entries] == [False, True]
    assert "mixamorig:Hips" in only(folder, "*.bvh").read_text()


def test_clips_of_another_frame_rate_are_brought_to_ours(run: Run, clip: Path, tmp_path: Path) -> None:
    Motion.load(clip).resampled(30.0).save(tmp_path / "thirty.npz")
    result = run(
        "edit", tmp_path / "thirty.npz", "--regenerate", "1:2", "--text", "a bow", "--out", tmp_path / "out", *QUICK
    )
    assert result.code == 0, result.err
    assert Motion.load(only(tmp_path / "out")).fps == 20
