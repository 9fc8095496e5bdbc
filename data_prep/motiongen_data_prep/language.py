"""The patterns of sentences: who, does what, how; told, commanded, named, in the first person, or as a clip's title."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from motiongen_data_prep.grammar import expand, with_articles, with_pronouns, with_verbs
from motiongen_data_prep.words import DETERMINERS, LEXICON, NAMED, PEOPLE, PRONOUN_FORMS

# Words for whom and a key of PRONOUN_FORMS.
Subject = tuple[str, str]
# What is said after "is", not in front of a noun.
_NO_ADJECTIVE = re.compile(
    r"\b(of|in|to|with|on|at|by|like|up|for|out|as|from|a|over|than|the|who|down|off|asleep|alone"
    r"|short|sure|afraid)\b|\{|ing\b.* "
)
# "walks along" and "along a track" make one "along".
_DOUBLED_WORD = re.compile(r"\b(\w+)(?: \1)+\b")
# Verb phrases that say themselves that something begins or goes on.
_BEGINNINGS = ("[start]", "[keep]", "[begin]", "[continue]", "[set]", "[finish]", "[break]")
_PLAIN_SUBJECTS: tuple[Subject, ...] = (
    ("a person", "they"),
    ("someone", "they"),
    ("a man", "he"),
    ("the person", "they"),
    ("the figure", "it"),
    ("a human", "they"),
)


@dataclass(frozen=True)
class Style:
    """How something is done. Fields are alternatives of templates, `a|b|c`; empty where there is nothing to say.

    Attributes:
        plain: subjects and manners of the plain sentences: "an old person.they|..." and "like an old person|...".
        people: roles with the gender of their pronouns, "old man.he"; who does it, and whom it is done like.
        likes: roles that it is only done like: "robot".
        feels: what the person is, looks or feels: "tired".
        ways: adjectives of what is done: "elegant", as in "in an elegant way", "an elegant wave".
        adverbs, tails: manner, for any content.
        pace: adverbs of speed; left out where the content has a speed of its own.
        gait: tails for contents that travel.
        walks: verbs of walking that only this style has, in brackets.
        bodies: nouns for an adjective to stand before, with genders, where not any person will do.
        casual: nothing special about the style, so that it is rarely mentioned.
    """

    plain: tuple[str, str] = ("", "")
    people: str = ""
    likes: str = ""
    feels: str = ""
    ways: str = ""
    adverbs: str = ""
    tails: str = ""
    pace: str = ""
    gait: str = ""
    walks: str = ""
    bodies: str = "person.they^4|man.he^3|woman.she^2|guy.he^2|lady.she|human.they|figure.it|fellow.he|character.they"
    casual: bool = False


@dataclass(frozen=True)
class Content:
    """What is done. Templates with verbs in brackets and {their} for the subject's pronoun, told for the left side.

    Attributes:
        phrases: verb phrases, sides included.
        plain: the plain ones of them, for every clip's first sentence; all if empty.
        nouns: the same as things, `a <adj> wave of the left hand`.
        clauses: whole sentences with @ for the subject, `with the left hand @ [wave]`.
        actors: who typically does it, "pedestrian.they|...".
        where: places that go with it.
        travels: the person gets about, so that gaits apply.
        has_pace: the phrases say how fast, so that nothing else may.
        mirrored: the sentences are for the right, so left and right are to be swapped.
        loose: true as well, but saying less, as users do: `[wave]` for a wave of the left hand; a few of a clip's.
    """

    phrases: tuple[str, ...]
    plain: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    clauses: tuple[str, ...] = ()
    actors: str = ""
    where: str = ""
    travels: bool = False
    has_pace: bool = False
    mirrored: bool = False
    loose: tuple[str, ...] = ()


class Speaker:
    """Makes sentences for one content in one style."""

    def __init__(self, content: Content, style: Style, chance: random.Random) -> None:
        self.content, self.style, self.chance = content, style, chance
        self.adverbs = _either(style.adverbs, "" if content.has_pace else style.pace)
        gait = style.gait if content.travels and not content.has_pace else ""
        self.tails = _either(style.tails, gait, gait)
        self.lexicon = {**LEXICON, "adj": "", "feels": f"({style.feels})", "ways": f"({style.ways})"}
        # Verb phrases that a style's own verbs of walking fit in.
        self._walks = [p for p in content.phrases if "<walk>" in p or "<goes>" in p]
        self.styled = bool(style.people or style.feels or self.adverbs or self.tails) and not style.casual

    def plain(self) -> Iterator[str]:
        """Sentences as simple as they come: every plain phrase with every plain subject and manner."""
        subjects, manners = (_split(text) for text in self.style.plain)
        whos = [(who, gender) for who, _, gender in (text.rpartition(".") for text in subjects)]
        for phrase in self.content.plain or self.content.phrases:
            for who, gender in whos:
                yield self._finish(f"{who} {with_verbs(self._expand(phrase), 'third')}", gender)
            for who, gender in _PLAIN_SUBJECTS if manners or not whos else ():
                for manner in manners or ("",):
                    yield self._finish(f"{who} {with_verbs(self._expand(phrase), 'third')} {manner}", gender)

    def patterns(self) -> list[Callable[[], str]]:
        """Each makes one more sentence of its pattern at random."""
        told = [self._told_of_someone, self._told_of_a_role, self._told_with_manner, self._told_with_manner]
        patterns = [*told, self._commanded, self._titled, self._by_a_speaker, self._framed]
        if self.styled and self.style.feels:
            patterns += [self._with_a_reason, self._told_with_manner]
        if self.content.nouns:
            patterns.append(self._named)
        if self.content.clauses:
            patterns.append(self._said_otherwise)
        if self.content.loose:
            patterns.append(self._loose)
        return patterns

    # Patterns.

    def _told_of_someone(self) -> str:
        if self.styled:
            return self._tell(self._someone_of_style(), self._phrase())
        return self._tell(self._anyone(), self._phrase(), self._casual_manner())

    def _told_of_a_role(self) -> str:
        manner = self._manner() if self.styled and (not self.style.people or self._sometimes(0.2)) else ("", "")
        return self._tell(self._someone_of_style(), self._phrase(), manner)

    def _told_with_manner(self) -> str:
        if not self.styled:
            return self._tell(self._anyone(), self._phrase(), self._casual_manner(0.3))
        if self.style.walks and self._walks and self._sometimes(0.35):
            # The verb alone says how.
            return self._tell(
                self._anyone(), self._phrase(always=True), self._manner() if self._sometimes(0.3) else None
            )
        return self._tell(self._anyone(), self._phrase(), self._manner())

    def _commanded(self) -> str:
        start = self._expand("(^6|please|now|just|go ahead and|now please|you should|i want you to|try to|you have to)")
        do = with_verbs(self._phrase(), "base")
        return self._finish(f"{start} {self._joined(do, self._how())}", "you")

    def _titled(self) -> str:
        """`walking forward`, `old man walking forward`."""
        doing = with_verbs(self._phrase(), "ing")
        if self._sometimes(0.5):
            return self._finish(self._joined(doing, self._how()), "they")
        who, gender = self._someone_of_style()
        return self._finish(f"{'' if who == 'he' else self._without_article(who)} {doing}", gender)

    def _by_a_speaker(self) -> str:
        """`i walk forward`, `you are walking forward`."""
        who = self.chance.choice(("i", "i", "you", "we", "they", "she", "he"))
        return self._tell((who, who), self._phrase(), self._how())

    def _framed(self) -> str:
        who, gender = self._someone_of_style()
        frame = self._expand(
            "((a clip|a video|an animation|footage|a recording|motion|a picture|movement|the motion|a scene|mocap data)"
            " of @ #ing|we see @ #ing|you can see @ #ing|this shows @ #ing|there is @ #ing|show @ #ing|show me @ #ing"
            "|imagine @ #ing|watch @ #base|make @ #base|let @ #base|have @ #base|generate @ #ing|animate @ #ing"
            "|@ can be seen #ing|@ who #third|@ that #third|here @ #third|@ is shown #ing|then @ #third|now @ #third"
            "|@ seems to #base|it looks like @ #third|create a motion where @ #third|@ wants to #base|@ has to #base"
            "|@ decides to #base|i want to see @ #ing|suddenly @ #third|@ keeps #ing|first @ #third|next @ #third)"
        )
        phrase = self._phrase()
        text, _, form = frame.partition("#")
        if text == "@ keeps " and phrase.startswith(_BEGINNINGS):
            text, form = "@ ", "third"
        return self._finish(f"{text.replace('@', who)}{with_verbs(phrase, form)}", gender)

    def _with_a_reason(self) -> str:
        """`the man is tired and walks slowly`."""
        who, gender = self._anyone()
        phrase = self._phrase()
        frame = self._expand(
            "(@ is <feels> and #third|@, who is <feels>, #third|@ looks <feels> while #ing|<feels>, @ #third"
            "|feeling <feels>, @ #third|@ is so <feels> that {they} #agree|@ is <feels>, {they} #agree"
            "|@ feels <feels> and #third|@ #third because {they} {are} <feels>|@, <feels>, #third|@ #third, <feels>"
            "|being <feels>, @ #third|@ looks <feels>, {they} #agree|@ #third as if {they} {are} <feels>"
            "|since {they} {are} <feels>, @ #third|@ seems <feels> as {they} #agree|<feels> while #ing"
            "|when {they} {are} <feels>, @ #third|@ #third and looks <feels>|a <feels> someone #third)"
        )
        frame = frame.replace("a <feels> someone", who)
        start, _, end = frame.partition("#")
        form = next(form for form in ("third", "ing", "agree") if end.startswith(form))
        after = end[len(form) :]
        form = form if form != "agree" else "base" if gender == "they" else "third"
        return self._finish(f"{start}{with_verbs(phrase, form)}{after}".replace("@", who), gender)

    def _named(self) -> str:
        ways = self.lexicon["ways"] if self.style.ways and self._sometimes(0.6) else ""
        plain = expand(self._pick(self.content.nouns), {**self.lexicon, "adj": "#"}, self.chance)
        adjective = bool(ways) and "#" in plain
        noun = plain.replace("#", self._expand(ways) if adjective else "")
        if not self.styled or (adjective and self._sometimes(0.7)):
            by = ""
        elif self._sometimes(0.4):
            by = f"by {self._someone_of_style()[0]}"
        else:
            by = self._manner()[1]
        if not self.styled and self._sometimes(0.2):
            by = f"by {self._anyone()[0]}"
        noun = noun.strip()
        start = self._expand("(^8|a person doing|someone doing|there is|this is|perform|do|a clip of|the person does)")
        start = start if noun.startswith("a ") else ""
        return self._finish(f"{start} {with_verbs(noun, 'ing')} {by}", "they")

    def _said_otherwise(self) -> str:
        who, gender = self._someone_of_style()
        clause = expand(self._pick(self.content.clauses), self.lexicon, self.chance)
        manner = ""
        if self.styled and self._sometimes(0.3):
            who, gender = self._anyone()
            manner = self._manner()[1]
        return self._finish(f"{with_verbs(clause.replace('@', who), 'third')} {manner}", gender)

    def _loose(self) -> str:
        phrase = self._expand(self._pick(self.content.loose))
        if self.styled and self._sometimes(0.5):
            return self._tell(self._anyone(), phrase, self._manner())
        if self._sometimes(0.25):
            return self._finish(self._joined(with_verbs(phrase, "base"), self._how()), "you")
        return self._tell(self._someone_of_style(), phrase)

    # Parts.

    def _tell(self, subject: Subject, phrase: str, manner: tuple[str, str] | None = None) -> str:
        who, gender = subject
        plural = who in ("i", "you", "we", "they")
        agree = "base" if plural else "third"
        are = "am" if who == "i" else "are" if plural else "is"
        were = "were" if plural and who != "i" else "was"
        start, form = self.chance.choice(
            (("", agree),) * 8
            + ((f"{are}", "ing"),) * 5
            + (("", "past"),) * 2
            + ((f"{were}", "ing"), ("will", "base"), (f"{are} going to", "base"))
            + ((("start" if plural else "starts"), "ing"), (("begin to" if plural else "begins to"), "base"))
        )
        if start and phrase.startswith(_BEGINNINGS):
            start, form = "", agree
        kind, how = manner or ("", "")
        does = with_verbs(phrase, form)
        place = self.chance.random()
        if (
            kind == "adverb"
            and place < 0.45
            and (" " not in how or how.endswith("ly"))
            and start.split(" ")[0] not in ("start", "starts", "begin", "begins")
        ):
            text = f"{who} {start} {how} {does}"
        elif kind and place > 0.8:
            text = f"{how}, {who} {start} {does}"
        else:
            text = f"{who} {start} {does} {how}"
        return self._finish(text, gender)

    def _anyone(self) -> Subject:
        if self.content.actors and self._sometimes(0.12):
            return self._with_article(self._alternative(self.content.actors))
        if self._sometimes(0.25):
            return self.chance.choice(NAMED)
        return self._with_article(".".join(self.chance.choice(PEOPLE)))

    def _someone_of_style(self) -> Subject:
        if not self.styled:
            return self._anyone()
        if self.style.people and (not self.style.feels or self._sometimes(0.6)):
            return self._with_article(self._alternative(self.style.people))
        for _ in range(8):
            adjective = self._alternative(_either(self.style.feels, self.style.ways))
            if not _NO_ADJECTIVE.search(adjective):
                break
        else:
            adjective = ""
        return self._with_article(f"{adjective} {self._alternative(self.style.bodies)}")

    def _with_article(self, noun: str) -> Subject:
        who, _, gender = noun.rpartition(".")
        return f"{self.chance.choice(DETERMINERS)} {who}".strip(), gender

    def _without_article(self, who: str) -> str:
        first, _, rest = who.partition(" ")
        return rest if first in ("a", "the") and self._sometimes(0.6) else who

    def _how(self) -> tuple[str, str]:
        return self._manner() if self.styled else self._casual_manner()

    def _casual_manner(self, often: float = 0.12) -> tuple[str, str]:
        if self.style.casual and not self.content.has_pace and self._sometimes(often):
            return self._manner()
        return "", ""

    def _manner(self) -> tuple[str, str]:
        """`("adverb", "slowly")` or `("tail", "like an old man")`."""
        style = self.style
        kinds = (
            ["adverb"] * 4 * bool(self.adverbs) + ["tail"] * 4 * bool(self.tails) + ["like"] * 4 * bool(style.people)
        )
        kinds += ["feels"] * 3 * bool(style.feels) + ["ways"] * 2 * bool(style.ways)
        kind = self.chance.choice(kinds)
        if kind == "adverb":
            return "adverb", self._expand(self.adverbs)
        if kind == "tail":
            return "tail", self._expand(self.tails)
        if kind == "ways":
            return "tail", self._expand("(in a <ways> (way^4|manner^3|fashion^2|style)|in such a <ways> way)")
        if kind == "feels":
            return "tail", self._expand(
                "(as if <feels>|as though <feels>|looking <feels>^2|feeling <feels>^2|because {they} {are} <feels>"
                "|while feeling <feels>|being <feels>|while <feels>|since {they} {are} <feels>"
                "|as if {they} were <feels>"
                "|while looking <feels>|the way a <ways> person would)"
            )
        role = self._alternative(_either(style.people, style.people, style.people, style.likes)).rpartition(".")[0]
        frame = self._expand(
            "(like a @^7|as a @ would^2|as a @ does|the way a @ does|the way a @ would|in the manner of a @"
            "|in the style of a @|as if {they} were a @^2|as though {they} were a @|pretending to be a @|imitating a @"
            "|acting like a @|just like a @|mimicking a @|similar to a @|like some @|like the @)"
        )
        return "tail", frame.replace("@", role)

    def _phrase(self, always: bool = False) -> str:
        """A verb phrase; with the style's own verbs of walking sometimes, or always."""
        style, content = self.style, self.content
        lexicon = self.lexicon
        if style.walks and self._walks and (always or self._sometimes(0.15)):
            lexicon = {**lexicon, "walk": f"({style.walks})", "goes": f"({style.walks})"}
        text = expand(self._pick(self._walks if always else content.phrases), lexicon, self.chance)
        if content.where and self._sometimes(0.1):
            text += " " + self._expand(content.where)
        return text

    def _joined(self, text: str, manner: tuple[str, str]) -> str:
        kind, how = manner
        if kind == "adverb" and " " not in how and self._sometimes(0.3):
            return f"{how} {text}"
        return f"{text} {how}"

    def _alternative(self, alternatives: str) -> str:
        return self._expand(f"({alternatives})")

    def _expand(self, template: str) -> str:
        return expand(template, self.lexicon, self.chance)

    def _pick(self, options: tuple[str, ...] | list[str]) -> str:
        return self.chance.choice(options)

    def _sometimes(self, share: float) -> bool:
        return self.chance.random() < share

    def _finish(self, text: str, gender: str) -> str:
        text = " ".join(with_pronouns(text, PRONOUN_FORMS[gender]).replace(" ,", ",").split()).strip(" ,")
        return with_articles(_DOUBLED_WORD.sub(r"\1", text))


def _either(*alternatives: str) -> str:
    """One template of all that are not empty."""
    found = [text for text in alternatives if text]
    return f"({'|'.join(f'({text})' for text in found)})" if found else ""


def _split(alternatives: str) -> list[str]:
    return alternatives.split("|") if alternatives else []
