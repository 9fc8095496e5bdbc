"""What BABEL says of a sequence: labels of the whole, labels of frames, and the timelines that can be read out of them.

Labels of frames overlap and leave gaps. Training on several sentences needs them one after the other, so timelines are
made of them as TEACH (Athanasiou et al. 2022) and FlowMDM (Barquero et al. 2024) do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from motiongen.motion import MotionError, Segment

TRANSITION = "transition"
# FlowMDM's: captions that are equal must be so to the letter, for ranks among captions leave duplicates out.
_SPELT_ONE_WAY = {"t pose": "t-pose", "tpose": "t-pose", "a pose": "a-pose", "apose": "a-pose"}
# FlowMDM's: 200 frames at 30 fps, ten labels.
LONGEST_SECONDS = 200 / 30
MOST_LABELS = 10
# Labels that all overlap can be put in order in more ways than anybody would train on.
_MOST_TIMELINES = 64


@dataclass(frozen=True)
class FrameLabel:
    """A label and the seconds that it covers.

    Attributes:
        actions: BABEL's categories of it.
    """

    text: str
    start: float
    stop: float
    actions: tuple[str, ...] = ()

    @property
    def is_transition(self) -> bool:
        return self.text == TRANSITION or self.actions == (TRANSITION,)


@dataclass(frozen=True)
class Labelled:
    """A sequence of AMASS with its labels.

    Attributes:
        file: its path as BABEL writes it, `ARCHIVE/CORPUS/...npz`.
        whole: labels of the whole sequence.
        frames: labels of frames, by their start.
    """

    name: str
    file: str
    whole: tuple[str, ...]
    frames: tuple[FrameLabel, ...]


def read_labels(path: Path) -> list[Labelled]:
    """The sequences of BABEL's train.json or val.json.

    Raises:
        MotionError: no such file, or not one of BABEL's.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MotionError(f"{path}: {(error.strerror or 'cannot be read').lower()}; give BABEL's folder") from None
    except ValueError as error:
        raise MotionError(f"{path}: is not JSON ({str(error)[:80]})") from None
    if not isinstance(entries, dict):
        raise MotionError(f"{path}: holds no sequences by their number, so it is not BABEL's")
    read = []
    for number, entry in entries.items():
        try:
            read.append(_labelled(str(number), entry))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            what = f"{type(error).__name__}: {error}"
            raise MotionError(f"{path}: sequence {number[:40]} is not as BABEL has them ({what[:80]})") from None
    return read


def segments(labels: Sequence[FrameLabel], fps: float, frames: int) -> list[tuple[Segment, FrameLabel]]:
    """The labels as frames, cut to the clip, as TEACH and FlowMDM round them; those of no frame are left out."""
    spans = ((Segment(la.text, int(la.start * fps), min(frames, int(la.stop * fps))), la) for la in labels)
    found = [(segment, label) for segment, label in spans if segment.start < segment.stop]
    return sorted(found, key=lambda pair: (pair[0].start, pair[0].stop))


def timelines(found: Sequence[tuple[Segment, FrameLabel]], longest: int) -> list[list[Segment]]:
    """Labels one after the other, without gaps or overlaps: from each label on, as many as fit into `longest` frames.

    A label follows another if it begins in it or with its end, and ends later. Transitions are no labels of their own:
    what follows one follows what led into it. Where two labels overlap, or a transition lies between them, each gets
    half of it (TEACH's and FlowMDM's rule).

    Args:
        found: segments with their labels, by their start.
        longest: frames of a timeline at most; a single longer label is left out.
    """
    # Of two labels of the same frames, the last one counts.
    spans = {(segment.start, segment.stop): (segment, label.is_transition) for segment, label in found}
    nodes = list(spans.values())

    after = {
        span: [(s, bridge) for s, bridge in nodes if span.start < s.start <= span.stop < s.stop] for span, _ in nodes
    }
    following: dict[Segment, list[Segment]] = {}
    for span, bridge in nodes:
        if not bridge:
            direct = [s for s, is_bridge in after[span] if not is_bridge]
            bridged = [s for t, leads in after[span] if leads for s, is_bridge in after[t] if not is_bridge]
            following[span] = list(dict.fromkeys(direct + bridged))
    made: dict[tuple[Segment, ...], None] = {}
    for first in following:
        for chain in _chains(first, following, longest):
            consecutive = _consecutive(chain)
            if consecutive is not None:
                made[consecutive] = None
    return [list(chain) for chain in made]


def _chains(first: Segment, following: Mapping[Segment, list[Segment]], longest: int) -> list[list[Segment]]:
    """Every way on from a label that cannot be made longer, at most `_MOST_TIMELINES` of them."""
    done: list[list[Segment]] = []
    open_ = [[first]] if first.stop - first.start <= longest else []
    while open_ and len(done) < _MOST_TIMELINES:
        chain = open_.pop()
        onward = (
            [s for s in following[chain[-1]] if s.stop - first.start <= longest] if len(chain) < MOST_LABELS else []
        )
        if onward:
            open_ += [[*chain, s] for s in reversed(onward)]
        else:
            done.append(chain)
    return done


def _consecutive(chain: Sequence[Segment]) -> tuple[Segment, ...] | None:
    """The chain with the middle of every overlap or gap as its boundary; None if a label would lose all its frames."""
    bounds = [chain[0].start]
    bounds += [a.stop + (b.start - a.stop) // 2 for a, b in pairwise(chain)]
    bounds.append(chain[-1].stop)
    if any(a >= b for a, b in pairwise(bounds)):
        return None
    return tuple(Segment(s.text, start, stop) for s, (start, stop) in zip(chain, pairwise(bounds)))


def _labelled(number: str, entry: Mapping[str, Any]) -> Labelled:
    whole, frames = entry.get("seq_ann"), entry.get("frame_ann")
    labels = [
        FrameLabel(_text(la), float(la["start_t"]), float(la["end_t"]), tuple(la.get("act_cat") or ()))
        for la in (frames["labels"] if frames else ())
    ]
    return Labelled(
        number,
        str(entry["feat_p"]),
        tuple(dict.fromkeys(text for la in (whole["labels"] if whole else ()) if (text := _text(la)))),
        tuple(sorted((la for la in labels if la.text), key=lambda la: (la.start, la.stop))),
    )


def _text(label: Mapping[str, Any]) -> str:
    """BABEL's processed label, or the raw one where it has none; a # would end a caption."""
    text = " ".join(str(label.get("proc_label") or label.get("raw_label") or "").replace("#", " ").split())
    return _SPELT_ONE_WAY.get(text, text)
