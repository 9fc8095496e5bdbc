"""Sentences from a small grammar: subjects x verb phrases x manners, and what is done to finished sentences."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_CAPTIONS = 12

# A subject and the pronoun of what is theirs.
Subject = tuple[str, str]
PLAIN_SUBJECTS: tuple[Subject, ...] = (
    ("a person", "their"),
    ("someone", "their"),
    ("a man", "his"),
    ("the person", "their"),
    ("the figure", "its"),
    ("a human", "their"),
)

_DOUBLED = frozenset(
    {
        "chop",
        "clap",
        "cut",
        "dip",
        "drop",
        "flip",
        "get",
        "grab",
        "hit",
        "hop",
        "hug",
        "jab",
        "jog",
        "let",
        "nod",
        "put",
    }
    | {"rub", "run", "set", "shut", "sit", "skip", "slip", "spin", "step", "stop", "strut", "swim", "tap", "trot"}
)


@dataclass(frozen=True)
class Style:
    """How something is done. Every entry must read well in `a person {adverb} walks {tail}`.

    Attributes:
        subjects: who does it in this style.
        adverbs, tails: manner, for any content.
        pace: adverbs of speed; left out where the content has a speed of its own.
        gait: tails for contents that travel.
    """

    subjects: tuple[Subject, ...] = ()
    adverbs: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()
    pace: tuple[str, ...] = ()
    gait: tuple[str, ...] = ()


@dataclass(frozen=True)
class Content:
    """What is done: verb phrases with verbs in brackets, `[walk] forward`, and `{their}` for the subject's pronoun.

    Attributes:
        phrases: what is seen, sides included.
        travels: the person gets about, so that gaits apply.
        has_pace: the phrases say how fast, so that nothing else may.
        loose: true as well, but saying less, as users do: `[wave]` for a wave of the left hand; one or two of a clip's.
    """

    phrases: tuple[str, ...]
    travels: bool = False
    has_pace: bool = False
    loose: tuple[str, ...] = ()


_PLAIN = Style()


def inflect(phrase: str, form: str, their: str) -> str:
    """A verb phrase in one form: `third` (walks), `ing` (walking) or `base` (walk)."""

    def verb(match: re.Match[str]) -> str:
        word = match[1]
        if form == "third":
            if re.search(r"(s|x|z|ch|sh|o)$", word):
                return word + "es"
            return word[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else word + "s"
        if form == "ing":
            if word in _DOUBLED:
                return word + word[-1] + "ing"
            if word.endswith("ie"):
                return word[:-2] + "ying"
            return (word[:-1] if re.search(r"[^eoy]e$", word) else word) + "ing"
        return word

    return re.sub(r"\[([a-z]+)\]", verb, phrase).replace("{their}", their)


def sentences(content: Content, style: Style = _PLAIN) -> list[list[str]]:
    """All sentences of the grammar for a content in a style, in groups of one pattern each."""
    adverbs = style.adverbs + (() if content.has_pace else style.pace)
    tails = style.tails + (style.gait if content.travels and not content.has_pace else ())
    third = [
        [(who, inflect(p, "third", their)) for who, their in subjects for p in content.phrases]
        for subjects in (PLAIN_SUBJECTS, style.subjects)
    ]
    going = [(who, inflect(p, "ing", their)) for who, their in PLAIN_SUBJECTS for p in content.phrases]
    commands = [inflect(p, "base", "your") for p in content.phrases]
    doings = [inflect(p, "ing", "their") for p in content.phrases]
    if not (style.subjects or adverbs or tails):
        groups = [
            [f"{who} {does}" for who, does in third[0]],
            [f"{who} is {doing}" for who, doing in going],
            commands,
            doings,
        ]
    else:
        groups = [
            [f"{who} {does}" for who, does in third[1]],
            [f"{who} {does} {tail}" for who, does in third[0] for tail in tails],
            [f"{who} {adverb} {does}" for who, does in third[0] for adverb in adverbs],
            [f"{who} is {doing} {tail}" for who, doing in going for tail in tails],
            [f"{who} {does} {adverb}" for who, does in third[0] for adverb in adverbs],
            [f"{tail}, {who} {does}" for who, does in third[0] for tail in tails],
            [f"{do} {tail}" for do in commands + doings for tail in tails + adverbs],
        ]
    loose = [inflect(p, "third", "their") for p in content.loose]
    if style.subjects:
        groups.append([f"{who} {does}" for who, _ in style.subjects for does in loose])
    else:
        groups.append([f"{who} {does}" for who, _ in PLAIN_SUBJECTS for does in loose])
    return [list(dict.fromkeys(group)) for group in groups if group]


def choose(name: str, groups: Sequence[Sequence[str]], most: int = MAX_CAPTIONS) -> list[str]:
    """At most `most` sentences for the clip `name`: the groups in turn, a sentence of each by a hash of the name."""
    chance = random.Random(_digest(name))
    shuffled = [chance.sample(list(group), len(group)) for group in groups]
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


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
