"""A take: one clip of a source file, with what is known about it before its motion is read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Take:
    """One clip to prepare.

    Attributes:
        name: of the prepared clip; unique in a prepared folder.
        source: bandai-namco, cmu, mesh2motion or folder.
        file: the motion file.
        captions: sentences, in groups of one pattern.
        clip: name of the animation inside a GLB.
        asf: skeleton of an AMC.
        split: train, val, test or heldout.
        split_given: the user chose the split, so it stays.
        still: the label itself is standing, sitting or lying still, so nothing is trimmed.
        cycle: one cycle, to be repeated.
        lead_in: seconds at the start that are no motion: a calibration pose held, or the converter's fade from it.
        turn: left or right when the label is a walk with one turn.
    """

    name: str
    source: str
    file: Path
    captions: tuple[tuple[str, ...], ...]
    content: str = ""
    style: str = ""
    clip: str = ""
    asf: Path | None = None
    split: str = "train"
    split_given: bool = False
    still: bool = False
    cycle: bool = False
    lead_in: float = 0.0
    turn: str = ""

    def recipe(self) -> dict[str, object]:
        """What the motion depends on besides the code: a clip whose recipe and files are unchanged is not redone."""
        values = asdict(self)
        files = [self.file] + ([self.asf] if self.asf else [])
        recipe: dict[str, object] = {key: values[key] for key in ("clip", "still", "cycle", "lead_in", "turn")}
        recipe["files"] = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
        return recipe
