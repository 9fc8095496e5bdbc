from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from motiongen.body.fit import fit
from motiongen.body.smpl import free_body
from motiongen.motion import Motion, MotionError, Segment
from motiongen.render import Look, stages
from motiongen.render.camera import follow
from motiongen.render.clothes import PALETTE, dressed
from motiongen.render.mesh import PosedMesh
from motiongen.render.panels import MAX_PANELS, Panels
from motiongen.render.people import person, posed
from motiongen.render.simplify import simplified
from motiongen.render.trail import Trail
from motiongen.render.video import render_video
from motiongen.skeleton import JOINT_INDEX


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> PosedMesh:
    from tests.render.conftest import walking

    return person(walking(), 256)


def test_the_body_is_where_the_joints_are(body: PosedMesh, walk: Motion) -> None:
    joints = walk.joints.numpy()
    for name in ("pelvis", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle"):
        gap = np.linalg.norm(body.vertices - joints[:, JOINT_INDEX[name], None], axis=-1).min(1)
        assert gap.max() < 0.25, f"{name} is {gap.max():.2f} m from the skin"
    assert 1.4 < np.ptp(body.vertices[..., 1], axis=1).mean() < 2.0


def test_soles_meet_the_ground(body: PosedMesh) -> None:
    lowest = body.vertices[..., 1].min(1)
    assert abs(np.median(lowest) - body.level) < 0.04
    assert (lowest < body.level).mean() <= 0.2


def test_who_goes_on_tiptoe_neither_sinks_nor_floats() -> None:
    """With the short feet of the uniform skeleton, and a body whose feet are longer."""
    from tests.render.conftest import walking

    joints = walking(1).joints.expand(20, -1, -1).clone()
    for side in ("left", "right"):
        ankle, ball = (JOINT_INDEX[f"{side}_{name}"] for name in ("ankle", "foot"))
        steep = torch.linspace(0.44, 1.3, 20)
        length = (joints[0, ball] - joints[0, ankle]).norm()
        foot = torch.stack([torch.zeros(20), -steep.sin(), steep.cos()], dim=-1) * length
        joints[:, ball] = joints[:, ankle] + foot
    joints[..., 1] -= joints[..., 1].amin(1, keepdim=True)
    mesh = person(Motion(joints), 128)
    assert np.ptp(mesh.vertices[..., 1].min(1)) < 0.015


def test_normals_point_out_of_the_body(body: PosedMesh) -> None:
    corner = body.vertices[3][body.faces]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert np.allclose(np.linalg.norm(body.normals, axis=-1), 1.0, atol=1e-4)
    assert ((face * body.normals[3][body.faces[:, 0]]).sum(1) > 0).mean() > 0.97
    assert np.einsum("ij,ij->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) / 6 > 0.03


@pytest.fixture(scope="module")
def bodily() -> Motion:
    """A walk that the free body can do, with its pose."""
    from tests.render.conftest import walking

    model, walk = free_body(), walking()
    found = fit(walk.joints, model, None, walk.fps)
    joints = model.joints(found.poses, found.betas, found.trans)[:, :22]
    return replace(walk, joints=joints, extra={"poses": found.poses, "betas": found.betas, "trans": found.trans})


def test_a_carried_pose_is_drawn_as_it_is(bodily: Motion) -> None:
    model = free_body()
    turned = bodily.extra["poses"].clone()
    turned[:, JOINT_INDEX["left_wrist"]] += 0.3  # of which no joint of the clip tells
    carrying = replace(bodily, extra={**bodily.extra, "poses": turned})
    assert torch.equal(posed(carrying, model).poses, turned)
    # Another shape asks for another fit, and poses without all that belongs to them are none.
    assert not torch.equal(posed(carrying, model, torch.ones(10)).poses, turned)
    assert not torch.equal(posed(replace(bodily, extra={"poses": turned}), model).poses, turned)


def test_a_pose_of_another_body_is_not_drawn(bodily: Motion) -> None:
    model = free_body()
    small = replace(model, template=0.8 * model.template, shape_dirs=0.8 * model.shape_dirs)
    assert torch.equal(posed(bodily, model).trans, bodily.extra["trans"])
    assert not torch.equal(posed(bodily, small).trans, bodily.extra["trans"])


def test_every_part_of_the_body_wears_what_belongs_there() -> None:
    model = free_body()
    rest, joints = model.template.numpy(), model.rest_joints().numpy()
    clothes = dressed(rest, joints, model.weights.numpy(), model.faces.numpy())
    shoes, trousers, shirt, skin, hair = range(5)

    def worn(joint: str, offset: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> set[int]:
        near = np.linalg.norm(rest - joints[JOINT_INDEX[joint]] - offset, axis=1).argsort()[:12]
        return set(clothes.tone[near].astype(int).tolist())

    for side in ("left", "right"):
        assert worn(f"{side}_foot") == {shoes}
        assert worn(f"{side}_knee") == {trousers}
        assert worn(f"{side}_wrist") == {skin}
        assert worn(f"{side}_shoulder") == {shirt}
    assert worn("spine2") == {shirt}
    assert hair in set(clothes.tone.astype(int)) and clothes.tone.max() < len(PALETTE)
    assert rest[clothes.tone.astype(int) == hair, 1].mean() > joints[JOINT_INDEX["head"], 1]
    assert clothes.thickness.min() == 0.0 and 0.0 < clothes.thickness.max() < 0.02


def test_fewer_triangles_keep_the_surface() -> None:
    model = free_body()
    rest, faces = model.template.numpy(), model.faces.numpy()
    kept, fewer = simplified(rest, faces, 0.012)
    assert len(fewer) < 0.6 * len(faces) and fewer.max() == len(kept) - 1

    def volume(points: np.ndarray, corner: np.ndarray) -> float:
        a, b, c = (points[corner[:, i]].astype(np.float64) for i in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)

    assert volume(rest[kept], fewer) == pytest.approx(volume(rest, faces), rel=0.01)
    gap = [np.linalg.norm(rest[kept] - point, axis=1).min() for point in rest[::97]]
    assert max(gap) < 0.03
    assert len({tuple(sorted(face)) for face in fewer.tolist()}) > 0.995 * len(fewer)


def test_hands_apart_are_left_as_they_are_when_no_edge_is_short() -> None:
    corner = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    kept, same = simplified(corner, faces, 0.5)
    assert np.array_equal(kept, np.arange(4)) and np.array_equal(same, faces)


def test_a_figure_of_its_own_for_every_clip(walk: Motion) -> None:
    short = walk.crop(0, 6)
    panels = Panels([walk, short, walk.mirrored()], 64, Look(skeleton=True), caption=False)
    assert len(panels) == len(walk)
    late, later = panels.frame(10), panels.frame(20)
    assert late.shape == (64, 192, 3)
    change = np.abs(late.astype(int) - later).max(-1).reshape(64, 3, 64).max((0, 2))
    assert change[0] > 50 and change[2] > 50 and change[1] == 0, "the clip that has ended stands still"
    for third in np.split(late.astype(int), 3, axis=1):
        assert (np.abs(third - np.median(third, axis=(0, 1))).max(-1) > 60).mean() > 0.02
    assert len({stage.camera.distance for stage in panels.stages}) == 1


def test_many_clips_go_on_in_the_next_row(walk: Motion) -> None:
    panels = Panels([walk.crop(0, 1)] * 5, 64, Look(skeleton=True))
    assert panels.frame(0).shape == (128, 256, 3) == (*panels.shape, 3)
    with pytest.raises(MotionError, match=f"0 clips .* 1 to {MAX_PANELS}"):
        Panels([], 64)
    with pytest.raises(MotionError, match="8640 wide"):
        Panels([walk] * 4, 2160)


def test_the_caption_changes_with_the_sentence(walk: Motion) -> None:
    still = replace(walk, joints=walk.joints[:1].expand(24, -1, -1))
    panels = Panels([still], 256, Look(skeleton=True))
    first, same, second = (panels.frame(i).astype(int) for i in (2, 11, 12))
    assert np.array_equal(first, same)
    rows = np.flatnonzero(np.abs(first - second).max((1, 2)) > 40)
    assert rows.min() > 215 and len(rows) > 5
    silent = Panels([replace(still, text=(Segment("x", 20, 24),))], 256, Look(skeleton=True))
    assert np.abs(silent.frame(2).astype(int) - first)[:215].max() == 0


def test_side_by_side_as_a_video(walk: Motion, tmp_path: Path) -> None:
    path = tmp_path / "two.mp4"
    render_video([walk.crop(0, 4), walk.crop(4, 10).resampled(10)], path, size=64, look=Look(skeleton=True))
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, float(stream.average_rate)) == (128, 64, walk.fps)
        assert sum(1 for _ in file.decode(video=0)) == 5


def test_the_way_of_the_root_is_a_thin_line_on_the_ground(body: PosedMesh, walk: Motion) -> None:
    root = walk.joints[:, 0].numpy()
    camera = follow(body.vertices, root, walk.fps, 256)
    light = np.ones((156, 256), np.float32)
    Trail(camera, root[:, ::2], body.level).darken(light, 100, 8)
    dark = light < 0.9
    assert 30 < dark.sum() < 3000
    column, row, _ = camera.project(np.insert(root[:, ::2], 1, body.level, axis=1), 8).T
    for x, y in zip(column, row):
        if 3 < x < 252 and 103 < y < 252:
            around = dark[round(y) - 102 : round(y) - 97, round(x) - 2 : round(x) + 3]
            assert around.any(), "the line passes where the root does"
    standing = np.ones_like(light)
    Trail(camera, root[:1, ::2].repeat(9, 0), body.level).darken(standing, 100, 0)
    assert (standing == 1).all()


def test_a_backend_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MotionError, match="'cuda' is unknown; there are rays, gl"):
        Look(backend="cuda")


@pytest.mark.parametrize("more", [{"body": "free"}, {"betas": torch.zeros(10)}])
def test_a_skeleton_with_a_body_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(MotionError, match="leave out skeleton"):
        Look(skeleton=True, **more)


def test_the_shape_of_the_body_shows(walk: Motion) -> None:
    clip = walk.crop(0, 2)
    betas = torch.zeros(10)
    betas[1] = 3.0
    plain, other = (stages([clip], 64, Look(betas=b))[0].mesh.vertices for b in (None, betas))
    assert np.abs(plain - other).max() > 0.02
