"""BABEL on a tree like AMASS's: frames that are taken, labels as texts and timelines, and what is left out."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from motiongen.features import humanml3d as features
from motiongen.motion import MotionError, Segment
from motiongen_app.prepare import Options, run
from motiongen_data_prep import babel, pos_tags
from motiongen_data_prep.babel_labels import FrameLabel, read_labels, segments, timelines
from motiongen_data_prep.workers import Summary

WALK = "KIT/KIT/4/RightTurn02_poses.npz"
HANDBALL = "BMLhandball/BMLhandball/S01_Expert/Trial_upper_left_001_poses.npz"
STANDING = "MPIHDM05/MPI_HDM05/bk/HDM_bk_01-01_01_120_poses.npz"


def label(text: str, start: float | None = None, stop: float | None = None, act: str = "") -> dict[str, Any]:
    entry: dict[str, Any] = {"raw_label": f"{text}ing", "proc_label": text, "seg_id": "0", "act_cat": [act or text]}
    return entry if start is None else entry | {"start_t": start, "end_t": stop}


def sequence(number: int, file: str, whole: list[Any] | None, frames: list[Any] | None) -> dict[str, Any]:
    """An entry of BABEL's files, with all their keys."""
    head = {"babel_lid": "l", "anntr_id": "a", "mul_act": True}
    return {
        "babel_sid": number,
        "url": "https://crichton.is.tue.mpg.de/",
        "feat_p": file,
        "dur": 3.0,
        "seq_ann": None if whole is None else head | {"labels": whole},
        "frame_ann": None if frames is None else head | {"labels": frames},
    }


FRAMES = [
    label("turn left", 1.9, 3.0),
    label("walk", 0.0, 1.5),
    label("transition", 1.4, 2.0, "transition"),
    label("wave#left hand", 2.8, 9.0),
]


@pytest.fixture(scope="module")
def source(amass: Any) -> Path:
    """BABEL's two files, and its sequences of AMASS below other names of their corpora."""
    root: Path = amass.root
    amass.write("KIT/4/RightTurn02_poses.npz", 400, 100.0, "male", 1)
    # The file says 120 frames a second; there are 240.
    amass.write("BMLhandball/S01_Expert/Trial_upper_left_001_poses.npz", 240, 120.0, "female", 2)
    amass.write("HDM05/bk/HDM_bk_01-01_01_120_poses.npz", 10, 120.0, "female", 3)
    train = [
        sequence(7, WALK, [label("walk around")], FRAMES),
        sequence(8, HANDBALL, [label("throw")], None),
        sequence(9, STANDING, [label("tpose"), label("t pose"), label("stand")], None),
        sequence(10, "CMU/CMU/80/80_43_poses.npz", [label("run")], None),
    ]
    val = [sequence(11, WALK, None, [label("walk", 0.0, 1.0)]), sequence(12, WALK, None, None)]
    for split, entries in (("train", train), ("val", val)):
        (root / f"{split}.json").write_text(json.dumps({str(e["babel_sid"]): e for e in entries}))
    return root


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    out = tmp_path_factory.mktemp("babel") / "out"
    return out, run("babel", source, out, Options(workers=1, mirror=True))


def vectors(z_up: np.ndarray, chosen: list[int]) -> np.ndarray:
    joints = z_up[chosen][..., [0, 2, 1]] * [-1.0, 1.0, 1.0]
    return features.encode(torch.from_numpy(joints)).numpy()


def test_frames_are_spread_evenly_over_the_recording(made: tuple[Path, Summary], amass: Any) -> None:
    walk = amass.joints["KIT/4/RightTurn02_poses.npz"]
    # 400 frames at 100 a second are 120 at 30; the last one taken is the last there is.
    chosen = [int(i * 399 / 119) for i in range(120)]
    assert chosen[-1] == 399
    assert np.abs(np.load(made[0] / "new_joint_vecs" / "7.npy") - vectors(walk, chosen)).max() < 1e-5
    throw = amass.joints["BMLhandball/S01_Expert/Trial_upper_left_001_poses.npz"]
    assert np.load(made[0] / "new_joint_vecs" / "8.npy").shape == (29, 263)
    expected = vectors(throw, [int(i * 239 / 29) for i in range(30)])
    assert np.abs(np.load(made[0] / "new_joint_vecs" / "8.npy") - expected).max() < 1e-5


