"""Sentences: what the grammar makes, that sides swap both ways, that held-out wordings stay held out."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiongen_data_prep.bandai_captions import CONTENTS, bandai_captions
from motiongen_data_prep.bandai_styles import STYLES
from motiongen_data_prep.captions import MAX_CAPTIONS, Content, choose, inflect, sentences, swap_sides, text_line
from motiongen_data_prep.cmu_captions import cmu_content
from motiongen_data_prep.mesh2motion_captions import CLIPS, Clip
from motiongen_data_prep.paraphrases import paraphrases

PAIRS = [(content, style) for content in CONTENTS for style in STYLES]


def flat(groups: Sequence[Sequence[str]]) -> list[str]:
    return [sentence for group in groups for sentence in group]


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


@pytest.mark.parametrize(("content", "style"), PAIRS)
def test_every_pair_has_many_clean_sentences(content: str, style: str) -> None:
    made = flat(bandai_captions(content, style))
    assert len(set(made)) >= 30
    for sentence in made:
        assert re.fullmatch(r"[a-z][a-z' ,-]*[a-z]", sentence), sentence
        assert "  " not in sentence and not re.search(r"\b(\w+) \1\b", sentence.replace("on and on", "")), sentence
        assert "normal" not in sentence


def test_no_style_leaks_into_the_plain_sentences() -> None:
    styled = {word for style in STYLES.values() for word in (*style.adverbs, *style.pace, *style.tails)}
    for content in CONTENTS:
        for sentence in flat(bandai_captions(content, "normal")):
            assert not any(f" {word}" in sentence for word in styled), sentence


@pytest.mark.parametrize("content", [content for content in CONTENTS if re.search("left|right", content)])
def test_sided_contents_name_their_side_and_never_the_other(content: str) -> None:
    side = "left" if "left" in content else "right"
    for style in STYLES:
        made = flat(bandai_captions(content, style))
        assert not any(re.search(rf"\b{swap_sides(side)}\b", sentence) for sentence in made)
        # The last group may leave the side out.
        sided = flat(bandai_captions(content, style)[:-1]) if CONTENTS[content].loose else made
        assert all(re.search(rf"\b{side}\b", sentence) for sentence in sided)


def test_a_mirrored_content_says_the_mirrored_sentences() -> None:
    for left in [content for content in CONTENTS if "left" in content and swap_sides(content) in CONTENTS]:
        for style in ("normal", "elderly"):
            mirrored = {swap_sides(sentence) for sentence in flat(bandai_captions(left, style))}
            assert mirrored == set(flat(bandai_captions(swap_sides(left), style)))


def test_the_family_of_the_elderly_person_who_turns_left() -> None:
    made = flat(bandai_captions("walk-turn-left", "elderly"))
    assert "an elderly person walks forward and turns left" in made
    assert "someone walks forward and turns left like an old person" in made


def test_fast_contents_are_never_called_slow() -> None:
    for style in STYLES:
        assert not any("slow" in sentence for sentence in flat(bandai_captions("dash", style)))


def test_paraphrases_are_many_and_none_is_a_training_caption() -> None:
    held_out = paraphrases()
    assert len(held_out) >= 60 and len({text for *_, text in held_out}) == len(held_out)
    training = {sentence for content, style in PAIRS for sentence in flat(bandai_captions(content, style))}
    for clip in CLIPS.values():
        if isinstance(clip, Clip):
            training |= set(flat(sentences(Content(clip.phrases))))
    for stem in ("02_01", "02_02", "01_05", "05_08", "salsa_01", "indian_04", "martial_03"):
        found = cmu_content(stem, {"02_01": "walk", "02_02": "run"})
        assert found is not None
        training |= set(flat(sentences(found[1])))
    for content, style, text in held_out:
        assert style in STYLES
        assert content in CONTENTS or any(key.startswith(content) for key in CONTENTS)
        assert text not in training
        if "left" in content or "right" in content:
            assert re.search("left" if "left" in content else "right", text), text


def test_choice_is_fixed_by_the_name_and_varies_with_it() -> None:
    groups = bandai_captions("wave-left-hand", "elderly")
    first = choose("a", groups)
    assert len(first) == MAX_CAPTIONS == len(set(first))
    assert choose("a", groups) == first
    assert choose("b", groups) != first
    assert all(set(group) & set(first) for group in groups)


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
