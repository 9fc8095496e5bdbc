from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from motiongen.features.humanml3d import JOINT_VELOCITIES, ROOT_VELOCITY
from motiongen.models.vae import TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.data import Clip, Share, crops, data_hash, load_clips, read_captions, step_generator
from motiongen.training.latents import (
    Labels,
    LatentClip,
    Piece,
    Timelines,
    collate,
    encode_clips,
    read_labels,
    timeline_batch,
)  # fmt: skip


def write(folder: Path, lengths: dict[str, int]) -> None:
    for sub in ("new_joint_vecs", "texts"):
        (folder / sub).mkdir(parents=True)
    for name, length in lengths.items():
        np.save(folder / "new_joint_vecs" / f"{name}.npy", np.full((length, 263), length, dtype=np.float32))
        (folder / "texts" / f"{name}.txt").write_text(f"walks {name}#walks/VERB#0.0#0.0\n\nagain#again/ADV#0.0#0.0\n")
    (folder / "train.txt").write_text("\n".join(lengths) + "\n")


def test_clips_are_read_in_the_field_s_layout(tmp_path: Path) -> None:
    write(tmp_path, {"a": 40, "b": 6})
    clips = load_clips(tmp_path, "train", shortest=8)
    assert [(c.name, len(c.features), c.captions) for c in clips] == [("a", 40, ("walks a", "again"))]
    assert read_captions(tmp_path / "texts/b.txt") == ("walks b", "again")


@pytest.mark.parametrize(
    ("text", "captions"),
    [
        ("all#x/X#0.0#0.0\nend#x/X#2.0#4.5\n", ("all",)),
        ("start#x/X#0.0#2.0\nend#x/X#2.0#4.5\n", ()),
        ("all#x/X#nan#nan\r\nbare\n\n", ("all", "bare")),
        ("one\u2028line\x85 only#x/X#0.0#0.0", ("one\u2028line\x85 only",)),
        ("", ()),
    ],
)
def test_captions_of_a_part_do_not_describe_the_whole(text: str, captions: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode())
    assert read_captions(tmp_path / "a.txt") == captions


def test_times_that_are_no_numbers_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("walks#x/X#soon#0.0")
    with pytest.raises(MotionError, match=r"a\.txt: the times in 'walks#x/X#soon#0.0' are no numbers"):
        read_captions(tmp_path / "a.txt")


def test_a_dataset_is_known_by_its_split_and_statistics(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"train\.txt: no such file"):
        data_hash(tmp_path)
    hashes = set()
    for name in ("train.txt", "Mean.npy", "Std.npy"):
        (tmp_path / name).write_bytes(b"0")
    for name in ("train.txt", "Mean.npy", "Std.npy"):
        hashes.add(data_hash(tmp_path))
        (tmp_path / name).write_bytes(b"1")
    assert len(hashes | {data_hash(tmp_path)}) == 4 and all(len(h) == 12 for h in hashes)


def test_clips_beyond_the_codec_are_left_out() -> None:
    codec = TemporalCodec(latent_dim=8, width=24, blocks=1).eval()
    usual, outlier = torch.zeros(16, 263), torch.zeros(16, 263)
    outlier[:, 1] = 100.0
    clips = [Clip("usual", usual, ("",)), Clip("outlier", outlier, ("",))]
    assert [c.name for c in encode_clips(codec, clips)] == ["usual"]
    with pytest.raises(MotionError, match="all 1 clips have latents beyond 15"):
        encode_clips(codec, clips[1:])


def test_what_is_no_dataset_is_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"train\.txt: no such file; make the dataset"):
        load_clips(tmp_path, "train")
    write(tmp_path, {"a": 4})
    with pytest.raises(MotionError, match="no clip of at least 8 frames"):
        load_clips(tmp_path, "train", shortest=8)
    np.save(tmp_path / "new_joint_vecs/a.npy", np.zeros((9, 66), dtype=np.float32))
    with pytest.raises(MotionError, match="a: features have shape"):
        load_clips(tmp_path, "train")
    (tmp_path / "new_joint_vecs/a.npy").write_bytes(b"\x93NUMPY, or not")
    with pytest.raises(MotionError, match=r"a\.npy: damaged"):
        load_clips(tmp_path, "train")
    np.save(tmp_path / "new_joint_vecs/a.npy", np.full((9, 263), np.nan, dtype=np.float32))
    with pytest.raises(MotionError, match=r"a\.npy: holds NaN"):
        load_clips(tmp_path, "train")


