"""Which clips are measured, how a repeat draws from them, what is kept of it, and whether the evaluator fits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.evaluation import breakdown, compositions, repeats
from motiongen.evaluation.evaluator import Evaluator, MatchingEvaluator
from motiongen.evaluation.protocols import HUMANML3D, KIT, STARTER, Item, draw, load_items, read_timed, whole_pools
from motiongen.evaluation.provenance import check_belongs
from motiongen.evaluation.record import Record, summarised
from motiongen.evaluation.repeats import REAL, generator_of
from motiongen.evaluation.sources import PipelineSource
from motiongen.evaluation.words import Caption, WordLlamaReader
from motiongen.features.humanml3d import ROOT_HEIGHT
from motiongen.motion import MotionError

SMALL: dict[str, Any] = {"movement": 8, "motion_hidden": 8, "text_hidden": 8, "embedding": 6}
LINE = "a person walks#a/DET person/NOUN walk/VERB#0.0#0.0\n"


def write(folder: Path, clips: dict[str, tuple[int, str]], split: str = "test", features: int = 263) -> Path:
    """Clips by name: frames and the content of the text file."""
    generator = np.random.default_rng(0)
    for name in ("new_joint_vecs", "texts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, (frames, text) in clips.items():
        values = generator.normal(size=(frames, features)).astype(np.float32)
        np.save(folder / "new_joint_vecs" / f"{name}.npy", values)
        (folder / "texts" / f"{name}.txt").write_text(text, encoding="utf-8")
    (folder / f"{split}.txt").write_text("\n".join(clips), encoding="utf-8")
    np.save(folder / "Mean.npy", np.zeros(features))
    np.save(folder / "Std.npy", np.ones(features))
    return folder


def evaluator(features: int = 263, published: bool = False) -> Evaluator:
    torch.manual_seed(0)
    return Evaluator(MatchingEvaluator(features, word=256, pos=0, **SMALL), WordLlamaReader(), "tiny", published)


def items(count: int, frames: int = 44) -> list[Item]:
    generator = torch.Generator().manual_seed(0)
    return [
        Item(f"{i:03d}", torch.randn(frames + i % 9, 263, generator=generator), (Caption(f"number {i}"),))
        for i in range(count)
    ]


# -- Clips -------------------------------------------------------------------------------------------------------------


def test_clips_that_are_too_short_or_too_long_are_left_out(tmp_path: Path) -> None:
    lengths = {"a": 39, "b": 40, "c": 199, "d": 200, "e": 24, "f": 23}
    folder = write(tmp_path, {name: (n, LINE) for name, n in lengths.items()})
    assert [i.name for i in load_items(folder, "test", HUMANML3D)] == ["b", "c"]
    kit = write(tmp_path / "kit", {name: (n, LINE) for name, n in lengths.items()}, features=251)
    assert [i.name for i in load_items(kit, "test", KIT)] == ["a", "b", "c", "e"]
    with pytest.raises(MotionError, match=r"shape \(39, 263\); kit has 251 features"):
        load_items(folder, "test", KIT)


def test_a_caption_with_times_makes_a_clip_of_those_frames(tmp_path: Path) -> None:
    text = LINE + "someone waves#someone/PRON wave/VERB#1.0#4.5\nshort#short/ADJ#1.0#2.0\nwhole#whole/ADJ#nan#nan\n"
    folder = write(tmp_path, {"a": (120, text), "b": (120, "all of it#all/DET#0.5#nan\n"), "c": (50, LINE)})
    found = load_items(folder, "test", HUMANML3D)
    assert [(i.name, len(i.features), [c.text for c in i.captions]) for i in found] == [
        ("a", 120, ["a person walks", "whole"]), ("a#1", 70, ["someone waves"]), ("c", 50, ["a person walks"]),
    ]  # fmt: skip
    whole = np.load(folder / "new_joint_vecs/a.npy")
    assert np.array_equal(found[1].features.numpy(), whole[20:90])
    assert found[0].captions[0].tokens == ("a/DET", "person/NOUN", "walk/VERB")
    assert [i.name for i in load_items(folder, "test", HUMANML3D, limit=1)] == ["a", "a#1"]


def test_texts_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a person walks#a/DET#now#then\n")
    with pytest.raises(MotionError, match=r"a.txt: the times in .* are no numbers"):
        read_timed(tmp_path / "a.txt")
    folder = write(tmp_path / "data", {"a": (20, LINE)})
    with pytest.raises(MotionError, match="split 'test' has no clip of 40 to 199 frames"):
        load_items(folder, "test", HUMANML3D)
    (folder / "test.txt").write_text("a\nb\n")
    with pytest.raises(MotionError, match=r"b.npy: no such file, though test.txt names it"):
        load_items(folder, "test", HUMANML3D)


# -- Draws -------------------------------------------------------------------------------------------------------------


def test_draws_are_whole_units_and_a_third_of_them_is_a_unit_shorter() -> None:
    clip = Item("a", torch.arange(47.0)[:, None].expand(47, 263), (Caption("one"), Caption("two")))
    drawn = draw([clip] * 3000, generator_of(0, 0))
    lengths = Counter(d.length for d in drawn)
    assert set(lengths) == {44, 40} and lengths[40] == pytest.approx(1000, rel=0.1)
    assert {d.start for d in drawn if d.length == 44} == {0, 1, 2, 3}
    assert {d.start for d in drawn if d.length == 40} == set(range(8))
    assert Counter(d.caption.text for d in drawn)["one"] == pytest.approx(1500, rel=0.1)
    assert all(len(d.features) == d.length and d.features[0, 0] == d.start for d in drawn[:50])


def test_the_same_seed_draws_the_same() -> None:
    clips = items(40)

    def names(seed: int, repeat: int) -> list[tuple[str, int, int]]:
        return [(d.item.name, d.start, d.length) for d in draw(clips, generator_of(seed, repeat))]

    assert names(1, 2) == names(1, 2)
    assert names(1, 2) != names(1, 3) and names(1, 2) != names(2, 2)
    assert sorted(n for n, *_ in names(1, 2)) == [i.name for i in clips]
    assert len(whole_pools(draw(clips, generator_of(0, 0)), 32)) == 32
    with pytest.raises(MotionError, match="31 clips are not one pool of 32"):
        whole_pools(draw(clips[:31], generator_of(0, 0)), 32)


# -- Repeats -----------------------------------------------------------------------------------------------------------


class Echo(PipelineSource):
    """Gives back the real clips: a generator that cannot be better."""

    def __init__(self, real: Sequence[Item]) -> None:
        object.__setattr__(self, "known", {item.captions[0].text: item.features for item in real})

    def __call__(self, captions: Sequence[str], frames: Sequence[int], seed: int, progress: Any = None) -> list[Any]:
        return [self.known[c][:n] for c, n in zip(captions, frames)]  # type: ignore[attr-defined]

    def timelines(self, captions: Any, frames: Any, seed: int, progress: Any) -> list[Any]:
        return [torch.cat(self(row, lengths, seed)) for row, lengths in zip(captions, frames)]


def test_a_generator_that_gives_back_real_clips_is_as_good_as_they() -> None:
    # Clips of whole units, of which one in three is cropped: at the start by the generator, anywhere in the real row.
    clips = items(70, 48)
    made = repeats.measured(clips, evaluator(), {"echo": Echo(clips)}, STARTER, seed=3, repeat=1, texts=2)
    real, echo = made.numbers[REAL], made.numbers["echo"]
    assert len(made.drawn) == 64 and list(made.numbers) == [REAL, "echo"]
    assert 0 < real["fid"] < echo["fid"] + 0.1 < 0.2
    assert echo["multimodality"] == 0 and "multimodality" not in real
    assert echo["diversity"] == pytest.approx(real["diversity"], rel=0.2)
    assert echo["jitter"] == pytest.approx(real["jitter"], rel=0.1)
    assert set(echo) - set(real) == {"multimodality", "captions_cut"} | {
        f"{kind}_{part}" for kind in ("ape", "ave") for part in ("root", "trajectory", "local", "global")
    }
    again = repeats.measured(clips, evaluator(), {"echo": Echo(clips)}, STARTER, seed=3, repeat=1, texts=2)
    assert again.numbers == made.numbers


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    record, asked = Record(tmp_path / "out", {"seed": 1, "data": {"test": "abc"}}), []
    assert not (tmp_path / "out").exists()

    def measure(number: int) -> Any:
        asked.append(number)
        if asked == [0, 1]:
            raise KeyboardInterrupt
        return {REAL: {"fid": float(number)}}, {"text": torch.ones(2, 3)}

    with pytest.raises(KeyboardInterrupt):
        record.repeats("test", 3, measure)
    record = Record(tmp_path / "out", {"seed": 1, "data": {"test": "abc"}})
    rows = record.repeats("test", 3, measure)
    assert asked == [0, 1, 1, 2] and [row[REAL]["fid"] for row in rows] == [0, 1, 2]
    assert torch.equal(record.first("test")["text"], torch.ones(2, 3))
    interval = 1.96 * np.std([0, 1, 2]) / np.sqrt(3)
    assert summarised(rows)[REAL]["fid"] == pytest.approx({"mean": 1.0, "interval": interval}, abs=1e-6)
    with pytest.raises(MotionError, match=r"other settings \(data.test\); name another --out"):
        Record(tmp_path / "out", {"seed": 1, "data": {"test": "abd"}})


# -- Compositions ------------------------------------------------------------------------------------------------------


def test_babel_s_segments_and_their_transitions(tmp_path: Path) -> None:
    protocol = compositions.babel(30.0)
    assert (protocol.window, protocol.shortest, protocol.too_long, protocol.repeats) == (30, 30, 200, 10)
    lines = "all of it#all/DET#0.0#0.0\n" + "".join(
        f"action {i}#action/NOUN#{start / 30:.4f}#{stop / 30:.4f}\n"
        for i, (start, stop) in enumerate([(13, 73), (73, 104), (104, 133), (0, 250)])
    )
    folder = write(tmp_path, {"a": (250, lines), "b": (90, "b does#b/X#0.1#2.9\n")}, "val")
    found, sequences = compositions.load_segments(folder, protocol)
    # 29 and 250 frames are out of range; so is what the caption of the whole clip says of no segment.
    assert [(i.name, len(i.features)) for i in found] == [("a#1", 60), ("a#2", 31), ("b#0", 84)]
    assert np.array_equal(found[1].features.numpy(), np.load(folder / "new_joint_vecs/a.npy")[73:104])
    made = compositions.measured(found, sequences, evaluator(), {"echo": Echo(found)}, protocol, 0, 0)
    real, echo = made.numbers[REAL], made.numbers["echo"]
    for metric in ("r_precision_1", "r_precision_3", "fid", "mm_dist"):
        assert echo[metric] == pytest.approx(real[metric], abs=1e-6)
    assert {"transition_fid", "transition_diversity", "peak_jerk", "area_under_jerk"} <= set(echo)
    with pytest.raises(MotionError, match="2 segments found"):
        compositions.measured(found[:2], sequences, evaluator(), {}, protocol, 0, 0)
    with pytest.raises(MotionError, match="compositions need captions with times"):
        compositions.load_segments(write(tmp_path / "plain", {"a": (90, LINE)}, "val"), protocol)


def test_a_jump_between_segments_shows_in_the_transitions_alone() -> None:
    # Roots at different heights, still otherwise: joined, they jump at every boundary.
    clips = []
    for i in range(6):
        features = torch.zeros(60, 263)
        features[:, 67::6] = 1.0  # rotations of length one
        features[:, ROOT_HEIGHT] = 1.0 + 0.1 * i
        clips.append(Item(str(i), features, (Caption(f"stand {i}"),)))
    sequences = [c.features for c in clips]
    protocol = compositions.babel(20.0)
    made = compositions.measured(clips, sequences, evaluator(), {"echo": Echo(clips)}, protocol, 0, 0)
    # Third difference of a step: 1, 2, 1 times its height; the largest of two in the middle.
    heights = [d.features[0, 3].item() for d in made.drawn]
    step = np.mean(np.abs(np.diff(heights)))
    assert made.numbers["echo"]["peak_jerk"] == pytest.approx(2 * step, rel=1e-4)
    assert made.numbers["echo"]["area_under_jerk"] == pytest.approx(4 * step, rel=1e-4)
    assert made.numbers[REAL]["peak_jerk"] == pytest.approx(0, abs=1e-6)


# -- Breakdown ---------------------------------------------------------------------------------------------------------


def test_breakdown_by_length_and_content(tmp_path: Path) -> None:
    drawn = draw(items(8), generator_of(0, 0))
    text = torch.eye(8)
    motion = text.clone()
    motion[0] = -100.0  # far from its caption and from all others
    parts = breakdown.by_length(text, motion, [40, 60, 48, 40, 44, 60, 60, 44], 8)
    assert [(p.name, p.clips) for p in parts] == [("40-40", 2), ("44-44", 2), ("48-48", 1), ("60-60", 3)]
    assert [p.r_precision_3 for p in parts] == [0.5, 1, 1, 1]
    assert parts[0].mm_dist > 100 and parts[1].mm_dist == 0
    (tmp_path / "clips.csv").write_text("name,content\n" + "".join(f"{i:03d},{'ab'[i % 2]}\n" for i in range(8)))
    shown = breakdown.contents(drawn, tmp_path)
    assert shown == ["ab"[int(d.item.name) % 2] for d in drawn]
    assert breakdown.contents(drawn, tmp_path / "nowhere") == ["other"] * 8
    names, shares = breakdown.confusion(text, text, shown, same=False)
    assert names == ["a", "b"] and torch.equal(shares, torch.eye(2))


# -- Does it belong? ---------------------------------------------------------------------------------------------------


def fitted(folder: Path, published: bool = False, features: int = 263) -> Evaluator:
    made = evaluator(features, published)
    mean, std = (torch.from_numpy(np.load(folder / n)).float() for n in ("Mean.npy", "Std.npy"))
    if published:
        std = std.clone()
        std[:4] /= 25
        std[-4:] /= 25
    made.networks.scale.set(mean, std)
    return made


def test_evaluators_that_belong_to_the_data_and_others(tmp_path: Path) -> None:
    folder = write(tmp_path, {"a": (50, LINE)})
    np.save(folder / "Mean.npy", np.linspace(-1, 1, 263))
    np.save(folder / "Std.npy", np.linspace(0.1, 2, 263))
    check_belongs(fitted(folder), folder, STARTER)
    check_belongs(fitted(folder, published=True), folder, HUMANML3D)
    # The trap of the field: the generator's statistics, given to the published evaluator.
    wrong = fitted(folder)
    wrong.published = True
    with pytest.raises(MotionError, match=r"are a dataset's, not the evaluator's own; --stats names the folder"):
        check_belongs(wrong, folder, HUMANML3D)
    kit = write(tmp_path / "kit", {"a": (50, LINE)}, features=251)
    with pytest.raises(MotionError, match="evaluator 'tiny' takes 251 features; humanml3d has 263"):
        check_belongs(fitted(kit, features=251), folder, HUMANML3D)
    trained = fitted(folder)
    np.save(folder / "Std.npy", np.linspace(0.1, 4, 263))
    with pytest.raises(MotionError, match=r"expects other data: its std and that of .* differ 2.00 times"):
        check_belongs(trained, folder, STARTER)
    np.save(folder / "Mean.npy", np.linspace(-1, 9, 263))
    with pytest.raises(MotionError, match=r"expects other data: its mean is 2.0 deviations off"):
        check_belongs(trained, folder, STARTER)
    (folder / "manifest.json").write_text(json.dumps({"fps": 30.0}))
    with pytest.raises(MotionError, match="was prepared with 30 fps; starter has 20"):
        check_belongs(trained, folder, STARTER)
    (folder / "Std.npy").unlink()
    (folder / "manifest.json").unlink()
    with pytest.raises(MotionError, match=r"Std.npy: no such file; make the dataset"):
        check_belongs(trained, folder, STARTER)
