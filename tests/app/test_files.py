"""`motiongen render` and `motiongen convert`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from motiongen.export import EXPORTERS
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


@pytest.mark.parametrize("name", ["npz", "mp4"])
def test_convert_writes_the_format_of_the_suffix(name: str, clip: Path, tmp_path: Path, run: Run) -> None:
    result = run("convert", clip, tmp_path / f"out.{name}")
    assert result.code == 0, result.err
    assert (tmp_path / f"out.{name}").stat().st_size > 0
    if name == "npz":
        assert (tmp_path / "out.npz").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("convert", "clip.npz", "out.fbx"), f"format 'fbx' is unknown; there are {', '.join(EXPORTERS)}"),
        (("convert", "clip.npz", "out"), "format '' is unknown"),
        (("convert", "absent.npz", "out.npz"), "absent.npz: no such file"),
        (("convert", "notes.txt", "out.npz"), "not a readable npz or npy file"),
        (("convert", "clip.npz", "notes.txt/out.npz"), "notes.txt: is a file, not a folder"),
        (("render", "clip.npz", "out.avi"), "must end in .mp4"),
        (("render", "clip.npz", "out.mp4", "--size", "63"), "--size is 63"),
        (("render", "clip.npz", "out.mp4", "--size", "100000"), "--size is 100000"),
        (("render", "clip.npz", "out.mp4", "--sheet", "out.jpg"), "must end in .png"),
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