def test_crops_are_windows_of_whole_groups() -> None:
    ramp = torch.arange(100.0)[:, None].expand(-1, 263)
    clips = [Clip("long", ramp, ("",)), Clip("short", ramp[:22], ("",))]
    batch = crops(clips, 32, 48, step_generator(0, 0))
    lengths = batch.mask.sum(1)
    assert set(lengths.tolist()) == {48, 20}
    for row, length in enumerate(lengths.tolist()):
        values = batch.features[row, :, 0]
        assert torch.equal(values[:length].diff(), torch.ones(length - 1)) and (values[length:] == 0).all()


def test_steps_have_randomness_of_their_own() -> None:
    def draw(seed: int, step: int) -> float:
        return torch.rand((), generator=step_generator(seed, step)).item()

    assert draw(0, 5) == draw(0, 5)
    assert len({draw(seed, step) for seed in range(3) for step in range(50)}) == 150


def test_shares_partition_a_batch() -> None:
    rows = list(range(10))
    assert sorted(r for i in range(3) for r in rows[Share(i, 3).rows]) == rows


def latents(count: int = 6) -> list[LatentClip]:
    return [LatentClip(f"c{i}", (torch.full((4 + i, 3), float(i)),), (f"sentence {i}",)) for i in range(count)]


def labels(count: int = 6) -> Labels:
    return Labels(torch.ones(count), tuple((i,) for i in range(count)), tuple(range(count)))


def test_joined_samples_keep_sentences_with_their_frames() -> None:
    config = Timelines(longest=20, join=1.0, extend=0.0, pause=0.0, pieces=3)
    batch = timeline_batch(latents(), labels(), 16, config, step_generator(0, 0))
    assert batch.z.shape[1] <= 20 and max(len(s) for s in batch.sentences) >= 2
    for row, sentences in enumerate(batch.sentences):
        real = batch.mask[row]
        values, numbers = batch.z[row, real, 0], batch.frame_sentence[row, real]
        steps = numbers.diff()
        assert (steps >= 0).all()
        beside = torch.zeros(len(numbers), dtype=torch.bool)
        beside[:-1] |= steps > 0
        beside[1:] |= steps > 0
        for value, number in zip(values[~beside].tolist(), numbers[~beside].tolist()):
            assert sentences[number] == f"sentence {int(value)}"


def test_joined_clips_fade_over_into_each_other() -> None:
    config = Timelines(longest=30, join=1.0, extend=0.0, pause=0.0, pieces=2, candidates=1)
    batch = timeline_batch(latents(), labels(), 16, config, step_generator(0, 0))
    seen = 0
    for row, sentences in enumerate(batch.sentences):
        if len(sentences) == 2:
            before, after = (int(sentence[-1]) for sentence in sentences)
            values = batch.z[row, batch.mask[row], 0]
            first = int((batch.frame_sentence[row, batch.mask[row]] == 0).sum())
            assert len(values) == 4 + before + 4 + after - 2  # two frames are of both clips
            assert (values[: first - 1] == before).all() and (values[first + 1 :] == after).all()
            faded = [before + (after - before) / 3, before + (after - before) * 2 / 3]
            assert values[first - 1 : first + 1].tolist() == pytest.approx(faded, abs=1e-5)
            seen += before != after
    assert seen > 2


def test_a_joined_clip_begins_like_the_one_before_it_ends() -> None:
    config = Timelines(longest=30, join=1.0, extend=0.0, pause=0.0, pieces=2, candidates=64)
    batch = timeline_batch(latents(), labels(), 32, config, step_generator(0, 0))
    joined = [sentences for sentences in batch.sentences if len(sentences) == 2]
    assert len(joined) > 8 and all(before == after for before, after in joined)


def test_extended_samples_have_one_sentence_and_one_label() -> None:
    config = Timelines(longest=30, join=0.0, extend=1.0)
    batch = timeline_batch(latents(), labels(), 16, config, step_generator(0, 0))
    for row, sentences in enumerate(batch.sentences):
        values = batch.z[row, batch.mask[row], 0]
        assert len(sentences) == 1 and sentences[0] == f"sentence {round(float(values[0]))}"
        assert len(values) == 2 * (4 + round(float(values[0]))) - 2 and torch.allclose(values, values[0])


