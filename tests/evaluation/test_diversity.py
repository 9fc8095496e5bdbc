from __future__ import annotations

from pathlib import Path

import pytest
import torch

from motiongen.evaluation.diversity import pair_distance, pooled
from motiongen.evaluation.labelled import evenly, labelled_clips, paraphrase_sets
from motiongen.motion import MotionError


def test_clips_that_are_all_the_same_have_no_diversity() -> None:
    clip = torch.randn(40, 263)
    same = torch.stack([pooled(clip, torch.zeros(263), torch.ones(263)) for _ in range(5)])
    assert pair_distance(same, ["a"] * 5, 100, torch.Generator().manual_seed(0)) == 0


def test_pooling_is_standardised_and_forgets_when() -> None:
    clip, mean, std = torch.randn(40, 263), torch.randn(263), torch.rand(263) + 0.5
    vector = pooled(clip * std + mean, mean, std)
    assert torch.allclose(vector, torch.cat([clip.mean(0), clip.std(0, correction=0)]), atol=1e-4)
    assert torch.allclose(pooled(clip.flip(0), mean, std), pooled(clip, mean, std), atol=1e-4)
    assert torch.isfinite(pooled(clip[:1], mean, std)).all()


def test_distances_are_within_groups_and_groups_count_alike() -> None:
    # Two groups far apart: distances 2 within the first and 4 within the second, which has more clips.
    vectors = torch.tensor([[0.0], [2.0], [100.0], [104.0], [100.0], [104.0]])
    groups = ["a", "a", "b", "b", "c", "c"]
    assert pair_distance(vectors, groups, 300, torch.Generator()) == pytest.approx((2 + 4 + 4) / 3)
    assert pair_distance(vectors[:2], groups[:2], 10, torch.Generator()) == pytest.approx(2)
    # A clip alone of its kind takes part in no pair.
    assert pair_distance(vectors[:3], groups[:3], 10, torch.Generator()) == pytest.approx(2)


def test_distances_need_pairs() -> None:
    with pytest.raises(ValueError, match="two clips"):
        pair_distance(torch.zeros(2, 3), ["a", "b"], 10, torch.Generator())


def test_labels_are_read_by_split_and_source(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for name in ("a", "b", "c", "d"):
        (tmp_path / "texts" / f"{name}.txt").write_text(f"clip {name}#x/NOUN#0.0#0.0\n")
    (tmp_path / "clips.csv").write_text(
        "name,source,content,style,split\na,bandai-namco,walk,normal,test\nb,cmu,walk,,test\n"
        "c,bandai-namco,walk,normal,train\nd,bandai-namco,respond,normal,test\n"
    )
    assert [(c.name, c.text) for c in labelled_clips(tmp_path, "test")] == [("a", "clip a")]
    with pytest.raises(MotionError, match="no such file"):
        labelled_clips(tmp_path / "texts", "test")


def test_every_set_of_paraphrases_is_apart(tmp_path: Path) -> None:
    for name, text in (("paraphrases", "strolls"), ("paraphrases-2", "guy walking")):
        (tmp_path / f"{name}.csv").write_text(f"content,style,text\nwalk,normal,{text}\nrespond,normal,nods\n")
    sets = paraphrase_sets(tmp_path)
    assert {name: [s.text for s in sentences] for name, sentences in sets.items()} == {
        "paraphrases": ["strolls"], "paraphrases-2": ["guy walking"],
    }  # fmt: skip


def test_evenly_spreads_over_a_list() -> None:
    assert evenly(list(range(10)), 3) == [0, 3, 6] and evenly([1, 2], 5) == [1, 2]
