"""The text encoders' interface, the default encoder and the registry; all of it offline."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from motiongen.models import text as text_module
from motiongen.models.text import TEXT_ENCODERS, WordLlamaText, build_text_encoder, normalize
from motiongen.models.text_encoder import Frozen, TextError

WALK = "a person walks forward, then waves with the left hand"


@pytest.fixture(scope="module")
def encoder() -> WordLlamaText:
    torch.manual_seed(0)
    return WordLlamaText().eval()


def test_shapes_and_start_token(encoder: WordLlamaText) -> None:
    with torch.no_grad():
        out = encoder([WALK, "jump"])
    assert out.tokens.shape[::2] == (2, encoder.dim) and out.pooled.shape == (2, encoder.dim)
    assert out.mask.sum(1).tolist() == [encoder.tokenize([WALK]).mask.shape[1] + 1, 2]
    assert torch.equal(out.pooled, out.tokens[:, 0])
    assert not out.tokens[~out.mask].any()
    # The final norm has not been trained yet, so each real token leaves it standardised.
    real = out.tokens[out.mask]
    torch.testing.assert_close(real.mean(-1), torch.zeros(len(real)), atol=1e-5, rtol=0)
    torch.testing.assert_close(real.var(-1, unbiased=False), torch.ones(len(real)), atol=1e-3, rtol=0)


def test_vectors_are_those_of_wordllama(encoder: WordLlamaText) -> None:
    wordllama = pytest.importorskip("wordllama")
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    texts = ["a person walks", "hand"]
    batch = encoder.tokenize(texts)
    mean = batch.vectors.sum(1) / batch.mask.sum(1, keepdim=True)
    torch.testing.assert_close(mean, torch.from_numpy(model.embed(texts)))


@pytest.mark.parametrize("texts", [[""], ["", ""], ["", WALK], ["  \n"]])
def test_empty_prompt_has_one_token(encoder: WordLlamaText, texts: list[str]) -> None:
    out = encoder(texts)
    assert out.mask[:, 0].all() and out.mask[0].sum() == 1
    assert torch.isfinite(out.tokens).all()
    torch.testing.assert_close(out.pooled[:1], encoder([""]).pooled, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("grad", [True, False])
def test_padding_changes_nothing(encoder: WordLlamaText, grad: bool) -> None:
    texts = ["", "jump", "turn left", WALK]
    with torch.set_grad_enabled(grad):
        together = encoder(texts)
        for i, sentence in enumerate(texts):
            alone = encoder([sentence])
            n = alone.tokens.shape[1]
            assert together.mask[i].sum() == n
            torch.testing.assert_close(together.tokens[i, :n], alone.tokens[0], atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(together.pooled[i], alone.pooled[0], atol=1e-5, rtol=1e-5)


def test_order_and_side_matter(encoder: WordLlamaText) -> None:
    texts = ["turn left then right", "turn right then left", "turn left then left"]
    bags = encoder.tokenize(texts).vectors.sum(1)
    torch.testing.assert_close(bags[0], bags[1])
    unordered = copy.deepcopy(encoder)
    nn.init.zeros_(unordered.positions)
    order, side, _ = torch.pdist(encoder(texts).pooled)
    order_lost, side_kept, _ = torch.pdist(unordered(texts).pooled)
    # Without positions the two orders are one sentence up to rounding; with them they part like other words do.
    assert order_lost < 1e-4 < 0.1 * side_kept
    assert order > 0.1 * side > 1e-2


def test_same_numbers_every_time(encoder: WordLlamaText) -> None:
    torch.manual_seed(0)
    again = WordLlamaText().eval()
    text_module._wordllama_ids.cache_clear()
    cold = again([WALK])
    hits = text_module._wordllama_ids.cache_info().hits
    warm = again([WALK])
    assert text_module._wordllama_ids.cache_info().hits == hits + 1
    assert torch.equal(cold.tokens, warm.tokens) and torch.equal(cold.tokens, encoder([WALK]).tokens)


def test_caller_cannot_spoil_the_cache(encoder: WordLlamaText) -> None:
    before = encoder.tokenize([WALK]).vectors.clone()
    encoder.tokenize([WALK]).vectors.zero_()
    assert torch.equal(encoder.tokenize([WALK]).vectors, before)


def test_state_dict_holds_the_adapter_alone(encoder: WordLlamaText, tmp_path: Path) -> None:
    state = encoder.state_dict()
    assert sum(v.numel() for v in state.values()) == sum(p.numel() for p in encoder.parameters()) < 1_200_000
    torch.save(state, tmp_path / "adapter.pt")
    torch.manual_seed(1)
    other = WordLlamaText(**encoder.config).eval()
    assert not torch.equal(other([WALK]).tokens, encoder([WALK]).tokens)
    other.load_state_dict(torch.load(tmp_path / "adapter.pt", weights_only=True))
    assert torch.equal(other([WALK]).tokens, encoder([WALK]).tokens)
    assert torch.equal(copy.deepcopy(encoder)([WALK]).tokens, encoder([WALK]).tokens)


def test_config_shapes_the_encoder() -> None:
    config = {
        "dim": 64, "layers": 1, "heads": 2, "feedforward": 32, "max_tokens": 8, "dropout": 0.0, "word_dropout": 0.1,
        "word_noise": 0.2,
    }  # fmt: skip
    small = WordLlamaText(**config)  # type: ignore[arg-type]
    assert small.config == config and small.dim == 64 and len(small.layers) == 1
    assert small(["walk"]).tokens.shape == (1, 2, 64)


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    encoder = WordLlamaText(dim=32, layers=2, heads=2, feedforward=32, max_tokens=6)
    out = encoder(["turn left then right", ""])
    (out.tokens * torch.randn_like(out.tokens)).sum().backward()
    still = [name for name, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still
    first, second = (dict(layer.named_parameters()) for layer in encoder.layers)
    assert not torch.equal(first["linear1.weight"], second["linear1.weight"])


def test_too_long_says_so_in_one_line(encoder: WordLlamaText) -> None:
    fits = " ".join(["walk"] * encoder.max_tokens)
    assert encoder([fits]).tokens.shape[1] == encoder.max_tokens + 1
    with pytest.raises(TextError, match=r"49 tokens .*limit 48; shorten") as error:
        encoder([fits + " walk"])
    assert "\n" not in str(error.value)


def test_text_without_words_is_refused(encoder: WordLlamaText) -> None:
    for nothing in ["...", "\N{MAN DANCING}", "?!"]:
        with pytest.raises(TextError, match="no word in it"):
            encoder([nothing])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  A person WALKS, then waves!!  ", "a person walks, then waves"),
        ("walk...then  run", "walk, then run"),
        ("walk ,  . then run", "walk, then run"),
        ("(slowly) side-step 2.5 m.", "slowly side step 2.5 m"),
        ("the man\N{RIGHT SINGLE QUOTATION MARK}s hand", "the man's hand"),
        ("", ""),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert normalize(text) == expected


@given(st.text(max_size=40))
def test_normal_form_is_a_fixed_point(text: str) -> None:
    try:
        once = normalize(text)
    except TextError:
        return
    assert normalize(once) == once
    assert "\n" not in once and "  " not in once


@given(st.text(max_size=10))
def test_any_text_is_encoded_or_refused(text: str) -> None:
    encoder = WordLlamaText(dim=8, layers=1, heads=1, feedforward=8)
    try:
        out = encoder([text])
    except TextError:
        return
    assert out.mask.all() and torch.isfinite(out.tokens).all()


def test_registry_builds_by_name() -> None:
    assert {"wordllama", "clip", "hf"} <= TEXT_ENCODERS.keys()
    assert build_text_encoder("wordllama", dim=32, layers=1).dim == 32
    with pytest.raises(TextError, match=r"'bert' is unknown; choose one of wordllama, clip, hf"):
        build_text_encoder("bert")


def test_optional_packages_stay_unimported_and_are_named_when_missing() -> None:
    code = """
