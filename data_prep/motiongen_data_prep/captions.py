"""Which sentences a clip gets, and what is done to finished sentences: the mirror image's, and lines of text files."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from functools import cache

from motiongen_data_prep.grammar import inflect
from motiongen_data_prep.language import Content, Speaker, Style
from motiongen_data_prep.paraphrases import paraphrases
from motiongen_data_prep.paraphrases_second import paraphrases_second

__all__ = ["MAX_CAPTIONS", "Content", "Style", "choose", "inflect", "sentences", "swap_sides", "text_line"]

MAX_CAPTIONS = 32
# Sentences drawn for each pattern of a content in a style; clips that show it share them.
POOL = 160

_PLAIN = Style()


def sentences(content: Content, style: Style = _PLAIN, pool: int = POOL) -> list[list[str]]:
    """Sentences for a content in a style, in groups of one pattern each, at most `pool` in a group.

    The first group are plain ones, all of them; the others are drawn from the grammar, the same at every call. None is
    a sentence that is held out to test what the model makes of wordings it has not seen.
    """
    speaker = Speaker(content, style, random.Random(_digest(repr((content, style)))))
    groups = [list(speaker.plain())]
    for pattern in speaker.patterns():
        # A small grammar runs out of sentences, so there is an end to trying.
        drawn: set[str] = set()
        tries = 0
        while len(drawn) < pool and tries < 2 * pool:
            drawn.add(pattern())
            tries += 1
        groups.append(sorted(drawn))
    done: set[str] = set(_held_out())
    kept = []
    for group in groups:
        fresh = [text for text in dict.fromkeys(group) if bare(text) not in done]
        fresh = list({bare(text): text for text in fresh}.values())
        fresh = fresh if group is groups[0] else fresh[:pool]
        done |= {bare(text) for text in fresh}
        if content.mirrored:
            fresh = [swap_sides(text) for text in fresh]
        kept.append(fresh)
    return [group for group in kept if group]


def choose(name: str, groups: Sequence[Sequence[str]], most: int = MAX_CAPTIONS) -> list[str]:
    """At most `most` sentences for the clip `name`: the groups in turn, a sentence of each by a hash of the name."""
    chance = random.Random(_digest(name))
    shuffled = [chance.sample(list(group), min(len(group), most)) for group in groups]
    chosen: list[str] = []
    while any(shuffled) and len(chosen) < most:
        for group in shuffled:
            if group and len(chosen) < most and (sentence := group.pop()) not in chosen:
                chosen.append(sentence)
    return chosen


_OTHER_SIDE = {
    "left": "right",
    "lefts": "rights",
    "leftward": "rightward",
    "leftwards": "rightwards",
    "lefthand": "righthand",
    "lefthanded": "righthanded",
    "clockwise": "counterclockwise",
}
_OTHER_SIDE |= {b: a for a, b in _OTHER_SIDE.items()}
_OTHER_SIDE |= {case(a): case(b) for a, b in _OTHER_SIDE.items() for case in (str.capitalize, str.upper)}
_SIDE_WORD = re.compile(rf"\b({'|'.join(_OTHER_SIDE)})\b")


def swap_sides(text: str) -> str:
    """The sentence of the mirrored motion: left and right, clockwise and counterclockwise change places, case kept."""
    return _SIDE_WORD.sub(lambda match: _OTHER_SIDE[match[0]], text)


def text_line(caption: str) -> str:
    """A line of HumanML3D's text files for a whole clip: `caption#tokens#0.0#0.0`.

    The tokens carry the tag OTHER throughout: no part-of-speech tagger runs here and none is needed.
    """
    words = re.findall(r"[a-z0-9']+", caption.lower())
    return f"{caption}#{' '.join(f'{word}/OTHER' for word in words)}#0.0#0.0"


def bare(text: str) -> str:
    """The words alone, as the text encoder sees them: two sentences that differ in marks are one."""
    return " ".join(re.findall(r"[a-z0-9']+", text.lower()))


@cache
def _held_out() -> frozenset[str]:
    held_out = {bare(text) for *_, text in (*paraphrases(), *paraphrases_second())}
    # Before and after the mirror.
    return frozenset(held_out | {swap_sides(text) for text in held_out})


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
