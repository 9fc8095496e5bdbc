"""CLIP as a text encoder, against clip-anytorch's own model with small random weights in the published layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from motiongen.models import clip_text
from motiongen.models.text import build_text_encoder
from motiongen.models.text_encoder import TextError

pytest.importorskip("ftfy")
pytest.importorskip("regex")
try:
    CLIP_MODEL = clip_text.clip_module("model")
except TextError as missing:
    pytest.skip(str(missing), allow_module_level=True)

TEXTS = ["a photo of a cat", "", "a person walks forward, then waves with the left hand"]
CONTEXT, VOCABULARY, START, END = 77, 49408, 49406, 49407


def random_clip(width: int = 128, embed: int = 128) -> nn.Module:
    """CLIP with a vision transformer, as `build_model` makes it from a published file: mostly float16."""
    torch.manual_seed(0)
    sizes = {"image_resolution": 16, "vision_layers": 1, "vision_width": 64, "vision_patch_size": 8}
    text = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "transformer_width": width, "transformer_layers": 2}
    made = CLIP_MODEL.CLIP(embed_dim=embed, transformer_heads=width // 64, **sizes, **text)
    # Layer norms and biases start as ones and zeros, which would hide a swapped or forgotten tensor.
    for name, p in made.named_parameters():
        if p.ndim == 1 and "visual" not in name:
            nn.init.normal_(p, mean=float(name.endswith("weight")), std=0.2)
    model: nn.Module = CLIP_MODEL.build_model(made.state_dict())
    return model


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return random_clip()


@pytest.fixture(scope="module")
def weights(model: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.pt"
    # The published files carry these three beside the tensors.
    extra = {"input_resolution": torch.tensor(16), "context_length": torch.tensor(CONTEXT)}
    torch.save({**model.state_dict(), **extra, "vocab_size": torch.tensor(VOCABULARY)}, path)
    return path


@pytest.fixture(scope="module")
def encoder(weights: Path) -> clip_text.ClipText:
    return clip_text.ClipText(str(weights))


def clip_inputs(encoder: clip_text.ClipText, texts: list[str]) -> Tensor:
    """What clip's own `tokenize` gives: zeros up to the context's length."""
    ids = torch.zeros(len(texts), CONTEXT, dtype=torch.long)
    for row, tokens in zip(ids, encoder.tokenize(texts)):
        row[: len(tokens)] = torch.tensor(tokens)
    return ids


def test_known_token_ids(encoder: clip_text.ClipText) -> None:
    assert encoder.tokenize(["a photo of a cat"]) == [[START, 320, 1125, 539, 320, 2368, END]]
    assert encoder.tokenize(["  A  Photo of a CAT "]) == encoder.tokenize(["a photo of a cat"])
    assert encoder.tokenize([""]) == [[START, END]]


def test_pooled_is_clips_encode_text(encoder: clip_text.ClipText, model: Any) -> None:
    reference = random_clip().float()
    with torch.no_grad():
        expected = reference.encode_text(clip_inputs(encoder, TEXTS))  # type: ignore[operator]
    out = encoder(TEXTS)
    assert out.pooled.dtype == torch.float32
    torch.testing.assert_close(out.pooled, expected, atol=1e-5, rtol=1e-4)
    # Not normalised, as stated.
    assert (out.pooled.norm(dim=1) - 1).abs().min() > 0.1
    assert model.text_projection.dtype == torch.float16  # so the file was in half precision


def test_tokens_are_the_final_layer_norms(encoder: clip_text.ClipText) -> None:
    reference = random_clip().float()
    seen: list[Tensor] = []
    reference.ln_final.register_forward_hook(lambda *call: seen.append(call[2]))  # type: ignore[union-attr]
    with torch.no_grad():
        reference.encode_text(clip_inputs(encoder, TEXTS))  # type: ignore[operator]
    out = encoder(TEXTS)
    lengths = [len(row) for row in encoder.tokenize(TEXTS)]
    assert out.mask.sum(1).tolist() == lengths and out.mask.shape[1] == max(lengths)
    for i, n in enumerate(lengths):
        torch.testing.assert_close(out.tokens[i, :n], seen[0][i, :n], atol=1e-5, rtol=1e-4)
        assert not out.tokens[i, n:].any()


def test_padding_changes_nothing(encoder: clip_text.ClipText) -> None:
    together = encoder(TEXTS)
    for i, sentence in enumerate(TEXTS):
        alone = encoder([sentence])
        torch.testing.assert_close(together.pooled[i], alone.pooled[0], atol=1e-5, rtol=1e-4)
        n = alone.tokens.shape[1]
        torch.testing.assert_close(together.tokens[i, :n], alone.tokens[0], atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_every_file_format_gives_the_same(encoder: clip_text.ClipText, model: nn.Module, tmp_path: Path) -> None:
    class Archive(nn.Module):
        """A TorchScript archive's content, as far as its tensors go."""

        def __init__(self) -> None:
            super().__init__()
            for name, child in model.named_children():
                self.add_module(name, child)
            for name, p in model.named_parameters(recurse=False):
                self.register_parameter(name, p)

        def forward(self, ids: Tensor) -> Tensor:
            return self.token_embedding(ids)  # type: ignore[operator]

    script, tensors = tmp_path / "archive.pt", tmp_path / "clip.safetensors"
    torch.jit.trace(Archive(), torch.zeros(1, 2, dtype=torch.long)).save(str(script))
    save_file({k: v.contiguous() for k, v in model.state_dict().items() if not k.startswith("visual.")}, tensors)
    assert clip_text._is_torchscript(script)
    for path in (script, tensors):
        assert torch.equal(clip_text.ClipText(str(path))(TEXTS).pooled, encoder(TEXTS).pooled)


