"""Configurations of training runs: JSON files, those in `configs/` by name, read into dataclasses and checked."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints, overload

import torch
from torch import nn

from motiongen.checkpoint import check_sizes, read_json, smaller_than
from motiongen.diffusion.objective import DiffusionObjective
from motiongen.evaluation.evaluator import MatchingEvaluator
from motiongen.features import root_anchor
from motiongen.models.alignment import AlignmentHeads
from motiongen.models.codecs import CODECS
from motiongen.models.denoiser import DENOISERS
from motiongen.models.text import TEXT_ENCODERS
from motiongen.models.token_codec import TokenCodec
from motiongen.models.vae import DOWNSAMPLING, TemporalCodec
from motiongen.motion import MotionError
from motiongen.training.codec import CodecConfig
from motiongen.training.denoiser import DenoiserConfig
from motiongen.training.evaluator import EvaluatorConfig

CONFIGS = Path(__file__).resolve().parent / "configs"

Kind = Literal["codec", "denoiser", "evaluator"]
Built = TypeVar("Built")

# The codec's dilations are laid out for so many blocks.
MOST_CODEC_BLOCKS = 8
# More would take minutes to lay out before anything could refuse them.
_MOST_LAYERS = 64
_ENDLESS = 1e15
# Parameters of the part that is built while a configuration is checked.
_MOST_NUMBERS = 1 << 28

# Numbers that need not be positive, or that must be more than that, and the least that they may be.
_LEAST = {
    "warmup": 0, "final_rate": 0, "weight_decay": 0, "seed": 0, "text_dropout": 0, "real": 0, "join": 0, "extend": 0,
    "pause": 0, "average": 0, "position_weight": 0, "velocity_weight": 0, "contact_weight": 0, "kl_weight": 0,
    "pieces": 2, "share": 0, "given": 0, "weight": 0, "restored": 0, "blur": 0,
}  # fmt: skip
_SHARES = {"final_rate", "text_dropout", "real", "join", "extend", "pause", "average", "share", "given", "most"}


def config_names(kind: Kind) -> list[str]:
    """Names of the configurations that come with motiongen."""
    return sorted(path.stem.removeprefix(f"{kind}-") for path in CONFIGS.glob(f"{kind}-*.json"))


@overload
def load_config(kind: Literal["codec"], name_or_path: str | Path) -> CodecConfig: ...
@overload
def load_config(kind: Literal["denoiser"], name_or_path: str | Path) -> DenoiserConfig: ...
@overload
def load_config(kind: Literal["evaluator"], name_or_path: str | Path) -> EvaluatorConfig: ...
def load_config(kind: Kind, name_or_path: str | Path) -> CodecConfig | DenoiserConfig | EvaluatorConfig:
    """The configuration of that name (`configs/KIND-NAME.json`), or the one in that JSON file.

    What the file leaves out keeps its default.

    Raises:
        MotionError: there is no such configuration, a key is unknown, a value is of the wrong type or out of range, or
            no model or process can be built from what is given.
    """
    path = CONFIGS / f"{kind}-{name_or_path}.json"
    if str(name_or_path) not in config_names(kind):
        path = Path(name_or_path)
        if not path.is_file():
            names = ", ".join(config_names(kind))
            raise MotionError(f"config '{name_or_path}' is neither a file nor one of {names}")
    content = read_json(path)
    if kind == "codec":
        codec = _filled(CodecConfig, content, path, "")
        _check_choice(codec.codec, CODECS, path, "codec")
        _check_arguments(CODECS[codec.codec], codec.model, path, "model", without=("features",))
        _check_codec(codec, path)
        return codec
    if kind == "evaluator":
        evaluator = _filled(EvaluatorConfig, content, path, "")
        _check_arguments(MatchingEvaluator, evaluator.model, path, "model", without=("word", "pos"))
        _check_evaluator(evaluator, path)
        return evaluator
    denoiser = _filled(DenoiserConfig, content, path, "")
    _check_choice(denoiser.denoiser, DENOISERS, path, "denoiser")
    _check_choice(denoiser.text, TEXT_ENCODERS, path, "text")
    given_by_others = ("latent_dim", "text_dim")
    _check_arguments(DENOISERS[denoiser.denoiser], denoiser.model, path, "model", without=given_by_others)
    _check_arguments(TEXT_ENCODERS[denoiser.text], denoiser.text_model, path, "text_model")
    _check_arguments(AlignmentHeads, denoiser.heads, path, "heads", without=given_by_others)
    _check_denoiser(denoiser, path)
    return denoiser


def _check_codec(config: CodecConfig, path: Path) -> None:
    if CODECS[config.codec] is TemporalCodec:
        _check_temporal(config, path)
    with torch.device("meta"):
        codec = _tried(lambda: CODECS[config.codec](**config.model), path, "model")
    _check_size(codec, path, "model")
    if isinstance(codec, TokenCodec) and config.frames > codec.longest:
        raise MotionError(f"{path}: frames is {config.frames}; model.longest allows {codec.longest}")


def _check_temporal(config: CodecConfig, path: Path) -> None:
    blocks, latent_dim = config.model.get("blocks", 1), config.model.get("latent_dim", root_anchor.DIM + 1)
    if not isinstance(blocks, int) or not 1 <= blocks <= MOST_CODEC_BLOCKS:
        raise MotionError(f"{path}: model.blocks is {blocks!r:.80}; it must be 1 to {MOST_CODEC_BLOCKS}")
    if not isinstance(latent_dim, int) or latent_dim <= root_anchor.DIM:
        least = root_anchor.DIM + 1
        given = f"{latent_dim!r:.80}"
        raise MotionError(f"{path}: model.latent_dim is {given}; it must be a whole number of at least {least}")
    if config.frames % DOWNSAMPLING:
        raise MotionError(f"{path}: frames is {config.frames}; it must be a multiple of {DOWNSAMPLING}")


def _check_evaluator(config: EvaluatorConfig, path: Path) -> None:
    with torch.device("meta"):
        networks = _tried(lambda: MatchingEvaluator(**config.model), path, "model")
    _check_size(networks, path, "model")


def _check_denoiser(config: DenoiserConfig, path: Path) -> None:
    objective = _tried(lambda: DiffusionObjective(config.process), path, "process")
    if objective.steps < 1 or objective.steps != len(objective.alphas_cumprod):
        raise MotionError(f"{path}: process.num_train_timesteps is {objective.steps}; give as many as there are betas")
    # The other text encoders are large, or downloaded.
    if config.text == "wordllama":
        text = _tried(lambda: TEXT_ENCODERS[config.text](**config.text_model), path, "text_model")
        _check_size(text, path, "text_model")
    with torch.device("meta"):
        model = _tried(lambda: DENOISERS[config.denoiser](**config.model), path, "model")
    _check_size(model, path, "model")
    width, heads = model.config["width"], model.config["heads"]
    if heads < 1 or width % heads:
        raise MotionError(f"{path}: model.heads is {heads}; it must divide model.width, which is {width}")


def _tried(build: Callable[[], Built], path: Path, name: str) -> Built:
    """What `build` makes; where it cannot, an error that names the key."""
    try:
        with warnings.catch_warnings(), smaller_than(1 << 20, _MOST_NUMBERS):
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # `_check_size` refuses them
            return build()
    except (TypeError, ValueError, ArithmeticError, RuntimeError, AssertionError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise MotionError(f"{path}: nothing can be built from {name} ({reason})") from None


def _check_size(module: nn.Module, path: Path, name: str) -> None:
    for weight, values in module.named_parameters():
        if not values.numel():
            raise MotionError(f"{path}: {name} leaves '{weight}' without a value; give sizes above 0")


def _filled(cls: type[Any], content: dict[str, Any], path: Path, place: str) -> Any:
    """An instance of a configuration dataclass from a JSON object, checked key by key."""
    known = {field.name for field in fields(cls)}
    _check_keys(content, known, path, place)
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for key, value in content.items():
        kind, name = hints[key], f"{place}{key}"
        if is_dataclass(kind):
            if not isinstance(value, dict):
                raise MotionError(f"{path}: {name} is {value!r:.80}; it must be an object")
            values[key] = _filled(kind, value, path, f"{name}.")  # type: ignore[arg-type]
        else:
            _check_value(value, kind, key, name, path)
            values[key] = float(value) if kind is float else value
    return cls(**values)


def _check_keys(content: dict[str, Any], known: set[str], path: Path, place: str) -> None:
    for key in content:
        if key not in known:
            raise MotionError(f"{path}: key '{place}{key:.60}' is unknown; there are {', '.join(sorted(known))}")


def _check_value(value: Any, kind: Any, key: str, name: str, path: Path) -> None:
    if not _fits(value, kind):
        wanted = " or ".join(map(_described, _options(kind)))
        raise MotionError(f"{path}: {name} is {value!r:.80}; it must be {wanted}")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    # Whole numbers of any size come out of JSON, and not all of them are numbers to the machine.
    if not abs(value) < _ENDLESS:
        raise MotionError(f"{path}: {name} is {str(value)[:40]}; it must be less than {_ENDLESS:g}")
    if value < _LEAST.get(key, 0) or (value == 0 and key not in _LEAST):
        wanted = f"at least {_LEAST[key]}" if key in _LEAST else "positive"
        raise MotionError(f"{path}: {name} is {value}; it must be {wanted}")
    if key in _SHARES and value > 1:
        raise MotionError(f"{path}: {name} is {value}; it must be 0 to 1")


def _options(kind: Any) -> tuple[Any, ...]:
    """The types that a union allows, the values of a literal, or the type itself."""
    if get_origin(kind) in (Union, types.UnionType, Literal):
        return get_args(kind)
    return (get_origin(kind) or kind,)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    for option in _options(kind):
        if option is type(None) and value is None:
            return True
        number = not isinstance(value, bool)
        if option is float and isinstance(value, (int, float)) and number:
            return True
        if isinstance(option, type) and isinstance(value, option) and (number or option is bool):
            return True
    return False


def _described(option: Any) -> str:
    if not isinstance(option, type):
        return repr(option)
    names = {int: "a whole number", float: "a number", str: "text", dict: "an object", type(None): "null"}
    return names.get(option, option.__name__)


def _check_choice(value: str, known: dict[str, Any], path: Path, name: str) -> None:
    if value not in known:
        raise MotionError(f"{path}: {name} '{value:.60}' is unknown; there are {', '.join(known)}")


def _check_arguments(
    build: Callable[..., Any], given: dict[str, Any], path: Path, name: str, without: tuple[str, ...] = ()
) -> None:
    """The keys of `given` must be arguments of `build`, its numbers sizes; those in `without` are set by the run."""
    for key, value in given.items():
        try:
            check_sizes(value, f"{name}.{key}")
        except ValueError as error:
            raise MotionError(f"{path}: {error}") from None
        if key in ("blocks", "layers") and isinstance(value, (int, float)) and value > _MOST_LAYERS:
            raise MotionError(f"{path}: {name}.{key} is {value}; at most {_MOST_LAYERS} is possible")
    parameters = inspect.signature(build).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    _check_keys(given, set(parameters) - set(without), path, f"{name}.")
