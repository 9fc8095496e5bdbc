"""GLB and BVH in Blender itself, which must be installed in an environment of its own (it wants an older numpy):

python3.11 -m venv blender && blender/bin/pip install "bpy==4.5.*" "numpy<2"
MOTIONGEN_BPY=blender/bin/python python -m pytest tests/export/test_blender.py
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motiongen.export import EXPORTERS
from motiongen.export.bones import BONES, CLIP_BONES
from motiongen.export.posed import Pose
from motiongen.motion import Motion

pytestmark = pytest.mark.slow
Look = Callable[[Path, np.ndarray], dict[str, Any]]


@pytest.fixture(name="look", scope="module")
def _look() -> Look:
    python = os.environ.get("MOTIONGEN_BPY")
    if not python:
        pytest.skip('Blender is not here: install "bpy==4.5.*" in an environment and set MOTIONGEN_BPY to its python')

    def look(path: Path, seconds: np.ndarray) -> dict[str, Any]:
        script = Path(__file__).with_name("blender_import.py")
        command = [python, str(script), str(path), ",".join(map(str, seconds))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
        assert len(lines) == 1, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(lines[0].removeprefix("FOUND "))
        return found

    return look


def in_blender(points: np.ndarray) -> np.ndarray:
    """Y up and facing +Z, as Blender has it: Z up and facing -Y, the front view."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


@pytest.mark.parametrize("name", ["glb", "bvh"])
def test_blender_shows_the_clip(name: str, look: Look, clip: Motion, pose: Pose, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{name}"
    EXPORTERS[name](clip, path)
    frames = np.sort(np.random.default_rng(0).choice(len(clip), 10, replace=False))
    frames[0] = 0
    found = look(path, frames / clip.fps)
    names = BONES if name == "glb" else CLIP_BONES
    heads = np.array([[frame[bone] for bone in names] for frame in found["heads"]])
    wanted = in_blender(pose.joints().numpy()[frames][:, : len(names)])
    assert np.linalg.norm(heads - wanted, axis=-1).max() < 1e-3, "bone heads, metres"
    # The right way up, and from the front: the left is to +X, toes point to the viewer.
    at = dict(zip(names, heads[0]))
    assert at["Head"][2] - at["LeftFoot"][2] > 1.2
    assert at["LeftUpLeg"][0] - at["RightUpLeg"][0] > 0.1
    assert at["LeftToeBase"][1] < at["LeftFoot"][1]
    # Length and speed.
    assert found["seconds"] == pytest.approx((len(clip) - 1) / clip.fps, abs=1e-4)
    if name == "bvh":
        assert found["rate"] == clip.fps
    else:
        assert found["name"] == "a person walks then spins »around«"
        vertices = in_blender(pose.body(pose.poses, pose.betas, pose.trans)[frames].numpy())
        boxes = np.stack([vertices.min(1), vertices.max(1)], axis=1)
        assert np.abs(np.array(found["boxes"]) - boxes).max() < 5e-3, "the skinned mesh's bounds, metres"
