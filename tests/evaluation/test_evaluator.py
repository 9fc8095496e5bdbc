"""The matching networks on checkpoints, word vectors and statistics in the layout in which the field keeps them."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motiongen.checkpoint import save_module
from motiongen.evaluation.evaluator import LONGEST, Evaluator, MatchingEvaluator, load_evaluator
from motiongen.evaluation.words import PARTS_OF_SPEECH, Caption, GloveReader, WordLlamaReader
from motiongen.motion import MotionError

WORDS = ["sos", "eos", "unk", "a", "person", "walk", "left", "strange"]
SMALL: dict[str, Any] = {"movement": 24, "motion_hidden": 20, "text_hidden": 12, "embedding": 16}


def write_glove(folder: Path) -> np.ndarray:
    """`our_vab_*` as text-to-motion's files are: a float array, a pickled list and a pickled dictionary."""
    folder.mkdir(parents=True)
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 300))
    np.save(folder / "our_vab_data.npy", vectors)
    # The rows are not in the order of the words.
    rows = {word: len(WORDS) - 1 - i for i, word in enumerate(WORDS)}
    (folder / "our_vab_words.pkl").write_bytes(pickle.dumps(WORDS, protocol=3))
    (folder / "our_vab_idx.pkl").write_bytes(pickle.dumps(rows, protocol=3))
    return vectors


def write_checkpoint(root: Path, features: int = 263, meta: str = "Comp_v6_KLD01/meta", **sizes: int) -> None:
    """`finest.tar` with what else training left in it, and the statistics beside it."""
    networks = MatchingEvaluator(features, **{**SMALL, **sizes})
    parts = {
        name: OrderedDict(networks.get_submodule(name).state_dict())
        for name in ("movement_encoder", "text_encoder", "motion_encoder")
    }
    path = root / "text_mot_match/model/finest.tar"
    path.parent.mkdir(parents=True)
    optimizer = torch.optim.Adam(networks.text_encoder.parameters())
    torch.save({**parts, "opt_text_encoder": optimizer.state_dict(), "epoch": 34, "iter": 5000}, path)
    (root / meta).mkdir(parents=True)
    generator = np.random.default_rng(1)
    np.save(root / meta / "mean.npy", generator.normal(size=features))
    np.save(root / meta / "std.npy", generator.uniform(0.1, 2, features))


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `glove` and `checkpoints/t2m`."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("field")
    write_glove(folder / "glove")
    write_checkpoint(folder / "checkpoints/t2m")
    write_checkpoint(folder / "checkpoints/kit", 251, "Comp_v6_KLD005/meta")
    return folder


def clips(*lengths: int, features: int = 263) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randn(n, features, generator=generator) for n in lengths]


def test_the_published_sizes() -> None:
    with torch.device("meta"):
        networks = MatchingEvaluator()
    shapes = {name: tuple(p.shape) for name, p in networks.named_parameters()}
    assert shapes["movement_encoder.main.0.weight"] == (512, 259, 4)
    assert shapes["movement_encoder.main.3.weight"] == (512, 512, 4)
    assert shapes["movement_encoder.out_net.weight"] == (512, 512)
    assert shapes["text_encoder.pos_emb.weight"] == (300, 15)
    assert shapes["text_encoder.input_emb.weight"] == (512, 300)
    assert shapes["text_encoder.hidden"] == (2, 1, 512)
    assert shapes["motion_encoder.input_emb.weight"] == (1024, 512)
    assert shapes["motion_encoder.gru.weight_hh_l0_reverse"] == (3 * 1024, 1024)
    assert shapes["motion_encoder.output_net.0.weight"] == (1024, 2048)
    assert shapes["motion_encoder.output_net.3.weight"] == (512, 1024)
    assert "motion_encoder.output_net.1.bias" in shapes  # a LayerNorm, then a leaky ReLU


