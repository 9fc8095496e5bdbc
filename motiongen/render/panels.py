"""Clips side by side: every one in a square of its own, each square with the sentence of the moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from motiongen.motion import Motion, MotionError
from motiongen.render import MAX_SIZE, Look, check_size, stages
from motiongen.render.caption import sentence_at, write

MAX_PANELS = 16
_COLUMNS = 4


class Panels:
    """The frames of one or several clips as one picture each.

    Clips run at the first one's frame rate; one that has ended stands still in its last frame.
    """

    def __init__(self, motions: Sequence[Motion], size: int, look: Look | None = None, caption: bool = True) -> None:
        if not 1 <= len(motions) <= MAX_PANELS:
            raise MotionError(f"{len(motions)} clips cannot be shown side by side; give 1 to {MAX_PANELS}")
        check_size(size)
        self.fps = motions[0].fps
        self.motions = [motion.resampled(self.fps) for motion in motions]
        self.size, self.caption = size, caption
        self.columns = min(len(motions), _COLUMNS)
        self.rows = -(-len(motions) // self.columns)
        if self.columns * size > 2 * MAX_SIZE:
            raise MotionError(
                f"{self.columns} pictures of {size} pixels are {self.columns * size} wide; "
                f"at most {2 * MAX_SIZE} fit a video, choose a smaller size"
            )
        self.stages = stages(self.motions, size, look)

    def __len__(self) -> int:
        return max(len(motion) for motion in self.motions)

    @property
    def threads_help(self) -> bool:
        """Whether frames may be drawn by several threads at once."""
        return all(stage.threads_help for stage in self.stages)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a picture, pixels."""
        return self.rows * self.size, self.columns * self.size

    def frame(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """One frame, sRGB."""
        pictures = []
        for motion, stage in zip(self.motions, self.stages):
            at = min(index, len(motion) - 1)
            picture = stage.frame(at)
            if self.caption:
                write(picture, sentence_at(motion, at))
            pictures.append(picture)
        if len(pictures) == 1:
            return pictures[0]
        out = np.full((*self.shape, 3), 255, np.uint8)
        for i, picture in enumerate(pictures):
            row, column = divmod(i, self.columns)
            out[row * self.size :, column * self.size :][: self.size, : self.size] = picture
        return out
