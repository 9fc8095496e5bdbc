"""Sentences of parts of clips: captions with times, timelines of real takes, and training on both."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.models.token_codec import TokenCodec
from motiongen.models.vae import SHIFTS, DiagonalNormal, TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.config import load_config
from motiongen.training.data import load_clips, step_generator
from motiongen.training.denoiser import train_denoiser
from motiongen.training.latents import (
    Labels,
    LatentBatch,
    LatentClip,
    Piece,
    Runs,
    Timelines,
    collate,
    encode_clips,
    timeline_batch,
)
from motiongen.training.losses import alike
from motiongen.training.spans import Told, encode_runs, labels_of, read_told

FRAMES = 203
UNIT = 64.0  # of the ramp that clips hold, so that frames stay exact and no latent is an outlier
SENTENCES = (("walk", 10, 71), ("turn left", 71, 103), ("hop", 103, 105), ("sit", 105, 178))


class Ramp(TemporalCodec):
    """Latents that tell which frame they begin with."""

    def encode(self, features: torch.Tensor, mask: torch.Tensor | None = None) -> DiagonalNormal:
        mean = features[:, ::4, :8]
        return DiagonalNormal(mean, torch.zeros_like(mean))


def sentences(*spans: tuple[str, int, int]) -> list[dict[str, Any]]:
    return [{"text": text, "start": start, "stop": stop} for text, start, stop in spans]


def write(folder: Path, name: str, texts: str, timelines: Any = None, segments: Any = ()) -> None:
    """A clip of a ramp, with its captions and, unless None, its timelines."""
    for sub in ("new_joint_vecs", "texts"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    ramp = np.broadcast_to(np.arange(FRAMES, dtype=np.float32)[:, None] / UNIT, (FRAMES, 263))
    np.save(folder / "new_joint_vecs" / f"{name}.npy", ramp)
    (folder / "texts" / f"{name}.txt").write_text(texts, encoding="utf-8")
    with open(folder / "train.txt", "a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    if timelines is not None:
        (folder / "timelines").mkdir(exist_ok=True)
        content = {"name": name, "fps": 20.0, "frames": FRAMES, "segments": segments, "timelines": timelines}
        (folder / "timelines" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def told(folder: Path) -> Told:
    return read_told(folder, load_clips(folder, "train"), 16)


def runs_of(folder: Path) -> Runs:
    runs = encode_runs(Ramp(latent_dim=8, width=24, blocks=1), told(folder))
    assert runs is not None
    return runs


def frames_of(batch: LatentBatch, row: int) -> list[int]:
    """The frame with which each latent of a sample begins."""
    return [round(value * UNIT) for value in batch.z[row, batch.mask[row], 0].tolist()]


@pytest.fixture
def timelines(tmp_path: Path) -> Path:
    write(tmp_path, "a", "walk about#x/X#0.0#0.0\n", [sentences(*SENTENCES)])
    return tmp_path


def drawn(folder: Path, longest: int, share: float = 1.0, steps: int = 8) -> list[LatentBatch]:
    clip = LatentClip("x", (torch.full((42, 8), -1.0),), ("a clip",))  # as long as the run
    labels = Labels(torch.ones(1), ((0,),), (0,))
    config = Timelines(longest=longest, real=share, join=0.0, extend=0.0, pause=0.0)
    runs = runs_of(folder)
    return [timeline_batch([clip], labels, 16, config, step_generator(0, step), runs) for step in range(steps)]


@pytest.mark.parametrize("longest", [60, 12])
def test_sentences_stay_with_their_frames(timelines: Path, longest: int) -> None:
    firsts, said = set(), set()
    for batch in drawn(timelines, longest):
        for row, sentences in enumerate(batch.sentences):
            frames, numbers = frames_of(batch, row), batch.frame_sentence[row, batch.mask[row]].tolist()
            assert frames == list(range(frames[0], frames[-1] + 1, 4)) and len(frames) == min(longest, 42)
            assert set(numbers) == set(range(len(sentences)))
            for frame, number in zip(frames, numbers):
                # A latent is of the sentence that its middle is in.
                assert [text for text, start, stop in SENTENCES if start <= frame + 2 < stop] == [sentences[number]]
            firsts.add(frames[0])
            said.add(sentences)
    # Both shifts of the codec's windows.
    assert {frame % 4 for frame in firsts} == set(SHIFTS)
    if longest == 60:
        # Of the two frames of "hop" one shift makes a latent, the other none.
        assert firsts == {8, 10} and said == {("walk", "turn left", "hop", "sit"), ("walk", "turn left", "sit")}
    else:
        assert len(firsts) > 20 and {("walk",), ("walk", "turn left"), ("sit",)} < said


def test_a_run_to_the_end_of_a_clip_ends_with_its_last_whole_latent(tmp_path: Path) -> None:
    write(tmp_path, "a", "walk#x/X#0.0#0.0\n", [sentences(("walk", 0, 100), ("sit", 100, FRAMES))])
    (run,) = runs_of(tmp_path).runs
    assert [len(version) for version in run.versions] == [50, 50] and run.ends == ((25, 50), (24, 50))
    assert [round(version[0, 0].item() * UNIT) for version in run.versions] == [0, 2]


def test_so_many_samples_are_real_as_are_asked_for(timelines: Path) -> None:
    def share(asked: float) -> float:
        batches = drawn(timelines, 60, asked, steps=24)
        real = [sentences != ("a clip",) for batch in batches for sentences in batch.sentences]
        return sum(real) / len(real)

    assert share(0.0) == 0 and share(1.0) == 1
    assert share(0.3) == pytest.approx(0.3, abs=0.06)


def test_without_runs_their_share_changes_nothing() -> None:
    clips = [LatentClip(f"{i}", (torch.full((4 + i, 8), float(i)),), (f"clip {i}",)) for i in range(5)]
    labels = Labels(torch.ones(5), tuple((i,) for i in range(5)), tuple(range(5)))
    none, all_ = (timeline_batch(clips, labels, 8, Timelines(real=real), step_generator(0, 0)) for real in (0.0, 1.0))
    assert torch.equal(none.z, all_.z) and none.sentences == all_.sentences


def test_long_runs_of_long_clips_are_drawn_more_often(tmp_path: Path) -> None:
    write(tmp_path, "a", "walk#x/X#0.0#0.0\n", [sentences(("walk", 0, 40)), sentences(("sit", 40, 160))])
    write(tmp_path, "b", "hop#x/X#0.0#0.0\n", [sentences(("hop", 0, 80)), sentences(("cut", 3, 18))])
    runs = runs_of(tmp_path)
    # What has less than 16 frames is no run.
    assert [run.sentences for run in runs.runs] == [("walk",), ("sit",), ("hop",)]
    assert runs.weights.tolist() == pytest.approx([FRAMES**0.5 / 4, FRAMES**0.5 * 3 / 4, FRAMES**0.5])


def test_captions_with_times_are_clips_of_these_frames(tmp_path: Path) -> None:
    write(tmp_path, "a", "all#x/X#0.0#0.0\nback#x/X#2.0#4.56\nto the end#x/X#9.0#20.0\nblink#x/X#1.0#1.5\n")
    write(tmp_path, "b", "wave#x/X#0.0#1.6667\nnever#x/X#11.0#12.0\n")
    clips = told(tmp_path).clips
    spans = [(c.name, c.captions, round(c.features[0, 0].item() * UNIT), len(c.features)) for c in clips]
    assert spans == [
        ("a", ("all",), 0, FRAMES),
        ("a#1", ("back",), 40, 51),
        ("a#2", ("to the end",), 180, 23),
        # Nothing is said of the whole of b.
        ("b#0", ("wave",), 0, 33),
    ]


def test_parts_have_the_labels_of_their_clip(tmp_path: Path) -> None:
    write(tmp_path, "a", "all#x/X#0.0#0.0\nback#x/X#2.0#4.5\n")
    write(tmp_path, "b", "all#x/X#0.0#0.0\n")
    rows = ("name,source,content,style,seconds,mirrored", "a,x,walk,,9,0", "b,x,kick,,4,0")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    found = told(tmp_path)
    read = labels_of(tmp_path, encode_clips(Ramp(latent_dim=8, width=24, blocks=1), found.clips), found)
    assert read.kinds == (0, 0, 1) and read.peers == ((0, 1), (0, 1), (2,))


def test_what_shows_the_same_by_its_labels_is_no_negative(tmp_path: Path) -> None:
    run = [("Turn left.", 0, 40), ("spin to the left", 40, 80), ("turn right", 80, 120), ("sit", 120, 160)]
    actions = [["turn"], ["turn"], ["turn"], ["sit"]]
    segments = [label | {"actions": names} for label, names in zip(sentences(*run), actions)]
    texts = "dance#x/X#0.0#0.0\nwhirl#x/X#0.0#0.0\nsit#x/X#6.0#8.0\n"
    write(tmp_path, "a", texts, [sentences(*run)], segments)
    found = told(tmp_path)
    runs = encode_runs(Ramp(latent_dim=8, width=24, blocks=1), found)
    assert runs is not None
    clips = encode_clips(Ramp(latent_dim=8, width=24, blocks=1), found.clips)
    labels = labels_of(tmp_path, clips, found)
    assert labels.weights.tolist() == pytest.approx([50**0.5, 10**0.5]) and labels.peers == ((0,), (1,))
    pieces = runs.runs[0].drawn(60, step_generator(0, 0))
    pieces += [Piece(clip.versions[0], f"clip {i}", i, labels.kinds[i]) for i, clip in enumerate(clips)]
    same = alike(collate([pieces])) & ~torch.eye(6, dtype=torch.bool)
    # Both turns to the left, and the two that sit: the run's sentence and the caption with times. Sides are kept apart.
    assert same.nonzero().tolist() == [[0, 1], [1, 0], [3, 5], [5, 3]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not readable as JSON"),
        ("[]", "holds no JSON object"),
        ({}, "timelines is None; it must be a list of lists"),
        ({"timelines": {"text": "walk"}}, "timelines is {'text': 'walk'}; it must be a list of lists"),
        ({"timelines": ["walk"]}, r"timelines\[0\] is 'walk'; it must be a list of objects"),
        ({"timelines": [["walk"]]}, r"timelines\[0\] is \['walk'\]; it must be a list of objects"),
        ({"timelines": [[]]}, "one of its timelines is empty"),
        ({"timelines": [[{"start": 0, "stop": 20}]]}, "a text is None; it must be a sentence"),
        ({"timelines": [sentences(("...", 0, 20))]}, r"a text is '\.\.\.'; it must be a sentence"),
        ({"timelines": [sentences(("walk", 0, FRAMES + 1))]}, "'walk' is of frames 0 to 204; the clip has frames 0 to"),
        ({"timelines": [sentences(("walk", -1, 20))]}, "'walk' is of frames -1 to 20"),
        ({"timelines": [sentences(("walk", 20, 20))]}, "'walk' is of frames 20 to 20"),
        ({"timelines": [[{"text": "walk", "start": 0, "stop": 9.5}]]}, "'walk' is of frames 0 to 9.5"),
        ({"timelines": [[{"text": "walk", "start": False, "stop": True}]]}, "'walk' is of frames False to True"),
        (
            {"timelines": [sentences(("walk", 0, 20), ("si\nt", 21, 40))]},
            "'si t' begins at frame 21; the sentence before it ends at 20",
        ),
        ({"timelines": [], "segments": 3}, "segments is 3; it must be a list of objects"),
        ({"timelines": [], "segments": [{"text": "walk", "actions": "walk"}]}, "actions is 'walk'; it must be a list"),
    ],
)
def test_timelines_that_cannot_be_are_refused_in_one_line(timelines: Path, content: Any, said: str) -> None:
    path = timelines / "timelines" / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(MotionError, match=rf"timelines/a\.json: .*{said}") as refused:
        told(timelines)
    assert "\n" not in str(refused.value)


def test_times_that_cannot_be_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", "walk#x/X#1.0#inf\n")
    with pytest.raises(MotionError, match=r"a\.txt: 'walk' is of 1 to inf s; write seconds from 0 on"):
        told(tmp_path)
    (tmp_path / "texts" / "a.txt").write_text("")
    with pytest.raises(MotionError, match="texts: holds no caption of 1 clips; write a line for each"):
        told(tmp_path)


def test_a_denoiser_learns_from_timelines(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name in ("a", "b"):
        write(data, name, "move#x/X#0.0#0.0\nwalk#x/X#0.5#3.5\n", [sentences(*SENTENCES)])
    (data / "val.txt").write_text("b\n")
    generator = np.random.default_rng(0)
    for path in (data / "new_joint_vecs").iterdir():
        np.save(path, 0.1 * generator.standard_normal((FRAMES, 263)).astype(np.float32))
    for name in ("Mean.npy", "Std.npy"):
        np.save(data / name, np.ones(263, dtype=np.float32))
    tiny = load_config("denoiser", "tiny")
    config = replace(tiny, loop=replace(tiny.loop, steps=3, validate_every=3))
    config = replace(config, timelines=replace(tiny.timelines, real=0.7))
    codec = TemporalCodec(latent_dim=8, width=24, blocks=1).eval()

    def rows(out: Path) -> list[dict[str, float]]:
        train_denoiser(config, codec, data, out)
        return [json.loads(row) for row in (out / "curves.jsonl").read_text().splitlines()]

    def run_of(out: Path) -> Any:
        return json.loads((out / "run.json").read_text())["run"]["timelines"]

    with_them = rows(tmp_path / "with")
    assert len(with_them) == 4 and with_them[-1]["held_out/diffusion"] > 0
    assert run_of(tmp_path / "with")["real"] == 0.7

    tokens = TokenCodec(latent_tokens=2, latent_dim=8, layers=1, heads=1, feedforward=8)
    whole = replace(config, timelines=Timelines(join=0.0, extend=0.0, pause=0.0))
    whole = replace(whole, masking=replace(whole.masking, masked="none", given=0.0))
    with pytest.raises(MotionError, match=r"timelines\.real is 0\.5; this codec holds a whole clip in 2 tokens"):
        train_denoiser(whole, tokens, data, tmp_path / "tokens")
    whole = replace(whole, loop=replace(whole.loop, steps=1), timelines=replace(whole.timelines, real=0.0))
    train_denoiser(whole, tokens, data, tmp_path / "tokens")

    shutil.rmtree(data / "timelines")
    without = rows(tmp_path / "without")
    assert without[0]["loss"] != with_them[0]["loss"] and "real" not in run_of(tmp_path / "without")