import sys
for name in ("clip", "transformers", "ftfy", "regex", "torchvision", "wordllama"):
    sys.modules[name] = None
import motiongen.models.clip_text, motiongen.models.hf_text
from motiongen.models.text import build_text_encoder
for name, config in (("clip", {"weights": "none.pt"}), ("hf", {"model": "gpt2"})):
    try:
        build_text_encoder(name, **config)
    except ValueError as error:
        print(str(error))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    clip, hf = run.stdout.splitlines()
    assert "pip install --no-deps clip-anytorch" in clip
    assert "pip install transformers" in hf


def test_frozen_network_keeps_out_of_training_and_checkpoints() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = Frozen(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.BatchNorm1d(3)))
            self.head = nn.Linear(3, 2)

    model, other = Model().train(), Model()
    assert set(model.state_dict()) == {"head.weight", "head.bias"}
    x = torch.randn(4, 3)
    assert torch.equal(model.body(x), model.body(x)) and not model.body(x).requires_grad
    before = other.body(x)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.head.weight, model.head.weight) and torch.equal(other.body(x), before)
    with pytest.raises(RuntimeError, match="head"):
        other.load_state_dict({})


@pytest.mark.parametrize("special", [True, False])
def test_hugging_face_model_from_a_folder(tmp_path: Path, special: bool) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is an optional package")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "turn", "left", "then", "right"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if special:
        tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[SEP]"
    ).save_pretrained(tmp_path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertModel(transformers.BertConfig(vocab_size=len(words), **sizes)).eval()
    bert.save_pretrained(tmp_path)

    encoder = build_text_encoder("hf", model=str(tmp_path), max_tokens=6)
    texts = ["turn left then right", "", "left"]
    out = encoder(texts)
    assert out.mask.sum(1).tolist() == ([6, 2, 3] if special else [4, 1, 1])
    assert not encoder.state_dict() and encoder.dim == 32
    ids = torch.tensor([[2, 4, 5, 6, 7, 3]] if special else [[4, 5, 6, 7]])
    with torch.no_grad():
        expected = bert(input_ids=ids).last_hidden_state
    torch.testing.assert_close(out.tokens[:1], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(out.pooled[:1], expected.mean(1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(out.pooled[2:], encoder(["left"]).pooled, atol=1e-5, rtol=1e-4)
    with pytest.raises(TextError, match=r"limit 6; shorten it or raise `max_tokens`"):
        encoder(["turn left then right turn left then"])


def test_training_blurs_words_and_use_does_not() -> None:
    torch.manual_seed(0)
    blurred = WordLlamaText(dim=32, layers=1, feedforward=32, dropout=0.0, word_dropout=0.3, word_noise=0.5)
    text = ["a person walks forward and then turns to the left"]
    first, second = blurred(text), blurred(text)
    assert not torch.allclose(first.pooled, second.pooled)
    whole = int(blurred.tokenize(text).mask.sum()) + 1
    assert sum(int(blurred(text).mask.sum()) for _ in range(20)) < 0.85 * 20 * whole
    blurred.eval()
    assert torch.equal(blurred(text).pooled, blurred(text).pooled)