def test_lists_and_what_is_left_out(made: tuple[Path, Summary]) -> None:
    out, summary = made
    assert (out / "train.txt").read_text().split() == ["7", "M7", "8", "M8"]
    assert (out / "val.txt").read_text().split() == ["11", "M11"]
    assert set(summary.skipped) == {"9", "10", "12"}
    assert summary.skipped["9"].startswith("0.08 s long") and summary.skipped["12"] == "has no labels"
    assert "CMU is not below" in summary.skipped["10"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["fps"], manifest["features"], manifest["clips"], manifest["mirrored"]) == (30, 263, 6, 3)


def test_labels_become_lines_with_their_seconds(made: tuple[Path, Summary]) -> None:
    lines = (made[0] / "texts" / "M7.txt").read_text().splitlines()
    assert lines == [
        "walk around#walk/OTHER around/OTHER#0.0#0.0",
        "walk#walk/OTHER#0.0000#1.5000",
        "turn right#turn/OTHER right/OTHER#1.9000#3.0000",
        # A # would end the caption; no label outlasts the clip of 119 frames.
        "wave right hand#wave/OTHER right/OTHER hand/OTHER#2.8000#3.9667",
    ]


def test_timelines_have_transitions_and_consecutive_sentences(made: tuple[Path, Summary]) -> None:
    timeline = json.loads((made[0] / "timelines" / "7.json").read_text())
    assert (timeline["fps"], timeline["frames"], timeline["sequence"]) == (30, 119, ["walk around"])
    told = [(s["text"], s["start"], s["stop"], s["transition"]) for s in timeline["segments"]]
    assert told == [
        ("walk", 0, 45, False),
        ("transition", 42, 60, True),
        ("turn left", 57, 90, False),
        ("wave left hand", 84, 119, False),
    ]
    longest = timeline["timelines"][0]
    # 45 to 57 is nobody's, 84 to 90 is both's: halved.
    assert longest == [
        {"text": "walk", "start": 0, "stop": 51},
        {"text": "turn left", "start": 51, "stop": 87},
        {"text": "wave left hand", "start": 87, "stop": 119},
    ]
    assert json.loads((made[0] / "timelines" / "8.json").read_text())["timelines"] == []


def test_labels_of_the_same_are_spelt_the_same(source: Path) -> None:
    assert [s.whole for s in read_labels(source / "train.json")][2] == ("t-pose", "stand")


def test_other_labels_need_no_new_motion(made: tuple[Path, Summary], source: Path) -> None:
    path = made[0] / "new_joint_vecs" / "7.npy"
    before, text = path.stat().st_mtime_ns, (source / "val.json").read_text()
    (source / "val.json").write_text(text.replace('"proc_label": "walk"', '"proc_label": "stroll"'))
    again = run("babel", source, made[0], Options(workers=1, mirror=True))
    assert (again.written, again.kept) == (0, 3) and path.stat().st_mtime_ns == before
    assert (made[0] / "texts" / "11.txt").read_text().startswith("stroll#")
    (source / "val.json").write_text(text)


