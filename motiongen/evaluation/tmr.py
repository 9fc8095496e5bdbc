"""TMR as an evaluator (Petrovich et al., ICCV 2023: Text-to-Motion Retrieval), from a run's folder as it is published.

TMR retrieves by the cosine of the means of its two distributions. Of vectors of length 1, |a - b|^2 = 2 - 2 cos(a, b):
nearest by Euclidean distance is nearest by cosine. So all vectors here have length 1, and the metrics of the field take
them as they are; so do TMR's authors for FID (Petrovich et al., CVPRW 2024: STMC).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from motiongen.checkpoint import CONFIG, check_sizes, read_json
from motiongen.evaluation.networks import Networks
from motiongen.evaluation.words import Words
from motiongen.features.normalizer import Normalizer
from motiongen.motion import MotionError

# What 'extract.py' of TMR, and so the download of its models, leaves in a run's folder beside config.json.
WEIGHTS = "last_weights"
# A run lies in `models` or `outputs` of the folder in which TMR keeps what config.json names.
_ABOVE = 2
_LEAST_STD = 1e-6


class Encoder(nn.Module):
    """A transformer over summary tokens and a sequence; what becomes of the first summary token stands for it all.

    Parameters carry the names of the published checkpoints.

    Args:
        features: channels of the sequence.
        width: channels inside, and of the result; even.
        hidden: channels of a layer's feedforward part.
        summaries: tokens put before the sequence: mean and log variance of a distribution.
    """

    def __init__(
        self, features: int, width: int, hidden: int, layers: int, heads: int, activation: str, summaries: int = 2
    ) -> None:
        super().__init__()
        self.projection = nn.Linear(features, width)
        self.tokens = nn.Parameter(torch.randn(summaries, width))
        layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0, activation=activation, batch_first=True)
        self.seqTransEncoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, x: Float[Tensor, "b s c"], real: Bool[Tensor, "b s"]) -> Float[Tensor, "b e"]:
        """Args:
        real: False where `x` is padding, which is not looked at.
        """
        x = torch.cat([self.tokens.expand(len(x), -1, -1), self.projection(x)], dim=1)
        padding = nn.functional.pad(~real, (len(self.tokens), 0), value=False)
        return self.seqTransEncoder(x + _positions(x.shape[1], x), src_key_padding_mask=padding)[:, 0]


def _positions(length: int, like: Float[Tensor, "b s e"]) -> Float[Tensor, "s e"]:
    """Sines in even and cosines in odd channels (Vaswani et al., 2017, section 3.5)."""
    width = like.shape[-1]
    rates = (torch.arange(0, width, 2, device=like.device) * (-math.log(10000) / width)).exp()
    angles = torch.arange(length, device=like.device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


class TmrNetworks(Networks):
    """TMR's two encoders with the statistics that they were trained with; vectors have length 1."""

    meta = "of TMR's mean.pt and std.pt"

    def __init__(self, text_encoder: Encoder, motion_encoder: Encoder) -> None:
        super().__init__()
        self.text_encoder, self.motion_encoder = text_encoder, motion_encoder
        features, word = motion_encoder.projection.in_features, text_encoder.projection.in_features
        self.config = {"features": features, "word": word, "pos": 0, "embedding": motion_encoder.tokens.shape[1]}
        self.scale = Normalizer(features)

    def of_words(self, words: Words) -> Float[Tensor, "b e"]:
        return normalize(self.text_encoder(*_masked(self.text_encoder, words.vectors, words.lengths)), dim=-1)

    def of_motions(self, features: Float[Tensor, "b t f"], lengths: Int[Tensor, " b"]) -> Float[Tensor, "b e"]:
        x, real = _masked(self.motion_encoder, features, lengths)
        return normalize(self.motion_encoder(self.scale.normalize(x), real), dim=-1)

    def compared(self, std: Float[Tensor, " f"]) -> Float[Tensor, " k"]:
        """TMR's deviations are of single features; `Std.npy` has one for a group of them, the mean over the group."""
        group = torch.unique_consecutive(std, return_inverse=True)[1]
        sums = torch.zeros(int(group.max()) + 1, dtype=std.dtype).index_add(0, group, self.scale.std.to(std))
        return std / (sums / group.bincount())[group]


def _masked(
    encoder: Encoder, x: Float[Tensor, "b s c"], lengths: Int[Tensor, " b"]
) -> tuple[Float[Tensor, "b s c"], Bool[Tensor, "b s"]]:
    device = encoder.tokens.device
    return x.to(device), (torch.arange(x.shape[1]) < lengths.cpu()[:, None]).to(device)


