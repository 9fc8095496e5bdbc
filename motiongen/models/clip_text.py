"""CLIP's text tower as a text encoder, built on the `model.py` and `simple_tokenizer.py` of clip-anytorch alone."""

from __future__ import annotations

import importlib.util
import pickle
import zipfile
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from motiongen.models.text_encoder import Frozen, TextEmbedding, TextEncoder, TextError

CACHE = Path("~/.cache/clip/ViT-L-14.pt")
URL = (
    "https://openaipublic.azureedge.net/clip/models/"
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/ViT-L-14.pt"
)
_INSTALL = "run: pip install --no-deps clip-anytorch && pip install ftfy regex"
_HEAD_WIDTH = 64  # CLIP's attention heads all have it; its files do not say how many heads there are
_TEXT_KEYS = ("token_embedding.weight", "positional_embedding", "ln_final.weight", "ln_final.bias", "text_projection")


@lru_cache(maxsize=2)
def clip_module(name: str) -> ModuleType:
    """`clip/<name>.py` of clip-anytorch, run without `clip/__init__.py`, which needs torchvision and pkg_resources.

    Raises:
        TextError: clip-anytorch is not installed, or a package that this file imports is not.
    """
    try:
        package = importlib.util.find_spec("clip")
    except ValueError:
        package = None
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder) / f"{name}.py"
        spec = importlib.util.spec_from_file_location(f"_motiongen_clip_{name}", path)
        if path.is_file() and spec is not None and spec.loader is not None:
            module = importlib.util.module_from_spec(spec)
            try:
                spec.loader.exec_module(module)
            except ImportError as error:
                raise TextError(f"the text encoder 'clip' needs {error.name!r}; {_INSTALL}") from error
            return module
    raise TextError(f"the text encoder 'clip' needs clip-anytorch; {_INSTALL}")


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    return clip_module("simple_tokenizer").SimpleTokenizer()


def read_clip_weights(path: Path) -> dict[str, Tensor]:
    """The text tower's float32 tensors under OpenAI's names.

    Reads a safetensors file, a pickled state dict (as data only: `weights_only=True`), or the TorchScript archive that
    OpenAI publishes. `torch.jit.load` is the only reader of the last; it runs no Python, but take such a file from a
    source you trust.

    Raises:
        TextError: the file is none of these, or holds no CLIP text tower.
    """
    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        elif _is_torchscript(path):
            state = torch.jit.load(path, map_location="cpu").state_dict()
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, SafetensorError, pickle.UnpicklingError, EOFError) as error:
        raise TextError(
            f"CLIP weights {path} cannot be read ({str(error).splitlines()[0][:80]}); "
            "give a TorchScript archive, a .pt state dict or .safetensors"
        ) from error
    missing = [key for key in _TEXT_KEYS if not isinstance(state, dict) or key not in state]
    if missing:
        raise TextError(f"CLIP weights {path} have no {missing[0]!r}; a file under OpenAI's names is needed: {URL}")
    return {k: v.float() for k, v in state.items() if k in _TEXT_KEYS or k.startswith("transformer.")}


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


class ClipTower(nn.Module):
    """CLIP's text transformer, all sizes read from its weights: token ids to features."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        super().__init__()
        model = clip_module("model")
        vocabulary, width = state["token_embedding.weight"].shape
        self.context = state["positional_embedding"].shape[0]
        layers = len({key.split(".")[2] for key in state if key.startswith("transformer.resblocks.")})
        causal = torch.full((self.context, self.context), float("-inf")).triu_(1)
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(self.context, width))
        self.transformer = model.Transformer(width, layers, width // _HEAD_WIDTH, causal)
        self.ln_final = model.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty_like(state["text_projection"]))
        self.load_state_dict(state)

    def forward(
        self, ids: Int[Tensor, "b s"], last: Int[Tensor, " b"]
    ) -> tuple[Float[Tensor, "b s w"], Float[Tensor, "b c"]]:
        """Features of every token after the final LayerNorm, and of token `last` after the text projection."""
        x = self.token_embedding(ids) + self.positional_embedding[: ids.shape[1]]
        # CLIP's transformer wants the sequence first.
        x = self.ln_final(self.transformer(x.transpose(0, 1)).transpose(0, 1))
        return x, x[torch.arange(len(x), device=x.device), last] @ self.text_projection


class ClipText(TextEncoder):
    """Frozen CLIP (ViT-L/14 in the Motion Mamba paper), with trained linear layers to another width where asked for.

    `tokens` are the transformer's outputs after the final LayerNorm, from the start token to the end token; `pooled` is
    the end token's after the text projection, what CLIP's `encode_text` gives, not normalised. The state dict holds the
    linear layers alone.

    Args:
        weights: a file that `read_clip_weights` reads; None is where `clip.load("ViT-L/14")` puts its download.
        dim: channels of the result; None keeps CLIP's own (768) and leaves nothing to train.

    Raises:
        TextError: clip-anytorch or the weights are missing, or `dim` is None where CLIP's two widths differ.
    """

    kind = "clip"

    def __init__(self, weights: str | None = None, dim: int | None = None) -> None:
        super().__init__()
        self.config = {"weights": weights, "dim": dim}
        clip_module("model")
        _tokenizer()
        path = Path(weights if weights is not None else CACHE).expanduser()
        if not path.is_file():
            raise TextError(f"CLIP weights {path} do not exist; download {URL} and pass its path as `weights`")
        tower = ClipTower(read_clip_weights(path))
        width, pooled_width = tower.text_projection.shape
        if dim is None and width != pooled_width:
            raise TextError(f"CLIP's tokens have {width} channels and its sentences {pooled_width}; choose `dim`")
        self.tower = Frozen(tower)
        self.context = tower.context
        self.dim = dim if dim is not None else width
        self.project_tokens = nn.Linear(width, dim) if dim is not None else nn.Identity()
        self.project_pooled = nn.Linear(pooled_width, dim) if dim is not None else nn.Identity()

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """CLIP's token ids, one list a sentence, with the start and the end token.

        Raises:
            TextError: a sentence has more tokens than CLIP reads (77, start and end among them).
        """
        tokenizer = _tokenizer()
        start, end = tokenizer.encoder["<|startoftext|>"], tokenizer.encoder["<|endoftext|>"]
        rows = [[start, *tokenizer.encode(text), end] for text in texts]
        for text, row in zip(texts, rows):
            if len(row) > self.context:
                raise TextError(
                    f"text of {len(row)} CLIP tokens ({text.strip()[:40]!r}...), limit {self.context}; "
                    "shorten it or split it into segments"
                )
        return rows

    def forward(self, texts: list[str]) -> TextEmbedding:
        """Raises: TextError, as `tokenize` does."""
        rows = self.tokenize(texts)
        device = next(self.tower.parameters()).device
        lengths = torch.tensor([len(row) for row in rows], device=device, dtype=torch.long)
        ids = torch.zeros(len(rows), max(map(len, rows), default=0), dtype=torch.long, device=device)
        mask = torch.arange(ids.shape[1], device=device) < lengths[:, None]
        ids[mask] = torch.tensor([i for row in rows for i in row], device=device, dtype=torch.long)
        tokens, pooled = self.tower(ids, lengths - 1)
        return TextEmbedding(
            self.project_tokens(tokens).masked_fill(~mask[..., None], 0.0), mask, self.project_pooled(pooled)
        )
