"""TMR as an evaluator, on small random runs in the layout that TMR's download has."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from motiongen.evaluation import repeats, tmr
from motiongen.evaluation.compositions import babel
from motiongen.evaluation.evaluator import Evaluator, load_evaluator
from motiongen.evaluation.protocols import HUMANML3D, KIT, Item
from motiongen.evaluation.provenance import check_belongs, provenance
from motiongen.evaluation.words import Caption, LanguageModelReader, Words
from motiongen.features.humanml3d import GROUPS
from motiongen.motion import MotionError
from motiongen_app import evaluate, evaluate_field

FEATURES, WORD, WIDTH, HIDDEN, LAYERS, HEADS = 263, 6, 8, 12, 2, 2
STATS = "stats/humanml3d/guoh3dfeats"


def layout(features: int, width: int, hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an encoder's weights, as TMR's `text_encoder.pt` and `motion_encoder.pt` have them."""
    shapes: dict[str, tuple[int, ...]] = {
        "tokens": (2, width), "projection.weight": (width, features), "projection.bias": (width,),
    }  # fmt: skip
    for i in range(layers):
        layer = {
            "self_attn.in_proj_weight": (3 * width, width), "self_attn.in_proj_bias": (3 * width,),
            "self_attn.out_proj.weight": (width, width), "self_attn.out_proj.bias": (width,),
            "linear1.weight": (hidden, width), "linear1.bias": (hidden,),
            "linear2.weight": (width, hidden), "linear2.bias": (width,),
            "norm1.weight": (width,), "norm1.bias": (width,), "norm2.weight": (width,), "norm2.bias": (width,),
        }  # fmt: skip
        shapes |= {f"seqTransEncoder.layers.{i}.{name}": shape for name, shape in layer.items()}
    return shapes


def random_state(features: int, generator: torch.Generator) -> dict[str, Tensor]:
    shapes = layout(features, WIDTH, HIDDEN, LAYERS)
    return {name: 0.4 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write_run(root: Path, name: str = "models/tmr_humanml3d_guoh3dfeats", model: str = "words") -> Path:
    """A run below `root`, and the statistics where its configuration says."""
    generator = torch.Generator().manual_seed(4)
    run = root / name
    (run / "last_weights").mkdir(parents=True)
    for part, features in (("text_encoder", WORD), ("motion_encoder", FEATURES), ("motion_decoder", FEATURES)):
        torch.save(random_state(features, generator), run / "last_weights" / f"{part}.pt")
    encoder = {"vae": True, "num_layers": LAYERS, "num_heads": HEADS, "dropout": 0.1, "activation": "gelu"}
    config = {
        "data": {
            "motion_loader": {"normalizer": {"base_dir": STATS, "eps": 1e-12}, "fps": 20.0, "nfeats": FEATURES},
            "text_to_token_emb": {"_target_": "src.data.text.TokenEmbeddings", "modelname": model},
        },
        "model": {"_target_": "src.model.TMR", "text_encoder": encoder, "motion_encoder": encoder},
    }
    (run / "config.json").write_text(json.dumps(config))
    write_statistics(root / STATS)
    return run


def write_statistics(folder: Path) -> None:
    generator = torch.Generator().manual_seed(5)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(torch.randn(FEATURES, generator=generator), folder / "mean.pt")
    torch.save(torch.rand(FEATURES, generator=generator) * 2 + 0.1, folder / "std.pt")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("tmr"))


class Letters:
    """A reader without files: one vector a letter."""

    name, word, pos = "letters", WORD, 0

    def vectors(self, text: str) -> Tensor:
        return torch.stack([torch.sin(torch.arange(1, WORD + 1) * float(ord(letter))) for letter in text])

    def __call__(self, captions: Sequence[Caption]) -> Words:
        read = [self.vectors(c.text) for c in captions]
        padded = torch.nn.utils.rnn.pad_sequence(read, batch_first=True, padding_value=7.0)
        return Words(padded, padded.new_zeros(*padded.shape[:2], 0), torch.tensor([len(r) for r in read]))