def test_who_stays_in_place_is_seen_to_pause() -> None:
    still = torch.full((3,), -1.0)
    clips = [replace(clip, pauses=({1: still},) if i % 2 else ({},), travels=False) for i, clip in enumerate(latents())]
    config = Timelines(longest=30, join=0.0, extend=0.5, pause=0.5)
    paused = 0
    for step in range(6):
        batch = timeline_batch(clips, labels(), 16, config, step_generator(0, step))
        for row, sentences in enumerate(batch.sentences):
            values = batch.z[row, batch.mask[row], 0]
            number = int(values[0])
            own, drawn_out = values[values != -1], (values == -1).nonzero().flatten().tolist()
            assert sentences == (f"sentence {number}",) and own.tolist() == [number] * (4 + number)
            # Those that neither pause nor travel stay as they are; a pause follows the frame that it draws out.
            assert (len(drawn_out) >= 2) == bool(number % 2)
            assert drawn_out == list(range(2, 2 + len(drawn_out)))
            paused += len(drawn_out) > 0
    assert paused > 20


def test_joined_samples_pause_within_their_sentences() -> None:
    still = torch.full((3,), -1.0)
    clips = [replace(clip, pauses=({1: still},), travels=False) for clip in latents()]
    config = Timelines(longest=40, join=1.0, extend=0.0, pause=0.0, pieces=2)
    batches = [timeline_batch(clips, labels(), 16, config, step_generator(0, step)) for step in range(8)]
    paused = of = 0
    for batch, row in [(batch, row) for batch in batches for row in range(16)]:
        assert batch.mask[row].sum() <= 40
        for number, sentence in enumerate(batch.sentences[row]):
            values = batch.z[row, batch.mask[row] & (batch.frame_sentence[row] == number), 0]
            own, drawn_out = values[values != -1], (values == -1).nonzero().flatten().tolist()
            several = len(batch.sentences[row]) - 1  # a frame goes where two clips overlap
            assert own.tolist() == pytest.approx([int(sentence[-1])] * (4 + int(sentence[-1]) - several))
            begin = 2 if number == 0 else 1
            assert drawn_out == list(range(begin, begin + len(drawn_out)))
            paused, of = paused + (len(drawn_out) > 0), of + 1
    assert of / 4 < paused < of * 3 / 4


def test_a_clip_pauses_where_nothing_moves() -> None:
    torch.manual_seed(0)
    codec = TemporalCodec(latent_dim=8, width=24, blocks=1)
    features = 0.01 * torch.randn(24, 263)
    features[:, JOINT_VELOCITIES] = 0.1
    features[:, ROOT_VELOCITY] = 0.05
    resting = features.clone()
    resting[8:12, JOINT_VELOCITIES] = 0.0
    resting[:, ROOT_VELOCITY] = 0.0
    moving, still = encode_clips(codec, [Clip("moving", features, ("",)), Clip("still", resting, ("",))], every=False)
    assert moving.travels and moving.pauses == ({},) and not still.travels
    (places,) = still.pauses
    assert list(places) == [2] and codec.root_of(places[2][None, None]).abs().max() < 1e-6
    assert torch.allclose(places[2][3:], still.versions[0][2, 3:], atol=1e-6)


def test_long_clips_are_cropped_and_short_ones_padded() -> None:
    batch = timeline_batch(
        latents(), labels(), 16, Timelines(longest=6, join=0.0, extend=0.0, pause=0.0), step_generator(0, 0)
    )
    assert batch.z.shape[1] <= 6
    padded = collate(
        [[Piece(torch.ones(2, 3), "a", 0, 0)], [Piece(torch.ones(5, 3), "b", 1, 1), Piece(torch.ones(1, 3), "c", 2, 2)]]
    )
    assert padded.mask.sum(1).tolist() == [2, 6]
    assert (padded.z[0, 2:] == 0).all()


def test_rare_contents_are_drawn_more_often_than_their_share(tmp_path: Path) -> None:
    names = [f"walk{i}" for i in range(16)] + ["kick"]
    with open(tmp_path / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("name", "source", "content", "style", "seconds", "mirrored"))
        writer.writerows((n, "x", n.rstrip("0123456789"), "normal", "4.0", "0") for n in names)
    read = read_labels(tmp_path, names)
    assert (read.weights[:16].sum() / read.weights[16]).item() == pytest.approx(1.0)
    assert read.peers[0] == tuple(range(16)) and read.peers[16] == (16,)


def test_datasets_without_labels_are_drawn_evenly(tmp_path: Path) -> None:
    read = read_labels(tmp_path, ["a", "b"])
    assert read.weights.tolist() == [1, 1] and read.peers == ((0,), (1,))


def test_clips_of_another_frame_rate_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"a": 40})
    (tmp_path / "manifest.json").write_text('{"fps": 30}')
    with pytest.raises(MotionError, match="30 frames a second; training takes 20, so prepare it with --fps 20"):
        load_clips(tmp_path, "train")
