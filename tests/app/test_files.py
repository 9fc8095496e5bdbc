"""`motiongen render` and `motiongen convert`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from motiongen.export import EXPORTERS, IMPORTERS, suffix
from motiongen.motion import Motion, Segment

Run = Callable[..., Any]


@pytest.fixture(name="clip")
def _clip(tmp_path: Path, standing: torch.Tensor) -> Path:
    path = tmp_path / "clip.npz"
    Motion(standing[:4], text=(Segment("a person stands", 0, 4),)).save(path)
    return path


def test_render_writes_a_video_and_a_sheet(clip: Path, tmp_path: Path, run: Run) -> None:
    result = run("render", clip, tmp_path / "new" / "clip.mp4", "--size", 64, "--sheet", tmp_path / "sheet.png")
    assert result.code == 0, result.err
    with av.open(str(tmp_path / "new" / "clip.mp4")) as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
        assert video.streams.video[0].codec_context.name == "h264"
    assert [frame.shape for frame in frames] == [(64, 64, 3)] * 4
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert "rendering" in result.err


@pytest.mark.parametrize("name", EXPORTERS)
def test_convert_writes_the_format_of_the_ending_and_reads_it_back(
    name: str, clip: Path, tmp_path: Path, run: Run
) -> None:
    made = tmp_path / f"out{suffix(name)}"
    result = run("convert", clip, made)
    assert result.code == 0, result.err
    assert made.stat().st_size > 0 and bool(result.err) == (name == "mp4")
    if name == "npz":
        assert made.read_bytes() == clip.read_bytes()
    if name in IMPORTERS:
        assert run("convert", made, tmp_path / "back.npz").code == 0
        before, back = Motion.load(clip), Motion.load(tmp_path / "back.npz")
        assert (back.joints - before.joints).norm(dim=-1).mean() < 0.005
        assert back.text == (() if name == "bvh" else before.text)


def test_scale_and_mixamo_are_heeded(clip: Path, tmp_path: Path, run: Run) -> None:
    metres = tmp_path / "metres.bvh"
    assert run("convert", clip, metres, "--scale", 1, "--mixamo").code == 0
    assert "ROOT mixamorig:Hips" in metres.read_text()
    assert run("convert", metres, tmp_path / "back.npz", "--scale", 1).code == 0
    assert (Motion.load(tmp_path / "back.npz").joints - Motion.load(clip).joints).norm(dim=-1).mean() < 0.005
    assert run("convert", clip, tmp_path / "clip.glb", "--mixamo").code == 0
    assert b"mixamorig:Hips" in (tmp_path / "clip.glb").read_bytes()


def test_one_of_several_results_of_mdm_is_chosen(clip: Path, tmp_path: Path, run: Run) -> None:
    joints = Motion.load(clip).joints.permute(1, 2, 0).numpy()
    results = {"motion": np.stack([joints, 2 * joints]), "text": ["a", "b"], "lengths": np.array([4, 3])}
    np.save(tmp_path / "results.npy", np.array(results, dtype=object))
    unsaid = run("convert", tmp_path / "results.npy", tmp_path / "one.npz")
    assert unsaid.code == 2 and "choose one by --sample 0 to 1" in unsaid.err
    assert run("convert", tmp_path / "results.npy", tmp_path / "one.npz", "--sample", 1).code == 0
    assert Motion.load(tmp_path / "one.npz").text == (Segment("b", 0, 3),)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("convert", "clip.npz", "out.fbx"),
            "no format ends in '.fbx'; there are .npz, .amass.npz, .bvh, .glb, .mp4, ",
        ),
        (("convert", "clip.npz", "out"), "no format ends in ''"),
        (("convert", "clip.npz", "out.npz", "--scale", "1"), "--scale is for BVH; here npz becomes npz"),
        (("convert", "clip.npz", "out.bvh", "--scale", "0"), "--scale is 0; give"),
        (("convert", "clip.npz", "out.npz", "--mixamo"), "--mixamo names the bones of bvh and glb; npz has none"),
        (("convert", "clip.npz", "out.glb", "--sample", "0"), "--sample chooses among MDM's results; the clip is npz"),
        (("convert", "absent.npz", "out.npz"), "absent.npz: no such file"),
        (
            ("convert", "notes.txt", "out.npz"),
            "notes.txt: '.txt' is not read; a clip is read from npz, npy, bvh and glb",
        ),
        (("convert", "clip.npz", "notes.txt/out.npz"), "notes.txt: is a file, not a folder"),
        (("render", "clip.npz", "out.avi"), "must end in .mp4"),
        (("render", "clip.npz", "out.mp4", "--size", "63"), "--size is 63"),
        (("render", "clip.npz", "out.mp4", "--size", "100000"), "--size is 100000"),
        (("render", "clip.npz", "out.mp4", "--sheet", "out.jpg"), "must end in .png"),
        (("render", "clip.npz", "out.mp4", "--skeleton", "--betas", "tall"), "leave out skeleton"),
        (("render", "clip.npz", "out.mp4", "--skeleton", "--body", "free"), "leave out skeleton"),
        (("render", "absent.npz", "out.mp4"), "absent.npz: no such file"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: tuple[str, ...], said: str, clip: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("no clip")
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert result.err.startswith("error: ") and said in result.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.npz", "notes.txt"]