def test_another_frame_rate_makes_it_anew(source: Path, tmp_path: Path) -> None:
    assert run("babel", source, tmp_path, Options(workers=1, fps=20)).written == 3
    assert np.load(tmp_path / "new_joints" / "7.npy").shape == (79, 22, 3)
    assert run("babel", source, tmp_path, Options(workers=1, fps=25)).written == 3
    assert run("babel", source, tmp_path, Options(workers=1, fps=110)).written == 1
    assert "has 100 frames a second; 110 are needed" in (tmp_path / "skipped.csv").read_text()
    with pytest.raises(MotionError, match=r"fps is 1000; it must be 10 to 120"):
        run("babel", source, tmp_path, Options(fps=1000))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "holds no sequences"),
        ("{", "is not JSON"),
        ('{"5": {"seq_ann": null}}', "sequence 5 is not as BABEL has them"),
        ('{"5": {"feat_p": "a", "frame_ann": {"labels": [{"proc_label": "x", "start_t": "y"}]}}}', "sequence 5"),
    ],
)
def test_files_that_are_not_babels(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(MotionError, match=said):
        read_labels(tmp_path / "train.json")


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 40), st.booleans()).map(
        lambda x: FrameLabel("transition" if x[2] else f"{x[0]} {x[1]}", float(x[0]), float(x[0] + x[1]))
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(SPANS, st.integers(5, 80))
def test_timelines_are_consecutive_and_of_labels_in_their_order(labels: list[FrameLabel], longest: int) -> None:
    found = segments(labels, 1.0, 100)
    given_ = {s.text: s for s, la in found if not la.is_transition}
    for chain in timelines(found, longest):
        assert all(a.stop == b.start for a, b in pairwise(chain))
        assert 0 < chain[-1].stop - chain[0].start <= longest
        own = [given_[s.text] for s in chain]
        assert (chain[0].start, chain[-1].stop) == (own[0].start, own[-1].stop)
        assert all(a.start < b.start and a.stop < b.stop for a, b in pairwise(own))
        assert all(s.start < s.stop for s in chain)


def test_what_touches_follows_and_what_does_not_touch_does_not() -> None:
    apart = [FrameLabel("sit", 0, 10), FrameLabel("stand", 12, 20)]
    assert timelines(segments(apart, 1, 20), 50) == [[Segment("sit", 0, 10)], [Segment("stand", 12, 20)]]
    bridged = [*apart, FrameLabel("transition", 9, 13)]
    joined = [Segment("sit", 0, 11), Segment("stand", 11, 20)]
    assert timelines(segments(bridged, 1, 20), 50)[0] == joined
    # Too long for one: the first stays alone.
    assert timelines(segments(bridged, 1, 20), 19) == [[Segment("sit", 0, 10)], [Segment("stand", 12, 20)]]


def test_parts_of_speech_are_written_as_in_humanml3d() -> None:
    class Word:
        def __init__(self, text: str, pos: str, lemma: str) -> None:
            self.text, self.pos_, self.lemma_ = text, pos, lemma

    words = [
        Word("walks", "VERB", "walk"),
        Word("left", "VERB", "leave"),
        Word("his", "PRON", "he"),
        Word("2", "NUM", "2"),
        Word("arms", "NOUN", "arm"),
        Word(".", "PUNCT", "."),
    ]
    assert pos_tags.tokens(words) == "walk/VERB left/VERB his/PRON arm/NOUN"


def test_a_missing_tagger_is_one_line_with_the_command(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Any
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "spacy", None)
    code, error = cli("prepare", "babel", source, tmp_path / "out", "--pos")
    assert code == 2 and 'pip install "motiongen[pos]" && python -m spacy download en_core_web_sm' in error
    assert not (tmp_path / "out").exists()


def test_the_tagger_writes_a_published_line() -> None:
    spacy = pytest.importorskip("spacy", reason="spaCy is not installed: parts of speech are not tried on real text")
    if not spacy.util.is_package(pos_tags.MODEL):
        pytest.skip(f"spaCy's model {pos_tags.MODEL} is not installed: parts of speech are not tried on real text")
    caption = "a man kicks something or someone with his left leg."
    line = pos_tags.tagger()(caption)
    assert line.startswith(f"{caption}#a/DET man/NOUN kick/VERB something/PRON") and line.endswith("leg/NOUN#0.0#0.0")


def test_only_public_splits_are_read() -> None:
    assert babel.LISTS == ("train", "val")