@dataclass(frozen=True)
class Run:
    """What a run's folder holds.

    Attributes:
        fps: frames a second of the features that it was trained on.
        language_model: whose token vectors its text encoder reads: a folder, or an id of the hub.
    """

    networks: TmrNetworks
    fps: float
    language_model: str


def is_run(folder: Path) -> bool:
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_dir()


def load_run(folder: Path, stats: Path | None = None) -> Run:
    """Read `config.json`, `last_weights/text_encoder.pt` and `motion_encoder.pt`, and the statistics.

    What `config.json` names, statistics and the language model, is looked for in the folder and in the two above it.

    Args:
        stats: folder with `mean.pt` and `std.pt`; the one that `config.json` names if left out.

    Raises:
        MotionError: something is missing, damaged, or not TMR's.
    """
    config = _Config(folder / CONFIG)
    if config("model", "_target_", kind=str).rpartition(".")[2] != "TMR":
        raise MotionError(f"{folder / CONFIG}: is of '{config('model', '_target_', kind=str)[:60]}', not of TMR")
    encoders = [_encoder(folder, name, config) for name in ("text_encoder", "motion_encoder")]
    text, motion = (encoder.tokens.shape[1] for encoder in encoders)
    if text != motion:
        raise MotionError(f"{folder}: text has {text} channels and motion {motion}; the two are not of one run")
    networks = TmrNetworks(*encoders)
    if stats is None:
        named = config("data", "motion_loader", "normalizer", "base_dir", kind=str)
        stats = _beside(folder, named)
        if stats is None:
            raise MotionError(f"{folder}: no {named} beside it; name the folder {networks.meta} with --stats")
    mean, std = (_statistics(stats / name, networks.config["features"]) for name in ("mean.pt", "std.pt"))
    if std.amin() < _LEAST_STD:
        raise MotionError(f"{stats / 'std.pt'}: holds {std.amin().item():g}, by which nothing can be divided")
    networks.scale.set(mean, std)
    fps = config("data", "motion_loader", "fps", kind=(int, float))
    model = config("data", "text_to_token_emb", "modelname", kind=str)
    return Run(networks, float(fps), str(_beside(folder, model) or model))


class _Config:
    """Values of a JSON file by their path in it."""

    def __init__(self, path: Path) -> None:
        self.path, self.content = path, read_json(path)

    def __call__(self, *keys: str, kind: type | tuple[type, ...]) -> Any:
        value: Any = self.content
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind) or value == "":
            raise MotionError(f"{self.path}: has no {'.'.join(keys)}; it is not of a TMR run")
        return value


def _encoder(folder: Path, name: str, config: _Config) -> Encoder:
    path = folder / WEIGHTS / f"{name}.pt"
    heads = config("model", name, "num_heads", kind=int)
    activation = config("model", name, "activation", kind=str)
    state = _loaded(path)
    try:
        if not isinstance(state, Mapping):
            raise ValueError("holds no weights")
        summaries, width = state["tokens"].shape
        sizes: dict[str, Any] = {
            "features": state["projection.weight"].shape[1],
            "width": width,
            "hidden": state["seqTransEncoder.layers.0.linear1.weight"].shape[0],
            "layers": len({key.split(".")[2] for key in state if key.startswith("seqTransEncoder.layers.")}),
            "summaries": summaries,
        }
        check_sizes(sizes)
        if width % 2 or heads < 1:
            raise ValueError(f"{width} channels in {heads} heads")
        # Without memory, so that no file can ask for more than it holds.
        with torch.device("meta"):
            encoder = Encoder(**sizes, heads=heads, activation=activation)
        encoder.load_state_dict(dict(state), assign=True)
        if not all(bool(weights.isfinite().all()) for weights in state.values()):
            raise ValueError("holds NaN or infinity")
    except KeyError as error:
        raise MotionError(f"{path}: holds no {error}; it is no encoder of TMR") from None
    except Exception as error:
        raise MotionError(f"{path}: no encoder of TMR ({_first_line(error)})") from None
    return encoder.float()


def _statistics(path: Path, features: int) -> Float[Tensor, " f"]:
    values = _loaded(path)
    if not isinstance(values, Tensor) or values.shape != (features,):
        shape = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise MotionError(f"{path}: is {shape}; this evaluator takes {features} features")
    if not bool(values.isfinite().all()):
        raise MotionError(f"{path}: holds NaN or infinity; take the file of the run's own folder")
    return values.float()


def _loaded(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file; take a run's folder as TMR's download left it") from None
    except Exception as error:
        raise MotionError(f"{path}: not readable as weights ({_first_line(error)})") from None


def _beside(folder: Path, name: str) -> Path | None:
    here = folder.resolve()
    places = [place / name for place in (here, *here.parents[:_ABOVE])]
    return next((place for place in places if os.path.isdir(place)), None)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
