"""`motiongen generate` with an untrained pipeline: files, manifest, repeatability and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen import __version__
from motiongen.batch.jobs import slug
from motiongen.export import EXPORTERS
from motiongen.motion import Motion, Segment
from motiongen.pipeline import TextToMotionPipeline

Run = Callable[..., Any]
TEXT = "a person waves with the left hand"


@pytest.fixture(name="generate")
def _generate(run: Run, tiny_pipeline: Path) -> Run:
    def generate(*args: object) -> Any:
        return run("generate", *args, "--pipeline", tiny_pipeline)

    return generate


def quick(out: Path) -> tuple[object, ...]:
    return ("--out", out, "--steps", 2, "--formats", "npz", "--seconds", 1)


def test_writes_what_it_says(generate: Run, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    result = generate(TEXT, "--seconds", 1, "--samples", 2, "--seed", 5, "--steps", 3, "--out", out)
    assert result.code == 0, result.err
    name = "a-person-waves-with-the-left-hand"
    files = [f"{number}-{name}.{suffix}" for number in ("000", "001") for suffix in ("npz", "mp4")]
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "manifest.json"])
    entries = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert [file for entry in entries for file in entry["files"]] == files
    assert [entry["seed"] for entry in entries] == [5, 6]
    for entry in entries:
        assert (entry["text"], entry["seconds"], entry["steps"], entry["version"]) == (TEXT, 1.0, 3, __version__)
        assert (entry["guidance"], entry["scheduler"]) == (2.5, "ddim")
        assert entry["pipeline"]["name"] == "tiny" and len(entry["pipeline"]["hash"]) == 12
        assert entry["metrics"].keys() == {"foot_skate_cm_per_s", "jitter", "penetration_cm", "alignment"}
        # This pipeline has no heads for it; the key is part of the format.
        assert entry["metrics"].pop("alignment") is None
        assert all(np.isfinite(value) for value in entry["metrics"].values())
        assert {"load", "generate", "write"} <= entry["timings_s"].keys()
    assert all(file in result.out for file in files)
    assert "denoising" in result.err and "writing" in result.err


def test_the_native_file_holds_the_whole_motion(generate: Run, tmp_path: Path) -> None:
    assert generate(TEXT, *quick(tmp_path)).code == 0
    with np.load(next(tmp_path.glob("*.npz"))) as file:
        assert file["joints"].shape == (20, 22, 3) and file["features"].shape == (20, 263)
        assert (float(file["fps"]), file["texts"].tolist()) == (20.0, [TEXT])


def test_the_same_call_gives_the_same_bytes_and_another_seed_does_not(generate: Run, tmp_path: Path) -> None:
    for out, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert generate(TEXT, *quick(tmp_path / out), "--seed", seed).code == 0
    first, second, other = (next((tmp_path / out).glob("*.npz")).read_bytes() for out in "abc")
    assert first == second
    assert first != other


def test_samples_are_those_of_the_seeds_that_follow(generate: Run, tmp_path: Path) -> None:
    assert generate(TEXT, *quick(tmp_path / "two"), "--samples", 2, "--seed", 8).code == 0
    assert generate(TEXT, *quick(tmp_path / "one"), "--seed", 9).code == 0
    both = [Motion.load(path).joints for path in sorted((tmp_path / "two").glob("*.npz"))]
    alone = Motion.load(next((tmp_path / "one").glob("*.npz"))).joints
    torch.testing.assert_close(both[1], alone, atol=1e-3, rtol=0)
    assert (both[0] - alone).abs().max() > 0.01


@pytest.mark.parametrize(
    "seconds",
    [("--seconds", 2, 1), ("--seconds", 2, "--seconds", 1), ("--seconds=2", 1), ("--seconds", "2.0", "1.0")],
)
def test_sentences_follow_each_other_at_the_right_frames(
    seconds: tuple[object, ...], generate: Run, tmp_path: Path
) -> None:
    told = ("--steps", 2, "--formats", "npz", "--out", tmp_path)
    result = generate("a person walks", *seconds, *told, "then bows")
    assert result.code == 0, result.err
    motion = Motion.load(tmp_path / "000-a-person-walks-then-bows.npz")
    assert motion.text == (Segment("a person walks", 0, 40), Segment("then bows", 40, 60))
    (entry,) = json.loads((tmp_path / "manifest.json").read_text())
    assert entry["segments"][1] == {"text": "then bows", "start": 40, "stop": 60}
    assert (entry["text"], entry["seconds"]) == ("a person walks then bows", 3.0)


def test_one_length_holds_for_all_and_four_seconds_is_the_default(generate: Run, tmp_path: Path) -> None:
    told = ("--steps", 1, "--formats", "npz")
    assert generate("walk", "bow", "jump", "--seconds", 1.5, *told, "--out", tmp_path / "a").code == 0
    assert generate("walk", "bow", *told, "--out", tmp_path / "b").code == 0
    motions = [Motion.load(next((tmp_path / out).glob("*.npz"))) for out in "ab"]
    assert [s.stop for s in motions[0].text] == [30, 60, 90]
    assert [s.stop for s in motions[1].text] == [80, 160]


def test_a_later_call_counts_on_and_replaces_nothing(generate: Run, tmp_path: Path) -> None:
    assert generate(TEXT, *quick(tmp_path), "--samples", 2).code == 0
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.npz")}
    (tmp_path / "007-left-by-an-interrupted-run.npz").write_bytes(b"mine")
    assert generate(TEXT, *quick(tmp_path), "--seed", 70).code == 0
    after = {path.name: path.read_bytes() for path in tmp_path.glob("*.npz")}
    assert {name: after[name] for name in before} == before
    entries = json.loads((tmp_path / "manifest.json").read_text())
    assert [entry["seed"] for entry in entries] == [7, 8, 70]
    assert [entry["files"][0][:4] for entry in entries] == ["000-", "001-", "008-"]


@pytest.mark.parametrize("content", ["{}", "[1]", "not json", "[" * 100_000])
def test_a_manifest_of_something_else_is_left_alone(content: str, generate: Run, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(content)
    result = generate(TEXT, *quick(tmp_path))
    assert result.code == 2 and "is no list of clips to add to; name another --out" in result.err
    assert [path.read_text() for path in tmp_path.iterdir()] == [content]


def test_bones_are_named_as_mixamo_has_them(generate: Run, tmp_path: Path) -> None:
    assert generate(TEXT, *quick(tmp_path), "--formats", "bvh,glb,npz", "--mixamo").code == 0
    assert "ROOT mixamorig:Hips" in next(tmp_path.glob("*.bvh")).read_text()
    assert b"mixamorig:LeftToeBase" in next(tmp_path.glob("*.glb")).read_bytes()
    (entry,) = json.loads((tmp_path / "manifest.json").read_text())
    assert entry["mixamo"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "--steps", 2), "a sentence is empty"),
        (("walk", "--seconds", 0.1), "--seconds is 0.1; give 0.5 to 600"),
        (("walk", "--seconds", -3), "--seconds is -3"),
        (("walk", "--seconds", "nan"), "--seconds is nan"),
        (("walk", "--seconds", 1e9), "--seconds is 1e+09"),
        (("walk", "--seconds", "long"), "'--seconds'"),
        (("walk", "bow", "--seconds", 1, 2, 3), "3 --seconds given for 2 sentences"),
        (("walk", "--samples", 0), "--samples is 0; give 1 to 64"),
        (("walk", "--samples", 65), "--samples is 65; give 1 to 64"),
        (("walk", "--steps", 0), "--steps is 0; give 1 to 1000"),
        (("walk", "--steps", 1001), "--steps is 1001"),
        (("walk", "--guidance", "inf"), "--guidance is inf"),
        (("walk", "--seed", -1), "--seed is -1"),
        (("walk", "--seed", 2**32 - 2, "--samples", 3), "--seed is 4294967294; with 3 samples give at most 4294967293"),
        (("walk", "--samples", 32, "--best-of", 9), "are 288 clips to make at once; give at most 256"),
        (("walk", "--mixamo"), "--mixamo names the bones of bvh and glb; add one of them to --formats"),
        (("walk", "--scheduler", "euler"), "scheduler 'euler' is unknown; there are ddim"),
        (("walk", "--formats", "npz,fbx"), f"format 'fbx' is unknown; there are {', '.join(EXPORTERS)}"),
        (("walk", "--formats", ","), "--formats is empty"),
        (("walk", "--device", "tpu"), "device 'tpu' is unknown"),
        (("walk", "--device", "cuda:63"), "device 'cuda:63' is not there"),
        (("walk", "--pipeline", "absent"), "no pipeline 'absent'"),
        (("!?", "--steps", 2), "has no word in it"),
        (("walk " * 200, "--steps", 2), "limit"),
        (("walk", "--sed", 3), "No such option"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: tuple[object, ...], said: str, run: Run, tiny_pipeline: Path, tmp_path: Path
) -> None:
    result = run("generate", "--pipeline", tiny_pipeline, "--out", tmp_path / "out", *arguments)
    assert result.code == 2
    assert said in result.err
    assert result.err.startswith("error: ") and result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_place_for_clips(generate: Run, tmp_path: Path) -> None:
    place = tmp_path / "taken"
    place.write_text("mine")
    for out in (place, place / "below"):
        result = generate(TEXT, "--out", out)
        assert (result.code, result.err) == (2, f"error: {place}: is a file, not a folder; name another --out\n")
    assert place.read_text() == "mine"


def test_an_interruption_is_one_line(generate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TextToMotionPipeline, "__call__", interrupted)
    result = generate(TEXT, *quick(tmp_path / "out"))
    assert result.code == 130
    assert result.err == "interrupted\n"
    assert not (tmp_path / "out").exists()


def test_an_interruption_while_writing_leaves_whole_clips_and_their_manifest(
    generate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = EXPORTERS["npz"], []

    def second_is_interrupted(motion: Motion, path: Path) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(motion, path)

    monkeypatch.setitem(EXPORTERS, "npz", second_is_interrupted)
    assert generate(TEXT, *quick(tmp_path), "--samples", 3).code == 130
    (entry,) = json.loads((tmp_path / "manifest.json").read_text())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*entry["files"], "manifest.json"])


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (("A person — walks!",), "a-person-walks"),
        (("../../etc/passwd",), "etc-passwd"),
        (("Él camina",), "el-camina"),
        (("歩く",), "clip"),
        (("x" * 300,), "x" * 48),
        (("a person walks forward slowly and then turns around",), "a-person-walks-forward-slowly-and-then-turns"),
    ],
)
def test_names_of_files_are_plain(texts: tuple[str, ...], name: str) -> None:
    assert slug(texts) == name


def test_two_runs_into_one_folder_lose_nothing(start: Run, tiny_pipeline: Path, tmp_path: Path) -> None:
    asked = ("generate", TEXT, *quick(tmp_path), "--samples", 3, "--pipeline", tiny_pipeline)
    runs = [start(*asked, "--seed", seed) for seed in (10, 20)]
    for one in runs:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
    entries = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(entry["seed"] for entry in entries) == [10, 11, 12, 20, 21, 22]
    assert sorted(f for entry in entries for f in entry["files"]) == sorted(p.name for p in tmp_path.glob("*.npz"))
    assert len(list(tmp_path.glob("*.npz"))) == 6
