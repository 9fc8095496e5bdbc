"""A video of the skinned body on a ground, with captions."""

from __future__ import annotations

from pathlib import Path

from motiongen.motion import Motion
from motiongen.render.video import render_video


def write(motion: Motion, path: Path) -> None:
    """Write an H.264 mp4 of 512 x 512 pixels at the clip's frame rate."""
    render_video(motion, path)
