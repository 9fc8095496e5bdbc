from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageFont

from motiongen.motion import Motion, MotionError, Segment
from motiongen.render import Look, stages, still
from motiongen.render.camera import follow
from motiongen.render.caption import sentence_at, wrap
from motiongen.render.figure import mannequin
from motiongen.render.sheet import contact_sheet
from motiongen.render.video import render_video


def _figure(motion: Motion, frame: int, size: int) -> np.ndarray:
    """Pixels that the figure changes, without its shadow: those whose colour is far from grey or dark."""
    draw = stages([motion], size)[0]
    picture = draw.frame(frame).astype(int)
    background = draw.ground.picture(frame, None).astype(int)
    return np.abs(picture - background).max(-1) > 60


def test_the_figure_is_in_view_and_moves(walk: Motion) -> None:
    masks = [_figure(walk, i, 128) for i in range(0, len(walk), 4)]
    for mask in masks:
        rows, columns = np.nonzero(mask)
        assert mask.mean() > 0.02
        assert 2 < rows.min() < 40 and 70 < rows.max() < 125
        assert columns.min() > 2 and columns.max() < 125
    assert all((a != b).mean() > 0.002 for a, b in pairwise(masks))


def test_every_vertex_of_every_frame_is_inside_the_picture(walk: Motion) -> None:
    joints = walk.joints.numpy()
    mesh = mannequin(joints)
    camera = follow(mesh.vertices, joints[:, 0], walk.fps, 100)
    for frame, vertices in enumerate(mesh.vertices):
        seen = camera.project(vertices, frame)
        assert seen[:, :2].min() > 0 and seen[:, :2].max() < 99 and seen[:, 2].min() > 0


def test_the_camera_follows_smoothly(walk: Motion) -> None:
    joints = np.concatenate([walk.joints.numpy() + np.float32([0, 0, 1.44 * k]) for k in range(4)]).astype(np.float32)
    joints[:, :, 0] += 0.05 * np.sin(np.arange(len(joints)))[:, None]
    camera = follow(mannequin(joints).vertices, joints[:, 0], 20.0, 64)
    shake = np.abs(np.diff(camera.position, n=2, axis=0)).max()
    assert np.ptp(camera.position[:, 2]) > 3.0 and shake < 0.003


def test_a_ray_through_a_pixel_meets_what_projects_to_it(walk: Motion) -> None:
    joints = walk.joints.numpy()
    camera = follow(mannequin(joints).vertices, joints[:, 0], walk.fps, 64)
    column, row, depth = camera.project(joints[3], 3).T
    assert np.allclose(camera.position[3] + camera.directions(column, row) * depth[:, None], joints[3], atol=1e-4)


def test_the_left_side_of_the_person_is_on_the_right_of_the_picture(walk: Motion) -> None:
    picture = still(walk, 0, 160, Look(skeleton=True)).astype(int)
    warm = np.nonzero(picture[..., 0] - picture[..., 2] > 40)[1]
    cool = np.nonzero(picture[..., 2] - picture[..., 0] > 40)[1]
    assert len(warm) > 50 and len(cool) > 50 and warm.mean() > cool.mean() + 5


def test_the_ground_under_the_figure_is_in_shadow(walk: Motion) -> None:
    draw = stages([walk], 128)[0]
    lit, shaded = draw.ground.picture(6, None).astype(int), draw.frame(6).astype(int)
    darker = (lit - shaded).min(-1)
    assert ((darker > 12) & (darker < 60)).sum() > 150


def test_pictures_are_the_same_every_time(walk: Motion) -> None:
    assert np.array_equal(still(walk, 5, 96), still(walk, 5, 96))
    draw = stages([walk], 96)[0]
    draw.frame(9)
    assert np.array_equal(draw.frame(5), still(walk, 5, 96))


def test_a_clip_of_one_frame_has_a_picture(walk: Motion) -> None:
    assert still(walk.crop(0, 1), 0, 64).std() > 5


def test_the_video_is_h264_of_the_right_length_and_rate(walk: Motion, tmp_path: Path) -> None:
    path = tmp_path / "walk.mp4"
    told: list[tuple[int, int]] = []
    render_video(walk, path, size=96, caption=False, progress=lambda done, of: told.append((done, of)))
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, float(stream.average_rate)) == (96, 96, walk.fps)
        frames = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
    assert len(frames) == len(walk) and told[-1] == (len(walk), len(walk)) and len(told) == len(walk)
    assert np.abs(frames[7].astype(int) - still(walk, 7, 96)).mean() < 5
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")
    assert list(tmp_path.iterdir()) == [path]


def test_another_rate_keeps_the_duration(walk: Motion, tmp_path: Path) -> None:
    render_video(walk, tmp_path / "w.mp4", size=64, fps=30)
    with av.open(str(tmp_path / "w.mp4")) as file:
        count = sum(1 for _ in file.decode(video=0))
    assert abs(count / 30 - walk.seconds) < 0.06


def test_captions_change_the_lower_edge_alone(walk: Motion, tmp_path: Path) -> None:
    for name, caption in (("with", True), ("without", False)):
        render_video(walk.crop(0, 2), tmp_path / f"{name}.mp4", size=256, caption=caption)
    first = []
    for name in ("with", "without"):
        with av.open(str(tmp_path / f"{name}.mp4")) as file:
            first.append(next(file.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    change = np.abs(first[0] - first[1]).max(-1)
    assert change[225:].max() > 100 and change[:215].mean() < 2


def test_the_sentence_is_the_latest_one(walk: Motion) -> None:
    assert sentence_at(walk, 0) == "a person walks forward"
    assert sentence_at(walk, 20) == "then goes on"
    gap = replace(walk, text=(Segment("late", 10, 12),))
    assert sentence_at(gap, 3) == ""


def test_long_sentences_are_cut_to_the_picture() -> None:
    font = ImageFont.load_default(12)
    lines = wrap("word " * 200, font, 300, 2)
    assert len(lines) == 2 and lines[-1].endswith("…") and all(font.getlength(line) <= 300 for line in lines)
    assert all(font.getlength(line) <= 300 for line in wrap("w" * 400, font, 300, 2))


@pytest.mark.parametrize("size", [0, 63, 513, 100000])
def test_bad_sizes_are_one_line_and_leave_nothing(walk: Motion, tmp_path: Path, size: int) -> None:
    with pytest.raises(MotionError, match="even number") as caught:
        render_video(walk, tmp_path / "x.mp4", size=size)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_a_path_that_cannot_be_written_leaves_nothing(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MotionError, match="cannot be written"):
        render_video(walk.crop(0, 2), tmp_path / "file" / "x.mp4", size=64)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_video_leaves_nothing(walk: Motion, tmp_path: Path) -> None:
    def stop(done: int, of: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_video(walk, tmp_path / "x.mp4", size=64, progress=stop)
    assert not list(tmp_path.iterdir())


def test_frames_out_of_range_are_named(walk: Motion) -> None:
    with pytest.raises(MotionError, match="frame 99 is not in a clip of 24"):
        still(walk, 99)


def test_a_contact_sheet_has_a_row_a_clip(walk: Motion, tmp_path: Path) -> None:
    contact_sheet([walk, walk.mirrored()], tmp_path / "s.png", columns=3, captions=["one", "two"], size=64)
    image = np.asarray(Image.open(tmp_path / "s.png"))
    assert image.shape == (128, 192, 3) and image.std() > 10
    with pytest.raises(MotionError, match="1 captions for 2 clips"):
        contact_sheet([walk, walk], tmp_path / "t.png", captions=["one"])
