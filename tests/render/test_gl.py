"""Both backends draw the same figure in the same place."""

from __future__ import annotations

import builtins
import importlib.util
from typing import Any

import numpy as np
import pytest

from motiongen.motion import Motion, MotionError
from motiongen.render import Look, stages
from motiongen.render import gl as module
from motiongen.render.stage import GAMMA


def _missing() -> str | None:
    if importlib.util.find_spec("pyrender") is None:
        return 'pyrender is not installed: pip install "motiongen[gl]"'
    return None


@pytest.mark.parametrize("skeleton", [False, True])
def test_silhouettes_agree(walk: Motion, skeleton: bool) -> None:
    if reason := _missing():
        pytest.skip(reason)
    clip = walk.crop(0, 9)
    rays = stages([clip], 320, Look(skeleton=skeleton))[0]
    try:
        gl = stages([clip], 320, Look(skeleton=skeleton, backend="gl"))[0]
    except MotionError as error:
        pytest.skip(f"OpenGL does not run here: {error}")
    for frame in (0, 8):
        figures, pictures = [], []
        for stage in (rays, gl):
            # On black and on white: in linear light they differ by the share of a pixel that is background.
            ends = [np.full((320, 320, 3), level, np.uint8) for level in (0, 255)]
            vertices, scene = stage.vertices(frame), stage.scene_of(frame)
            for end in ends:
                stage.draw(end, scene, vertices, frame)
            black, white = ((end / 255) ** GAMMA for end in ends)
            figures.append((white - black).max(-1) < 0.5)
            pictures.append(stage.frame(frame).astype(float))
        a, b = figures
        assert a.mean() > 0.03
        assert (a & b).sum() / (a | b).sum() > 0.98
        inner = a & b
        assert np.abs(pictures[0] - pictures[1])[inner].mean() < 40
        assert np.abs(pictures[0] - pictures[1])[~(a | b)].mean() < 1.5


def test_without_pyrender_the_remedy_is_one_line(walk: Motion, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "pyrender":
            raise ModuleNotFoundError("No module named 'pyrender'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    module._pyrender.cache_clear()
    with pytest.raises(MotionError, match=r'pip install "motiongen\[gl\]".*libosmesa6') as caught:
        stages([walk.crop(0, 1)], 64, Look(skeleton=True, backend="gl"))
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    module._pyrender.cache_clear()
