"""What the clips of the two Bandai-Namco data sets show: the contents by name, and sentences in every style.

Names were checked against the motion. `bye`, `guide` use the right hand and `byebye` both hands in every style (`guide`
in the happy style starts with both); `walk-left` and `walk-right` are neither side steps nor turns: the person walks
forward and the path bears 8 to 45 degrees off the facing direction; `respond` raises the left hand; `kick` is done with
the right leg in a full turn to the left; `slash` holds the sword in both hands; raised hands reach the height of the
head or above and come down again.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from motiongen_data_prep.bandai_actions import ACTIONS
from motiongen_data_prep.bandai_gestures import GESTURES
from motiongen_data_prep.bandai_styles import STYLES
from motiongen_data_prep.bandai_walks import WALKS
from motiongen_data_prep.captions import Content, sentences

CONTENTS: dict[str, Content] = {**WALKS, **GESTURES, **ACTIONS}
for _left in [name for name in CONTENTS if "-left" in name and not name.startswith("punch")]:
    CONTENTS[_left.replace("-left", "-right")] = replace(CONTENTS[_left], mirrored=True)


@cache
def bandai_captions(content: str, style: str) -> tuple[tuple[str, ...], ...]:
    """Sentences for a content and a style, grouped by pattern. KeyError for a name unknown to them."""
    return tuple(tuple(group) for group in sentences(CONTENTS[content], STYLES[style]))
