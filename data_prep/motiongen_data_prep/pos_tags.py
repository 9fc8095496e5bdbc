"""Parts of speech for captions in HumanML3D's format, by spaCy, which its authors used (extra `pos`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, Protocol

from motiongen.motion import MotionError

MODEL = "en_core_web_sm"
_KEPT = "left"


class Token(Protocol):
    """What of a word spaCy is asked for."""

    text: str
    pos_: str
    lemma_: str


def tagger() -> Callable[[str], str]:
    """A function from a caption of a whole clip to its line `caption#tokens#0.0#0.0`.

    Raises:
        MotionError: spaCy or its English model is not installed.
    """
    nlp = _model()

    @lru_cache(maxsize=1 << 16)
    def line(caption: str) -> str:
        return f"{caption}#{tokens(nlp(plain(caption)))}#0.0#0.0"

    return line


def tokens(words: Iterable[Token]) -> str:
    """`word/POS` for every word of letters alone, nouns and verbs as their lemmas.

    "left" stays as it is: as a verb its lemma is "leave", and the side would be lost.
    """
    tagged = []
    for token in words:
        if token.text.isalpha():
            bare = token.pos_ in ("NOUN", "VERB") and token.text != _KEPT
            tagged.append(f"{token.lemma_ if bare else token.text}/{token.pos_}")
    return " ".join(tagged)


def plain(caption: str) -> str:
    """The caption as it is handed to the tagger: hyphens are taken out, so that "t-pose" is one word."""
    return caption.replace("-", "")


def _model() -> Any:
    try:
        import spacy
    except ImportError:
        raise MotionError(
            f'parts of speech need spaCy; run: pip install "motiongen[pos]" && python -m spacy download {MODEL}'
        ) from None
    try:
        return spacy.load(MODEL, disable=["parser", "ner"])
    except OSError:
        raise MotionError(f"spaCy's English model is missing; run: python -m spacy download {MODEL}") from None
