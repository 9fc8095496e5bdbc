"""Templates of English: alternatives, word lists by name, verbs in any form, pronouns, a and an.

A template is text with
    (walk^3|stroll|)    one of several, three times as likely the first, perhaps nothing; they nest;
    <ahead>             a template of the lexicon by its name;
    [walk]              a verb in the form that the sentence asks for, [walk:ing] in that form always;
    {their}             a pronoun of the subject: they, them, their, themselves, are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

FORMS = ("base", "third", "ing", "past")
PRONOUNS = ("they", "them", "their", "themselves", "are")

# fmt: off
_DOUBLED = frozenset({
    "bid", "bob", "chop", "clap", "cut", "dip", "drag", "drop", "fan", "flap", "flip", "get", "grab", "grin", "hit",
    "hop", "hug", "jab", "jog", "knit", "let", "nap", "nod", "pat", "plod", "put", "quit", "rub", "run", "set",
    "shut", "sit", "skip", "slip", "slog", "spin", "step", "stop", "strut", "swig", "swim", "tap", "throb", "trot",
    "wag", "whip",
})
_PAST = {
    "be": "was", "bear": "bore", "begin": "began", "bend": "bent", "bid": "bade",
    "bring": "brought", "burst": "burst", "catch": "caught", "come": "came", "creep": "crept", "cut": "cut",
    "deal": "dealt", "do": "did", "draw": "drew", "drive": "drove", "eat": "ate", "fall": "fell", "feel": "felt",
    "fight": "fought", "fling": "flung", "fly": "flew", "get": "got", "give": "gave", "go": "went", "hang": "hung",
    "have": "had", "hit": "hit", "hold": "held", "keep": "kept", "kneel": "knelt", "leap": "leapt", "let": "let",
    "lie": "lay", "make": "made", "nap": "napped", "overdo": "overdid", "put": "put", "ride": "rode",
    "rise": "rose", "run": "ran", "say": "said", "set": "set", "shake": "shook", "shoot": "shot", "show": "showed",
    "shut": "shut", "sink": "sank", "sit": "sat", "sleep": "slept", "slide": "slid", "slink": "slunk",
    "speed": "sped", "spin": "spun", "spring": "sprang", "stand": "stood", "stick": "stuck", "stride": "strode",
    "strike": "struck", "sweep": "swept", "swim": "swam", "swing": "swung", "take": "took", "tear": "tore",
    "tell": "told", "throw": "threw", "thrust": "thrust", "tread": "trod", "wend": "wended", "wind": "wound",
}
# fmt: on
_VERB = re.compile(r"\[([a-z]+)(?::([a-z]+))?\]")
_PRONOUN = re.compile(r"\{([a-z]+)\}")
# "an" before a vowel letter, but for those that sound like "w" or "y".
_A = re.compile(r"\b[Aa] (?=[aeiou])(?!(?:one|once|u-turn|uni|use|usu|eu))")


def inflect(phrase: str, form: str, their: str = "their") -> str:
    """A phrase whose verbs are in brackets, in one form: `third` (walks), `ing` (walking), `past` or `base` (walk)."""
    pronouns = {**dict.fromkeys(PRONOUNS, ""), "their": their}
    return with_pronouns(_VERB.sub(lambda match: verb(match[1], match[2] or form), phrase), pronouns)


def with_verbs(text: str, form: str) -> str:
    return _VERB.sub(lambda match: verb(match[1], match[2] or form), text)


def with_pronouns(text: str, pronouns: Mapping[str, str]) -> str:
    return _PRONOUN.sub(lambda match: pronouns[match[1]], text)


def with_articles(text: str) -> str:
    return _A.sub(lambda match: match[0][0] + "n ", text)


def verb(word: str, form: str) -> str:
    """A verb's form. ValueError for a form that is none of FORMS."""
    if form == "base":
        return word
    if form == "third":
        if word == "have":
            return "has"
        if re.search(r"(s|x|z|ch|sh|o)$", word):
            return word + "es"
        return word[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else word + "s"
    if form == "ing":
        if word in _DOUBLED:
            return word + word[-1] + "ing"
        if word.endswith("ie"):
            return word[:-2] + "ying"
        return (word[:-1] if re.search(r"[^eoy]e$", word) else word) + "ing"
    if form == "past":
        if word in _PAST:
            return _PAST[word]
        if word in _DOUBLED:
            return word + word[-1] + "ed"
        if re.search(r"[^aeiou]y$", word):
            return word[:-1] + "ied"
        return word + ("d" if word.endswith("e") else "ed")
    raise ValueError(f"form '{form}' of '{word}' is none of {', '.join(FORMS)}")


@dataclass(frozen=True)
class _Choice:
    options: tuple[_Node, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    name: str


# Parts in a row: text, choices and names of the lexicon.
_Node = tuple["str | _Choice | _Name", ...]


@cache
def _parse(template: str) -> _Node:
    node, rest = _sequence(template, 0)
    if rest != len(template):
        raise ValueError(f"template '{template}': ')' or '|' without '('")
    return node


def _sequence(text: str, at: int) -> tuple[_Node, int]:
    parts: list[str | _Choice | _Name] = []
    while at < len(text) and text[at] not in "|)^":
        if text[at] == "(":
            options, weights = [], []
            while True:
                option, at = _sequence(text, at + 1)
                weight = re.compile(r"\^(\d+)").match(text, at)
                at = weight.end() if weight else at
                options.append(option)
                weights.append(int(weight[1]) if weight else 1)
                if at >= len(text) or text[at] not in "|)":
                    raise ValueError(f"template '{text}': '(' without ')'")
                if text[at] == ")":
                    break
            at += 1
            parts.append(_Choice(tuple(options), tuple(weights)))
        elif text[at] == "<":
            end = text.index(">", at)
            parts.append(_Name(text[at + 1 : end]))
            at = end + 1
        else:
            match = re.compile(r"[^|()^<]+").match(text, at)
            assert match is not None
            parts.append(match[0])
            at = match.end()
    return tuple(parts), at


def expand(template: str, lexicon: Mapping[str, str], chance: random.Random) -> str:
    """One of the texts of a template, verbs and pronouns still in their brackets.

    `<name:ing>` puts the verbs of what stands for the name into that form.

    Raises:
        ValueError: brackets do not match.
        KeyError: a name is not in the lexicon.
    """
    return _tidy(_expand(_parse(template), lexicon, chance))


def _expand(node: _Node, lexicon: Mapping[str, str], chance: random.Random) -> str:
    out = []
    for part in node:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, _Choice):
            # Cheaper than random.choices for the short lists here.
            place = chance.random() * sum(part.weights)
            for option, weight in zip(part.options, part.weights):
                place -= weight
                if place < 0:
                    out.append(_expand(option, lexicon, chance))
                    break
        else:
            name, _, form = part.name.partition(":")
            text = _expand(_parse(lexicon[name]), lexicon, chance)
            out.append(with_verbs(text, form) if form else text)
    return "".join(out)


def _tidy(text: str) -> str:
    return re.sub(r" +", " ", text).replace(" ,", ",").strip(" ,")
