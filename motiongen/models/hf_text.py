"""Any Hugging Face text model as a frozen text encoder, when `transformers` is installed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from motiongen.models.text_encoder import Frozen, TextEmbedding, TextEncoder, TextError


class HuggingFaceText(TextEncoder):
    """A frozen text model of the hub or of a local folder, with a trained linear layer where asked for.

    `tokens` are the last hidden states (the encoder's, where a model has both halves; the text tower's, where it has
    two towers); `pooled` is their mean over real tokens, since not every model has a pooled output of its own.

    Args:
        model: the model's id on the hub, or its folder. A model that is not on this machine yet is downloaded.
        dim: channels of the result; None keeps the model's own and leaves nothing to train.
        max_tokens: most tokens of one sentence, special ones among them.

    Raises:
        TextError: `transformers` is missing, or the model cannot be loaded.
    """

    kind = "hf"

    def __init__(self, model: str, dim: int | None = None, max_tokens: int = 77) -> None:
        super().__init__()
        self.config = {"model": model, "dim": dim, "max_tokens": max_tokens}
        self.max_tokens = max_tokens
        self.tokenizer, network = _load(model)
        width = network.config.hidden_size
        self.network = Frozen(network)
        self.dim = dim if dim is not None else width
        self.project = nn.Linear(width, dim) if dim is not None else nn.Identity()

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """The model's token ids, one list a sentence, never empty.

        Raises:
            TextError: a sentence has more than `max_tokens` tokens.
        """
        # Models without special tokens make nothing of the empty sentence; their end token then stands for it.
        rows = [self.tokenizer(text)["input_ids"] or [self.tokenizer.eos_token_id] for text in texts]
        for text, row in zip(texts, rows):
            if len(row) > self.max_tokens:
                raise TextError(
                    f"text of {len(row)} tokens ({text.strip()[:40]!r}...), limit {self.max_tokens}; "
                    "shorten it or raise `max_tokens`"
                )
        return rows

    def forward(self, texts: list[str]) -> TextEmbedding:
        """Raises: TextError, as `tokenize` does."""
        rows = self.tokenize(texts)
        device = next(self.network.parameters()).device
        lengths = torch.tensor([len(row) for row in rows], device=device, dtype=torch.long)
        # Padded places are masked, so any id serves there; not every model has one for them.
        ids = torch.zeros(len(rows), max(map(len, rows), default=0), dtype=torch.long, device=device)
        mask = torch.arange(ids.shape[1], device=device) < lengths[:, None]
        ids[mask] = torch.tensor([i for row in rows for i in row], device=device, dtype=torch.long)
        states = self.network(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        tokens = self.project(states).masked_fill(~mask[..., None], 0.0)
        return TextEmbedding(tokens, mask, tokens.sum(1) / lengths[:, None])


def _load(model: str) -> tuple[Any, Any]:
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise TextError("the text encoder 'hf' needs transformers; run: pip install transformers") from error
    try:
        tokenizer, network = (
            kind.from_pretrained(model, trust_remote_code=False) for kind in (AutoTokenizer, AutoModel)
        )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:160]
        raise TextError(
            f"text model {model!r} cannot be loaded ({reason}); give an id of the hub or a folder"
        ) from error
    if network.config.is_encoder_decoder:
        network = network.get_encoder()
    return tokenizer, getattr(network, "text_model", network).float()