def test_tower_is_frozen_and_never_saved(weights: Path) -> None:
    encoder = clip_text.ClipText(str(weights), dim=32).train()
    out = encoder(TEXTS)
    assert out.tokens.shape[2] == out.pooled.shape[1] == encoder.dim == 32
    assert not out.tokens[~out.mask].any()
    (out.tokens.sum() + out.pooled.sum()).backward()
    learning = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert (
        learning
        == set(encoder.state_dict())
        == {f"project_{what}.{part}" for what in ("tokens", "pooled") for part in ("weight", "bias")}
    )
    assert all(p.grad is None for p in encoder.tower.parameters())
    other = build_text_encoder("clip", **encoder.config)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(TEXTS).pooled, out.pooled)


def test_no_projection_nothing_saved(encoder: clip_text.ClipText) -> None:
    assert encoder.dim == 128 and not encoder.state_dict()


def test_two_widths_need_a_projection(tmp_path: Path) -> None:
    path = tmp_path / "clip.pt"
    torch.save(random_clip(width=64, embed=96).state_dict(), path)
    with pytest.raises(TextError, match="64 channels and its sentences 96; choose `dim`"):
        clip_text.ClipText(str(path))
    assert clip_text.ClipText(str(path), dim=16)([""]).pooled.shape == (1, 16)


def test_too_long_says_so(encoder: clip_text.ClipText) -> None:
    assert encoder([" ".join(["walk"] * 75)]).mask.sum() == 77
    with pytest.raises(TextError, match=r"78 CLIP tokens .*limit 77; shorten"):
        encoder([" ".join(["walk"] * 76)])


def test_missing_weights_say_where_they_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TextError, match=r"none\.pt do not exist; download https://.*ViT-L-14\.pt and pass its path"):
        clip_text.ClipText(str(tmp_path / "none.pt"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(TextError, match=r"\.cache/clip/ViT-L-14\.pt do not exist"):
        clip_text.ClipText()


class Payload:
    """Unpickles to a call, which reading weights must never make."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_bad_weights_are_one_line(tmp_path: Path) -> None:
    text, empty, evil = tmp_path / "text.pt", tmp_path / "bad.safetensors", tmp_path / "evil.pt"
    text.write_text("not weights")
    empty.write_bytes(b"")
    torch.save({"token_embedding.weight": Payload(tmp_path / "ran")}, evil)
    for path in (text, empty, evil):
        with pytest.raises(TextError, match="cannot be read") as error:
            clip_text.read_clip_weights(path)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "ran").exists()
    other = tmp_path / "other.pt"
    torch.save({"text_model.embeddings.weight": torch.zeros(1)}, other)
    with pytest.raises(TextError, match=r"have no 'token_embedding.weight'; a file under OpenAI's names"):
        clip_text.read_clip_weights(other)
