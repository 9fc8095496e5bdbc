"""A pipeline on disk: `model_index.json`, and one folder a component with `config.json` and `model.safetensors`."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from motiongen import __version__
from motiongen.motion import MotionError, atomic_path

Module = TypeVar("Module", bound=nn.Module)

INDEX = "model_index.json"
WEIGHTS = "model.safetensors"
CONFIG = "config.json"
# Sizes of networks are smaller by far; a few digits in a configuration could ask for all memory there is.
LARGEST_SIZE = 8192
_MAX_JSON_BYTES = 1 << 24


def save_module(module: nn.Module, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a module that keeps its `__init__` arguments in `config`; floating weights as `dtype` if one is given."""
    tensors = {
        name: (t.to(dtype) if dtype is not None and t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in module.state_dict().items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / WEIGHTS) as beside:
        save_file(tensors, beside)
    write_json(folder / CONFIG, {"_class_name": type(module).__name__, **module.config})  # type: ignore[dict-item]


def load_module(build: Callable[..., Module], folder: Path, measured: bool = True) -> Module:
    """Call `build` with `config.json` and fill it in float32, in evaluation mode.

    Args:
        measured: refuse a configuration as soon as it asks for more than there are weights in the file; not for a
            module that brings others, whose weights are elsewhere.

    Raises:
        MotionError: a file is missing or damaged, holds NaN, or the weights do not fit the configuration.
    """
    config = {k: v for k, v in read_json(folder / CONFIG).items() if not k.startswith("_")}
    try:
        check_sizes(config)
        if measured:
            sizes = _sizes(folder / WEIGHTS)
            # Setting a parameter again, as some layers do, counts again.
            with smaller_than(2 * len(sizes) + 64, 2 * sum(sizes) + (1 << 20)), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Initializing zero-element tensors")  # they do not fit any weights
                if isinstance(build, type):
                    # First without memory: some parameters are filled before they can be counted.
                    with torch.device("meta"):
                        build(**config)
                module = build(**config)
        else:
            module = build(**config)
        weights = load_file(folder / WEIGHTS)
        infinite = [k for k, v in weights.items() if v.is_floating_point() and not torch.isfinite(v).all()]
        if infinite:
            raise ValueError(f"'{infinite[0]}' holds NaN or infinity")
        module.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    except FileNotFoundError as error:
        raise MotionError(f"{error.filename or folder / WEIGHTS}: no such file") from None
    except MotionError as error:
        raise MotionError(f"{folder}: {error}") from None
    except (SafetensorError, OSError) as error:
        raise MotionError(f"{folder / WEIGHTS}: damaged ({_first_line(error)})") from None
    except Exception as error:  # whatever a network makes of a configuration that nobody checked
        raise MotionError(f"{folder}: weights and configuration do not fit ({_first_line(error)})") from None
    return module.eval()


def _sizes(path: Path) -> list[int]:
    """Numbers in each tensor of a safetensors file, of which only the header is read."""
    with safe_open(path, framework="pt") as file:
        return [math.prod(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118 (it is no dict)


def check_sizes(config: Any, name: str = "") -> None:
    """Raises: ValueError: a number in a configuration, however deep, is too large to be the size of something."""
    if isinstance(config, dict):
        for key, value in config.items():
            check_sizes(value, str(key))
    elif isinstance(config, list):
        for value in config:
            check_sizes(value, name)
    elif isinstance(config, (int, float)) and not abs(config) <= LARGEST_SIZE:
        raise ValueError(f"{name[:40]} is {str(config)[:40]}; at most {LARGEST_SIZE} is possible")


@contextmanager
def smaller_than(tensors: int, numbers: int) -> Iterator[None]:
    """While it is open, modules built by this thread may have so many parameters, of so many numbers in all.

    Raises:
        ValueError: where they are built, as soon as they have more.
    """
    left, thread = [tensors, numbers], threading.get_ident()

    def count(module: nn.Module, name: str, parameter: Tensor | None) -> None:
        if parameter is None or threading.get_ident() != thread:
            return
        left[0] -= 1
        left[1] -= parameter.numel()
        if min(left) < 0:
            raise ValueError("the configuration asks for a larger network")

    handle = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def check_fit(folder: Path, codec: nn.Module, text_encoder: nn.Module, denoiser: nn.Module) -> None:
    """Raises: MotionError: components that each are whole cannot work together."""
    own: Any = denoiser.config
    for name, wanted in (("latent_dim", codec.latent_dim), ("text_dim", text_encoder.dim)):
        if own.get(name) != wanted:
            raise MotionError(f"{folder}: the denoiser's {name} is {own.get(name)}, where its pipeline has {wanted}")
    if own["heads"] < 1 or own["width"] % own["heads"]:
        raise MotionError(f"{folder}: the denoiser has {own['heads']} heads; they must divide {own['width']}")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write readable JSON, whole or not at all."""
    with atomic_path(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; a `MotionError` names the file when it is missing or is something else."""
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError(f"larger than {_MAX_JSON_BYTES >> 20} MiB")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MotionError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise MotionError(f"{path}: not readable as JSON ({_first_line(error)})") from None
    if not isinstance(content, dict):
        raise MotionError(f"{path}: holds no JSON object")
    return content


def pipeline_hash(folder: Path) -> str:
    """First 12 hexadecimal digits of the SHA-256 over all that makes up a pipeline.

    `run.json`, which tells how it was trained, does not.
    """
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in {".json", ".safetensors"} and path.name != "run.json":
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def index_of(components: dict[str, str]) -> dict[str, Any]:
    """Content of `model_index.json`: the class of every component."""
    return {"_class_name": "TextToMotionPipeline", "_motiongen_version": __version__, **components}
