"""The default text encoder, and the registry that names all of them."""

from __future__ import annotations

import importlib.util
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from motiongen.models.text_encoder import TextEmbedding, TextEncoder, TextError

_PAUSE = re.compile(r"(?:\s*[.,;:!?]+(?!\d))+\s*")
_SPACE = re.compile(r"\s+")
_MARKS = "'.,;:!?"


def normalize(text: str) -> str:
    """The form in which sentences are compared and tokenised; applying it twice changes nothing.

    Lower case; a run of sentence marks becomes one comma (clauses stay apart) and none at the ends; any other symbol
    becomes a space; marks in front of a digit stay, so that 2.5 is still a number.

    Raises:
        TextError: the text has something in it, but no letter or digit.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower()).replace("’", "'")
    kept = "".join(c if c in _MARKS or unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    words = _SPACE.sub(" ", _PAUSE.sub(", ", kept)).strip(" ,'")
    if text.strip() and not any(unicodedata.category(c)[0] in "LN" for c in words):
        raise TextError(f"text {text.strip()[:40]!r} has no word in it; write a sentence, or '' for no condition")
    return words


@lru_cache(maxsize=1)
def _wordllama_files() -> tuple[Tokenizer, Float[Tensor, "v c"]]:
    """The tokenizer and the float16 token vectors inside the wordllama wheel.

    The package itself stays unimported: that would set up the root logger and load four extensions not needed here.
    """
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise TextError("the text encoder 'wordllama' needs its package; run: pip install 'wordllama>=0.4,<0.5'")
    root = Path(spec.origin).parent
    tokenizer = Tokenizer.from_file(str(root / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    return tokenizer, load_file(root / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]


@lru_cache(maxsize=1 << 16)
def _wordllama_ids(text: str) -> tuple[int, ...]:
    return tuple(_wordllama_files()[0].encode(normalize(text), add_special_tokens=False).ids)


@dataclass(frozen=True)
class TokenBatch:
    """Static vectors of the tokens of `b` sentences, padded with zeros at the end.

    Attributes:
        vectors: float32; `s` is 0 when all sentences are empty.
        mask: True where a token is real.
    """

    vectors: Float[Tensor, "b s c"]
    mask: Bool[Tensor, "b s"]


class WordLlamaText(TextEncoder):
    """Static token vectors that ship in the wordllama wheel, read by a small transformer that is trained.

    The vectors know meaning but neither order nor context; "left, then right" and "right, then left" part in the
    transformer (pre-norm, learned positions). A learned start token comes first in every sentence and is its pooled
    vector. Only the transformer is in the state dict; the vectors are never copied, not even by `deepcopy`.

    Args:
        dim: channels of the result and of the transformer.
        layers: transformer layers.
        heads: attention heads.
        feedforward: hidden channels of a layer.
        max_tokens: most tokens of one sentence, without the start token.
        dropout: of the transformer, in training.
        word_dropout: share of tokens that training leaves out, so that no single word decides.
        word_noise: size of noise on token vectors in training, relative to theirs: words near to those of the training
            set should mean nearly the same.
    """

    kind = "wordllama"

    def __init__(
        self,
        dim: int = 256,
        layers: int = 2,
        heads: int = 4,
        feedforward: int = 512,
        max_tokens: int = 48,
        dropout: float = 0.1,
        word_dropout: float = 0.0,
        word_noise: float = 0.0,
    ) -> None:
        super().__init__()
        self.config = {
            "dim": dim,
            "layers": layers,
            "heads": heads,
            "feedforward": feedforward,
            "max_tokens": max_tokens,
            "dropout": dropout,
            "word_dropout": word_dropout,
            "word_noise": word_noise,
        }
        self.word_dropout, self.word_noise = word_dropout, word_noise
        self.dim = dim
        self.max_tokens = max_tokens
        self.project = nn.Linear(_wordllama_files()[1].shape[1], dim)
        self.start = nn.Parameter(torch.randn(dim))
        # About the size of the projected vectors, so that order weighs as much as words from the first step.
        self.positions = nn.Parameter(torch.randn(max_tokens + 1, dim) * 0.5)
        # Not nn.TransformerEncoder: it copies one layer, which would start all of them from the same numbers.
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, heads, feedforward, dropout, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def tokenize(self, texts: Sequence[str]) -> TokenBatch:
        """Looks the sentences' tokens up; no gradient, on the encoder's device.

        Raises:
            TextError: a sentence is longer than `max_tokens`, or has no word in it.
        """
        ids = [_wordllama_ids(text) for text in texts]
        for text, row in zip(texts, ids):
            if len(row) > self.max_tokens:
                raise TextError(
                    f"text of {len(row)} tokens ({text.strip()[:40]!r}...), limit {self.max_tokens}; "
                    "shorten it or split it into segments"
                )
        lengths = torch.tensor([len(row) for row in ids], dtype=torch.long)
        mask = torch.arange(max(map(len, ids), default=0)) < lengths[:, None]
        table = _wordllama_files()[1]
        vectors = torch.zeros(*mask.shape, table.shape[1])
        vectors[mask] = table[torch.tensor([i for row in ids for i in row], dtype=torch.long)].float()
        return TokenBatch(vectors.to(self.start.device), mask.to(self.start.device))

    def encode(self, batch: TokenBatch) -> TextEmbedding:
        """The trained half: token vectors of `tokenize` to the embedding, one token longer than they are."""
        b, s = batch.mask.shape
        start = self.start.expand(b, 1, -1)
        x = torch.cat([start, self.project(batch.vectors.to(self.start.dtype))], dim=1) + self.positions[: s + 1]
        mask = torch.cat([batch.mask.new_ones(b, 1), batch.mask], dim=1)
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~mask)
        x = self.norm(x).masked_fill(~mask[..., None], 0.0)
        return TextEmbedding(x, mask, x[:, 0])

    def forward(self, texts: list[str]) -> TextEmbedding:
        """Raises: TextError, as `tokenize` does."""
        batch = self.tokenize(texts)
        return self.encode(self._blurred(batch) if self.training else batch)

    def _blurred(self, batch: TokenBatch) -> TokenBatch:
        """Some tokens taken away and the others a little off; randomness is torch's own, as dropout's is."""
        vectors, mask = batch.vectors, batch.mask
        if self.word_noise:
            size = vectors.square().mean(-1, keepdim=True).sqrt() * self.word_noise
            vectors = vectors + size * torch.randn_like(vectors)
        if self.word_dropout:
            mask = mask & (torch.rand(mask.shape, device=mask.device) >= self.word_dropout)
            vectors = vectors * mask[..., None]
        return TokenBatch(vectors, mask)


def _clip(**config: Any) -> TextEncoder:
    from motiongen.models.clip_text import ClipText

    return ClipText(**config)


def _hugging_face(**config: Any) -> TextEncoder:
    from motiongen.models.hf_text import HuggingFaceText

    return HuggingFaceText(**config)


# A name, and what builds that encoder from its config; the two with optional packages are imported when asked for.
TEXT_ENCODERS: dict[str, Callable[..., TextEncoder]] = {
    "wordllama": WordLlamaText,
    "clip": _clip,
    "hf": _hugging_face,
}


def build_text_encoder(name: str, **config: Any) -> TextEncoder:
    """The encoder called `name` in `TEXT_ENCODERS`, built from its `config`.

    Raises:
        TextError: there is no such encoder, or a package or weights that it needs are missing.
    """
    if name not in TEXT_ENCODERS:
        raise TextError(f"text encoder {name!r} is unknown; choose one of {', '.join(TEXT_ENCODERS)}")
    return TEXT_ENCODERS[name](**config)