@torch.no_grad()
def test_motions_are_embedded_as_the_released_code_does(field: Path) -> None:
    evaluator = load_evaluator(field / "checkpoints/t2m")
    parts = torch.load(field / "checkpoints/t2m" / "text_mot_match/model/finest.tar", weights_only=True)
    mean, std = (np.load(field / f"checkpoints/t2m/Comp_v6_KLD01/meta/{n}.npy") for n in ("mean", "std"))
    made = evaluator.motions(clips(40, 196, 64, 43, 192))
    for clip, vector in zip(clips(40, 196, 64, 43, 192), made):
        # One clip at a time, padded to 196 frames after standardisation; the GRU sees whole units alone.
        z = torch.zeros(1, LONGEST, 259)
        z[0, : len(clip)] = torch.from_numpy((clip.numpy() - mean) / std)[:, :259]
        conv = parts["movement_encoder"]
        x = z.transpose(1, 2)
        for i in ("0", "3"):
            x = torch.nn.functional.conv1d(x, conv[f"main.{i}.weight"], conv[f"main.{i}.bias"], stride=2, padding=1)
            x = torch.where(x > 0, x, 0.2 * x)
        x = (x.transpose(1, 2) @ conv["out_net.weight"].T + conv["out_net.bias"])[0, : len(clip) // 4]
        assert vector.tolist() == pytest.approx(recurrent(parts["motion_encoder"], x).tolist(), abs=2e-5)


def recurrent(state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The bidirectional GRU and its head, gate by gate."""
    x = x @ state["input_emb.weight"].T + state["input_emb.bias"]
    last = []
    for direction, suffix in enumerate(("", "_reverse")):
        h = state["hidden"][direction, 0]
        for step in x if direction == 0 else x.flip(0):
            gi = state[f"gru.weight_ih_l0{suffix}"] @ step + state[f"gru.bias_ih_l0{suffix}"]
            gh = state[f"gru.weight_hh_l0{suffix}"] @ h + state[f"gru.bias_hh_l0{suffix}"]
            (ri, zi, ni), (rh, zh, nh) = gi.chunk(3), gh.chunk(3)
            r, z = (ri + rh).sigmoid(), (zi + zh).sigmoid()
            h = (1 - z) * (ni + r * nh).tanh() + z * h
        last.append(h)
    y = torch.cat(last) @ state["output_net.0.weight"].T + state["output_net.0.bias"]
    y = (y - y.mean()) / (y.var(correction=0) + 1e-5).sqrt()
    y = y * state["output_net.1.weight"] + state["output_net.1.bias"]
    return torch.where(y > 0, y, 0.2 * y) @ state["output_net.3.weight"].T + state["output_net.3.bias"]


@torch.no_grad()
def test_captions_are_read_as_the_released_code_does(field: Path) -> None:
    evaluator = load_evaluator(field / "checkpoints/t2m")
    vectors = np.load(field / "glove/our_vab_data.npy")
    row = {word: vectors[len(WORDS) - 1 - i] for i, word in enumerate(WORDS)}
    state = torch.load(field / "checkpoints/t2m" / "text_mot_match/model/finest.tar", weights_only=True)["text_encoder"]
    # "walk" and "left" count as lists of their own; what is not known is `unk` and OTHER whatever it is.
    spoken = ["a/DET", "person/NOUN", "walk/VERB", "left/ADV", "zigzag/NOUN", "strange/X"]
    read = [("sos", "OTHER"), ("a", "DET"), ("person", "NOUN"), ("walk", "Act_VIP"), ("left", "Loc_VIP"),
            ("unk", "OTHER"), ("strange", "OTHER"), ("eos", "OTHER")]  # fmt: skip
    made = evaluator.texts([Caption("long", ("a/DET",) * 30), Caption("whatever", tuple(spoken))])
    for vector, words in zip(made, ([("sos", "OTHER"), *[("a", "DET")] * 20, ("eos", "OTHER")], read)):
        one_hot = torch.eye(15)[[PARTS_OF_SPEECH.index(part) for _, part in words]]
        x = torch.from_numpy(np.stack([row[word] for word, _ in words])).float()
        x = x + one_hot @ state["pos_emb.weight"].T + state["pos_emb.bias"]
        assert vector.tolist() == pytest.approx(recurrent(state, x).tolist(), abs=2e-5)


def test_kit_is_the_same_with_251_features(field: Path) -> None:
    evaluator = load_evaluator(field / "checkpoints/kit" / "text_mot_match/model/finest.tar")
    assert evaluator.features == 251 and evaluator.published
    assert evaluator.motions(clips(24, 100, features=251)).shape == (2, 16)
    with pytest.raises(MotionError, match=r"263 features; evaluator 'kit/finest.tar' takes 251"):
        evaluator.motions(clips(24))


def test_the_batch_changes_nothing(field: Path) -> None:
    evaluator = load_evaluator(field / "checkpoints/t2m")
    many = clips(44, 196, 40, 120, 80)
    alone = torch.cat([evaluator.motions([clip]) for clip in many])
    assert torch.allclose(evaluator.motions(many, batch=2), alone, atol=1e-5)
    with pytest.raises(MotionError, match="a clip has 3 frames; an evaluator takes 4 or more"):
        evaluator.motions(clips(3))


def test_a_trained_evaluator_reads_captions_without_files(tmp_path: Path) -> None:
    torch.manual_seed(0)
    networks = MatchingEvaluator(word=256, pos=0, **SMALL)
    save_module(networks, tmp_path / "mine")
    evaluator = load_evaluator(tmp_path / "mine")
    captions = [Caption("a person walks"), Caption("a person walks to the left and then sits down")]
    vectors = evaluator.texts(captions)
    assert torch.allclose(vectors[:1], evaluator.texts(captions[:1]), atol=1e-5)
    assert not torch.allclose(vectors[0], vectors[1], atol=1e-2)
    assert evaluator.digest == Evaluator(networks, WordLlamaReader(), "again").digest
    save_module(MatchingEvaluator(**SMALL), tmp_path / "glove")
    with pytest.raises(MotionError, match="reads GloVe vectors; give their folder with --glove"):
        load_evaluator(tmp_path / "glove")


# -- What is refused, in one line --------------------------------------------------------------------------------------


class Hostile:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


def test_nothing_that_a_pickle_names_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_glove(tmp_path / "glove")
    (tmp_path / "glove/our_vab_idx.pkl").write_bytes(pickle.dumps({"walk": Hostile()}))
    with pytest.raises(MotionError, match=r"our_vab_idx.pkl: not a plain list or dictionary \(it names builtins.print"):
        GloveReader(tmp_path / "glove")
    root = tmp_path / "t2m"
    write_checkpoint(root)
    torch.save({"movement_encoder": Hostile()}, root / "text_mot_match/model/finest.tar")
    with pytest.raises(MotionError, match=r"finest.tar: not a text-motion matching checkpoint"):
        load_evaluator(root, glove=tmp_path / "glove")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("our_vab_words.pkl", pickle.dumps(["a"]), "has no word 'sos'"),
        ("our_vab_words.pkl", pickle.dumps({"a": 1}), "no list of words"),
        ("our_vab_idx.pkl", pickle.dumps(dict.fromkeys(WORDS, 99)), "names rows that our_vab_data.npy does not have"),
        ("our_vab_idx.pkl", b"\x80", "not a plain list or dictionary"),
        ("our_vab_data.npy", b"", "not readable as npy"),
    ],
)
def test_word_vectors_that_are_none(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    write_glove(tmp_path / "glove")
    (tmp_path / "glove" / name).write_bytes(content)
    with pytest.raises(MotionError, match=said):
        GloveReader(tmp_path / "glove")


def test_what_is_missing_is_named(field: Path, tmp_path: Path) -> None:
    checkpoint = field / "checkpoints/t2m"
    with pytest.raises(MotionError, match="no evaluator 'nowhere'; shipped are"):
        load_evaluator("nowhere")
    with pytest.raises(MotionError, match=r"our_vab_data.npy: no such file; --glove names the folder"):
        load_evaluator(checkpoint, glove=tmp_path)
    with pytest.raises(MotionError, match=r"mean.npy: no such file; --stats names the folder"):
        load_evaluator(checkpoint, stats=tmp_path)
    with pytest.raises(MotionError, match=r"has shape \(251,\); this evaluator takes 263 features"):
        load_evaluator(checkpoint, stats=field / "checkpoints/kit/Comp_v6_KLD005/meta")
    with pytest.raises(MotionError, match="has no tokens; GloVe needs them as word/POS"):
        load_evaluator(checkpoint).texts([Caption("a person walks")])
    with pytest.raises(MotionError, match=r"token 'walk' of 'a' has no part of speech"):
        load_evaluator(checkpoint).texts([Caption("a", ("walk",))])
