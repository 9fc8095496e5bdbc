"""Contact sheets: evenly spaced frames of one or more clips in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from motiongen.motion import Motion, MotionError, atomic_path
from motiongen.render import Look, stages
from motiongen.render.caption import write

# Drawn at twice the size and reduced: few pictures, seen for long.
_OVERSAMPLE = 2


def contact_sheet(
    motions: Motion | Sequence[Motion],
    path: str | Path,
    columns: int = 6,
    captions: Sequence[str] | None = None,
    *,
    size: int = 256,
    look: Look | None = None,
) -> None:
    """Write a PNG of one row a clip, `columns` evenly spaced frames wide.

    Args:
        captions: one a clip, written on its first frame; the clips' own sentences if None.
        size: width and height of a frame, pixels, even.
        look: what is drawn, and by which backend.
    """
    clips = [motions] if isinstance(motions, Motion) else list(motions)
    if not clips or columns < 1:
        raise MotionError(
            f"a contact sheet of {len(clips)} clips and {columns} columns is empty; give at least one of each"
        )
    if captions is None:
        captions = ["; ".join(s.text for s in clip.text) for clip in clips]
    if len(captions) != len(clips):
        raise MotionError(f"{len(captions)} captions for {len(clips)} clips; give one for each")
    rows = []
    for clip, text, draw in zip(clips, captions, stages(clips, size * _OVERSAMPLE, look)):
        row = [draw.frame(int(i)) for i in np.linspace(0, len(clip) - 1, columns).round()]
        write(row[0], text)
        rows.append(np.concatenate(row, axis=1))
    large = Image.fromarray(np.concatenate(rows, axis=0))
    sheet = large.resize((large.width // _OVERSAMPLE, large.height // _OVERSAMPLE), Image.Resampling.LANCZOS)
    try:
        with atomic_path(path) as beside:
            sheet.save(beside, format="PNG", optimize=True)
    except OSError as error:
        raise MotionError(f"{path}: cannot be written ({error.strerror or error}); choose another path") from None
