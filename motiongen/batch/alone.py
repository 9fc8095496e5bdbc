"""Sentences encoded one at a time, so that what a clip is told does not depend on which others share its pass."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn

from motiongen.models.text_encoder import TextEmbedding, TextEncoder

# Tokens are padded to a multiple of so many; how wide attention is decides the order of its sums.
_TOKENS = 16
_KEPT = 256


class AloneText(TextEncoder):
    """A text encoder whose result for a sentence is the same bits whatever other sentences it is called with."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.kind, self.dim, self.config = encoder.kind, encoder.dim, encoder.config
        self._known: OrderedDict[str, TextEmbedding] = OrderedDict()

    def width(self, texts: Sequence[str]) -> int:
        """Tokens that the longest of the sentences is padded to. Raises: TextError: one cannot be encoded."""
        return max(self._one(text).tokens.shape[1] for text in texts)

    def forward(self, texts: list[str]) -> TextEmbedding:
        alone = [self._one(text) for text in texts]
        width = max(one.tokens.shape[1] for one in alone)
        padded = [_padded(one, width) for one in alone]
        return TextEmbedding(
            torch.cat([one.tokens for one in padded]),
            torch.cat([one.mask for one in padded]),
            torch.cat([one.pooled for one in padded]),
        )

    def _one(self, text: str) -> TextEmbedding:
        if text not in self._known:
            with torch.no_grad():
                made = self.encoder([text])
            self._known[text] = _padded(made, -(-made.tokens.shape[1] // _TOKENS) * _TOKENS)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return self._known[text]


def _padded(one: TextEmbedding, width: int) -> TextEmbedding:
    missing = width - one.tokens.shape[1]
    tokens = nn.functional.pad(one.tokens, (0, 0, 0, missing))
    return TextEmbedding(tokens, nn.functional.pad(one.mask, (0, missing)), one.pooled)
