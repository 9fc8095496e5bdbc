"""Sentences: what the grammar makes, that sides swap both ways, that held-out wordings stay out."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiongen_data_prep import captions
from motiongen_data_prep.bandai_captions import CONTENTS, bandai_captions
from motiongen_data_prep.bandai_styles import STYLES
from motiongen_data_prep.captions import MAX_CAPTIONS, Content, bare, choose, inflect, sentences, swap_sides, text_line
from motiongen_data_prep.cmu_captions import cmu_content
from motiongen_data_prep.grammar import expand, verb, with_articles
from motiongen_data_prep.mesh2motion_captions import CLIPS, Clip
from motiongen_data_prep.paraphrases import paraphrases
from motiongen_data_prep.paraphrases_second import paraphrases_second

PAIRS = [(content, style) for content in CONTENTS for style in STYLES]


def flat(groups: Sequence[Sequence[str]]) -> list[str]:
    return [sentence for group in groups for sentence in group]


@cache
def groups_of(content: str, style: str) -> list[list[str]]:
    """A smaller draw of every pattern than prepared sets get, for speed; every pair is looked at."""
    return sentences(CONTENTS[content], STYLES[style], pool=12)


def sample(content: str, style: str) -> list[str]:
    return flat(groups_of(content, style))


def other_side_is_in(side: str, text: str) -> bool:
    # As a part of a word too, so that two words run together are found.
    return bool(re.search(swap_sides(side), re.sub(r"\b(up|b|f|sp)right\w*", "", text)))


@pytest.mark.parametrize(
    ("phrase", "third", "ing"),
    [
        ("[walk] and [turn] left", "walks and turns left", "walking and turning left"),
        ("[run]", "runs", "running"),
        ("[raise] {their} hand", "raises his hand", "raising his hand"),
        ("[dash] and [go]", "dashes and goes", "dashing and going"),
        ("[carry] it", "carries it", "carrying it"),
        ("[lie] asleep", "lies asleep", "lying asleep"),
        ("[say] bye", "says bye", "saying bye"),
        ("[jab]", "jabs", "jabbing"),
        ("[jog] and [wave]", "jogs and waves", "jogging and waving"),
        ("[bow]", "bows", "bowing"),
    ],
)
def test_inflection(phrase: str, third: str, ing: str) -> None:
    assert inflect(phrase, "third", "his") == third
    assert inflect(phrase, "ing", "his") == ing


@pytest.mark.parametrize(
    ("word", "past"),
    [("walk", "walked"), ("run", "ran"), ("carry", "carried"), ("stop", "stopped"), ("wave", "waved")],
)
def test_past(word: str, past: str) -> None:
    assert verb(word, "past") == past


def test_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="'future' of 'walk'"):
        verb("walk", "future")


@pytest.mark.parametrize("template", ["(a|b", "a|b", "a)", "(a|(b)"])
def test_template_with_unmatched_brackets_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="template"):
        expand(template, {}, random.Random(0))


def test_template_draws_all_of_its_texts() -> None:
    chance = random.Random(0)
    drawn = [expand("(<go>^8|[run]) (fast |)to (a|(b|c))", {"go": "[go]"}, chance) for _ in range(800)]
    assert set(drawn) == {f"{v} {f}to {x}" for v in ("[go]", "[run]") for f in ("fast ", "") for x in "abc"}
    assert drawn.count("[go] to a") > 4 * drawn.count("[run] to a")
    assert expand("while <go:ing>", {"go": "[walk] on"}, chance) == "while walking on"


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("a old man", "an old man"),
        ("a one-legged pose", "a one-legged pose"),
        ("a youth", "a youth"),
        ("like a elder", "like an elder"),
    ],
)
def test_articles(text: str, right: str) -> None:
    assert with_articles(text) == right


@pytest.mark.parametrize("content", CONTENTS)
def test_every_pair_has_many_clean_sentences(content: str) -> None:
    for style in STYLES:
        made = sample(content, style)
        assert len({bare(sentence) for sentence in made}) == len(made) >= 80
        for sentence in made:
            assert re.fullmatch(r"[a-z][a-z0-9',. -]*[a-z]", sentence), sentence
            assert "  " not in sentence and ",," not in sentence and " ," not in sentence, sentence
            assert not re.search(r"\b(\w+) \1\b", sentence.replace("on and on", "")), sentence
            assert not re.search(r"\ba [aeio](?!ne)|\ban [^aeiou]", sentence), sentence


def test_every_style_has_thirty_words_of_its_own() -> None:
    for name, style in STYLES.items():
        words = "|".join((style.people, style.feels, style.ways, style.adverbs, style.tails, style.gait, style.walks))
        assert len(words.split("|")) >= (30 if name != "normal" else 10)


def test_no_style_leaks_into_the_plain_sentences() -> None:
    """Nor does one into another, as far as the words by which a style is named tell."""
    names = {"angr": "angry", "elderly": "elderly", "exhausted": "exhausted", "feminine": "feminine", "sadly": "sad"}
    names |= {"masculine": "masculine", "proudly": "proud", "childish": "childish", "musically": "musical"}
    aliases = {"old": "elderly", "masculinity": "masculine"}
    for content in CONTENTS:
        for style in ("normal", *STYLES):
            for sentence in sample(content, style):
                for word, name in names.items():
                    assert word not in sentence or name == aliases.get(style, style), sentence


@pytest.mark.parametrize("content", [content for content in CONTENTS if re.search("left|right", content)])
def test_sided_contents_name_their_side_and_never_the_other(content: str) -> None:
    side = "left" if "left" in content else "right"
    for style in STYLES:
        groups = groups_of(content, style)
        made = flat(groups)
        assert not [sentence for sentence in made if other_side_is_in(side, sentence)]
        # The last group may leave the side out.
        sided = flat(groups[:-1]) if CONTENTS[content].loose else made
        assert not [sentence for sentence in sided if side not in sentence]


@pytest.mark.parametrize("content", ["bye", "guide"])
def test_gestures_of_the_right_hand_never_name_the_left(content: str) -> None:
    for style in STYLES:
        assert not [sentence for sentence in sample(content, style) if "left" in sentence]


def test_a_mirrored_content_says_mirrored_sentences() -> None:
    for left in [content for content in CONTENTS if "-left" in content and swap_sides(content) in CONTENTS]:
        plain = sentences(CONTENTS[left], STYLES["elderly"], pool=5)[0]
        mirrored = sentences(CONTENTS[swap_sides(left)], STYLES["elderly"], pool=5)[0]
        assert [swap_sides(sentence) for sentence in plain] == mirrored


def test_first_captions_are_plain() -> None:
    first = {choose(str(i), bandai_captions("walk-turn-left", "elderly"))[0] for i in range(200)}
    assert "an elderly person walks forward and turns left" in first
    assert "someone walks forward and turns left like an old person" in first
    assert all(len(sentence.split()) <= 14 for sentence in first)


def test_sentences_are_the_same_at_every_call() -> None:
    again = sentences(CONTENTS["wave-left-hand"], STYLES["sad"], pool=12)
    assert groups_of("wave-left-hand", "sad") == again
    script = (
        "import sys; from motiongen_data_prep.bandai_captions import *; from motiongen_data_prep.captions import *;"
    )
    script += "sys.stdout.write(repr(sentences(CONTENTS['run'], STYLES['tired'], pool=9)))"
    # Another process has another hash seed.
    env = {**os.environ, "PYTHONHASHSEED": "7"}
    told = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    assert told == repr(sentences(CONTENTS["run"], STYLES["tired"], pool=9))


@pytest.mark.parametrize("said", ["walks", "is walking", "walked", "walk forward", "i walk", "walking", "a walk"])
def test_sentences_come_in_all_persons_and_forms(said: str) -> None:
    made = flat(bandai_captions("walk", "normal"))
    assert [sentence for sentence in made if re.search(rf"\b{said}\b", sentence)]


def test_fast_contents_are_never_called_slow() -> None:
    for style in STYLES:
        assert not any("slow" in sentence for sentence in sample("dash", style))


def test_held_out_sentences_are_no_training_captions() -> None:
    held_out = {bare(text) for *_, text in (*paraphrases(), *paraphrases_second())}
    assert len(held_out) >= 60
    training = {bare(sentence) for content, style in PAIRS for sentence in sample(content, style)}
    for clip in CLIPS.values():
        if isinstance(clip, Clip):
            training |= {bare(sentence) for sentence in flat(sentences(Content(clip.phrases), pool=12))}
    # Counted only: who widens the grammar is not to see them.
    leaked = len(held_out & training)
    assert leaked == 0


def test_a_sentence_that_is_held_out_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    content = Content(("[hop]", "[jump]"))
    assert "a person hops" in flat(sentences(content))
    monkeypatch.setattr(captions, "_held_out", lambda: frozenset({"a person hops"}))
    made = flat(sentences(content))
    assert "a person hops" not in made and "a person jumps" in made


def test_choice_is_fixed_by_the_name_and_varies_with_it() -> None:
    groups = bandai_captions("wave-left-hand", "elderly")
    first = choose("a", groups)
    assert len(first) == MAX_CAPTIONS == len(set(first))
    assert choose("a", groups) == first
    assert choose("b", groups) != first
    assert all(set(group) & set(first) for group in groups)
    assert first[0] in groups[0]
    assert len({bare(sentence) for sentence in first}) == MAX_CAPTIONS


def test_choice_of_few_takes_them_all() -> None:
    assert sorted(choose("a", [["x"], ["y", "x"]])) == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("turns left", "turns right"),
        ("Left and RIGHT", "Right and LEFT"),
        ("spins counterclockwise", "spins clockwise"),
        ("nothing is leftover, all right-handed", "nothing is leftover, all left-handed"),
        ("copyright", "copyright"),
        ("a lefthanded wave on the left-hand side", "a righthanded wave on the right-hand side"),
    ],
)
def test_sides_swap_as_whole_words(text: str, other: str) -> None:
    assert swap_sides(text) == other


WORDS = st.sampled_from(
    ["left", "Right", "LEFT", "clockwise", "Counterclockwise", "rightwards", "leftover", "bright", "a", "-", ",", "Ω"]
)


@given(st.lists(WORDS | st.text(max_size=5)).map(" ".join))
def test_swapping_sides_twice_gives_the_text_back(text: str) -> None:
    assert swap_sides(swap_sides(text)) == text


def test_text_line_has_the_four_fields_of_humanml3d() -> None:
    assert text_line("a man waves, left") == "a man waves, left#a/OTHER man/OTHER waves/OTHER left/OTHER#0.0#0.0"


def test_cmu_trials() -> None:
    assert cmu_content("02_03", {"02_03": "Run/Jog"}) is not None
    assert cmu_content("99_99", {}) is None
    assert cmu_content("99_99", {"99_99": "Unknown"}) is None
    described = cmu_content("99_01", {"99_01": "juggle three balls"})
    assert described is not None
    assert "a person does the following: juggle three balls" in flat(sentences(described[1]))
    # What the index says is no template.
    odd = cmu_content("99_01", {"99_01": "walk (fast|slow) <run> [x] {their} ^2"})
    assert odd is not None
    assert "a person does the following: walk fast slow run x their 2" in flat(sentences(odd[1]))


@pytest.mark.parametrize("clip", [c for c in CLIPS.values() if isinstance(c, Clip)], ids=lambda clip: clip.label)
def test_mesh2motion_clips_have_enough_clean_sentences(clip: Clip) -> None:
    made = choose(clip.label, sentences(Content(clip.phrases), pool=12))
    assert len(made) == MAX_CAPTIONS
    assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z', -]*[a-z]", sentence) for sentence in made), made