def evaluator(run: Path) -> Evaluator:
    loaded = tmr.load_run(run)
    return Evaluator(loaded.networks, Letters(), "tmr", published=True, fps=loaded.fps)


def clips(*lengths: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(6)
    return [torch.randn(n, FEATURES, generator=generator) for n in lengths]


# -- What is computed --------------------------------------------------------------------------------------------------


def test_the_published_layout() -> None:
    with torch.device("meta"):
        encoder = tmr.Encoder(263, 256, 1024, layers=6, heads=4, activation="gelu")
    assert {name: tuple(w.shape) for name, w in encoder.state_dict().items()} == layout(263, 256, 1024, 6)


def expected(state: dict[str, Tensor], x: Tensor) -> list[float]:
    """The vector of one sequence, operation by operation, in float64."""
    w = {name: value.double() for name, value in state.items()}
    x = torch.cat([w["tokens"], x.double() @ w["projection.weight"].T + w["projection.bias"]])
    for place in range(len(x)):
        for i in range(WIDTH // 2):
            angle = place / 10000 ** (2 * i / WIDTH)
            x[place, 2 * i] += math.sin(angle)
            x[place, 2 * i + 1] += math.cos(angle)
    for i in range(LAYERS):
        part = {n.split(".", 3)[3]: v for n, v in w.items() if n.startswith(f"seqTransEncoder.layers.{i}.")}
        parts = (x @ part["self_attn.in_proj_weight"].T + part["self_attn.in_proj_bias"]).chunk(3, dim=1)
        heads = zip(*(p.chunk(HEADS, dim=1) for p in parts))
        seen = torch.cat([(q @ k.T / math.sqrt(WIDTH // HEADS)).softmax(1) @ v for q, k, v in heads], dim=1)
        seen = seen @ part["self_attn.out_proj.weight"].T + part["self_attn.out_proj.bias"]
        x = normed(x + seen, part["norm1.weight"], part["norm1.bias"])
        inner = x @ part["linear1.weight"].T + part["linear1.bias"]
        inner = inner * (1 + torch.erf(inner / math.sqrt(2))) / 2
        x = normed(
            x + inner @ part["linear2.weight"].T + part["linear2.bias"], part["norm2.weight"], part["norm2.bias"]
        )
    # The mean of the distribution; the second token's, its variance, plays no part.
    return (x[0] / x[0].norm()).tolist()


def normed(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    centred = x - x.mean(1, keepdim=True)
    return centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt() * weight + bias


def test_captions_and_motions_are_embedded_as_by_tmr(run: Path) -> None:
    # Clips and captions of different lengths share a batch; what pads them changes nothing.
    many, captions = clips(40, 9, 64, 23), [Caption("a man walks"), Caption("b"), Caption("he waves both of his hands")]
    mean, std = (torch.load(run.parents[1] / STATS / f"{n}.pt", weights_only=True) for n in ("mean", "std"))
    states = [torch.load(run / "last_weights" / f"{n}_encoder.pt", weights_only=True) for n in ("text", "motion")]
    made, texts = evaluator(run).motions(many), evaluator(run).texts(captions)
    for clip, vector in zip(many, made):
        assert vector.tolist() == pytest.approx(expected(states[1], (clip - mean) / std), abs=1e-5)
    for caption, vector in zip(captions, texts):
        assert vector.tolist() == pytest.approx(expected(states[0], Letters().vectors(caption.text)), abs=1e-5)
    # Not all alike, so that the comparisons above say something.
    assert torch.pdist(made).min() > 0.01 and torch.pdist(texts).min() > 0.01


def test_the_nearest_by_distance_is_the_nearest_by_cosine(run: Path) -> None:
    made = evaluator(run)
    texts, motions = made.texts([Caption(t) for t in "abcdefgh"]), made.motions(clips(*range(20, 60)))
    unscaled = 3 * texts  # of which the cosine is the same
    cosine = torch.nn.functional.cosine_similarity(unscaled[:, None], motions[None], dim=-1)
    assert torch.equal(torch.cdist(texts, motions).argmin(1), cosine.argmax(1))


# -- What it is used for -----------------------------------------------------------------------------------------------


def test_a_repeat_is_measured_with_it(run: Path) -> None:
    items = [Item(str(i), clip, (Caption(f"walks {i}"),)) for i, clip in enumerate(clips(*range(40, 74)))]
    made = repeats.measured(items, evaluator(run), {}, HUMANML3D, seed=0, repeat=0).numbers["real"]
    assert 0 <= made["r_precision_1"] <= made["r_precision_3"] <= 1
    # Distances of vectors of length 1.
    assert 0 < made["mm_dist"] < 2 and 0 < made["diversity"] < 2 and 0 <= made["fid"] < 4


def grouped(folder: Path, run: Path, scale: float = 1.0) -> Path:
    """A dataset whose `Std.npy` is TMR's, times `scale`, averaged over each group of features as the field does it."""
    folder.mkdir()
    mean, std = (torch.load(run.parents[1] / STATS / f"{n}.pt", weights_only=True) for n in ("mean", "std"))
    for group in GROUPS.values():
        std[group] = scale * std[group].mean()
    np.save(folder / "Mean.npy", mean.numpy())
    np.save(folder / "Std.npy", std.numpy())
    (folder / "test.txt").write_text("000000\n")
    return folder


def test_it_belongs_to_the_data_that_it_was_trained_on(run: Path, tmp_path: Path) -> None:
    made, data = evaluator(run), grouped(tmp_path / "data", run)
    check_belongs(made, data, HUMANML3D)
    check_belongs(made, data, babel(20.0))
    assert provenance(data, ("test",), made)["evaluator"]["words"] == "letters"
    with pytest.raises(MotionError, match=r"'tmr' was trained at 20 frames a second; babel has 30: prepare the data"):
        check_belongs(made, data, babel(30.0))
    with pytest.raises(MotionError, match="'tmr' takes 263 features; kit has 251"):
        check_belongs(made, data, KIT)
    with pytest.raises(MotionError, match=r"expects other data: its std and that of .* differ 1.50 times"):
        check_belongs(made, grouped(tmp_path / "other", run, scale=1.5), HUMANML3D)
    np.save(data / "Mean.npy", np.load(data / "Mean.npy") + 9)
    with pytest.raises(MotionError, match="expects other data: its mean is"):
        check_belongs(made, data, HUMANML3D)


def test_tmr_s_own_statistics_belong_to_humanml3d(run: Path, shared: Path) -> None:
    reference = shared / "reference/humanml3d"
    if not (reference / "Std.npy").is_file():
        pytest.skip(f"{reference}: no Mean.npy and Std.npy of HumanML3D there")
    # A few of TMR's published deviations (root and contacts) are single features' of what Std.npy averages.
    made = evaluator(run)
    mean, std = (torch.from_numpy(np.load(reference / f"{n}.npy")).float() for n in ("Mean", "Std"))
    own = std.clone()
    own[1:3] = torch.tensor([0.0114, 0.0216])
    own[-4:] = torch.tensor([0.3592, 0.3462, 0.3587, 0.3459])
    made.networks.scale.set(mean, own)
    check_belongs(made, reference, HUMANML3D)
    made.published = False
    with pytest.raises(MotionError, match=r"differ 1\.\d\d times"):
        check_belongs(made, reference, HUMANML3D)


def test_the_commands_take_it(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motiongen.evaluation.evaluator.LanguageModelReader", lambda model, device: Letters())
    monkeypatch.setattr("motiongen.evaluation.plots.can_plot", lambda: False)
    data = grouped(tmp_path / "data", run)
    (data / "manifest.json").write_text(json.dumps({"fps": 20.0, "features": FEATURES}))
    for folder in ("new_joint_vecs", "texts"):
        (data / folder).mkdir()
    np.save(data / "new_joint_vecs/a.npy", clips(120)[0].numpy())
    (data / "texts/a.txt").write_text("walks#walk/VERB#0.0#2.0\nsits#sit/VERB#2.0#4.0\nstands#stand/VERB#4.0#6.0\n")
    (data / "val.txt").write_text("a\n")
    elsewhere = tmp_path / "elsewhere"
    write_statistics(elsewhere)
    options = evaluate_field.Options(
        data, tmp_path / "report", None, None, str(run), elsewhere, None, 1, 9, 0, 1, 2.5, 0, "cpu"
    )
    text = evaluate_field.babel(options, 3)
    assert f"evaluator `{run.name}` ({evaluator(run).digest}" in text and "words by letters" in text
    assert "| real |" in text and "Area Under Jerk" in text
    torch.save(torch.full((FEATURES,), 9.0), elsewhere / "mean.pt")
    for command in (lambda: evaluate.starter(options, 1), lambda: evaluate_field.babel(options, 3)):
        with pytest.raises(MotionError, match=f"evaluator '{run.name}' expects other data: its mean is"):
            command()


def test_the_digest_covers_weights_and_statistics(run: Path, tmp_path: Path) -> None:
    first = evaluator(run)
    assert first.digest == evaluator(write_run(tmp_path / "same")).digest
    other = write_run(tmp_path / "other")
    state = torch.load(other / "last_weights/text_encoder.pt", weights_only=True)
    state["tokens"][0, 0] += 1
    torch.save(state, other / "last_weights/text_encoder.pt")
    scaled = write_run(tmp_path / "scaled")
    torch.save(torch.ones(FEATURES), tmp_path / "scaled" / STATS / "std.pt")
    assert len({first.digest, evaluator(other).digest, evaluator(scaled).digest}) == 3


# -- What is read ------------------------------------------------------------------------------------------------------


def test_what_the_configuration_names_is_found(run: Path, tmp_path: Path) -> None:
    loaded = tmr.load_run(run)
    assert (loaded.fps, loaded.language_model) == (20.0, "words")  # an id of the hub
    for place in (tmp_path, tmp_path / "run"):  # beside the runs, and in the run itself
        made = write_run(tmp_path, "run" if place == tmp_path else "run/again")
        (place / "words").mkdir(parents=True)
        assert tmr.load_run(made).language_model == str(place / "words")
    elsewhere = tmp_path / "elsewhere"
    write_statistics(elsewhere)
    torch.save(torch.zeros(FEATURES), elsewhere / "mean.pt")
    assert not tmr.load_run(run, elsewhere).networks.scale.mean.any()


def test_a_caption_needs_the_optional_package(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MotionError, match="needs transformers; run: pip install transformers"):
        load_evaluator(run)


def tiny_distilbert(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers", reason="transformers (extra hf) is an optional package")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "man", "walks", "slowly"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(folder)
    sizes = {"dim": WORD, "n_layers": 1, "n_heads": 2, "hidden_dim": 8, "max_position_embeddings": 16}
    model = transformers.DistilBertModel(transformers.DistilBertConfig(vocab_size=len(words), **sizes)).eval()
    model.save_pretrained(folder)
    return model


def test_captions_are_read_by_the_language_model_beside_the_run(tmp_path: Path) -> None:
    run = write_run(tmp_path, model="distilbert-tiny")
    model = tiny_distilbert(tmp_path / "distilbert-tiny")
    made = load_evaluator(run)
    assert isinstance(made.reader, LanguageModelReader) and made.reader.name.startswith("distilbert-tiny (")
    assert made.published and made.fps == 20 and made.name == run.name
    state = torch.load(run / "last_weights/text_encoder.pt", weights_only=True)
    texts = made.texts([Caption("a man walks slowly"), Caption("walks")])
    for ids, vector in zip(([2, 4, 5, 6, 7, 3], [2, 6, 3]), texts):
        with torch.no_grad():  # one caption at a time, without padding
            read = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        assert vector.tolist() == pytest.approx(expected(state, read), abs=1e-5)


# -- What is refused, in one line --------------------------------------------------------------------------------------


class Hostile:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


def without(name: str) -> dict[str, Tensor]:
    return {k: v for k, v in random_state(FEATURES, torch.Generator()).items() if k != name}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"motion_encoder.pt: no such file; take a run's folder"),
        (b"weights", r"motion_encoder.pt: not readable as weights"),
        (Hostile(), r"motion_encoder.pt: not readable as weights"),
        ([1.0], r"motion_encoder.pt: no encoder of TMR \(holds no weights\)"),
        ({"tokens": 3}, r"motion_encoder.pt: no encoder of TMR \("),
        (without("tokens"), r"motion_encoder.pt: holds no 'tokens'; it is no encoder of TMR"),
        (without("projection.bias"), r"no encoder of TMR \(Error\(s\) in loading state_dict"),
        ({**without(""), "pos_emb.weight": torch.ones(1)}, r"no encoder of TMR \(Error\(s\) in loading state_dict"),
        ({**without(""), "tokens": torch.ones(2, 9)}, r"no encoder of TMR \(9 channels in 2 heads\)"),
        ({**without(""), "tokens": torch.ones(2, 9000)}, r"no encoder of TMR \(width is 9000; at most 8192"),
        ({**without(""), "tokens": torch.full((2, WIDTH), math.nan)}, r"no encoder of TMR \(holds NaN or infinity\)"),
    ],
)
def test_weights_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, said: str) -> None:
    run = write_run(tmp_path)
    path = run / "last_weights/motion_encoder.pt"
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(MotionError, match=said) as refused:
        load_evaluator(run)
    assert "\n" not in str(refused.value) and "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("model", "_target_"), "src.model.TEMOS", "config.json: is of 'src.model.TEMOS', not of TMR"),
        (("model",), None, r"config.json: has no model._target_; it is not of a TMR run"),
        (("model", "text_encoder", "num_heads"), "4", "has no model.text_encoder.num_heads"),
        (("model", "text_encoder", "num_heads"), 3, r"text_encoder.pt: no encoder of TMR \("),
        (("model", "text_encoder", "num_heads"), 0, r"text_encoder.pt: no encoder of TMR \(8 channels in 0 heads"),
        (("model", "text_encoder", "activation"), "softmax", r"text_encoder.pt: no encoder of TMR \("),
        (("data", "motion_loader", "fps"), None, "has no data.motion_loader.fps"),
        (
            ("data", "motion_loader", "normalizer", "base_dir"),
            "stats/nowhere",
            "no stats/nowhere beside it; .* --stats",
        ),
        (("data", "text_to_token_emb", "modelname"), "", "has no data.text_to_token_emb.modelname"),
    ],
)
def test_configurations_that_are_none(tmp_path: Path, keys: tuple[str, ...], value: Any, said: str) -> None:
    run = write_run(tmp_path)
    config = json.loads((run / "config.json").read_text())
    inner = config
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(MotionError, match=said):
        load_evaluator(run)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mean.pt", torch.zeros(251), r"mean.pt: is \(251,\); this evaluator takes 263 features"),
        ("mean.pt", {"mean": 1}, "mean.pt: is dict; this evaluator takes 263 features"),
        ("std.pt", torch.full((FEATURES,), math.inf), "std.pt: holds NaN or infinity"),
        ("std.pt", torch.zeros(FEATURES), "std.pt: holds 0, by which nothing can be divided"),
        ("std.pt", None, "std.pt: no such file"),
    ],
)
def test_statistics_that_are_none(run: Path, tmp_path: Path, name: str, content: Any, said: str) -> None:
    write_statistics(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        torch.save(content, tmp_path / name)
    with pytest.raises(MotionError, match=said):
        load_evaluator(run, stats=tmp_path)


def test_the_two_encoders_are_of_one_run_and_of_one_language_model(run: Path, tmp_path: Path) -> None:
    loaded = tmr.load_run(run)
    reader = Letters()
    reader.word = 768
    with pytest.raises(MotionError, match="reads words of 6 channels; letters has 768"):
        Evaluator(loaded.networks, reader, "tmr")
    wider = write_run(tmp_path)
    state = {name: torch.randn(shape) for name, shape in layout(FEATURES, 2 * WIDTH, HIDDEN, LAYERS).items()}
    torch.save(state, wider / "last_weights/motion_encoder.pt")
    with pytest.raises(MotionError, match="text has 8 channels and motion 16; the two are not of one run"):
        tmr.load_run(wider)
