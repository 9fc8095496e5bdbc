"""Sentences in words that training never used, each beside real clips of what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from motiongen.evaluation.labelled import evenly, labelled_clips, paraphrase_sets
from motiongen.evaluation.protocols import Item, Protocol, load_items
from motiongen.evaluation.words import Caption


def paraphrased_items(
    folder: Path, splits: Sequence[str], protocol: Protocol, limit: int | None = None
) -> dict[str, list[Item]]:
    """Every set of paraphrases by its name: each with a real clip of its content and style, out of `splits`.

    Several of the same content and style have different clips, as long as there are any; without one a sentence is left
    out, and so is a set of which none remains.
    """
    clips: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
    for split in splits:
        shown = {clip.name: (clip.content, clip.style) for clip in labelled_clips(folder, split)}
        for item in load_items(folder, split, protocol):
            if item.name in shown:
                clips[shown[item.name]].append(item)
    sets = {}
    for name, sentences in paraphrase_sets(folder).items():
        used: defaultdict[tuple[str, str], int] = defaultdict(int)
        items = []
        for sentence in sentences if limit is None else evenly(sentences, limit):
            kind = (sentence.content, sentence.style)
            if clips[kind]:
                clip = clips[kind][used[kind] % len(clips[kind])]
                used[kind] += 1
                items.append(Item(clip.name, clip.features, (Caption(sentence.text),)))
        if items:
            sets[name] = items
    return sets
